//! The acts of `ubos-sync`.
//!
//! [`cycle`] is one run: eight stages, each a file. What serves it, from the top: [`endpoint`]
//! (a side of the pair), [`agent`] and [`link`] (the far side), [`scanner`], [`transfer`],
//! [`staging`], [`apply`], [`backups`], [`history`], [`state`], [`fs`].
//!
//! Nothing here prints.

pub mod agent;
pub mod apply;
pub mod audit_notes;
pub mod audit_report;
pub mod backups;
pub mod clock;
pub mod cycle;
pub mod duties;
pub mod edits;
pub mod endpoint;
pub mod error;
pub mod failpoint;
pub mod fs;
pub mod health;
pub mod history;
pub mod inventory;
pub mod link;
pub mod pairing;
pub mod rsync;
pub mod scanner;
pub mod scrub;
pub mod staging;
pub mod state;
pub mod transfer;
pub mod watch;
pub mod watch_loop;
