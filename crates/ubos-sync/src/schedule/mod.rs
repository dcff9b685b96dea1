//! What lets a territory sync by itself: files for systemd or launchd, and the talk with both.
//!
//! [`order`] is what a person wants; [`systemd`] and [`launchd`] turn it into files, purely;
//! [`place`] knows where they belong and which are ours; [`files`] writes and removes them;
//! [`service`] asks the system's service manager; [`trouble`] says in plain words what it refused.

pub(crate) mod files;
pub(crate) mod interval;
pub(crate) mod launchd;
pub(crate) mod mark;
pub(crate) mod order;
pub(crate) mod place;
pub(crate) mod program;
pub(crate) mod service;
pub(crate) mod standing;
pub(crate) mod systemd;
pub(crate) mod template;
pub(crate) mod trouble;
pub(crate) mod user;
