//! What follows a sync. Tier 2 is a versioned backup in git; tier 3 is the Obsidian vault and its
//! graph of links.
//!
//! Both look at what the sync made and never take part in its decisions: whatever fails here is
//! told, and the sync goes on without it.

pub mod git;
pub mod graph;
pub mod vault;
