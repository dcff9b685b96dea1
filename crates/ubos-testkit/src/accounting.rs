//! The ledger: every content that stood at a selected path before a run stands somewhere it may
//! stand afterwards, and nothing outside the selection was touched.
//!
//! Promises 1 and 4 of the contract, checked from outside after every run of every test. It knows
//! nothing of plans: a content is a hash, and it is looked for on the same side among the
//! selected paths, in the backups and sealed logs, or as the beginning of an append-only log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::escape::shown;
use crate::law::{Direction, Law, Standing};
use crate::sketch::{Node, OWN_FOLDER, Sketch};
use crate::world::{Side, World};

/// A content: the hash of a file's bytes or of a link's text, each in its own space.
type Content = [u8; 32];

/// What one side holds, as the ledger sees it.
#[derive(Default)]
struct Holding {
    /// Contents at selected paths.
    selected: BTreeMap<Vec<u8>, Content>,
    /// The bytes of append-only logs.
    logs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Contents of disposable junk.
    junk: BTreeMap<Vec<u8>, Content>,
    /// Everything else, with mode and (not of folders) time.
    outside: BTreeMap<Vec<u8>, String>,
    /// Contents in `.ubos-sync`, with the part of it where they are.
    kept: BTreeSet<Content>,
}

/// How much of `.ubos-sync` counts as safe-keeping.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeping {
    /// After a run that ended: not what is only in transit.
    Settled,
    /// After a crash: a swap may be half-way, so staging counts.
    Interrupted,
}

/// Both sides before a run.
pub struct Ledger {
    law: Law,
    before: [Holding; 2],
}

impl Ledger {
    /// Writes down what both sides of `world` hold now.
    pub fn open(world: &World) -> Self {
        let law = world.law();
        let before =
            Side::BOTH.map(|side| Holding::read(&world.root(side), &law, Keeping::Settled));
        Self { law, before }
    }

    /// Asserts that both promises were kept by a run that ended by itself.
    ///
    /// # Panics
    /// With what is missing or touched, and with `told`.
    pub fn check(&self, world: &World, told: &str) {
        self.check_as(world, Keeping::Settled, told);
    }

    /// Asserts the same of a run that was killed.
    ///
    /// # Panics
    /// With what is missing or touched, and with `told`.
    pub fn check_interrupted(&self, world: &World, told: &str) {
        self.check_as(world, Keeping::Interrupted, told);
    }

    fn check_as(&self, world: &World, keeping: Keeping, told: &str) {
        let mut lines = Vec::new();
        for side in Side::BOTH {
            let after = Holding::read(&world.root(side), &self.law, keeping);
            let found = self.before[side.index()].complaints(&after);
            lines.extend(found.into_iter().map(|line| format!("  {side:?}: {line}")));
        }
        assert!(lines.is_empty(), "promises broken:\n{}\n{told}", lines.join("\n"));
    }
}

impl Holding {
    fn read(root: &Path, law: &Law, keeping: Keeping) -> Self {
        let mut holding = Self::default();
        for (path, node) in Sketch::read(root).iter() {
            holding.place(root, law, path, node);
        }
        holding.keep(&root.join(OWN_FOLDER), keeping);
        holding
    }

    fn place(&mut self, root: &Path, law: &Law, path: &[u8], node: &Node) {
        let content = content_of(node);
        match (law.standing(path, *node == Node::Dir), content) {
            (Standing::Selected(direction), Some(content)) => {
                self.selected.insert(path.to_vec(), content);
                if let (Direction::AppendOnly, Some(bytes)) = (direction, node.content()) {
                    self.logs.insert(path.to_vec(), bytes.to_vec());
                }
            }
            (Standing::Selected(_) | Standing::OnTheWay, None) if *node == Node::Dir => {}
            (Standing::Junk, Some(content)) => {
                self.junk.insert(path.to_vec(), content);
            }
            _ => {
                self.outside.insert(path.to_vec(), fingerprint(root, path, content));
            }
        }
    }

    /// Hashes what lies in `.ubos-sync`. The state and open conflicts have copies of their own
    /// for merging, which go when nobody needs them any more, and never count.
    fn keep(&mut self, own: &Path, keeping: Keeping) {
        let transit: &[&str] = match keeping {
            Keeping::Settled => &["state", "conflicts", "staging"],
            Keeping::Interrupted => &["state", "conflicts"],
        };
        for (path, node) in Sketch::read(own).iter() {
            let part = path.split(|&byte| byte == b'/').next().unwrap_or_default();
            if !transit.iter().any(|name| name.as_bytes() == part) {
                self.kept.extend(content_of(node));
            }
        }
    }

