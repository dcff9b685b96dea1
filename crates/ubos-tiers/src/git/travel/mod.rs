//! Time travel: what stood at a path at an earlier moment, and how it comes back.
//!
//! `point` finds the state that a time, a run or a commit means, `versions` lists those of a path,
//! `restore` says what has to be placed where and fetches it. Nothing is ever checked out.

pub mod point;
pub mod restore;
pub mod versions;
