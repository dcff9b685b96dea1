//! The tiers from outside: real git, real repositories, real files.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod gates;
mod hooks;
mod workflow;
