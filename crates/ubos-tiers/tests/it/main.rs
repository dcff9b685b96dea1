//! The backup with real repositories, in folders of their own.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod history;
mod maintain;
mod mirror;
mod push;
mod week;
