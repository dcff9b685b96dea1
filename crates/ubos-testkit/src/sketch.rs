//! `Sketch`: what a folder holds, in a few lines of text, and back.
//!
//! ```text
//! notes/f = A                a file and its content
//! notes/run.sh * = exit      an executable file
//! notes/D/                   a folder
//! notes/l -> f               a symbolic link and its text
//! - notes/g                  in an amendment: this, and all below it, is gone
//! ```
//!
//! Folders on the way to a path need no line. Names, contents and link texts are bytes, escaped as
//! in [`crate::escape`]. The program's own `.ubos-sync` at the top is never part of a sketch.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::escape::{escaped, shown, unescaped};

/// The folder that belongs to the program, at the top of a territory.
pub const OWN_FOLDER: &str = ".ubos-sync";

/// What stands at a path.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Dir,
    /// A regular file.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// Whether its owner may execute it.
        exec: bool,
    },
    /// A symbolic link.
    Link {
        /// Its text.
        target: Vec<u8>,
    },
    /// A FIFO, socket or device.
    Special,
    /// Something that the test itself may not read.
    Unreadable,
}

impl Node {
    /// A plain file.
    pub fn file(content: impl AsRef<[u8]>) -> Self {
        Self::File { content: content.as_ref().to_vec(), exec: false }
    }

    /// A link with this text.
    pub fn link(target: impl AsRef<[u8]>) -> Self {
        Self::Link { target: target.as_ref().to_vec() }
    }

    /// Reads what stands at `path`, without following a link; `None` if nothing does.
    pub fn at(path: &Path) -> Option<Self> {
        let meta = fs::symlink_metadata(path).ok()?;
        let kind = meta.file_type();
        Some(if kind.is_dir() {
            Self::Dir
        } else if kind.is_symlink() {
            match fs::read_link(path) {
                Ok(target) => Self::link(target.as_os_str().as_bytes()),
                Err(_) => Self::Unreadable,
            }
        } else if kind.is_file() {
            match fs::read(path) {
                Ok(content) => Self::File { content, exec: meta.permissions().mode() & 0o100 != 0 },
                Err(_) => Self::Unreadable,
            }
        } else {
            Self::Special
        })
    }

    /// The bytes of a file.
    pub fn content(&self) -> Option<&[u8]> {
        match self {
            Self::File { content, .. } => Some(content),
            _ => None,
        }
    }
}

/// A folder and all below it: relative path to node. Every folder on the way is listed too.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sketch(BTreeMap<Vec<u8>, Node>);

impl Sketch {
    /// Reads lines as in the header of this file, without `- ` lines.
    ///
    /// # Panics
    /// On a line that is not a sketch.
    pub fn parse(text: &str) -> Self {
        let sketch = Self::default().amended(text);
        let removals = text.lines().filter(|line| line.trim_start().starts_with("- "));
        assert_eq!(removals.count(), 0, "only an amendment removes: {text}");
        sketch
    }

