//! The tiers from outside, with real git.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod busy;
mod concurrency;
mod gates;
mod histories;
mod hooks;
mod init;
mod logs;
mod place;
mod repository;
mod snapshot;
mod traps;
mod workflow;
