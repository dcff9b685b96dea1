//! Large logs that only grow, on a branch of their own: a commit keeps what is new in them and does
//! not read the rest.
//!
//! PLACEHOLDER

mod append;
mod assemble;
mod check;
mod folders;
mod growth;
mod hash;
mod layout;
mod look;
mod memory;
mod record;
mod source;

pub use assemble::{Assembled, assemble, generations, list};
pub use check::{Flaw, verify};
pub use record::{LogRecord, LogSource, Recorded, record};
