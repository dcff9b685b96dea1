//! Every folder of a vault, with those that Obsidian does not look into, by name.

use crate::vault::files::VaultFiles;

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 128;

/// What stands in a vault.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Its folders, without those below a name that begins with a dot.
    pub folders: Vec<String>,
    /// Folders whose own name begins with a dot.
    pub hidden: Vec<String>,
}

/// Walks through the folders.
pub(super) fn walk(files: &VaultFiles) -> Walked {
    let mut walked = Walked::default();
    let mut todo = vec![(String::new(), 0)];
    while let Some((dir, depth)) = todo.pop() {
        for name in files.folders(&dir) {
            let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
            if name.starts_with('.') {
                walked.hidden.push(path);
            } else {
                if depth < MAX_DEPTH {
                    todo.push((path.clone(), depth + 1));
                }
                walked.folders.push(path);
            }
        }
    }
    walked.folders.sort();
    walked.hidden.sort();
    walked
}
