//! The versioned backup: git, the repository, the other places, and what else commits there.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use ubos_core::path::RelPath;
use ubos_core::selection::Selection;
use ubos_engine::clock;
use ubos_engine::endpoint::{bounds, standing};
use ubos_engine::health::{self, backup::Backup};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::mirror;
use ubos_tiers::git::remote;
use ubos_tiers::git::repository::Repository;

use crate::finding::Finding;
use crate::render::units::{age, plural};
use crate::ui::sanitize::one_line;

/// In the middle of something for longer than this, in seconds, somebody has forgotten it.
const FORGOTTEN: i64 = 86_400;
/// Settings of the plugin that commits, pulls and pushes from within Obsidian, in minutes.
const INTERVALS: [&str; 3] = ["autoSaveInterval", "autoPushInterval", "autoPullInterval"];

/// Everything about the backup of one pair; nothing where there is none.
pub(super) fn check(state: &StateDir, config: &Config, peer: &Peer) -> Vec<Finding> {
    if !peer.owner {
        return mirror_here(peer);
    }
    if !config.backup.enabled {
        return Vec::new();
    }
    let known = health::backup::known(state, config).unwrap_or_default();
    let root = state.root().path();
    let repository = match Repository::open(root) {
        Ok(repository) => repository,
        Err(error) => {
            let name =
                if matches!(error, BackupError::NoGit { .. }) { "git" } else { "repository" };
            return vec![Finding::problem(name, error.to_string(), error.hint())];
        }
    };
    let mut findings = vec![repository_stands(&repository, &known)];
    findings.extend(places(root, config));
    findings.extend(other_committers(root));
    findings.extend(ignored(&repository, state, config, peer));
    findings
}

/// The other side keeps the mirror.
fn mirror_here(peer: &Peer) -> Vec<Finding> {
    match mirror::open(&peer.pair) {
        Ok(Some(git)) => vec![Finding::ok("mirror", format!("`{}`", git.dir().display()))],
        Ok(None) => Vec::new(),
        Err(error) => vec![Finding::warning("mirror", error.to_string(), error.hint())],
    }
}

fn repository_stands(repository: &Repository, known: &Backup) -> Finding {
    let error = match repository.standing() {
        Ok(standing) => {
            let notes: String = standing.notes.iter().map(|note| format!("; {note}")).collect();
            return Finding::ok("repository", format!("on branch {}{notes}", standing.branch));
        }
        Err(error) => error,
    };
    let since = known.failing_since.as_deref().and_then(clock::seconds);
    let lasts = since.map_or(0, |since| clock::now().0 - since);
    let for_how_long = u64::try_from(lasts).ok().filter(|seconds| *seconds > 0);
    let for_how_long =
        for_how_long.map(|seconds| format!(", for {} by now", age(seconds))).unwrap_or_default();
    let message = format!("{error}{for_how_long}");
    match lasts > FORGOTTEN {
        true => Finding::problem("repository", message, error.hint()),
        false => Finding::warning("repository", message, error.hint()),
    }
}

/// The remote and the mirror, by what is known of them here.
fn places(root: &Path, config: &Config) -> Vec<Finding> {
    let Ok(ledger) = remote::known(root) else { return Vec::new() };
    let wanted = [("remote", config.backup.remote.is_some()), ("mirror", config.backup.mirror)];
    let mut findings = Vec::new();
    for (name, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
        let record = ledger.places.get(name);
        findings.push(match record {
            Some(record) if !record.diverged.is_empty() => Finding::warning(
                name,
                format!("{} went another way; both histories are kept", record.shown),
                "`ubos-sync backup push` shows how, and the commands that settle it",
            ),
            Some(record) if record.trouble.is_some() => {
                let (message, hint) = record
                    .trouble
                    .as_ref()
                    .map(|trouble| (trouble.message.clone(), trouble.hint.clone()))
                    .unwrap_or_default();
                Finding::warning(name, format!("{}: {message}", record.shown), hint)
            }
            Some(record) if record.succeeded.is_some() => {
                Finding::ok(name, format!("{} has what was last given to it", record.shown))
            }
            _ => Finding::warning(
                name,
                "was not given anything so far, so that there are fewer copies than planned",
                "`ubos-sync backup push` gives it everything",
            ),
        });
    }
    if config.backup.remote.is_none() {
        findings
            .push(Finding::ok("remote", "none is set; this machine and its peer hold all copies"));
    }
    findings
}

/// Obsidian's git plugin, where it commits, pulls or pushes by itself in the same repository.
fn other_committers(root: &Path) -> Vec<Finding> {
    let vaults =
        std::fs::read_dir(root).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let vaults = std::iter::once(root.to_owned()).chain(vaults);
    let settings = vaults.map(|vault| vault.join(".obsidian/plugins/obsidian-git/data.json"));
    settings.filter_map(fights).collect()
}

fn fights(settings: PathBuf) -> Option<Finding> {
    let bytes = std::fs::read(&settings).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    let on = |key: &&str| value[*key].as_f64().is_some_and(|minutes| minutes > 0.0);
    let mut found: Vec<&str> = INTERVALS.iter().filter(|key| on(key)).copied().collect();
    if value["autoPullOnBoot"] == true {
        found.push("autoPullOnBoot");
    }
    (!found.is_empty()).then(|| {
        Finding::warning(
            "obsidian-git",
            format!(
                "`{}` lets Obsidian commit or pull by itself: {}",
                settings.display(),
                found.join(", ")
            ),
            "set the intervals to 0 and `autoPullOnBoot` to false there; snapshots are made here",
        )
    })
}

/// What `.gitignore` hides from git and the sync selects is in the snapshots all the same.
fn ignored(
    repository: &Repository,
    state: &StateDir,
    config: &Config,
    peer: &Peer,
) -> Option<Finding> {
    let selection = selection(state, config, peer)?;
    let git = repository.git().with("GIT_WORK_TREE", repository.root());
    let args = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard"].map(OsStr::new);
    let there = [OsStr::new("-C"), repository.root().as_os_str()];
    let said =
        git.ask(there.into_iter().chain(args)).ok().filter(ubos_tiers::git::command::Answer::ok)?;
    let paths = said.out.split(|&byte| byte == 0).filter_map(|path| RelPath::new(path).ok());
    let mut hidden = paths.filter(|path| selection.judge_path(path, false).direction().is_some());
    let first = hidden.next()?;
    let count = 1 + hidden.count();
    let name = one_line(&first.to_string());
    Some(Finding::ok(
        "gitignore",
        format!(
            "{} that the sync selects are hidden from git by .gitignore, the first `{name}`; the snapshots have them all the same",
            plural(count, "path")
        ),
    ))
}

fn selection(state: &StateDir, config: &Config, peer: &Peer) -> Option<Selection> {
    let [Some(to), Some(from), Some(exclude)] =
        standing::read_manifests(state, &peer.manifests).ok()?
    else {
        return None;
    };
    bounds::compile(&peer.manifests, &[to, from, exclude], &config.builtin()).ok()
}
