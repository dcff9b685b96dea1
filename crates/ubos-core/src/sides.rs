//! `Side` and `Sides<T>`: whatever exists once for each territory of a pair.
//!
//! A rule is written once and called for both sides; nothing in core knows which machine it is on.

use serde::{Deserialize, Serialize};

/// One territory of a pair, as seen from the one that initiated the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The territory where the command was typed ("O", ours).
    Here,
    /// The peer ("T", theirs).
    There,
}

impl Side {
    /// Both sides, `Here` first.
    pub const BOTH: [Side; 2] = [Side::Here, Side::There];

    /// The opposite side.
    pub fn other(self) -> Side {
        match self {
            Side::Here => Side::There,
            Side::There => Side::Here,
        }
    }
}

/// One value for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Sides<T> {
    /// The value of [`Side::Here`].
    pub here: T,
    /// The value of [`Side::There`].
    pub there: T,
}

impl<T> Sides<T> {
    /// Makes the pair.
    pub fn new(here: T, there: T) -> Self {
        Self { here, there }
    }

    /// The value of `side`.
    pub fn get(&self, side: Side) -> &T {
        match side {
            Side::Here => &self.here,
            Side::There => &self.there,
        }
    }

    /// The value of `side`, to change.
    pub fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Here => &mut self.here,
            Side::There => &mut self.there,
        }
    }

    /// References to both.
    pub fn as_ref(&self) -> Sides<&T> {
        Sides { here: &self.here, there: &self.there }
    }

    /// Applies `f` to both.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Sides<U> {
        Sides { here: f(self.here), there: f(self.there) }
    }

    /// The same values with the sides exchanged.
    pub fn swap(self) -> Self {
        Self { here: self.there, there: self.here }
    }

    /// Both values with their side, `Here` first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Here, &self.here), (Side::There, &self.there)].into_iter()
    }
}
