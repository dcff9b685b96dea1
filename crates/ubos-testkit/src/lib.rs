//! Proves `ubos-sync`: worlds of two territories, and eyes that see whether a promise was broken.
//!
//! In the order a test meets them: a [`sketch`] says in a few lines what a folder holds, [`law`]
//! is what the manifests of a [`world`] select, a world is a laptop and a server paired by the
//! real binary, a [`process`] is one call of that binary, its [`report`] the JSON it printed, a
//! [`run`] both together with questions that read like a row of a table. After every run
//! [`accounting`] asks on its own whether each content is still there and whether anything
//! outside the selection was touched; [`backups`] finds what was replaced. [`sshd`] and [`proxy`]
//! put a real connection between the two, a [`terminal`] lets a program talk to a person,
//! [`failpoints`] kills a process at a chosen step, and a
//! [`history`] does all of this at random from a seed.
//!
//! Nothing here is part of the shipped program, and nothing here calls its code: what the kit
//! knows about manifests or names it knows by itself, so that both cannot be wrong in one way.

pub mod accounting;
pub mod backups;
pub mod escape;
pub mod failpoints;
pub mod history;
pub mod law;
pub mod model;
pub mod process;
pub mod proxy;
pub mod random;
pub mod report;
pub mod run;
pub mod script;
pub mod sketch;
pub mod snapshot;
pub mod sshd;
pub mod terminal;
pub mod territory;
pub mod world;

pub use law::{Direction, Law};
pub use run::Run;
pub use sketch::{Node, Sketch};
pub use snapshot::Snapshot;
pub use territory::Territory;
pub use world::{Side, World};
