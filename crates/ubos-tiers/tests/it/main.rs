//! The backup against real git, in territories made for each test.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod busy;
mod concurrency;
mod histories;
mod init;
mod place;
mod repository;
mod snapshot;
mod traps;
