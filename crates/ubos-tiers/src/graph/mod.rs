//! Tier 3, the graph: notes, what they link to, and what can be asked of that.
//!
//! A note's bytes become a [`note::Note`] (`note`), a link's words become a file by Obsidian's own
//! rules (`files`). Everything here is pure: the same bytes give the same graph.

pub mod canvas;
pub mod files;
pub mod model;
pub mod note;
