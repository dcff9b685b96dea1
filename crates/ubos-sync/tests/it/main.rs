//! The binary from outside: two territories, real processes, real files.
//!
//! Every test has a world of its own and may run beside all others. Every sync in it is watched:
//! that nothing is lost, nothing outside the selection touched and the report is the contract's
//! is checked by the kit, without being said.
#![expect(clippy::unwrap_used, reason = "everything here belongs to a test")]

mod append_only;
mod audit;
mod backup_check;
mod backup_drill;
mod backup_push;
mod backup_runs;
mod backup_snapshot;
#[cfg(target_os = "linux")]
mod backup_watch;
mod backups_command;
mod conversation;
#[cfg(feature = "failpoints")]
mod crash;
mod demo;
mod doctor;
mod exit_codes;
mod faults;
mod graph;
mod graph_over_ssh;
mod graph_page;
mod graph_since;
mod guards;
mod health;
mod health_peers;
mod held;
mod histories;
mod history;
mod init;
mod json_report;
mod limits;
mod links_and_names;
mod listing;
mod lost_state;
mod manifest_changes;
mod merging;
mod moves;
mod one_way;
mod paths_given;
#[cfg(feature = "failpoints")]
mod peer_lost;
mod policies;
mod prompt;
mod prompt_changes;
mod prompt_kinds;
mod prompt_leaving;
mod prompt_merge;
mod prompt_screen;
mod readme_backup;
mod readme_recovery;
mod real_input;
mod recover;
mod recover_moved;
mod recover_person;
mod recover_restored;
mod restore;
mod rotation;
mod scenarios_basic;
mod scenarios_commands;
mod scenarios_folders;
mod scenarios_kinds;
mod scenarios_modes;
mod schedule;
mod schedule_for_real;
mod ssh;
mod ssh_install;
mod state_damage;
mod tick;
mod undo;
#[cfg(feature = "failpoints")]
mod undo_crash;
mod vault_breaks;
mod vault_check;
mod vault_init;
mod vault_settings;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
mod watch_faults;
#[cfg(target_os = "linux")]
mod watch_mistakes;
#[cfg(target_os = "linux")]
mod watch_screen;
#[cfg(target_os = "linux")]
mod watch_soak;
#[cfg(target_os = "linux")]
mod watching;

use ubos_testkit::World;

/// The binary that is tested.
const BINARY: &str = match option_env!("CARGO_BIN_EXE_ubos-sync") {
    Some(path) => path,
    // A type-check alone builds no binary; no test can run with this.
    None => "no binary was built",
};

/// A pair that has agreed on everything.
fn agreed() -> World {
    World::agreed(BINARY)
}
