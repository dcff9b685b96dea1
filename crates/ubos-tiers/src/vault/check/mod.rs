//! Looks a vault over: everything that a person who cares for it would want to know and would not find
//! by opening notes. Nothing is changed; every finding says what to do.
//!
//! `links`, `names`, `notes` and `settings` judge what they are given; `walk` and `symlinks` look at the
//! disk.

mod links;
mod names;
mod notes;
mod settings;
mod symlinks;
mod walk;

use std::path::Path;

use serde::{Deserialize, Serialize};

use ubos_engine::error::EngineError;

use super::files::VaultFiles;
use crate::graph::index::Index;

/// What a finding is about. The order is the one in which they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Settings that do not parse.
    BrokenSettings,
    /// Settings of a plugin that hold a secret.
    PluginSecret,
    /// The plugin obsidian-git commits, pulls or pushes by itself.
    GitPlugin,
    /// A plugin is switched on and not there.
    PluginAbsent,
    /// A plugin's folder is not whole, or not named as the plugin.
    PluginBroken,
    /// A plugin is there and not switched on.
    PluginOff,
    /// A vault within the vault.
    NestedVault,
    /// A copy that another sync made of a conflict.
    ConflictCopy,
    /// Marks of a merge that nobody finished.
    ConflictMarks,
    /// A copy that Finder or iCloud made.
    Duplicate,
    /// Names that differ only in case or form.
    CaseTwin,
    /// A name that some systems do not take.
    UnfitName,
    /// A symbolic link that leads nowhere, out of the vault, or is absolute.
    Symlink,
    /// A canvas that cannot be read.
    BrokenCanvas,
    /// Properties that cannot be read.
    BrokenProperties,
    /// A note that cannot be read.
    Unread,
    /// A link to nothing.
    BrokenLink,
    /// A link to a heading or block that is not there.
    BrokenHeading,
    /// A link by a name that several files have.
    AmbiguousLink,
}

impl Rule {
    /// Its name, for scripts.
    pub fn word(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(word)) => word,
            _ => String::new(),
        }
    }

    /// The rule of that name.
    pub fn named(word: &str) -> Option<Self> {
        serde_json::from_value(word.into()).ok()
    }

    /// The heading over its findings.
    pub fn title(self) -> &'static str {
        match self {
            Rule::BrokenSettings => "Settings that do not parse",
            Rule::PluginSecret => "Secrets in plugins' settings",
            Rule::GitPlugin => "The Git plugin works by itself",
            Rule::PluginAbsent => "Plugins that are on and not there",
            Rule::PluginBroken => "Plugins that are not whole",
            Rule::PluginOff => "Plugins that are there and off",
            Rule::NestedVault => "Vaults within the vault",
            Rule::ConflictCopy => "Conflict copies of other syncs",
            Rule::ConflictMarks => "Merges that nobody finished",
            Rule::Duplicate => "Copies made by Finder or iCloud",
            Rule::CaseTwin => "Names that differ only in case or form",
            Rule::UnfitName => "Names that cannot stand on every machine",
            Rule::Symlink => "Symbolic links that do not work everywhere",
            Rule::BrokenCanvas => "Canvases that cannot be read",
            Rule::BrokenProperties => "Properties that cannot be read",
            Rule::Unread => "Notes that cannot be read",
            Rule::BrokenLink => "Links to nothing",
            Rule::BrokenHeading => "Links to a heading or block that is not there",
            Rule::AmbiguousLink => "Links by a name that several files have",
        }
    }
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// Where, from the vault's top folder.
    pub path: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// What was looked at, and what was found there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// Files of the vault.
    pub files: usize,
    /// Notes among them.
    pub notes: usize,
    /// Links in them.
    pub links: usize,
    /// What was found: by rule, path and line.
    pub findings: Vec<Finding>,
}

/// Looks a vault over. `index` has been refreshed; `config_dir` is the settings folder; `syncs` says whether
/// a path travels: a secret that stays on this machine is no finding.
///
/// # Errors
/// If the vault's folder cannot be opened.
pub fn check(
    vault: &Path,
    config_dir: &str,
    index: &Index,
    syncs: &dyn Fn(&str) -> bool,
) -> Result<Checkup, EngineError> {
    let graph = index.graph();
    let files = VaultFiles::open(vault)?;
    let walked = walk::walk(&files);
    let mut findings = Vec::new();
    settings::check(&files, config_dir, syncs, &mut findings);
    names::nested_vaults(&walked, config_dir, &mut findings);
    names::check(graph, &walked, &mut findings);
    notes::check(graph, &|path| index.bytes(path), &mut findings);
    symlinks::check(vault, index.links(), &mut findings);
    let symlinks: Vec<String> = index.links().iter().map(ToString::to_string).collect();
    links::check(graph, &symlinks, &mut findings);
    for (path, why) in index.troubled() {
        let what = format!("it cannot be looked at: {why}");
        let remedy = "look at its permissions and at the disk".to_owned();
        let (rule, path) = (Rule::Unread, path.clone());
        findings.push(Finding { rule, path, line: None, what, remedy });
    }
    findings.sort();
    let links = graph.edges().iter().filter(|edge| edge.kind.is_obsidians()).count();
    let (files, notes) = (graph.files().len(), graph.notes().count());
    Ok(Checkup { files, notes, links, findings })
}

#[cfg(test)]
mod tests;
