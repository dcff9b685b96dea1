//! `ubos-sync backup check`: what should not be committed as it is.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::inventory::{self, Inventory};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;
use ubos_tiers::git::gates::Gates;
use ubos_tiers::git::lint::targets::Targets;
use ubos_tiers::git::lint::{Fault, Lint, Severity, files, outgoing, staged};
use ubos_tiers::git::repository::Repository;
use ubos_tiers::git::snapshot::Classes;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::backup::check as render;
use crate::territory;
use crate::ui::Ui;

/// Check files for what should not be kept as it is: secrets, torn files, dead links
///
/// Errors (exit 3): secrets, JSON or YAML that cannot be read, unfinished merges, files above the
/// limit; with `--staged` also repositories inside this one. Warnings: links that lead nowhere, JSON
/// with comments. A secret is never shown. What is no secret is let through by its fingerprint, a
/// line in config/backup_allow.conf.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup check                      everything that is shared
  ubos-sync backup check docs notes/plan.md   these alone
  ubos-sync backup check --staged             what `git commit` would commit now")]
pub(crate) struct CheckArgs {
    /// Files, or folders with all that is shared below them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What is staged for the next commit
    #[arg(long, conflicts_with = "paths")]
    staged: bool,
    /// What a push to this remote would bring there; git tells the references on standard input
    #[arg(long, value_name = "REMOTE", hide = true, conflicts_with_all = ["paths", "staged"])]
    outgoing: Option<String>,
}

/// Carries it out.
pub(crate) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let root = state.root().path();
    let gates = Gates::load(&state.path(""), root)?;
    for line in gates.wrong_lines() {
        ui.warning(line);
    }
    let max_file = config.backup.max_file();
    let lint = Lint { gates: &gates, max_file, targets: None };
    let mut faults = match &args.outgoing {
        Some(remote) => of_push(root, remote, &lint)?,
        None if args.staged => of_index(root, &lint)?,
        None => of_files(&args.paths, &state, &config, global, &lint)?,
    };
    faults.sort_by_cached_key(Fault::order);
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    let code = if errors > 0 { 3 } else { 0 };
    match ui.json() {
        true => ui.document(&render::document(&faults, code))?,
        false => ui.answer(&render::text(&faults, ui))?,
    }
    Ok(code)
}

fn of_index(root: &Path, lint: &Lint<'_>) -> Result<Vec<Fault>, Failure> {
    let repository = Repository::open(root)?;
    // A hook is told by it which index is committed: that of `git commit -a` is another one.
    let index = std::env::var_os("GIT_INDEX_FILE").filter(|index| !index.is_empty());
    let index = index.map(std::path::absolute).transpose();
    let index = index.map_err(|e| EngineError::io("find", "the index", e))?;
    let targets = staged::targets(&repository, index.as_deref())?;
    let lint = Lint { targets: Some(&targets), ..*lint };
    Ok(staged::examine(&repository, index.as_deref(), &lint)?)
}

fn of_push(root: &Path, remote: &str, lint: &Lint<'_>) -> Result<Vec<Fault>, Failure> {
    let mut told = String::new();
    std::io::stdin()
        .read_to_string(&mut told)
        .map_err(|e| EngineError::io("read", "standard input", e))?;
    let pushed = outgoing::parse(&told)?;
    Ok(outgoing::examine(&Repository::open(root)?, remote, &pushed, lint)?)
}

fn of_files(
    given: &[PathBuf],
    state: &StateDir,
    config: &Config,
    global: &Global,
    lint: &Lint<'_>,
) -> Result<Vec<Fault>, Failure> {
    let (peer, _) = config.peer(global.peer.as_deref())?;
    let inventory = inventory::take(state.root().path(), Some(peer))?;
    let mut targets = Targets::default();
    for path in inventory.items.keys() {
        targets.add(path.as_bytes());
    }
    let classes = Classes::new(&config.backup)?;
    let paths = chosen(given, state, &inventory, &classes, lint.max_file)?;
    let lint = Lint { targets: Some(&targets), ..*lint };
    Ok(files::examine(state.root(), &paths, &lint))
}

/// The files that are asked about.
fn chosen(
    given: &[PathBuf],
    state: &StateDir,
    inventory: &Inventory,
    classes: &Classes,
    max_file: u64,
) -> Result<Vec<RelPath>, Failure> {
    let is_long_log = |path: &RelPath| {
        let item = &inventory.items[path];
        item.entry.size() > max_file && classes.is_large_log(path, item)
    };
    let is_file = |path: &RelPath| matches!(inventory.items[path].entry, Entry::File { .. });
    let files = inventory.items.keys().filter(|path| is_file(path) && !is_long_log(path));
    if given.is_empty() {
        return Ok(files.cloned().collect());
    }
    let known = |path: &RelPath| inventory.items.contains_key(path);
    let root = state.root().path();
    let mut wanted = Vec::new();
    for one in given {
        let path = territory::relative(root, one, known)?;
        let is_other_file = !known(&path) && state.root().open_file(&path).is_ok();
        if !known(&path) && !is_other_file {
            return Err(Failure::usage(
                format!("nothing that is shared is at `{path}`"),
                "`ubos-sync manifest check` explains what is shared",
            ));
        }
        wanted.push(path);
    }
    let is_wanted =
        |path: &RelPath| wanted.iter().any(|wanted| path == wanted || path.is_below(wanted));
    let mut chosen: Vec<RelPath> = files.filter(|path| is_wanted(path)).cloned().collect();
    // A single file is looked at even if it is not shared.
    chosen.extend(wanted.into_iter().filter(|path| !known(path)));
    Ok(chosen)
}
