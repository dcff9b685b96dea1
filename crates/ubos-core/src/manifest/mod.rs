//! The three files that say what is shared, and in which direction.
//!
//! Bytes come in, checked lines go out: [`parse`] reads one file, [`law`] tells whose text counts
//! when the two sides hold different ones, [`defaults`] has what a new pair starts with. What the
//! lines mean for a path is the business of [`crate::selection`].

pub mod defaults;
mod error;
mod heading;
pub mod law;
pub mod parse;

use serde::{Deserialize, Serialize};

pub use self::error::{ManifestError, ManifestErrors};
pub use self::parse::{Line, ManifestFile};
use crate::entry::Digest;
use crate::path::{PathError, RelPath};
use crate::sides::Side;

/// The direction of a selected path, as seen from the territory whose manifests these are (the
/// laptop).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both sides may change it.
    Bidirectional,
    /// The laptop is the authority.
    PushOnly,
    /// The server is the authority.
    PullOnly,
    /// The server is the authority and the file only grows.
    AppendOnly,
}

impl Direction {
    /// The side whose content counts, given the side that owns the manifests (the laptop);
    /// `None` where both count.
    pub fn authority(self, owner: Side) -> Option<Side> {
        match self {
            Direction::Bidirectional => None,
            Direction::PushOnly => Some(owner),
            Direction::PullOnly | Direction::AppendOnly => Some(owner.other()),
        }
    }

    /// The word used in manifests and reports.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Bidirectional => "bidirectional",
            Direction::PushOnly => "push-only",
            Direction::PullOnly => "pull-only",
            Direction::AppendOnly => "append-only",
        }
    }
}

/// Which of the three files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `sync_to_<peer>.conf`: bidirectional unless a heading says otherwise.
    To,
    /// `sync_from_<peer>.conf`: pull-only unless a heading says otherwise.
    From,
    /// `sync_exclude.conf`: never synced.
    Exclude,
}

impl Role {
    /// The direction of lines above the first heading; `None` where lines have no direction.
    pub fn default_direction(self) -> Option<Direction> {
        match self {
            Role::To => Some(Direction::Bidirectional),
            Role::From => Some(Direction::PullOnly),
            Role::Exclude => None,
        }
    }
}

/// One value for each of the three files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct PerManifest<T> {
    /// The value of [`Role::To`].
    pub to: T,
    /// The value of [`Role::From`].
    pub from: T,
    /// The value of [`Role::Exclude`].
    pub exclude: T,
}

impl<T> PerManifest<T> {
    /// Makes the three values.
    pub fn from_fn(mut f: impl FnMut(Role) -> T) -> Self {
        Self { to: f(Role::To), from: f(Role::From), exclude: f(Role::Exclude) }
    }

    /// The value of `role`.
    pub fn get(&self, role: Role) -> &T {
        match role {
            Role::To => &self.to,
            Role::From => &self.from,
            Role::Exclude => &self.exclude,
        }
    }

    /// Applies `f` to all three.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> PerManifest<U> {
        PerManifest { to: f(self.to), from: f(self.from), exclude: f(self.exclude) }
    }

    /// The three values with their role: to, from, exclude.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &T)> {
        [(Role::To, &self.to), (Role::From, &self.from), (Role::Exclude, &self.exclude)].into_iter()
    }
}

/// Where the three files stand in a territory.
pub type ManifestPaths = PerManifest<RelPath>;

impl ManifestPaths {
    /// The paths for the peer that the laptop calls `peer`.
    ///
    /// # Errors
    /// When `peer` cannot be part of a file name, for instance because it contains a `/`.
    pub fn for_peer(peer: &str) -> Result<Self, PathError> {
        let config = RelPath::new("config")?;
        Ok(Self {
            to: config.join(format!("sync_to_{peer}.conf").as_bytes())?,
            from: config.join(format!("sync_from_{peer}.conf").as_bytes())?,
            exclude: config.join(b"sync_exclude.conf")?,
        })
    }
}

/// The three manifests of a pair, every line of them checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifests {
    /// What goes to the peer, two-way unless said otherwise.
    pub to: ManifestFile,
    /// What comes from the peer.
    pub from: ManifestFile,
    /// What is never synced.
    pub exclude: ManifestFile,
}

impl Manifests {
    /// Reads the texts of the three files, as found at `paths`; `None` is a file that is missing.
    ///
    /// # Errors
    /// Everything that is wrong with any of the three, not only the first finding. A missing file
    /// is one of them: it never means that nothing, or everything, is excluded.
    pub fn read(
        paths: &ManifestPaths,
        texts: &PerManifest<Option<Vec<u8>>>,
    ) -> Result<Self, ManifestErrors> {
        let mut errors = Vec::new();
        let mut one = |role: Role| match texts.get(role) {
            Some(bytes) => ManifestFile::parse(paths.get(role), role, bytes)
                .map_err(|found| errors.extend(found.0))
                .ok(),
            None => {
                errors.push(ManifestError::missing(paths.get(role)));
                None
            }
        };
        match (one(Role::To), one(Role::From), one(Role::Exclude)) {
            (Some(to), Some(from), Some(exclude)) => Ok(Self { to, from, exclude }),
            _ => Err(ManifestErrors(errors)),
        }
    }

    /// The file of `role`.
    pub fn get(&self, role: Role) -> &ManifestFile {
        match role {
            Role::To => &self.to,
            Role::From => &self.from,
            Role::Exclude => &self.exclude,
        }
    }

    /// The hash of each file's bytes, as the baseline remembers them for [`law::laws`].
    pub fn digests(&self) -> PerManifest<Digest> {
        PerManifest::from_fn(|role| self.get(role).digest())
    }

    /// One hash over the bytes of all three, in the order to, from, exclude.
    pub fn digest(&self) -> Digest {
        let parts = self.digests();
        Digest::of(&[parts.to.0, parts.from.0, parts.exclude.0].concat())
    }
}
