//! The tiers from outside, with real git.
//! The backup with real repositories, in folders of their own.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod busy;
mod concurrency;
mod coverage;
mod drill;
mod gates;
mod histories;
mod history;
mod hooks;
mod init;
mod logs;
mod logs_damage;
mod maintain;
mod mirror;
mod place;
mod push;
mod repository;
mod snapshot;
mod survivors;
mod traps;
mod travel;
mod week;
mod workflow;
