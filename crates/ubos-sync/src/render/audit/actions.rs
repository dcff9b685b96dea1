//! What a person should do about the figures, each with the command.

use ubos_engine::audit_report::Figures;

use crate::render::units::plural;

/// A clock that is so many seconds off is worth a word.
const CLOCK: f64 = 2.0;
/// So many days ahead a full disk is worth a word.
const DISK: f64 = 30.0;
const DAY: f64 = 86_400.0;

/// The open actions, the most pressing first.
pub(super) fn of(figures: &Figures) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |needed: bool, words: String| {
        if needed {
            out.push(words);
        }
    };
    let (record, peer) = (&figures.record, &figures.peer);
    let faulty = record.fault.is_some() || record.breaks + record.generations_back > 0;
    say(faulty, "the log does not hold: `ubos-sync log --verify`".into());
    let other = record
        .peer
        .as_ref()
        .is_some_and(|it| it.fault.is_some() || !it.wrong.is_empty() || !it.denied.is_empty());
    say(
        other || record.heads_fault.is_some(),
        format!("the log of {peer} was cut or rewritten: `ubos-sync log --verify` there"),
    );
    let unproved = &figures.conflicts.unproved;
    say(
        !unproved.is_empty(),
        format!(
            "{} closed without the record of a decision: `ubos-sync history PATH`",
            plural(unproved.len(), "conflict")
        ),
    );
    let open = &figures.conflicts.open;
    let old = open.iter().filter(|conflict| conflict.age_seconds > DAY).count();
    say(
        !open.is_empty() || figures.conflicts.counted.unwrap_or(0) > 0,
        format!("open conflicts, {old} of them for more than a day: `ubos-sync resolve`"),
    );
    say(!figures.held.is_empty(), "held paths: `ubos-sync conflicts`".into());
    say(!figures.runs.guards.is_empty(), "a guard held changes: `ubos-sync status`".into());
    let found = |place: &str| figures.backups.findings.get(place).copied().unwrap_or(0);
    let damaged = found("backups") + found("sealed");
    say(
        damaged > 0,
        format!("{damaged} backups are not what the log says: `ubos-sync backups verify`"),
    );
    let damaged = found("tree");
    say(
        damaged > 0,
        format!("{damaged} files changed on the disk by themselves: `ubos-sync health`"),
    );
    let own = ["auth", "host-key", "agent-missing", "no-ssh"];
    say(
        own.iter().any(|cause| figures.runs.failures.contains_key(*cause)),
        format!("logins at {peer} failed: `ubos-sync doctor`"),
    );
    let days = figures.storage.days_left.filter(|days| *days < DISK);
    say(
        days.is_some(),
        format!("the disk is full in {:.0} days at this rate", days.unwrap_or(0.0)),
    );
    let off = figures.clocks.offset.p50.filter(|seconds| *seconds > CLOCK);
    say(
        off.is_some(),
        format!("the clocks are {:.1} s apart: set up time synchronisation", off.unwrap_or(0.0)),
    );
    out
}