    /// This sketch with the lines of `text` applied in their order.
    ///
    /// # Panics
    /// On a line that is not a sketch, or that removes what is not there.
    #[must_use]
    pub fn amended(&self, text: &str) -> Self {
        let mut sketch = self.clone();
        for line in text.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
            match line.strip_prefix("- ") {
                Some(path) => sketch.remove(&unescaped(path.trim_end_matches('/'))),
                None => {
                    let (path, node) = parse_line(line);
                    sketch.insert(&path, node);
                }
            }
        }
        sketch
    }

    /// Puts `node` at `path`: folders on the way appear, and what a file or link replaces is gone.
    pub fn insert(&mut self, path: &[u8], node: Node) {
        for (cut, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            self.0.insert(path[..cut].to_vec(), Node::Dir);
        }
        if node != Node::Dir {
            self.0.retain(|other, _| !is_below(other, path));
        }
        self.0.insert(path.to_vec(), node);
    }

    /// Takes away `path` and all below it.
    ///
    /// # Panics
    /// If it is not there.
    pub fn remove(&mut self, path: &[u8]) {
        assert!(self.0.remove(path).is_some(), "nothing to remove at {}", shown(path));
        self.0.retain(|other, _| !is_below(other, path));
    }

    /// What stands at `path`.
    pub fn get(&self, path: impl AsRef<[u8]>) -> Option<&Node> {
        self.0.get(path.as_ref())
    }

    /// All paths with their nodes, in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&Vec<u8>, &Node)> {
        self.0.iter()
    }

    /// Only the entries for which `keep` says so.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&[u8], &Node) -> bool) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(p, n)| keep(p, n))
                .map(|(p, n)| (p.clone(), n.clone()))
                .collect(),
        )
    }

    /// Reads the folder `root`, without `.ubos-sync` at its top.
    pub fn read(root: &Path) -> Self {
        let mut sketch = Self::default();
        read_into(root, &mut Vec::new(), &mut sketch);
        sketch
    }

    /// Makes everything that is drawn here below the folder `root`, which must exist. What stands
    /// there already is kept.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn build(&self, root: &Path) {
        for (path, node) in &self.0 {
            let target = real_path(root, path);
            match node {
                Node::Dir => fs::create_dir_all(&target).expect("a folder of the sketch is made"),
                Node::File { content, exec } => {
                    fs::write(&target, content).expect("a file of the sketch is written");
                    let mode = if *exec { 0o755 } else { 0o644 };
                    fs::set_permissions(&target, fs::Permissions::from_mode(mode))
                        .expect("its mode is set");
                }
                Node::Link { target: text } => {
                    symlink(OsStr::from_bytes(text), &target)
                        .expect("a link of the sketch is made");
                }
                Node::Special | Node::Unreadable => panic!("cannot be built: {}", shown(path)),
            }
        }
    }

    /// What `actual` holds otherwise than this sketch, line by line; `None` if nothing.
    pub fn difference(&self, actual: &Self) -> Option<String> {
        let mut lines = Vec::new();
        for (path, node) in &self.0 {
            match actual.0.get(path) {
                Some(found) if found == node => {}
                Some(found) => lines.push(format!(
                    "  differs    {}\n  ..found    {}",
                    line_of(path, node, true),
                    line_of(path, found, true)
                )),
                None => lines.push(format!("  missing    {}", line_of(path, node, true))),
            }
        }
        for (path, node) in actual.0.iter().filter(|(path, _)| !self.0.contains_key(*path)) {
            lines.push(format!("  unexpected {}", line_of(path, node, true)));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

impl fmt::Display for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(path, node)| writeln!(f, "{}", line_of(path, node, false)))
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line_of(b"_", self, true))
    }
}

/// Where a sketched path lies below `root`.
pub fn real_path(root: &Path, path: impl AsRef<[u8]>) -> PathBuf {
    root.join(OsStr::from_bytes(path.as_ref()))
}

/// Whether `path` lies strictly below the folder `dir`.
pub fn is_below(path: &[u8], dir: &[u8]) -> bool {
    path.len() > dir.len() && path.starts_with(dir) && path[dir.len()] == b'/'
}

fn parse_line(line: &str) -> (Vec<u8>, Node) {
    let file = line.find(" = ");
    let link = line.find(" -> ");
    let empty_file = line.strip_suffix(" =");
    match (file, link) {
        (Some(at), other) if other.is_none_or(|link| at < link) => {
            file_line(&line[..at], &line[at + 3..])
        }
        (_, Some(at)) => (unescaped(&line[..at]), Node::link(unescaped(&line[at + 4..]))),
        _ => match (empty_file, line.strip_suffix('/')) {
            (Some(name), _) => file_line(name, ""),
            (None, Some(name)) => (unescaped(name), Node::Dir),
            (None, None) => panic!("not a line of a sketch: {line:?}"),
        },
    }
}

