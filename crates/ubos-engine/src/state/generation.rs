//! What names a generation of the baseline, and what may stand open between two of them.

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Item;
use ubos_core::sides::Side;

use super::record::StoredRecord;

/// What identifies a generation of the baseline; the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The pair.
    pub pair: String,
    /// Counts up by one with each change of the baseline.
    pub generation: u64,
    /// Hash of the former chain, the run and its rows: equal chains are equal histories.
    pub chain: Digest,
    /// See [`ubos_core::baseline::Baseline::trusted`].
    pub trusted: bool,
    /// Digests of the to, from and exclude manifests at this generation.
    pub manifests: [Digest; 3],
    /// The run that made this generation.
    pub run: String,
    /// Names of the two replicas' ids are not part of it: either side may have initiated.
    pub made: (i64, u32),
}

impl Header {
    /// The header of a pair that has never synced.
    pub fn first(pair: &str) -> Self {
        Self {
            pair: pair.to_owned(),
            generation: 0,
            chain: Digest::of(pair.as_bytes()),
            trusted: true,
            manifests: [Digest([0; 32]); 3],
            run: String::new(),
            made: (0, 0),
        }
    }

    /// The header that follows this one when `run` changes the rows hashed in `rows`.
    pub fn next(
        &self,
        run: &str,
        rows: Digest,
        manifests: [Digest; 3],
        trusted: bool,
        made: (i64, u32),
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.chain.0);
        hasher.update(&(self.generation + 1).to_le_bytes());
        hasher.update(run.as_bytes());
        hasher.update(&rows.0);
        for digest in &manifests {
            hasher.update(&digest.0);
        }
        hasher.update(&[trusted as u8]);
        Self {
            pair: self.pair.clone(),
            generation: self.generation + 1,
            chain: Digest(*hasher.finalize().as_bytes()),
            trusted,
            manifests,
            run: run.to_owned(),
            made,
        }
    }
}

/// A run's journalled intents that no generation has closed yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRun {
    /// The run.
    pub run: String,
    /// What this side was called in it.
    pub side: Side,
    /// Its items, in plan order.
    pub items: Vec<Item>,
}

/// A generation that was prepared and neither committed nor dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Its header.
    pub header: Header,
    /// Its rows.
    pub rows: Vec<(RelPath, Option<StoredRecord>)>,
}