    /// What a run may not have done between `self` and `after`.
    fn complaints(&self, after: &Self) -> Vec<String> {
        let standing: BTreeSet<Content> = after.selected.values().copied().collect();
        let mut lines = Vec::new();
        for (path, content) in &self.selected {
            let grown = self.logs.get(path).zip(after.logs.get(path));
            let is_prefix = grown.is_some_and(|(old, new)| new.starts_with(old));
            if !standing.contains(content) && !after.kept.contains(content) && !is_prefix {
                lines.push(format!("the content of {} is lost", shown(path)));
            }
        }
        for (path, content) in &self.junk {
            if after.junk.get(path) != Some(content) && !after.kept.contains(content) {
                lines.push(format!("the content of {} is lost", shown(path)));
            }
        }
        for (path, print) in &self.outside {
            match after.outside.get(path) {
                None => lines.push(format!("{} is outside and is gone", shown(path))),
                Some(other) if other != print => lines.push(format!(
                    "{} is outside and was touched: {print} -> {other}",
                    shown(path)
                )),
                Some(_) => {}
            }
        }
        for path in after.outside.keys().filter(|path| !self.outside.contains_key(*path)) {
            lines.push(format!("{} is outside and has appeared", shown(path)));
        }
        lines
    }
}

fn content_of(node: &Node) -> Option<Content> {
    let mut hasher = blake3::Hasher::new();
    match node {
        Node::File { content, .. } => hasher.update(b"file\0").update(content),
        Node::Link { target } => hasher.update(b"link\0").update(target),
        Node::Dir | Node::Special | Node::Unreadable => return None,
    };
    Some(*hasher.finalize().as_bytes())
}

fn fingerprint(root: &Path, path: &[u8], content: Option<Content>) -> String {
    let real = root.join(std::ffi::OsStr::from_bytes(path));
    let Ok(meta) = fs::symlink_metadata(real) else {
        return "unknown".into();
    };
    let hash = content.map_or(0, |hash| u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]));
    let time = if meta.is_dir() { (0, 0) } else { (meta.mtime(), meta.mtime_nsec()) };
    format!("{:o} at {}.{:09} #{hash:08x}", meta.mode(), time.0, time.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the ledger says of a run on the laptop that did `change`, after `before`.
    fn said(before: impl Fn(&World), change: impl Fn(&World)) -> Result<(), String> {
        let world = World::unpaired("/bin/true");
        before(&world);
        let ledger = Ledger::open(&world);
        change(&world);
        let checked =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ledger.check(&world, "")));
        checked.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
    }

    fn complaint(change: impl Fn(&World)) -> String {
        said(|_| (), change).expect_err("the ledger must complain")
    }

    #[test]
    fn what_is_still_somewhere_is_not_lost() {
        said(|_| (), |_| ()).unwrap();
        said(|_| (), |world| world.laptop().rename("notes/f", "notes/elsewhere")).unwrap();
        said(|_| (), |world| world.laptop().append("logs/day.jsonl", "{}\n")).unwrap();
        said(
            |_| (),
            |world| {
                world.laptop().write("notes/f", "B");
                world.laptop().write(".ubos-sync/backups/1/notes/f", "A");
            },
        )
        .unwrap();
    }

    #[test]
    fn a_lost_content_is_named_with_its_side() {
        let text = complaint(|world| world.server().write("notes/f", "B"));
        assert!(text.contains("Server: the content of notes/f is lost"), "{text}");
        assert!(!text.contains("Laptop"), "{text}");
    }

    #[test]
    fn neither_the_other_side_nor_transit_nor_an_unselected_copy_is_safe_keeping() {
        let refuges =
            [".ubos-sync/staging/1", ".ubos-sync/state/base", ".ubos-sync/conflicts/1", "copy.txt"];
        for refuge in refuges {
            let text = complaint(|world| {
                world.laptop().write("notes/f", "B");
                world.laptop().write(refuge, "A");
            });
            assert!(text.contains("Laptop: the content of notes/f is lost"), "{refuge}: {text}");
        }
    }

    #[test]
    fn a_log_may_only_grow() {
        let text = complaint(|world| world.laptop().write("logs/day.jsonl", "{\"n\":1}\n"));
        assert!(text.contains("logs/day.jsonl is lost"), "{text}");
        let text = complaint(|world| world.laptop().append("notes/f", "grown"));
        assert!(text.contains("notes/f is lost"), "only logs have prefixes: {text}");
    }

    #[test]
    fn a_link_is_not_the_file_with_its_text() {
        let text = said(
            |world| world.laptop().link("notes/l", "text"),
            |world| {
                world.laptop().remove("notes/l");
                world.laptop().write("notes/l", "text");
            },
        )
        .expect_err("the link is gone");
        assert!(text.contains("notes/l is lost"), "{text}");
    }

    #[test]
    fn what_is_outside_may_not_change_in_any_way() {
        let gone = complaint(|world| world.laptop().remove("loose.txt"));
        assert!(gone.contains("loose.txt is outside and is gone"), "{gone}");
        let new = complaint(|world| world.laptop().write("stray", "x"));
        assert!(new.contains("stray is outside and has appeared"), "{new}");
        let mode = complaint(|world| world.laptop().chmod("priv/diary", 0o600));
        assert!(mode.contains("priv/diary is outside and was touched"), "{mode}");
        let rewritten = complaint(|world| world.laptop().write("loose.txt", "here"));
        assert!(rewritten.contains("loose.txt is outside and was touched"), "{rewritten}");
    }
}
