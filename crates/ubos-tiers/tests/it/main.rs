//! The tiers from outside, with real git.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod gates;
mod hooks;
mod logs;
mod workflow;
