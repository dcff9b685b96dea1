//! Both versions of each open conflict, kept in `conflicts/` so that it can be shown and merged
//! without the peer: `conflicts/<16 digits of the path's hash>/<territory>`.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::AsFd;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;

use super::StateDir;
use crate::agent::message::{KeptVersions, MAX_VERSION};
use crate::error::{EngineError, Result};
use crate::fs::{Root, atomic, list};
use crate::staging::remove_tree;

const FOLDER: &str = "conflicts";
const MARK: &str = ".mark";

/// The content of a regular file of at most [`MAX_VERSION`] bytes.
pub fn read(root: &Root, path: &RelPath) -> Option<Vec<u8>> {
    let (fd, stat) = root.open_file(path).ok()?;
    if stat.st_size as u64 > MAX_VERSION {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::from(fd).take(MAX_VERSION).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn name_of(path: &RelPath) -> String {
    Digest::of(path.as_bytes()).to_hex()[..16].to_owned()
}

/// Whether the versions of the conflict at `path` with this mark are kept.
///
/// # Errors
/// What the system says.
pub fn has(state: &StateDir, path: &RelPath, mark: Digest) -> Result<bool> {
    let name = format!("{FOLDER}/{}", name_of(path));
    let Some(folder) = state.existing_folder(&name)? else { return Ok(false) };
    let kept = atomic::read(folder.as_fd(), MARK)
        .map_err(|e| EngineError::io("read", state.path(&name), e))?;
    Ok(kept.as_deref() == Some(mark.to_hex().as_bytes()))
}

/// Keeps the versions of these conflicts; those without contents stay as they are, all others go.
///
/// # Errors
/// What the system says.
pub fn keep(state: &StateDir, kept: &[KeptVersions]) -> Result<()> {
    let wanted: BTreeSet<String> = kept.iter().map(|versions| name_of(&versions.path)).collect();
    if let Some(folder) = state.existing_folder(FOLDER)? {
        let failed = |e| EngineError::io("clean", state.path(FOLDER), e);
        for entry in list(folder.as_fd()).map_err(failed)? {
            let is_folder = entry.kind == rustix::fs::FileType::Directory;
            if is_folder && !wanted.contains(&*String::from_utf8_lossy(&entry.name)) {
                remove_tree(folder.as_fd(), &entry.name).map_err(failed)?;
            }
        }
    }
    for versions in kept.iter().filter(|versions| !versions.contents.is_empty()) {
        let name = format!("{FOLDER}/{}", name_of(&versions.path));
        let failed = |e| EngineError::io("write", state.path(&name), e);
        let folder = state.folder(&name)?;
        for (territory, bytes) in &versions.contents {
            if territory.starts_with('.') || territory.contains('/') {
                continue;
            }
            atomic::write(folder.as_fd(), territory, bytes).map_err(failed)?;
        }
        let mark = versions.mark.to_hex();
        atomic::write(folder.as_fd(), MARK, mark.as_bytes()).map_err(failed)?;
    }
    Ok(())
}
