//! The contents that a conflict is about, as far as this territory has them: kept by the last run,
//! or live. The peer is not asked.

use std::io::Read;

use ubos_core::conflict::{Conflict, Seen};
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};
use ubos_engine::error::Result;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{StateDir, texts};

use crate::backup::versions;
use crate::cli::Global;
use crate::territory;

/// Larger files are not read for showing.
const MAX_SHOWN: u64 = 64 * 1024 * 1024;

/// Where contents are found.
pub(super) struct Shelf {
    /// This territory.
    pub state: StateDir,
    /// The pair's id.
    pub pair: String,
    config: Config,
    peer: Peer,
}

/// One side's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Version {
    /// Nothing stands there, or nothing that has a content.
    None,
    /// These bytes; of a link the text.
    Bytes(Vec<u8>),
    /// A file that this territory does not have.
    Elsewhere,
}

impl Version {
    /// The bytes, if they are known.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Version::Bytes(bytes) => Some(bytes),
            Version::None | Version::Elsewhere => None,
        }
    }
}

/// What is known of a conflict's contents.
#[derive(Debug, Clone)]
pub(super) struct Versions {
    /// The last agreed text.
    pub base: Option<Vec<u8>>,
    /// Both versions.
    pub sides: Sides<Version>,
    /// How many versions of the path are in git.
    pub in_git: usize,
}

impl Shelf {
    /// Opens what this territory keeps of the pair on the command line.
    pub(super) fn open(global: &Global) -> Result<Self> {
        let (state, config) = territory::open(global)?;
        let peer = config.peer(global.peer.as_deref())?.1.clone();
        Ok(Self { state, pair: peer.pair.clone(), config, peer })
    }

    /// What is known of the contents of `conflict`.
    pub(super) fn versions(&self, conflict: &Conflict) -> Result<Versions> {
        let agreed = match &conflict.base {
            Base::Known(Entry::File { digest, .. }) => Some(*digest),
            _ => None,
        };
        let text = agreed.map(|digest| texts::base_text(&self.state, &self.pair, digest));
        let text = text.transpose()?.flatten();
        // What is too large or too old for the sync to keep may be in a snapshot.
        let missing = agreed.filter(|_| text.is_none());
        let Self { state, config, peer, .. } = self;
        let git = versions::of_conflict(state, config, peer, &conflict.path, (missing, MAX_SHOWN));
        let base = text.or(git.wanted);
        let here = self.version(&conflict.path, conflict.sides.get(Side::Here), true)?;
        let there = self.version(&conflict.path, conflict.sides.get(Side::There), false)?;
        Ok(Versions { base, sides: Sides::new(here, there), in_git: git.count })
    }

    fn version(&self, path: &RelPath, seen: &Option<Seen>, ours: bool) -> Result<Version> {
        let Some(seen) = seen else { return Ok(Version::None) };
        let digest = match &seen.entry {
            Entry::File { digest, .. } => *digest,
            Entry::Symlink { target } => return Ok(Version::Bytes(target.to_vec())),
            Entry::Dir => return Ok(Version::None),
        };
        let kept = texts::version(&self.state, &self.pair, digest)?;
        let found = kept.or_else(|| if ours { self.live(path, digest) } else { None });
        Ok(found.map_or(Version::Elsewhere, Version::Bytes))
    }

    /// The live file, if it is still the one that was seen.
    fn live(&self, path: &RelPath, digest: Digest) -> Option<Vec<u8>> {
        let (file, stat) = self.state.root().open_file(path).ok()?;
        if stat.st_size as u64 > MAX_SHOWN {
            return None;
        }
        let mut bytes = Vec::new();
        std::fs::File::from(file).take(MAX_SHOWN).read_to_end(&mut bytes).ok()?;
        (Digest::of(&bytes) == digest).then_some(bytes)
    }
}
