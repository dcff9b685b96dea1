//! The decisions of `ubos-sync`, as pure functions.
//!
//! In the order a run meets them: [`manifest`] and [`selection`] say what takes part, a scan
//! yields [`entry::Changes`] against the [`baseline`], [`reconcile`] compares the two sides,
//! [`plan`] orders what follows and lets the guards look at it. For what both sides changed there
//! are [`merge`], and the [`policy`] that a person set for a path.
//!
//! Invariant: nothing here reads a file, a clock, the environment or randomness; the same input
//! gives the same output, byte for byte. `clippy.toml` beside this crate enforces it.

pub mod baseline;
pub mod conflict;
pub mod entry;
pub mod limits;
pub mod manifest;
pub mod merge;
pub mod path;
pub mod plan;
pub mod policy;
pub mod reconcile;
pub mod selection;
pub mod sides;
