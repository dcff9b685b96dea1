//! The three places that hold what is shared, and a value for each of them.

use serde::{Deserialize, Serialize};

/// Where a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The territory whose manifests name the peer: its tree and its repository.
    Laptop,
    /// The other territory: its tree and its mirror.
    Server,
    /// The git remote.
    Remote,
}

impl Place {
    /// All three, in the order in which they are shown.
    pub const ALL: [Place; 3] = [Place::Laptop, Place::Server, Place::Remote];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Place::Laptop => "laptop",
            Place::Server => "server",
            Place::Remote => "remote",
        }
    }

    /// The place of that name.
    pub fn named(word: &str) -> Option<Place> {
        Self::ALL.into_iter().find(|place| place.word() == word)
    }
}

/// A value for each place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PerPlace<T> {
    /// Of the laptop.
    pub laptop: T,
    /// Of the server.
    pub server: T,
    /// Of the remote.
    pub remote: T,
}

impl<T> PerPlace<T> {
    /// What `make` says of each.
    pub fn from_fn(mut make: impl FnMut(Place) -> T) -> Self {
        Self {
            laptop: make(Place::Laptop),
            server: make(Place::Server),
            remote: make(Place::Remote),
        }
    }

    /// That of one place.
    pub fn get(&self, place: Place) -> &T {
        match place {
            Place::Laptop => &self.laptop,
            Place::Server => &self.server,
            Place::Remote => &self.remote,
        }
    }

    /// That of one place, to be changed.
    pub fn get_mut(&mut self, place: Place) -> &mut T {
        match place {
            Place::Laptop => &mut self.laptop,
            Place::Server => &mut self.server,
            Place::Remote => &mut self.remote,
        }
    }
}
