//! Looks into `.ubos-sync/backups/RUN/…`: which versions of a path were put aside, by which run.

use std::fs;
use std::path::Path;

use crate::sketch::{Node, OWN_FOLDER, Sketch, real_path};

/// A version that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The run that did it, as its folder is named.
    pub run: String,
    /// What stood at the path.
    pub node: Node,
}

/// The runs with backups below the root, oldest first (their ids sort by time).
pub fn runs(root: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(root.join(OWN_FOLDER).join("backups")) else {
        return Vec::new();
    };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// All that `run` put aside below the root.
pub fn of_run(root: &Path, run: &str) -> Sketch {
    Sketch::read(&root.join(OWN_FOLDER).join("backups").join(run))
}

/// All versions of `path` that were put aside below the root, oldest run first. A folder that is
/// there only because something in it was put aside counts as one too.
pub fn of_path(root: &Path, path: impl AsRef<[u8]>) -> Vec<Backup> {
    let found = runs(root).into_iter().filter_map(|run| {
        let folder = root.join(OWN_FOLDER).join("backups").join(&run);
        let node = Node::at(&real_path(&folder, path.as_ref()))?;
        Some(Backup { run, node })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_in_the_order_of_the_runs() {
        let root = tempfile::tempdir().unwrap();
        let lines = ".ubos-sync/backups/2/notes/f = B
            .ubos-sync/backups/1/notes/f = A
            .ubos-sync/backups/2/notes/l -> f";
        Sketch::parse(lines).build(root.path());
        let version = |run: &str, text: &str| Backup { run: run.into(), node: Node::file(text) };
        assert_eq!(of_path(root.path(), "notes/f"), [version("1", "A"), version("2", "B")]);
        assert_eq!(of_path(root.path(), "notes/g"), []);
        assert_eq!(of_run(root.path(), "2"), Sketch::parse("notes/f = B\nnotes/l -> f"));
    }
}
