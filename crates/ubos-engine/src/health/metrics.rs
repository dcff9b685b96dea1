//! The health in the text format of Prometheus, for a collector that reads files.

use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Health;
use super::backup::Backup;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::atomic;
use crate::state::StateDir;

const NAME: &str = "metrics.prom";

/// Writes the metrics beside the health, or to `elsewhere`, readable for a collector of another
/// user. Whoever reads meanwhile finds the former ones, whole.
///
/// # Errors
/// What the system says.
pub(super) fn write(state: &StateDir, elsewhere: Option<&Path>, health: &Health) -> Result<()> {
    let text = text(health);
    let Some(path) = elsewhere else {
        return atomic::replace(state.fd(), NAME, text.as_bytes())
            .map_err(|e| EngineError::io("write", state.path(NAME), e));
    };
    let failed = |e| EngineError::io("write", path, e);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    // Not `*.prom`: collectors take every file of that name.
    let temporary = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o644).open(&temporary);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(failed)
}

/// Everything as text. A time that is not known is left out.
pub(super) fn text(health: &Health) -> String {
    let mut text = String::new();
    let territory = escaped(&health.territory);
    let peer = escaped(&health.peer);
    let labels = format!("territory=\"{territory}\",peer=\"{peer}\"");
    let mut metric = |name: &str, help: &str, more: &str, value: Option<i128>| {
        let Some(value) = value else { return };
        let _ = writeln!(text, "# HELP ubos_sync_{name} {help}");
        let _ = writeln!(text, "# TYPE ubos_sync_{name} gauge");
        let _ = writeln!(text, "ubos_sync_{name}{{{labels}{more}}} {value}");
    };
    let mode = format!(",mode=\"{}\"", health.mode.word());
    metric("info", "What started the last run.", &mode, Some(1));
    let times = [
        ("updated", "When these figures were written.", Some(&health.updated)),
        ("last_attempt", "When the last run ended, well or not.", health.last_attempt.as_ref()),
        ("last_good_run", "When the last good run ended.", health.last_good_run.as_ref()),
        ("next_run", "When the next run is due.", health.next_run.as_ref()),
        ("peer_seen", "When the peer was last met.", health.peer_seen.as_ref()),
        (
            "oldest_unsynced",
            "Since when the oldest change waits here.",
            health.oldest_unsynced.as_ref(),
        ),
    ];
    for (name, help, time) in times {
        let name = format!("{name}_timestamp_seconds");
        metric(&name, help, "", time.and_then(|time| clock::seconds(time)).map(i128::from));
    }
    let counts = [
        ("exit_code", "Exit code of the last run.", u64::from(health.exit)),
        ("failing", "Whether the last run failed.", u64::from(health.error.is_some())),
        ("failures_in_a_row", "Failed runs since the last good one.", health.failures_in_a_row),
        ("open_conflicts", "Conflicts that wait for a person.", health.open_conflicts),
        ("held", "Held paths that wait for a person.", health.held),
        ("guards", "Guards that hold something.", health.guards),
        ("skipped", "Paths that the next run tries again.", health.skipped),
        ("damaged", "Files and backups that are damaged.", health.damaged),
        ("generation", "Generation of the baseline.", health.generation),
        ("free_bytes", "Room on the file system of the root.", health.free_bytes),
        ("backup_bytes", "What the backups take.", health.backup_bytes),
    ];
    for (name, help, count) in counts {
        metric(name, help, "", Some(i128::from(count)));
    }
    if let Some(backup) = &health.backup {
        of_backup(backup, &mut |name, help, value| metric(name, help, "", value));
    }
    text
}

fn of_backup(backup: &Backup, metric: &mut dyn FnMut(&str, &str, Option<i128>)) {
    let times = [
        ("snapshot", "When everything last stood in a snapshot.", &backup.last_snapshot),
        ("unpushed", "Since when a place of the backup lacks something.", &backup.unpushed_since),
        ("drill", "When rebuilding everything was last tried.", &backup.last_drill),
    ];
    for (name, help, time) in times {
        let time = time.as_deref().and_then(clock::seconds).map(i128::from);
        metric(&format!("git_{name}_timestamp_seconds"), help, time);
    }
    let counts = [
        (
            "failing",
            "Whether no snapshot can be made.",
            Some(backup.failing_since.is_some().into()),
        ),
        ("gaps", "Paths that are in no snapshot.", Some(backup.gaps.into())),
        ("diverged", "Places that went another way.", Some(backup.diverged.len() as i128)),
        ("drill_complete", "Whether all came back.", backup.drill_complete.map(i128::from)),
    ];
    for (name, help, count) in counts {
        metric(&format!("git_{name}"), help, count);
    }
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
