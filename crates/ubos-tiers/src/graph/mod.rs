//! Tier 3, the graph: notes, what they link to, and what can be asked of that.
//!
//! A note's bytes become a [`note::Note`] (`note`), a link's words become a file by Obsidian's own
//! rules (`files`), both a [`model::Graph`]: all of that is pure. What stands on the disk comes through
//! `tree`, and `index` keeps it from one question to the next.

pub mod ask;
pub mod canvas;
#[cfg(test)]
mod cases;
pub mod desk;
mod edge;
pub mod excluded;
pub mod files;
pub mod index;
mod kept;
mod lists;
mod make;
pub mod mcp;
pub mod model;
mod names;
pub mod note;
pub mod page;
pub mod parcel;
pub mod past;
pub mod questions;
pub mod search;
pub mod soft;
mod source;
mod subpath;
pub mod tree;
pub mod update;
#[cfg(test)]
pub(crate) mod vaults;
#[cfg(test)]
mod whole;
