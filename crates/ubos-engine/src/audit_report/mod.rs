//! The audit: figures that the log alone proves, so that anybody can compute them again.
//!
//! `collect` reads the records of a log into [`Facts`], with `continuity` looking at
//! each path; `compute` makes `figures` of these, with `uptime` for what was fresh when and `put_back` for
//! what came back; `ask` lets the peer look at its own log. What a log does not tell is `None`, "not on record", and never guessed.

pub mod ask;
pub mod collect;
mod compute;
mod continuity;
pub mod figures;
pub mod put_back;
mod uptime;

pub use collect::{Facts, collect};
pub use compute::compute;
pub use figures::{Figures, Outside, When, Window};
