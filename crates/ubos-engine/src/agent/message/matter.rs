//! What waits for a person, as both sides keep it.

use serde::{Deserialize, Serialize};

use ubos_core::conflict::{Conflict, Held};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Guard;
use ubos_core::sides::{Side, Sides};

/// A version of an open conflict, for showing and merging it without the peer. Who keeps it knows
/// from its own open matters, and by the hash, to what it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptVersion {
    /// The content.
    pub content: Vec<u8>,
}

/// An open conflict or held path, as both sides keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenMatter {
    /// A conflict.
    Conflict(Box<Conflict>),
    /// A held path.
    Held(Held),
    /// A mark that a person chose to leave as it is.
    Left(RelPath, Digest),
    /// Something that a guard holds.
    Guarded(Box<Guarded>),
}

/// A change that a guard holds until a person confirms the plan it is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guarded {
    /// Where.
    pub path: RelPath,
    /// The side that would be changed.
    pub on: Side,
    /// What would be done, in the word of reports.
    pub op: String,
    /// The guard.
    pub guard: Guard,
    /// The plan that carries out all that is held, as each side would confirm it.
    pub plans: Sides<String>,
    /// The item of that plan, as each side names it.
    pub digests: Sides<Digest>,
}
