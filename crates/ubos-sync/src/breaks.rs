//! The links that a run breaks, or would break, by deleting or renaming files: asked of the graph of
//! the notes that stand here, and only if there is a vault and something goes away.

use std::path::Path;

use serde_json::{Map, Value};

use ubos_core::conflict::Conflict;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::cycle::report::{Action, RunReport};
use ubos_engine::error::EngineError;
use ubos_engine::state::audit::Audit;
use ubos_engine::state::config::Config;
use ubos_engine::state::lock::Lock;
use ubos_engine::state::{PRIVATE, StateDir};
use ubos_tiers::graph::index::Index;
use ubos_tiers::vault::breaks::{Break, Step, broken};
use ubos_tiers::vault::config_dir::USUAL;

use crate::render::units::plural;

/// The links that the run of `report` on the territory at `root` breaks. What cannot be found out is not
/// told: the sync does not depend on it.
pub(crate) fn of(report: &RunReport, root: &Path) -> Vec<Break> {
    let steps = steps(report);
    if steps.is_empty() || !is_vault(root) {
        return Vec::new();
    }
    graph_of(root, |index| broken(index.graph(), &steps)).unwrap_or_default()
}

/// The links that are or would be broken if a conflict ended with what one side deleted.
pub(crate) fn if_deleted(conflict: &Conflict, root: &Path) -> Vec<Break> {
    let is_gone_somewhere = Side::BOTH.iter().any(|side| conflict.sides.get(*side).is_none());
    if !is_gone_somewhere || !is_visible(&conflict.path) || !is_vault(root) {
        return Vec::new();
    }
    // Where it is gone here already, notes that lead there are found all the same.
    let has_happened = conflict.sides.here.is_none();
    let step = Step { from: conflict.path.to_string(), to: None, has_happened };
    graph_of(root, |index| broken(index.graph(), &[step])).unwrap_or_default()
}

/// What went away in a run, to be looked into later.
#[derive(Debug)]
pub(crate) struct Loss {
    /// The run.
    pub run: String,
    steps: Vec<Step>,
}

impl Loss {
    /// Of a run that was carried out; `None` where nothing went away, which costs nothing to find out.
    pub(crate) fn of(report: &RunReport) -> Option<Self> {
        let steps: Vec<Step> =
            report.actions.iter().filter_map(|action| step(action, true)).collect();
        (!steps.is_empty()).then(|| Self { run: report.run.clone(), steps })
    }
}

/// The links that are broken since `losses`, in the same order; the notes are read once for all.
pub(crate) fn since(losses: &[Loss], root: &Path) -> Vec<Vec<Break>> {
    if losses.is_empty() || !is_vault(root) {
        return Vec::new();
    }
    let all = |index: &Index| {
        let graph = index.graph();
        losses.iter().map(|loss| broken(graph, &loss.steps)).collect()
    };
    graph_of(root, all).unwrap_or_default()
}

/// Puts what a finished run broke on record.
///
/// # Errors
/// If the log cannot be written.
pub(crate) fn note(breaks: &[Break], report: &RunReport, root: &Path) -> Result<(), EngineError> {
    if report.dry_run {
        return Ok(());
    }
    note_of(breaks, &report.run, root)
}

/// Puts what `run` broke on record.
///
/// # Errors
/// If the log cannot be written.
pub(crate) fn note_of(breaks: &[Break], run: &str, root: &Path) -> Result<(), EngineError> {
    if breaks.is_empty() {
        return Ok(());
    }
    let state = StateDir::open(root)?;
    let config = Config::require(&state)?;
    let _lock = Lock::take(&state, &config.name)?;
    let mut audit = Audit::open(&state)?;
    for broken in breaks {
        let mut fields = Map::new();
        let reason =
            format!("{} in {}", plural(broken.links, "link"), plural(broken.note_count, "note"));
        for (key, value) in [
            ("event", Value::from("links-broken")),
            ("path", broken.path.clone().into()),
            ("links", broken.links.into()),
            ("note_count", broken.note_count.into()),
            ("reason", reason.into()),
        ] {
            fields.insert(key.to_owned(), value);
        }
        audit.note(run, fields);
    }
    audit.sync()
}

/// What goes away in a run. What a guard holds has not happened.
fn steps(report: &RunReport) -> Vec<Step> {
    let done = report.actions.iter().filter_map(|action| step(action, !report.dry_run));
    done.chain(report.guarded.iter().filter_map(|action| step(action, false))).collect()
}

/// What goes away by an action. What the peer loses is gone here already.
fn step(action: &Action, done: bool) -> Option<Step> {
    let has_happened = done || action.to == Side::There;
    let (from, to) = match (action.op, &action.from) {
        ("delete", _) => (&action.path, None),
        ("rename", Some(from)) => (from, Some(action.path.to_string())),
        _ => return None,
    };
    is_visible(from).then(|| Step { from: from.to_string(), to, has_happened })
}

/// Whether Obsidian sees it.
fn is_visible(path: &RelPath) -> bool {
    path.components().all(|part| !part.starts_with(b"."))
}

/// Whether a territory is a vault: it has Obsidian's settings, or somebody asked for its graph before.
fn is_vault(root: &Path) -> bool {
    let config = StateDir::open(root).and_then(|state| Config::load(&state)).ok().flatten();
    let named = config.and_then(|config| config.vault.config_dir);
    let is_settings = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(USUAL) || Some(name) == named
    };
    folder(root).is_dir() || std::fs::read_dir(root).is_ok_and(|all| all.flatten().any(is_settings))
}

/// Where the graph of a territory is kept.
fn folder(root: &Path) -> std::path::PathBuf {
    root.join(PRIVATE).join("state").join("graph")
}

fn graph_of<T>(root: &Path, ask: impl FnOnce(&Index) -> T) -> Option<T> {
    let mut index = Index::open(root, Some(&folder(root)));
    index.refresh().ok()?;
    // What is remembered only saves time.
    let _ = index.save();
    Some(ask(&index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::plan::Reason;

    fn action(op: &'static str, path: &str, from: Option<&str>, to: Side) -> Action {
        let path_of = |path: &str| RelPath::new(path).unwrap();
        Action {
            path: path_of(path),
            to,
            op,
            from: from.map(path_of),
            bytes: 0,
            wire_bytes: 0,
            reason: Reason::Deleted,
            held_by: None,
        }
    }

    #[test]
    fn what_the_peer_loses_is_gone_here_and_what_a_guard_holds_is_not() {
        let mut report = RunReport::default();
        report.dry_run = true;
        report.actions = vec![
            action("delete", "a.md", None, Side::Here),
            action("delete", "b.md", None, Side::There),
            action("rename", "new.md", Some("old.md"), Side::Here),
            action("update", "c.md", None, Side::Here),
            action("delete", ".obsidian/d.json", None, Side::Here),
        ];
        report.guarded = vec![action("delete", "e.md", None, Side::Here)];
        let told = |report: &RunReport| -> Vec<(String, bool)> {
            steps(report).into_iter().map(|step| (step.from, step.has_happened)).collect()
        };
        let expected = |here: bool| {
            [("a.md", here), ("b.md", true), ("old.md", here), ("e.md", false)]
                .map(|(path, happened)| (path.to_owned(), happened))
        };
        assert_eq!(told(&report), expected(false));
        report.dry_run = false;
        assert_eq!(told(&report), expected(true));
    }
}
