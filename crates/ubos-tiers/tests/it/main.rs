//! The backup with real repositories, in folders of their own.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod coverage;
mod drill;
mod history;
mod maintain;
mod mirror;
mod place;
mod push;
mod snapshot;
mod survivors;
mod travel;
