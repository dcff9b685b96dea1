//! From values to text and JSON. Nothing here reads or decides.

pub(crate) mod actions;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod breaks;
pub(crate) mod command;
pub(crate) mod conflict;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod guarded;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod json;
pub(crate) mod listing;
pub(crate) mod put_back;
pub(crate) mod recovery;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod settle;
pub(crate) mod units;
pub(crate) mod vault;
pub(crate) mod watch;
pub(crate) mod wrap;

#[cfg(test)]
mod conflict_tests;
