//! Both versions of each open conflict, by their hash in `conflicts/<pair>.versions`, so that it
//! can be shown and merged without the peer.
//!
//! Which versions belong there is said by the open matters of this side ([`super::matters`]); its
//! own it reads from the tree, those of the peer it is given.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::FileType;

use ubos_core::conflict::Seen;
use ubos_core::entry::{Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::sides::Side;

use super::StateDir;
use super::pack::{self, MAX_CONTENT, Pack, PackWriter};
use crate::agent::message::{KeptVersion, OpenMatter};
use crate::error::{EngineError, Result};
use crate::fs::{Root, list};
use crate::staging::remove_tree;

/// The folder of open matters.
pub(super) const FOLDER: &str = "conflicts";
/// Superfluous bytes below which a pack is not written anew.
const SLACK: u64 = 4 << 20;
/// So many bytes of own versions are added in one run; the rest waits for the next.
const MAX_OWN: usize = 32 << 20;

/// The name of a pair's pack.
pub(super) fn name(pair: &str) -> String {
    format!("{pair}.versions")
}

/// The content of a regular file of at most [`MAX_CONTENT`] bytes.
pub fn read(root: &Root, path: &RelPath) -> Option<Vec<u8>> {
    let (fd, stat) = root.open_file(path).ok()?;
    let size = usize::try_from(stat.st_size).ok().filter(|size| *size <= MAX_CONTENT)?;
    let mut bytes = Vec::with_capacity(size);
    // A file that grows meanwhile is not what was meant anyway.
    std::fs::File::from(fd).take(MAX_CONTENT as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The hash of a version that is short enough to be kept.
pub fn digest_of(seen: Option<&Seen>) -> Option<Digest> {
    match &seen?.entry {
        Entry::File { digest, size, .. } if *size <= MAX_CONTENT as u64 => Some(*digest),
        _ => None,
    }
}

/// Keeps the versions of the conflicts among `matters`, of which `given` are the peer's, and drops
/// all others. Returns the peer's versions that are still missing.
///
/// # Errors
/// What the system says.
pub fn keep(
    state: &StateDir,
    pair: &str,
    matters: &[OpenMatter],
    given: &[KeptVersion],
) -> Result<Vec<Digest>> {
    let Some(folder) = state.existing_folder(FOLDER)? else { return Ok(Vec::new()) };
    let keeping = Keeping { root: state.root(), dir: folder.as_fd(), name: name(pair) };
    keeping
        .keep(matters, given)
        .map_err(|e| EngineError::io("write", state.path(&format!("{FOLDER}/{}", name(pair))), e))
}

struct Keeping<'a> {
    root: &'a Root,
    dir: BorrowedFd<'a>,
    name: String,
}

impl Keeping<'_> {
    fn keep(&self, matters: &[OpenMatter], given: &[KeptVersion]) -> io::Result<Vec<Digest>> {
        let mut own: BTreeMap<Digest, &RelPath> = BTreeMap::new();
        let mut theirs: Vec<Digest> = Vec::new();
        for matter in matters {
            let OpenMatter::Conflict(conflict) = matter else { continue };
            let digest = |side| digest_of(conflict.sides.get(side).as_ref());
            own.extend(digest(Side::Here).map(|digest| (digest, &conflict.path)));
            theirs.extend(digest(Side::There));
        }
        if own.is_empty() && theirs.is_empty() {
            pack::remove(self.dir, &self.name)?;
            return Ok(Vec::new());
        }
        let wanted: HashSet<Digest> = own.keys().chain(&theirs).copied().collect();
        let mut pack = Pack::open(self.dir, &self.name)?;
        let mut length = pack.as_ref().map_or(0, Pack::length);
        if let Some(old) = pack.take_if(|pack| has_to_be_renewed(pack, &wanted)) {
            length = old.compact(self.dir, &self.name, |digest| wanted.contains(&digest))?;
            pack = Pack::open(self.dir, &self.name)?;
        }
        let mut there: HashSet<Digest> = pack.iter().flat_map(Pack::latest_first).collect();
        own.retain(|digest, _| !there.contains(digest));
        if !own.is_empty() || !given.is_empty() {
            self.add(length, &wanted, &mut there, &own, given)?;
        }
        theirs.retain(|digest| !there.contains(digest));
        Ok(theirs)
    }

    fn add(
        &self,
        length: u64,
        wanted: &HashSet<Digest>,
        there: &mut HashSet<Digest>,
        own: &BTreeMap<Digest, &RelPath>,
        given: &[KeptVersion],
    ) -> io::Result<()> {
        let mut writer = PackWriter::open(self.dir, &self.name, length)?;
        for KeptVersion { content } in given {
            let digest = Digest::of(content);
            if wanted.contains(&digest) && content.len() <= MAX_CONTENT && there.insert(digest) {
                writer.add(digest, content)?;
            }
        }
        let mut bytes = 0;
        for (digest, path) in own {
            let Some(content) = read(self.root, path).filter(|_| bytes < MAX_OWN) else { continue };
            bytes += content.len();
            if Digest::of(&content) == *digest && there.insert(*digest) {
                writer.add(*digest, &content)?;
            }
        }
        writer.finish().map(|_| ())
    }
}

/// Whether a pack is damaged, or much of it is no longer wanted.
fn has_to_be_renewed(pack: &Pack, wanted: &HashSet<Digest>) -> bool {
    let length = |digest: &Digest| pack.record_length(*digest);
    let live: u64 = wanted.iter().map(length).sum();
    !pack.is_whole() || pack.length() > 2 * live + SLACK
}

/// Removes the folders in which an earlier version kept versions.
///
/// # Errors
/// What the system says.
pub fn clean(state: &StateDir) -> Result<()> {
    let Some(folder) = state.existing_folder(FOLDER)? else { return Ok(()) };
    let failed = |e| EngineError::io("clean", state.path(FOLDER), e);
    for entry in list(folder.as_fd()).map_err(failed)? {
        if entry.kind == FileType::Directory {
            remove_tree(folder.as_fd(), &entry.name).map_err(failed)?;
        }
    }
    Ok(())
}
