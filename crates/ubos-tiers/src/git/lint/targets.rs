//! Where links can lead: the names of all files. A link is followed as an editor would: a wiki link
//! by the end of the path, anywhere in the tree; any other from the folder of its file. Letters' case
//! and Unicode form do not matter, since they do not on every machine; `.md` may be left out.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization;

use ubos_core::path::RelPath;

/// How a link is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[[target]]`.
    Wiki,
    /// `[text](target)`.
    Relative,
}

/// All files and the folders above them.
#[derive(Debug, Default)]
pub struct Targets {
    /// Whole paths, by their last component.
    by_name: BTreeMap<String, Vec<String>>,
    folders: BTreeSet<String>,
}

impl Targets {
    /// Adds a file.
    pub fn add(&mut self, path: &[u8]) {
        let path = key(&String::from_utf8_lossy(path));
        let mut folder = path.as_str();
        while let Some((above, _)) = folder.rsplit_once('/') {
            if !self.folders.insert(above.to_owned()) {
                break;
            }
            folder = above;
        }
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        self.by_name.entry(name).or_default().push(path);
    }

    /// Whether a link to `target` in `from` finds something.
    pub(super) fn lead_somewhere(&self, from: &RelPath, target: &str, kind: Kind) -> bool {
        let target = key(target);
        let folder = key(&String::from_utf8_lossy(from.parent_bytes()));
        let from_folder = resolved(&folder, &target);
        let is_plain = target.starts_with('/') || target.starts_with('.');
        match (kind, from_folder) {
            (Kind::Wiki, place) if is_plain => place.is_some_and(|place| self.has(&place)),
            (Kind::Wiki, _) => self.has_ending(&target),
            // Editors of notes also look from the root; and by the end of the path.
            (Kind::Relative, Some(place)) => {
                self.has(&place) || (!is_plain && self.has_ending(&target))
            }
            // What is above the root is no part of the tree: it cannot be judged.
            (Kind::Relative, None) => true,
        }
    }

    fn has(&self, place: &str) -> bool {
        place.is_empty()
            || self.folders.contains(place)
            || self.find(place, |path, wanted| path == wanted)
    }

    fn has_ending(&self, target: &str) -> bool {
        let target = target.trim_end_matches('/');
        self.find(target, |path, wanted| {
            path.strip_suffix(wanted).is_some_and(|head| head.is_empty() || head.ends_with('/'))
        })
    }

    fn find(&self, target: &str, fits: impl Fn(&str, &str) -> bool) -> bool {
        [target.to_owned(), format!("{target}.md")].iter().any(|wanted| {
            let name = wanted.rsplit('/').next().unwrap_or_default();
            let paths = self.by_name.get(name);
            paths.is_some_and(|paths| paths.iter().any(|path| fits(path, wanted)))
        })
    }
}

/// The place `target` names, seen from `folder`; `None` above the root.
fn resolved(folder: &str, target: &str) -> Option<String> {
    let start = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn key(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(from: &str, target: &str, kind: Kind) -> bool {
        let mut targets = Targets::default();
        for path in ["docs/a.md", "docs/sub/B c.md", "img/P.png", "top.md", "docs/caf\u{e9}.md"] {
            targets.add(path.as_bytes());
        }
        targets.lead_somewhere(&RelPath::new(from).unwrap(), target, kind)
    }

    #[test]
    fn wiki_links_go_by_the_end_of_the_path() {
        for target in
            ["a", "A.md", "docs/a", "sub/b c", "p.png", "top", "cafe\u{301}", "./a", "/top"]
        {
            assert!(leads("docs/x.md", target, Kind::Wiki), "{target}");
        }
        for target in ["x", "ocs/a", "docs/b c", "p", "../a", "docs"] {
            assert!(!leads("docs/x.md", target, Kind::Wiki), "{target}");
        }
    }

    #[test]
    fn other_links_go_from_the_folder_of_the_file() {
        for target in
            ["a.md", "./a.md", "sub/B c.md", "../img/p.png", "sub/", "sub", "..", "../../x"]
        {
            assert!(leads("docs/x.md", target, Kind::Relative), "{target}");
        }
        for target in ["../a.md", "./top.md", "x.md", "sub2/"] {
            assert!(!leads("docs/x.md", target, Kind::Relative), "{target}");
        }
    }
}
