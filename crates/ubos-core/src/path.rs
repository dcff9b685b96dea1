//! `RelPath`: a path inside a territory that cannot leave it.
//!
//! Names are bytes, as the file system has them. A `RelPath` is relative, has no empty, `.` or
//! `..` component and no NUL, so that whoever holds one may walk it component by component from
//! the root. It is checked where it enters (a scan, a frame from the peer, the command line) and
//! never again. Nothing here touches a file.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Longest path accepted, in bytes (`PATH_MAX` of Linux, less the terminating NUL).
pub const MAX_PATH: usize = 4095;
/// Longest single name accepted, in bytes.
pub const MAX_NAME: usize = 255;
/// Most components a path may have.
pub const MAX_DEPTH: usize = 512;

/// Why bytes are not a path inside a territory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No bytes at all.
    #[error("the path is empty")]
    Empty,
    /// Starts or ends with `/`, or has two in a row.
    #[error("the path has an empty component")]
    EmptyComponent,
    /// A component is `.` or `..`.
    #[error("the path has a `.` or `..` component")]
    Dots,
    /// A NUL byte.
    #[error("the path contains a NUL byte")]
    Nul,
    /// A component is longer than [`MAX_NAME`] bytes.
    #[error("a name is longer than {MAX_NAME} bytes")]
    LongName,
    /// The whole is longer than [`MAX_PATH`] bytes or deeper than [`MAX_DEPTH`].
    #[error("the path is longer than {MAX_PATH} bytes or deeper than {MAX_DEPTH} folders")]
    TooLong,
}

/// A checked path relative to a root, `/`-separated, as bytes. Orders by bytes, so a folder
/// comes before everything in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct RelPath(Box<[u8]>);

impl RelPath {
    /// Checks `bytes` and takes them as a path.
    ///
    /// # Errors
    /// Any [`PathError`]; nothing is normalized or repaired.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Err(PathError::Empty);
        }
        if bytes.len() > MAX_PATH {
            return Err(PathError::TooLong);
        }
        let mut depth = 0;
        for name in bytes.split(|&b| b == b'/') {
            check_name(name)?;
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return Err(PathError::TooLong);
        }
        Ok(Self(bytes.into_boxed_slice()))
    }

    /// The bytes, `/`-separated.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The names from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&b| b == b'/')
    }

    /// The folder that holds this path; `None` for an entry of the root itself.
    pub fn parent(&self) -> Option<RelPath> {
        let cut = self.0.iter().rposition(|&b| b == b'/')?;
        Some(Self(self.0[..cut].into()))
    }

    /// The bytes of the parent folder, empty for an entry of the root.
    pub fn parent_bytes(&self) -> &[u8] {
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(cut) => &self.0[..cut],
            None => b"",
        }
    }

    /// The last component.
    pub fn name(&self) -> &[u8] {
        match self.0.iter().rposition(|&b| b == b'/') {
            Some(cut) => &self.0[cut + 1..],
            None => &self.0,
        }
    }

    /// The path of the entry `name` in this folder.
    ///
    /// # Errors
    /// As [`RelPath::new`], and when `name` contains a `/`.
    pub fn join(&self, name: &[u8]) -> Result<RelPath, PathError> {
        join_bytes(&self.0, name)
    }

    /// Every folder above this path, from the nearest to the root's own entry.
    pub fn ancestors(&self) -> impl Iterator<Item = RelPath> + '_ {
        let bytes = &self.0;
        (0..bytes.len())
            .rev()
            .filter(move |&i| bytes[i] == b'/')
            .map(move |i| Self(bytes[..i].into()))
    }

    /// Whether this path lies below the folder `dir` (strictly).
    pub fn is_below(&self, dir: &RelPath) -> bool {
        is_below_bytes(&self.0, &dir.0)
    }

    /// This path with the folder prefix `from` replaced by `to`; `None` if it is neither `from`
    /// nor below it.
    pub fn rebase(&self, from: &RelPath, to: &RelPath) -> Option<RelPath> {
        if self == from {
            return Some(to.clone());
        }
        if !self.is_below(from) {
            return None;
        }
        let mut bytes = to.0.to_vec();
        bytes.extend_from_slice(&self.0[from.0.len()..]);
        RelPath::new(bytes).ok()
    }
}

/// The path of `name` in the folder whose bytes are `dir` (empty: the root).
///
/// # Errors
/// As [`RelPath::new`], and when `name` contains a `/`.
pub fn join_bytes(dir: &[u8], name: &[u8]) -> Result<RelPath, PathError> {
    if name.contains(&b'/') {
        return Err(PathError::EmptyComponent);
    }
    check_name(name)?;
    let mut bytes = Vec::with_capacity(dir.len() + 1 + name.len());
    if !dir.is_empty() {
        bytes.extend_from_slice(dir);
        bytes.push(b'/');
    }
    bytes.extend_from_slice(name);
    if bytes.len() > MAX_PATH {
        return Err(PathError::TooLong);
    }
    Ok(RelPath(bytes.into_boxed_slice()))
}

fn is_below_bytes(path: &[u8], dir: &[u8]) -> bool {
    path.len() > dir.len() && path.starts_with(dir) && path[dir.len()] == b'/'
}

fn check_name(name: &[u8]) -> Result<(), PathError> {
    match name {
        b"" => Err(PathError::EmptyComponent),
        b"." | b".." => Err(PathError::Dots),
        _ if name.contains(&0) => Err(PathError::Nul),
        _ if name.len() > MAX_NAME => Err(PathError::LongName),
        _ => Ok(()),
    }
}

impl TryFrom<Vec<u8>> for RelPath {
    type Error = PathError;
    fn try_from(bytes: Vec<u8>) -> Result<Self, PathError> {
        Self::new(bytes)
    }
}

impl From<RelPath> for Vec<u8> {
    fn from(path: RelPath) -> Vec<u8> {
        path.0.into_vec()
    }
}

impl Deref for RelPath {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for RelPath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", escape_bytes(&self.0))
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape_bytes(&self.0))
    }
}

/// Bytes as text: valid UTF-8 stays, each other byte becomes `\xHH`. Control characters are left
/// as they are; whoever writes to a terminal escapes those too.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_the_root_is_no_path() {
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/."] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(RelPath::new("a\0b"), Err(PathError::Nul));
        assert!(RelPath::new(vec![b'x'; 256]).is_err());
        assert!(RelPath::new(vec![b'x'; 255]).is_ok());
        assert!(RelPath::new("a/...").is_ok());
    }

    #[test]
    fn a_folder_sorts_before_its_content_and_is_not_below_itself() {
        let dir = RelPath::new("a/b").unwrap();
        let file = RelPath::new("a/b/c").unwrap();
        assert!(dir < file);
        assert!(file.is_below(&dir));
        assert!(!dir.is_below(&dir));
        assert!(!RelPath::new("a/bc").unwrap().is_below(&dir));
        assert_eq!(file.parent(), Some(dir.clone()));
        assert_eq!(dir.ancestors().map(|p| p.to_string()).collect::<Vec<_>>(), ["a"]);
        let to = RelPath::new("z").unwrap();
        assert_eq!(file.rebase(&dir, &to), Some(RelPath::new("z/c").unwrap()));
    }

    #[test]
    fn bad_bytes_are_shown_escaped() {
        assert_eq!(RelPath::new(b"a\xffb".to_vec()).unwrap().to_string(), "a\\xffb");
    }
}
