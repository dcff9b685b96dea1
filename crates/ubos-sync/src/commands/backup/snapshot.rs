//! `ubos-sync backup snapshot`: everything shared as it stands now, as commits.

use clap::Args;

use crate::backup;
use crate::cli::Global;
use crate::failure::Outcome;
use crate::render;
use crate::territory;
use crate::ui::Ui;

/// Commit everything shared as it stands now
///
/// What the manifests select is committed, whatever `.gitignore` says; nothing else is. Your index,
/// hooks and work tree are left alone, and nothing is committed in the middle of a merge or rebase.
/// Files of the other territory have a commit of their own, large logs a branch of their own. What
/// cannot be kept is shown as a gap, with what to do about it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  done, or nothing had changed
  3  the repository is in the middle of something; a person must finish it
  6  another backup is being made
  7  done, but something could not be read; the next snapshot tries again

Examples:
  ubos-sync backup snapshot
  ubos-sync backup snapshot --message 'before the big clean-up'")]
pub(crate) struct SnapshotArgs {
    /// Words for the message of the commit
    #[arg(short, long, value_name = "WORDS")]
    message: Option<String>,
}

/// Makes one.
pub(crate) fn run(args: &SnapshotArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    let peer = config.peer(global.peer.as_deref())?;
    let made = backup::asked(root, peer, &config.backup, args.message.as_deref(), ui)?;
    let code = render::backup::snapshot::exit_code(&made);
    if ui.json() {
        ui.document(&render::backup::snapshot::document(&made))?;
    } else if !ui.quiet() || code != 0 {
        ui.answer(&render::backup::snapshot::text(&made, ui))?;
    }
    Ok(code)
}
