//! The tiers from outside, with real git.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod busy;
mod concurrency;
mod gates;
mod histories;
mod history;
mod hooks;
mod init;
mod logs;
mod maintain;
mod mirror;
mod place;
mod push;
mod repository;
mod snapshot;
mod traps;
mod workflow;
