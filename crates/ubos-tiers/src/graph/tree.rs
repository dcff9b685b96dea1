//! The files of a vault on the disk: which there are, and what the notes among them say.
//!
//! As in Obsidian, whatever has a part that begins with a dot does not belong to the vault. Symbolic
//! links are not followed but listed, so that a loop or a link out of the vault harms nothing.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ubos_core::path::{RelPath, escape_bytes};
use ubos_engine::error::EngineError;
use ubos_engine::fs::{Root, Stamp};

use super::model::{Content, Graph, Source};
use super::{canvas, note};

/// Notes and canvases above this many bytes are not read.
pub const MAX_READ: u64 = 16 << 20;
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 128;

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walked {
    /// Files with what tells one state of them from another, in the order of their paths.
    pub files: Vec<(RelPath, Stamp)>,
    /// Symbolic links, which are not followed.
    pub links: Vec<RelPath>,
    /// What could not be looked at, and why.
    pub troubled: Vec<(String, String)>,
}

/// Walks through a vault.
///
/// # Errors
/// If its top folder cannot be opened.
pub fn walk(vault: &Path) -> Result<Walked, EngineError> {
    let root = Root::open(vault).map_err(|e| EngineError::io("open", vault, e))?;
    let mut walked = Walked::default();
    let mut todo: Vec<(Vec<u8>, usize)> = vec![(Vec::new(), 0)];
    while let Some((dir, depth)) = todo.pop() {
        if let Err(why) = folder(&root, &dir, depth, &mut walked, &mut todo) {
            if dir.is_empty() {
                return Err(EngineError::io("list", vault, why));
            }
            walked.troubled.push((escape_bytes(&dir), why.to_string()));
        }
    }
    walked.files.sort_by(|a, b| a.0.cmp(&b.0));
    walked.links.sort();
    Ok(walked)
}

fn folder(
    root: &Root,
    dir: &[u8],
    depth: usize,
    walked: &mut Walked,
    todo: &mut Vec<(Vec<u8>, usize)>,
) -> std::io::Result<()> {
    let fd = root.open_dir(dir)?;
    for entry in rustix::fs::Dir::read_from(&fd)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name.first() == Some(&b'.') {
            continue;
        }
        let Ok(path) = ubos_core::path::join_bytes(dir, name) else {
            walked.troubled.push((escape_bytes(name), "a name that is none".to_owned()));
            continue;
        };
        let stat =
            rustix::fs::statat(&fd, OsStr::from_bytes(name), rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
        let stamp = match stat {
            Ok(stat) => Stamp::of(&stat),
            Err(rustix::io::Errno::NOENT) => continue,
            Err(why) => {
                walked.troubled.push((path.to_string(), why.to_string()));
                continue;
            }
        };
        let kind = stamp.file_type();
        if kind.is_dir() {
            match depth < MAX_DEPTH {
                true => todo.push((path.as_bytes().to_vec(), depth + 1)),
                false => walked.troubled.push((path.to_string(), "too deep".to_owned())),
            }
        } else if kind.is_symlink() {
            walked.links.push(path);
        } else if kind.is_file() {
            walked.files.push((path, stamp));
        }
    }
    Ok(())
}

/// Whether what is in a file is read for the graph.
pub fn is_read(path: &str) -> bool {
    is_note(path) || is_canvas(path)
}

/// Whether a file is a note, by its name.
pub fn is_note(path: &str) -> bool {
    ends_with(path, ".md")
}

/// Whether a file is a canvas, by its name.
pub fn is_canvas(path: &str) -> bool {
    ends_with(path, ".canvas")
}

fn ends_with(path: &str, end: &str) -> bool {
    let (path, end) = (path.as_bytes(), end.as_bytes());
    path.len() > end.len() && path[path.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Reads a file of a vault. Returns the stamp that belongs to what was read; `None` if it is gone.
pub fn read(root: &Root, path: &RelPath, seen: Stamp) -> Option<(Source, Stamp)> {
    let name = path.to_string();
    let source =
        |size, mtime, digest, content| Source { path: name.clone(), size, mtime, digest, content };
    if !is_read(&name) {
        return Some((source(seen.size, seen.mtime, None, Content::Attachment), seen));
    }
    let unread = |why: String, stamp: Stamp| {
        Some((source(stamp.size, stamp.mtime, None, Content::Unread(why)), stamp))
    };
    let (fd, stat) = match root.open_file(path) {
        Ok(opened) => opened,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => return unread(e.to_string(), seen),
    };
    let stamp = Stamp::of(&stat);
    if stamp.size > MAX_READ {
        return unread(too_large(), stamp);
    }
    let mut bytes = Vec::with_capacity(stamp.size as usize);
    if let Err(e) = std::fs::File::from(fd).take(MAX_READ).read_to_end(&mut bytes) {
        return unread(e.to_string(), stamp);
    }
    let digest = Some(*blake3::hash(&bytes).as_bytes());
    Some((source(stamp.size, stamp.mtime, digest, content(&name, &bytes)), stamp))
}

/// Why a note above [`MAX_READ`] is not read.
pub fn too_large() -> String {
    format!("larger than {} MiB", MAX_READ >> 20)
}

/// What a file of that name says, given its bytes.
pub fn content(name: &str, bytes: &[u8]) -> Content {
    if is_note(name) {
        Content::Note(Box::new(note::parse(bytes)))
    } else if is_canvas(name) {
        match canvas::parse(bytes) {
            Ok(read) => Content::Canvas(Box::new(read)),
            Err((line, why)) => Content::BrokenCanvas(line, why),
        }
    } else {
        Content::Attachment
    }
}

/// What these files say, from paths and bytes that come from elsewhere than the disk, such as a former
/// state of the vault.
pub fn sources_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<Arc<Source>> {
    let belongs =
        |path: &str| path.split('/').all(|part| !part.is_empty() && !part.starts_with('.'));
    let source = |(path, bytes): (&String, &Vec<u8>)| {
        let size = bytes.len() as u64;
        let (digest, content) = match is_read(path) {
            false => (None, Content::Attachment),
            true if size > MAX_READ => (None, Content::Unread(too_large())),
            true => (Some(*blake3::hash(bytes).as_bytes()), content(path, bytes)),
        };
        Arc::new(Source { path: path.clone(), size, mtime: 0, digest, content })
    };
    files.iter().filter(|(path, _)| belongs(path)).map(source).collect()
}

/// The graph of such files.
pub fn graph_of(files: &BTreeMap<String, Vec<u8>>) -> Graph {
    Graph::build(sources_of(files))
}
