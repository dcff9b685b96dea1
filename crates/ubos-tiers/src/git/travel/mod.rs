//! Time travel: what stood at a path at an earlier moment, and how it comes back.
//!
//! `versions` lists those of a path.

pub mod versions;