fn file_line(name: &str, content: &str) -> (Vec<u8>, Node) {
    let content = unescaped(content);
    match name.strip_suffix(" *") {
        Some(name) => (unescaped(name), Node::File { content, exec: true }),
        None => (unescaped(name), Node::File { content, exec: false }),
    }
}

/// One line of a sketch; a long content is cut short and given its length if `brief`.
fn line_of(path: &[u8], node: &Node, brief: bool) -> String {
    let name = escaped(path, b"=>*");
    match node {
        Node::Dir => format!("{name}/"),
        Node::Link { target } => format!("{name} -> {}", escaped(target, b"")),
        Node::File { content, exec } => {
            let star = if *exec { " *" } else { "" };
            if brief && content.len() > 80 {
                let start = escaped(&content[..60], b"");
                format!("{name}{star} = {start}… ({} bytes)", content.len())
            } else {
                format!("{name}{star} = {}", escaped(content, b"")).trim_end().to_owned()
            }
        }
        Node::Special => format!("{name} (special file)"),
        Node::Unreadable => format!("{name} (unreadable)"),
    }
}

fn read_into(folder: &Path, prefix: &mut Vec<u8>, sketch: &mut Sketch) {
    let Ok(entries) = fs::read_dir(folder) else {
        if !prefix.is_empty() {
            sketch.0.insert(prefix[..prefix.len() - 1].to_vec(), Node::Unreadable);
        }
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if prefix.is_empty() && name == OWN_FOLDER {
            continue;
        }
        let length = prefix.len();
        prefix.extend_from_slice(name.as_bytes());
        if let Some(node) = Node::at(&entry.path()) {
            let is_dir = node == Node::Dir;
            sketch.0.insert(prefix.clone(), node);
            if is_dir {
                prefix.push(b'/');
                read_into(&entry.path(), prefix, sketch);
            }
        }
        prefix.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL_KINDS: &str = "notes/f = A
        notes/run.sh * = two\\nlines
        notes/empty =
        notes/D/
        notes/l -> ../out/y
        notes/odd\\x3d\\xff = x = y -> z";

    #[test]
    fn text_and_folder_are_the_same_tree() {
        let sketch = Sketch::parse(ALL_KINDS);
        let folder = tempfile::tempdir().unwrap();
        sketch.build(folder.path());
        fs::create_dir(folder.path().join(OWN_FOLDER)).unwrap();
        let back = Sketch::read(folder.path());
        assert_eq!(sketch.difference(&back), None);
        assert_eq!(Sketch::parse(&back.to_string()), sketch);
        assert_eq!(back.get(b"notes/odd=\xff"), Some(&Node::file("x = y -> z")));
    }

    #[test]
    fn an_amendment_replaces_whole_folders_and_removes_below() {
        let start = Sketch::parse("D/a = 1\nD/b = 2\nE/c = 3\nE/d = 4");
        let after = start.amended("D = file\n- E/c\nf/x = y");
        assert_eq!(after, Sketch::parse("D = file\nE/d = 4\nf/x = y"));
        assert_eq!(start.amended("- E"), Sketch::parse("D/a = 1\nD/b = 2"));
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let expected = Sketch::parse("same = 1\ngone = 2\nother = 3\nbit = x");
        let actual = Sketch::parse("same = 1\nother -> 3\nbit * = x\nnew/");
        let text = expected.difference(&actual).expect("they differ");
        for part in [
            "missing    gone = 2",
            "differs    other = 3",
            "..found    bit * = x",
            "unexpected new/",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("same"));
    }

    #[test]
    #[should_panic(expected = "nothing to remove at f")]
    fn removing_what_is_not_there_is_a_mistake_of_the_test() {
        let _ = Sketch::parse("g = 1").amended("- f");
    }

    #[test]
    #[should_panic(expected = "not a line of a sketch")]
    fn a_bare_name_is_refused() {
        Sketch::parse("notes/f");
    }
}
