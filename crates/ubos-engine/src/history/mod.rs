//! The way back: which versions of a path are known, and how one of them is put back.
//!
//! In reading order: a [`mark`] is what the log says stood at a path, the [`trail`] of a path or a
//! run is its change records, [`versions`] says what stood there when, [`runs`] which runs there
//! were, [`undo`] and [`restore`] turn what a person asks for into steps, [`put_back`] carries
//! steps out on one territory, [`verify`] hashes the backups once more.
//!
//! Enters the audit log and the backups, leaves values or, from [`put_back`], files in their
//! place. Bringing them to the other territory is the business of a run ([`crate::cycle`]).

pub mod mark;
pub mod put_back;
pub mod restore;
pub mod runs;
pub mod trail;
pub mod undo;
pub mod verify;
pub mod versions;
