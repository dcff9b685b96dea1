//! Tier 3, the vault: what makes a territory an Obsidian vault, and what may be wrong with one.
//!
//! `settings` changes Obsidian's files by key; `graph_settings`, `core_settings`, `plugins`, `tame`,
//! `theme`, `sync_rules` and `layout` each know what one part of a vault is to hold; `init` makes a
//! plan of them all. `check` looks and changes nothing. `breaks` tells which links a sync would break.
//! Everything takes what stands in the files as values; only `files` and `check::walk` read.

pub mod breaks;
pub mod check;
pub mod config_dir;
pub mod core_settings;
pub mod files;
pub mod graph_settings;
pub mod init;
pub mod layout;
pub mod pack;
pub mod plugins;
pub mod secrets;
pub mod settings;
pub mod sync_rules;
pub mod tame;
pub mod theme;
