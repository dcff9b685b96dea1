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
pub(super) fn write(state: &StateDir, elsewhere: Option<&Path>, health: &[&Health]) -> Result<()> {
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

/// A metric: its name and help, and its value for one peer.
type Metric = (String, &'static str, String, Option<i128>);

/// Everything as text, each metric with one sample for each peer. A time that is not known is left out.
pub(super) fn text(records: &[&Health]) -> String {
    let of_each: Vec<Vec<Metric>> = records.iter().map(|health| metrics(health)).collect();
    let mut text = String::new();
    // Every peer has the same metrics, in the same order.
    for index in 0..of_each.first().map_or(0, Vec::len) {
        let (name, help, ..) = &of_each[0][index];
        let samples = of_each.iter().filter_map(|metrics| {
            let (_, _, labels, value) = &metrics[index];
            value.map(|value| format!("ubos_sync_{name}{{{labels}}} {value}\n"))
        });
        let samples: String = samples.collect();
        if !samples.is_empty() {
            let _ = writeln!(text, "# HELP ubos_sync_{name} {help}");
            let _ = writeln!(text, "# TYPE ubos_sync_{name} gauge");
            text.push_str(&samples);
        }
    }
    text
}

/// Everything about one peer.
fn metrics(health: &Health) -> Vec<Metric> {
    let territory = escaped(&health.territory);
    let peer = escaped(&health.peer);
    let labels = format!("territory=\"{territory}\",peer=\"{peer}\"");
    let mode = format!("{labels},mode=\"{}\"", health.mode.word());
    let mut metrics = vec![("info".to_owned(), "What started the last run.", mode, Some(1))];
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
        let seconds = time.and_then(|time| clock::seconds(time)).map(i128::from);
        metrics.push((format!("{name}_timestamp_seconds"), help, labels.clone(), seconds));
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
    let counts = counts.map(|(name, help, count)| {
        (name.to_owned(), help, labels.clone(), Some(i128::from(count)))
    });
    metrics.extend(counts);
    let blank = Backup::default();
    // Also without a backup: every record has the same metrics.
    let figures = of_backup(health.backup.as_ref().unwrap_or(&blank));
    let backed_up = health.backup.is_some();
    metrics.extend(
        figures
            .into_iter()
            .map(|(name, help, value)| (name, help, labels.clone(), value.filter(|_| backed_up))),
    );
    metrics
}

/// How the backup fares: names, helps and values.
fn of_backup(backup: &Backup) -> Vec<(String, &'static str, Option<i128>)> {
    let times = [
        ("snapshot", "When everything last stood in a snapshot.", &backup.last_snapshot),
        ("unpushed", "Since when a place of the backup lacks something.", &backup.unpushed_since),
        ("drill", "When rebuilding everything was last tried.", &backup.last_drill),
    ];
    let times = times.map(|(name, help, time)| {
        let time = time.as_deref().and_then(clock::seconds).map(i128::from);
        (format!("git_{name}_timestamp_seconds"), help, time)
    });
    let counts = [
        (
            "failing",
            "Whether no snapshot can be made.",
            Some(backup.failing_since.is_some().into()),
        ),
        ("gaps", "Paths that are in no snapshot.", Some(backup.gaps.into())),
        ("diverged", "Places that went another way.", Some(backup.diverged.len() as i128)),
        ("drill_complete", "Whether all came back.", backup.drill_complete.map(i128::from)),
        (
            "drill_known_gaps",
            "Paths that did not come back, if it is known of all why.",
            backup.drill_known_gaps.map(i128::from),
        ),
    ];
    let counts = counts.map(|(name, help, value)| (format!("git_{name}"), help, value));
    times.into_iter().chain(counts).collect()
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
