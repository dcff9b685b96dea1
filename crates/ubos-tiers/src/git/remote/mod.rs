//! The places beside this machine that hold the history: the user's remote, and the mirror on the
//! machine of the peer.
//!
//! [`place`] says how git gets there, [`record`] what is known of it and when its turn is, [`push`]
//! gives it what is new, in [`parts`] where that is much, [`diverged`] deals with a place that went
//! another way, [`trouble`] has the words for what went wrong, [`fetch`] fills a mirror from the
//! remote while the laptop is away.
//!
//! A place only ever gets more: nothing is forced, and no branch is deleted there.

pub mod diverged;
pub mod fetch;
pub mod parts;
pub mod place;
pub mod push;
pub mod record;
pub mod trouble;
