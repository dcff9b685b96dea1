//! Coverage: which data are where, how current, and what is missing for which reason.
//!
//! `class` says what a path is and how many copies it is promised, `facts` what is known of each
//! `place`, `compare` decides, purely. `look` gathers the facts of this machine and of the remote,
//! `answer` those of the peer; `beside` names what is not shared at all.

pub mod answer;
pub mod beside;
pub mod class;
pub mod compare;
pub mod facts;
pub mod look;
pub mod place;
