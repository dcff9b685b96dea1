//! Texts that a three-way merge needs, kept by their hash: `state/<pair>/texts` holds what both
//! sides last agreed on, `conflicts/<pair>.versions` both versions of each open conflict.
//!
//! Each side keeps its own. Losing them costs merges and views without the peer, never more.

use std::os::fd::AsFd;

use ubos_core::entry::Digest;

use super::{StateDir, pack};
use crate::error::{EngineError, Result};

/// The pack of agreed texts in the folder of a pair.
pub(super) const TEXTS: &str = "texts";

/// The agreed text with this hash, if it is kept and undamaged. Needs no lock.
///
/// # Errors
/// What the system says.
pub fn base_text(state: &StateDir, pair: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    look_up(state, &format!("state/{pair}"), TEXTS, digest)
}

/// The version of an open conflict with this hash, if it is kept and undamaged. Needs no lock.
///
/// # Errors
/// What the system says.
pub fn version(state: &StateDir, pair: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    look_up(state, "conflicts", &format!("{pair}.versions"), digest)
}

fn look_up(state: &StateDir, folder: &str, name: &str, digest: Digest) -> Result<Option<Vec<u8>>> {
    let Some(dir) = state.existing_folder(folder)? else { return Ok(None) };
    pack::find(dir.as_fd(), name, digest)
        .map_err(|e| EngineError::io("read", state.path(&format!("{folder}/{name}")), e))
}
