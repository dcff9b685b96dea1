//! For tests: two sides that stand as they should, to be changed in one thing.

use ubos_core::entry::Digest;

use crate::agent::message::Standing;
use crate::state::generation::Header;

/// The header of a generation; `branch` tells histories apart.
pub(super) fn header(generation: u64, branch: u8) -> Header {
    let mut header = Header::first("pair");
    header.generation = generation;
    header.chain = Digest::of(&[generation as u8, branch]);
    header.made = (1_760_000_000 + generation as i64, 0);
    header
}

/// What a marker says of a generation.
pub(super) fn mark(generation: u64, branch: u8) -> Option<(u64, Digest)> {
    Some((generation, header(generation, branch).chain))
}

/// A side that finished this generation.
pub(super) fn at(name: &str, generation: u64) -> Standing {
    Standing {
        name: name.to_owned(),
        replica: Some(name.to_owned()),
        same_host: true,
        marker: mark(generation, 0),
        marked: true,
        header: Some(header(generation, 0)),
        damage: None,
        prepared: None,
        open_runs: false,
        manifests: Default::default(),
        folds_case: false,
        last_run: None,
        limits: Default::default(),
    }
}
