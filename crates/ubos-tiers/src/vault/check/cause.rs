//! Why a link leads to nothing, as far as the names in the vault tell.

use crate::graph::files::FileId;
use crate::graph::model::{Edge, Graph};
use crate::graph::note::key;

/// What is the matter with a link to `target`, and what to do.
pub(super) fn of(graph: &Graph, edge: &Edge, target: &str, names: &Names) -> (String, String) {
    let path = |id: FileId| graph.files().path(id);
    if let Some(id) = names.aliases.get(&key(target)) {
        return (
            format!("`{target}` is another name of `{}`, and those do not resolve", path(*id)),
            format!("write [[{}|{target}]]", graph.title(*id)),
        );
    }
    let plain = key(target.trim_matches('/'));
    if names.folders.contains(&plain) {
        return (
            format!("`{target}` is a folder"),
            "link to a note in it; Obsidian opens no folders".to_owned(),
        );
    }
    let last = target.rsplit('/').next().unwrap_or(target);
    let source = path(edge.within);
    if let Some(id) = graph.files().candidates(last, source).into_iter().next() {
        let what = match target.starts_with('/') {
            true => format!("`{target}` is a path of one machine, or from the vault's top folder"),
            false => format!("there is no `{target}`"),
        };
        return (what, format!("`{}` has that name; was it moved?", path(id)));
    }
    (
        format!("there is no `{target}`"),
        "make the note, correct the name, or take the link out".to_owned(),
    )
}

/// Other names of notes, and the folders of the vault.
#[derive(Debug, Default)]
pub(super) struct Names {
    aliases: std::collections::HashMap<String, FileId>,
    folders: std::collections::HashSet<String>,
}

impl Names {
    /// Those of a graph.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut names = Self::default();
        for (id, note) in graph.notes() {
            for alias in &note.aliases {
                names.aliases.entry(key(alias)).or_insert(id);
            }
        }
        for id in graph.files().all() {
            let mut path = graph.files().path(id);
            while let Some((folder, _)) = path.rsplit_once('/') {
                names.folders.insert(key(folder));
                path = folder;
            }
        }
        names
    }
}
