//! The identity marker: `.ubos-sync/marker`, outside `state/` on purpose, so that a lost or older
//! state can be told from a lost or older tree.

use serde::{Deserialize, Serialize};

use ubos_core::entry::Digest;

use super::StateDir;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{atomic, platform};

const NAME: &str = "marker";

/// Which replica a root is, and how far it came with each of its pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// Version of this file's format.
    pub format: u32,
    /// This replica, for ever.
    pub replica: String,
    /// The machine it lives on, as far as the system names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// One entry for each pair.
    #[serde(default, rename = "pair")]
    pub pairs: Vec<PairMark>,
}

/// How far this root came with one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairMark {
    /// The pair.
    pub id: String,
    /// The last generation whose content this root holds.
    pub generation: u64,
    /// Its chain, as 64 hexadecimal digits.
    pub chain: String,
}

impl Marker {
    /// A new replica on this machine. The ids of those that own the manifests (laptops) sort
    /// before all others: the two locks of a run are taken in the order of the ids, and the side
    /// that usually initiates then need not wait for the other to take its own.
    pub fn fresh(owner: bool) -> Self {
        let id = clock::random_id();
        Self {
            format: 1,
            replica: format!("{}{}", if owner { '0' } else { '1' }, &id[1..]),
            host: platform::host_id(),
            pairs: Vec::new(),
        }
    }

    /// Reads the marker; `None` if it is missing.
    ///
    /// # Errors
    /// [`EngineError::Damaged`] if it cannot be understood.
    pub fn load(state: &StateDir) -> Result<Option<Marker>> {
        let path = state.path(NAME);
        let bytes =
            atomic::read(state.fd(), NAME).map_err(|e| EngineError::io("read", &path, e))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        toml::from_str(&text).map(Some).map_err(|e| EngineError::Damaged {
            what: format!("`{}`", path.display()),
            why: e.message().to_owned(),
        })
    }

    /// Writes the marker, durably.
    ///
    /// # Errors
    /// What the system says.
    pub fn save(&self, state: &StateDir) -> Result<()> {
        let text = toml::to_string(self).expect("a marker is plain data");
        let text =
            format!("# Identity of this territory for ubos-sync. Do not edit or copy.\n{text}");
        atomic::write(state.fd(), NAME, text.as_bytes())
            .map_err(|e| EngineError::io("write", state.path(NAME), e))
    }

    /// The entry of `pair`.
    pub fn pair(&self, pair: &str) -> Option<&PairMark> {
        self.pairs.iter().find(|mark| mark.id == pair)
    }

    /// Sets the entry of `pair`.
    pub fn set(&mut self, pair: &str, generation: u64, chain: Digest) {
        let mark = PairMark { id: pair.to_owned(), generation, chain: chain.to_hex() };
        match self.pairs.iter_mut().find(|mark| mark.id == pair) {
            Some(old) => *old = mark,
            None => self.pairs.push(mark),
        }
    }
}
