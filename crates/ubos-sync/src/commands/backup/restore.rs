//! `ubos-sync backup restore`: what stood at a path comes back from git, as a new edit.

use std::path::PathBuf;

use clap::Args;

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::plan::Filter;
use ubos_core::selection::Verdict;
use ubos_core::sides::Sides;
use ubos_engine::agent::message::{GIVEN, PutBackReason};
use ubos_engine::cycle::{PutBack, put_back_here};
use ubos_engine::error::EngineError;
use ubos_engine::inventory;
use ubos_tiers::git::lock::BackupLock;
use ubos_tiers::git::travel::restore::{Present, Restore, plan};

use super::moment;
use crate::backup;
use crate::cli::Global;
use crate::commands::{restore, sync};
use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::command::{about, quote};
use crate::ui::Ui;

/// Bring a file or folder back from the backup, as a new edit
///
/// A snapshot is made first, and what stands there now goes to the backups as well, so that this can
/// be undone. Content, mode and time come back; the next sync carries them. Nothing is deleted, unless
/// `--exact` asks that a folder be just as it was. Logs that only grow are left alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup restore docs/plan.md --at 2d      as it was two days ago
  ubos-sync backup restore docs/ --at 20261122T1405  as just before that run
  ubos-sync backup restore docs/ --at HEAD~3 -n      show what would come back")]
pub(crate) struct RestoreArgs {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// A time, a run or a commit (see `ubos-sync backup show --help`)
    #[arg(long, value_name = "TIME|RUN|COMMIT")]
    at: String,
    /// Also remove what stands there and did not then; it goes to the backups
    #[arg(long)]
    exact: bool,
    /// Show what would be put back, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Carries it out.
pub(crate) fn run(args: &RestoreArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let wish = Wish { path, at: &args.at, exact: args.exact, dry_run: args.dry_run };
    bring_back(&wish, &past, global, ui)
}

/// What is to come back.
pub(crate) struct Wish<'a> {
    /// The file or folder.
    pub path: RelPath,
    /// A time, a run or a commit.
    pub at: &'a str,
    /// Also remove what did not stand there then.
    pub exact: bool,
    /// Only show it.
    pub dry_run: bool,
}

/// Whether git here knows `at` as a commit.
pub(crate) fn is_commit(past: &Past, at: &str) -> bool {
    let found =
        moment::repository(past).and_then(|git| Ok(git.resolve(&format!("{at}^{{commit}}"))?));
    found.is_ok_and(|commit| commit.is_some())
}

/// Brings it back.
pub(crate) fn bring_back(wish: &Wish<'_>, past: &Past, global: &Global, ui: &Ui) -> Outcome {
    let path = &wish.path;
    let git = moment::repository(past)?;
    let root = past.state.root().path().to_owned();
    let inventory = inventory::take(&root, global.peer.as_deref())?;
    let mut shelf = moment::shelf(past, &git, Some(wish.at))?;
    if !wish.dry_run && past.peer.owner {
        let what = format!("before {path} is restored {}", moment::words(&shelf));
        let peer = (past.names.there.as_str(), &past.peer);
        backup::asked(&root, peer, &past.config.backup, Some(&what), ui)?;
    }
    let selection = past.selection()?;
    let standing: Vec<RelPath> =
        inventory.items.keys().filter(|at| *at == path || at.is_below(path)).cloned().collect();
    let only_grows = |at: &RelPath| {
        matches!(selection.judge_path(at, false), Verdict::Selected(Direction::AppendOnly))
    };
    let now = |at: &RelPath| past.present(at);
    let present = Present { now: &now, standing: &standing, only_grows: &only_grows };
    // Nobody else may fetch contents at the same time.
    let _lock = BackupLock::take(&past.state)?;
    let given = match wish.dry_run {
        true => None,
        false => Some(Given::new(past.state.path(GIVEN))?),
    };
    let folder = given.as_ref().map(|given| given.0.as_path());
    let found = plan(&mut shelf, path, &present, wish.exact, folder)?;
    tell(&found, ui);
    if found.steps.is_empty() {
        return nothing(path, &moment::words(&shelf), &found, past, ui);
    }
    let mut request = sync::request(global, "restore", Filter::Both)?;
    request.dry_run = wish.dry_run;
    let steps = Sides::new(found.steps, Vec::new());
    request.put_back = Some(PutBack { steps, reason: PutBackReason::Restored, wins: true });
    // What stood here is in the snapshot that was just made, and what comes is in one already.
    let report = put_back_here(&request, &|_| {});
    let options = format!("--at {}", quote(wish.at));
    restore::show(&report, &about("backup restore", path.as_bytes(), &options), ui)
}

/// The folder of what was fetched; it goes with this.
struct Given(PathBuf);

impl Given {
    fn new(folder: PathBuf) -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt;
        let failed = |e| EngineError::io("create", &folder, e);
        // What a restore left that was cut off.
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e).into()),
            _ => {}
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        Ok(Self(folder))
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // What stays is removed by the next one.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn tell(found: &Restore, ui: &Ui) {
    for (path, gap) in &found.gaps {
        ui.warning(&format!(
            "`{path}` does not come back: the backup left it out ({})",
            gap.word()
        ));
    }
    for path in &found.logs {
        ui.warning(&format!(
            "`{path}` only grows and is left alone; `{}` writes it as it was",
            about("backup show", path.as_bytes(), "--at TIME")
        ));
    }
}

fn nothing(path: &RelPath, words: &str, found: &Restore, past: &Past, ui: &Ui) -> Outcome {
    if found.stands == 0 {
        return Err(Failure::usage(
            format!("nothing of `{path}` can be put back"),
            "the lines above say why",
        ));
    }
    restore::stands_already(path, words, past, ui)
}
