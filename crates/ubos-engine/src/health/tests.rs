use std::time::Duration;

use super::news::{News, Told, since};
use super::verdict::{Reason, State, judge};
use super::*;
use crate::state::StateDir;

const NOON: i64 = 1_800_000_000;

fn at(time: i64) -> Now {
    let awake = Awake { boot: "b".into(), seconds: (time - NOON + 1_000_000) as u64 };
    Now { time, awake: Some(awake), interval: Duration::from_secs(300) }
}

fn good(mode: Mode) -> Ended {
    let peer = "balaur".to_owned();
    Ended { peer, met: true, generation: Some(7), mode, ..Ended::default() }
}

fn failed(exit: u8, mode: Mode) -> Ended {
    let trouble = Trouble { kind: "k".into(), message: "m".into(), hint: "h".into() };
    Ended { peer: "balaur".into(), exit, error: Some(trouble), mode, ..Ended::default() }
}

fn nothing() -> Waiting {
    Waiting::default()
}

fn conflicts(names: &[&str]) -> Waiting {
    let conflicts = names.iter().map(|name| RelPath::new(*name).unwrap()).collect();
    Waiting { conflicts, ..Waiting::default() }
}

fn time(seconds: i64) -> Option<String> {
    Some(clock::rfc3339((seconds, 0)))
}

fn healthy() -> Health {
    Health::default().after(&good(Mode::Timer), &nothing(), &at(NOON))
}

#[test]
fn a_timer_with_an_interval_of_its_own_is_judged_by_that() {
    let hourly = Ended { interval: Some(3600), ..good(Mode::Timer) };
    let health = Health::default().after(&hourly, &nothing(), &at(NOON));
    assert_eq!(health.next_run, time(NOON + 3600));
    let state =
        |health: &Health, seconds, reaches| judge(Some(health), &at(NOON + seconds), reaches).state;
    assert_eq!(state(&health, 3000, true), State::Healthy);
    assert_eq!(state(&health, 7801, true), State::Unhealthy);
    assert_eq!(state(&healthy(), 3000, true), State::Unhealthy);
    // A run by hand says nothing of the timer.
    let by_hand = health.clone().after(&good(Mode::Manual), &nothing(), &at(NOON + 60));
    assert_eq!((by_hand.interval, by_hand.next_run), (Some(3600), time(NOON + 3600)));
    // What one side does alone has a timer of its own, whoever else comes by.
    let alone = health.after_duties(None, None, Some(7200), &at(NOON));
    let met = alone.after(&good(Mode::Watch), &nothing(), &at(NOON + 1));
    assert_eq!(state(&met, 7100, false), State::Healthy);
    assert_eq!(
        state(&healthy().after_duties(None, None, None, &at(NOON)), 7100, false),
        State::Unhealthy
    );
}

#[test]
fn a_good_run_is_written_down() {
    let health = healthy();
    assert_eq!(health.last_attempt, time(NOON));
    assert_eq!(health.last_good_run, time(NOON));
    assert_eq!(health.peer_seen, time(NOON));
    assert_eq!(health.next_run, time(NOON + 300));
    assert_eq!((health.generation, health.failures_in_a_row, health.error), (7, 0, None));
}

#[test]
fn failures_are_counted_until_a_good_run_and_lose_nothing() {
    let mut health = Health { oldest_unsynced: time(NOON - 5), skipped: 2, ..healthy() };
    for count in 1..=3 {
        let now = at(NOON + count);
        health = health.after(&failed(5, Mode::Timer), &conflicts(&["a"]), &now);
        assert_eq!(health.failures_in_a_row, count as u64);
    }
    assert_eq!(health.last_good_run, time(NOON));
    assert_eq!(health.last_attempt, time(NOON + 3));
    assert_eq!(health.peer_seen, time(NOON));
    assert_eq!(health.oldest_unsynced, time(NOON - 5));
    assert_eq!((health.exit, health.open_conflicts, health.skipped), (5, 1, 2));
    assert_eq!(health.generation, 7);
    let health = health.after(&good(Mode::Timer), &nothing(), &at(NOON + 9));
    assert_eq!((health.failures_in_a_row, health.error, health.oldest_unsynced), (0, None, None));
}

#[test]
fn a_run_by_hand_moves_no_timer() {
    let health = healthy().after(&good(Mode::Manual), &nothing(), &at(NOON + 60));
    assert_eq!(health.next_run, time(NOON + 300));
    let health = health.after(&good(Mode::Manual), &nothing(), &at(NOON + 301));
    assert_eq!(health.next_run, None);
}

#[test]
fn a_guard_that_stopped_the_run_counts_as_one() {
    let health = healthy().after(&failed(4, Mode::Manual), &nothing(), &at(NOON));
    assert_eq!(health.guards, 1);
    let health = health.after(&failed(5, Mode::Manual), &nothing(), &at(NOON));
    assert_eq!(health.guards, 0);
}

#[test]
fn duties_alone_are_no_run() {
    let health = healthy();
    let after = health.clone().after_duties(None, time(NOON + 50), None, &at(NOON + 100));
    assert_eq!(after.duties, time(NOON + 100));
    assert_eq!(after.oldest_unsynced, time(NOON + 50));
    assert_eq!((after.last_attempt, after.last_good_run), (time(NOON), time(NOON)));
    let trouble = failed(1, Mode::Timer).error.unwrap();
    let ill = health.after_duties(Some((trouble, 1)), None, None, &at(NOON + 100));
    assert_eq!((ill.exit, ill.failures_in_a_row, ill.duties.clone()), (1, 1, None));
    let well = ill.after_duties(None, None, None, &at(NOON + 400));
    assert_eq!((well.exit, well.failures_in_a_row, well.error), (0, 0, None));
}

#[test]
fn what_is_kept_is_read_again_also_by_a_newer_or_older_program() {
    let health = healthy();
    let text = serde_json::to_string(&health).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), health);
    let other: Health = serde_json::from_str(r#"{"schema":1,"later":[1],"held":3}"#).unwrap();
    assert_eq!(other.held, 3);
}

#[test]
fn the_verdict_follows_the_age_of_the_last_good_run_while_awake() {
    // Seconds since the good run, seconds awake since, an address for the peer, the answer.
    let table = [
        (60, 60, true, State::Healthy),
        (1200, 1200, true, State::Healthy),
        (1201, 1201, true, State::Unhealthy),
        // Asleep for eight hours, awake for a minute.
        (28_800, 60, true, State::Healthy),
        (28_800, 1300, true, State::Unhealthy),
    ];
    for (age, awake, reaches, expected) in table {
        let mut now = at(NOON + age);
        now.awake.as_mut().unwrap().seconds = (1_000_000 + awake) as u64;
        let verdict = judge(Some(&healthy()), &now, reaches);
        assert_eq!(verdict.state, expected, "{age} {awake}");
        assert_eq!(verdict.age, Some(age as u64));
        assert_eq!(verdict.awake_age, Some(awake as u64));
    }
}

#[test]
fn a_clock_that_was_set_forward_or_back_neither_alarms_nor_hides_that_nothing_runs() {
    const DAY: i64 = 86_400;
    for days in [9, 1, -1, -9] {
        for (awake, expected) in [(60, State::Healthy), (1300, State::Unhealthy)] {
            let mut now = at(NOON + days * DAY);
            now.awake.as_mut().unwrap().seconds = 1_000_000 + awake;
            let verdict = judge(Some(&healthy()), &now, true);
            assert_eq!(verdict.state, expected, "{days} days, {awake} s awake");
        }
        let run = healthy().after(&good(Mode::Watch), &nothing(), &at(NOON + days * DAY));
        assert_eq!(run.next_run, time(NOON + days * DAY + 300), "the next good run mends it");
    }
}

#[test]
fn after_another_boot_only_the_time_since_then_counts() {
    let mut now = at(NOON + 86_400);
    now.awake = Some(Awake { boot: "another".into(), seconds: 100 });
    assert_eq!(judge(Some(&healthy()), &now, true).state, State::Healthy);
    now.awake.as_mut().unwrap().seconds = 1300;
    assert_eq!(judge(Some(&healthy()), &now, true).reasons, [Reason::NoGoodRun(1300)]);
    // Where the system does not tell, all of it counts.
    now.awake = None;
    assert_eq!(judge(Some(&healthy()), &now, true).reasons, [Reason::NoGoodRun(86_400)]);
}

#[test]
fn a_side_that_cannot_reach_its_peer_is_not_ill_because_the_peer_sleeps() {
    let after = |age: i64, duties: i64| {
        let health = healthy().after_duties(None, None, None, &at(NOON + duties));
        judge(Some(&health), &at(NOON + age), false)
    };
    assert_eq!(after(28_800, 28_700).state, State::Healthy);
    assert_eq!(after(28_800, 28_700).silence, Some(28_800));
    assert_eq!(after(28_800, 60).reasons, [Reason::NoDuties]);
    assert_eq!(after(86_401, 86_400).reasons, [Reason::PeerSilent(86_401)]);
    assert_eq!(judge(Some(&healthy()), &at(NOON + 1300), false).reasons, [Reason::NoDuties]);
}

#[test]
fn what_waits_for_a_person_and_what_is_damaged_tells() {
    assert_eq!(judge(None, &at(NOON), true).reasons, [Reason::NeverSynced]);
    let open = healthy().after(&good(Mode::Timer), &conflicts(&["a"]), &at(NOON));
    assert_eq!(judge(Some(&open), &at(NOON), true).state, State::Undecided);
    let damaged = Health { damaged: 2, ..open };
    let verdict = judge(Some(&damaged), &at(NOON), true);
    assert_eq!(verdict.reasons, [Reason::Damaged(2), Reason::ToDecide]);
    assert_eq!((verdict.state, verdict.state.exit_code()), (State::Unhealthy, 1));
}

/// What a person is told along these runs, in words.
fn told(runs: &[(Ended, Waiting)]) -> Vec<Vec<&'static str>> {
    let (mut health, mut known) = (Health::default(), Told::default());
    let mut all = Vec::new();
    for (step, (ended, waiting)) in runs.iter().enumerate() {
        health = health.after(ended, waiting, &at(NOON + step as i64));
        let (news, now) = since(&known, &health, waiting.conflicts.clone());
        all.push(news.iter().map(News::word).collect());
        known = now;
    }
    all
}

#[test]
fn only_changes_of_state_are_told() {
    let timer = |exit| (failed(exit, Mode::Timer), nothing());
    let well = || (good(Mode::Timer), nothing());
    let some = |names: &[&str]| (good(Mode::Timer), conflicts(names));
    let none: &[&str] = &[];
    assert_eq!(told(&[well(), well()]), [none, none]);
    assert_eq!(
        told(&[well(), timer(5), timer(5), well(), well(), timer(1)]),
        [none, &["failed"], none, &["recovered"], none, &["failed"]]
    );
    // The same count, another conflict.
    assert_eq!(
        told(&[some(&["a"]), some(&["a"]), some(&["b"]), some(&[]), some(&["b"])]),
        [&["conflict"][..], none, &["conflict"], none, &["conflict"]]
    );
    assert_eq!(
        told(&[timer(4), timer(4), timer(5), well()]),
        [&["guard"][..], none, none, &["recovered"]]
    );
    let held = (good(Mode::Timer), Waiting { guards: 1, ..nothing() });
    assert_eq!(told(&[held.clone(), held, well()]), [&["guard"][..], none, none]);
}

#[test]
fn a_watch_is_given_some_attempts_before_its_failure_is_told() {
    let again = || (failed(5, Mode::Watch), nothing());
    let well = || (good(Mode::Watch), nothing());
    let none: &[&str] = &[];
    assert_eq!(told(&[again(), again(), well()]), [none, none, none]);
    assert_eq!(
        told(&[again(), again(), again(), again(), again(), well()]),
        [none, none, none, &["failed"], none, &["recovered"]]
    );
    // What only a person can mend is told at once.
    let spoilt = || (failed(2, Mode::Watch), nothing());
    assert_eq!(told(&[spoilt(), spoilt(), well()]), [&["failed"][..], none, &["recovered"]]);
}

#[test]
fn more_damage_is_told_and_less_is_not() {
    let health = |damaged| Health { damaged, ..healthy() };
    let (news, known) = since(&Told::default(), &health(2), BTreeSet::new());
    assert_eq!(news, [News::Damaged(2)]);
    let (news, known) = since(&known, &health(1), BTreeSet::new());
    assert!(news.is_empty());
    assert_eq!(since(&known, &health(2), BTreeSet::new()).0, [News::Damaged(2)]);
}

/// After attempts at these seconds from noon: `Ok` for a snapshot.
fn backed_up(attempts: &[(i64, bool)]) -> backup::Backup {
    let trouble = || Trouble { kind: "git".into(), message: "m".into(), hint: "h".into() };
    attempts.iter().fold(backup::Backup::default(), |known, (seconds, works)| {
        let made = if *works { Ok((Some("c0ffee".to_owned()), 2)) } else { Err(trouble()) };
        known.after_snapshot(made, &at(NOON + seconds))
    })
}

#[test]
fn a_backup_that_fails_is_not_ill_before_a_day_has_passed() {
    let known = backed_up(&[(0, true), (100, false), (500, false)]);
    assert_eq!((known.last_snapshot.clone(), known.gaps), (time(NOON), 2));
    assert_eq!(
        (known.failing_since.clone(), known.commit.as_deref()),
        (time(NOON + 100), Some("c0ffee"))
    );
    let health = Health { backup: Some(known), ..healthy() };
    let reasons = |health: &Health, seconds: i64| {
        let mut now = at(NOON + seconds);
        now.awake.as_mut().unwrap().seconds = 1_000_060;
        judge(Some(health), &now, true).reasons
    };
    assert_eq!(reasons(&health, 86_500), []);
    assert_eq!(reasons(&health, 86_501), [Reason::BackupFails(86_401)]);
    let mended = Health { backup: Some(backed_up(&[(0, false), (9, true)])), ..healthy() };
    assert_eq!(reasons(&mended, 900_000), []);
    let diverged = backup::Backup { diverged: vec!["origin".into()], ..backed_up(&[(0, true)]) };
    let health = Health { backup: Some(diverged), ..healthy() };
    assert_eq!(reasons(&health, 60), [Reason::BackupDiverged]);
    assert_eq!(judge(Some(&health), &at(NOON), true).state, State::Undecided);
}

#[test]
fn of_the_backup_too_only_changes_of_state_are_told() {
    let step = |attempts: &[(i64, bool)], diverged: &[&str], seconds: i64| Health {
        updated: time(NOON + seconds).unwrap(),
        backup: Some(backup::Backup {
            diverged: diverged.iter().map(|place| (*place).to_owned()).collect(),
            ..backed_up(attempts)
        }),
        ..healthy()
    };
    let fails: &[(i64, bool)] = &[(0, false)];
    let steps = [
        step(&[(0, true)], &[], 1),
        step(fails, &[], 3600),
        step(fails, &[], 86_401),
        step(fails, &["origin"], 90_000),
        step(fails, &["origin", "balaur"], 90_001),
        step(&[(0, true)], &["balaur"], 90_002),
        Health { backup: None, ..healthy() },
    ];
    let (mut known, mut told) = (Told::default(), Vec::new());
    for health in &steps {
        let (news, now) = since(&known, health, BTreeSet::new());
        told.push(news.iter().map(|one| (one.word(), one.sentence(health))).collect::<Vec<_>>());
        known = now;
    }
    let words: Vec<Vec<&str>> =
        told.iter().map(|one| one.iter().map(|(word, _)| *word).collect()).collect();
    let none: &[&str] = &[];
    assert_eq!(
        words,
        [
            none,
            none,
            &["backup-failed"],
            &["backup-diverged"],
            &["backup-diverged"],
            &["backup-recovered"],
            none
        ]
    );
    assert!(told[2][0].1.contains("no backup for a day: m. Next step: h"), "{told:?}");
    assert!(told[4][0].1.contains("another way on balaur;"), "{told:?}");
}

#[test]
fn the_backup_has_its_metrics_where_there_is_one() {
    let known = backup::Backup {
        drill_complete: Some(true),
        drill_known_gaps: Some(0),
        ..backed_up(&[(0, true)])
    };
    let found = read_metrics(&metrics::text(&[&Health { backup: Some(known), ..healthy() }]));
    let value = |name: &str| {
        let name = format!("ubos_sync_git_{name}");
        found.iter().find(|(known, ..)| *known == name).map(|row| row.2)
    };
    assert_eq!(value("snapshot_timestamp_seconds"), Some(NOON.into()));
    assert_eq!(
        (value("failing"), value("gaps"), value("drill_complete"), value("drill_known_gaps")),
        (Some(0), Some(2), Some(1), Some(0))
    );
    assert_eq!(value("unpushed_timestamp_seconds"), None);
    assert!(!metrics::text(&[&healthy()]).contains("ubos_sync_git_"));
}

#[test]
fn sentences_name_both_and_the_next_step() {
    let health = Health { territory: "localhost".into(), ..healthy() };
    let trouble = failed(5, Mode::Timer).error.unwrap();
    for (news, part) in [
        (News::Conflicts(1), "a new conflict. Settle it with: ubos-sync resolve"),
        (News::Conflicts(3), "3 new conflicts"),
        (News::Guard, "ubos-sync status"),
        (News::Failed(trouble), "balaur: m. Next step: h"),
        (News::Recovered, "again"),
        (News::Damaged(1), "ubos-sync health"),
    ] {
        let sentence = news.sentence(&health);
        assert!(sentence.contains(part) && sentence.starts_with("localhost"), "{sentence}");
    }
}

/// Reads the text format strictly: each metric once, with help and type before it.
fn read_metrics(text: &str) -> Vec<(String, String, i128)> {
    let mut found: Vec<(String, String, i128)> = Vec::new();
    let mut lines = text.lines();
    while let Some(help) = lines.next() {
        let (name, words) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(!words.is_empty() && name.starts_with("ubos_sync_"), "{help}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(lines.next().unwrap(), format!("# TYPE {name} gauge"));
        let sample = lines.next().unwrap().strip_prefix(name).unwrap();
        let (labels, value) = sample.strip_prefix('{').unwrap().rsplit_once("} ").unwrap();
        assert!(!found.iter().any(|(known, ..)| known == name), "{name} twice");
        found.push((name.to_owned(), labels.to_owned(), value.parse().unwrap()));
    }
    found
}

#[test]
fn metrics_are_what_a_collector_reads() {
    let health = Health {
        territory: "a\"b\\c\nd".into(),
        held: 3,
        free_bytes: u64::MAX,
        oldest_unsynced: None,
        ..healthy()
    };
    let text = metrics::text(&[&health]);
    assert!(text.ends_with('\n'));
    let found = read_metrics(&text);
    let value = |name: &str| {
        found.iter().find(|(known, ..)| known == &format!("ubos_sync_{name}")).map(|row| row.2)
    };
    assert_eq!(value("held"), Some(3));
    assert_eq!(value("free_bytes"), Some(u64::MAX.into()));
    assert_eq!(value("last_good_run_timestamp_seconds"), Some(NOON.into()));
    assert_eq!(value("oldest_unsynced_timestamp_seconds"), None);
    let labels = r#"territory="a\"b\\c\nd",peer="balaur""#;
    assert!(found.iter().all(|(_, found, _)| found.starts_with(labels)), "{found:?}");
}

#[test]
fn each_metric_has_one_sample_for_each_peer() {
    let other = Health { peer: "attic".into(), last_good_run: None, held: 2, ..healthy() };
    let text = metrics::text(&[&other, &healthy()]);
    assert_eq!(text.matches("# TYPE ubos_sync_held gauge\n").count(), 1);
    let samples = |name: &str| {
        let name = format!("ubos_sync_{name}{{");
        let lines = text.lines().filter(|line| line.starts_with(&name));
        lines.map(|line| line.split_once("peer=").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(samples("held"), ["\"attic\"} 2", "\"balaur\"} 0"]);
    assert_eq!(samples("last_good_run_timestamp_seconds"), [format!("\"balaur\"}} {NOON}")]);
}

#[test]
fn metrics_elsewhere_are_readable_for_others_and_leave_nothing_beside_them() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::create(folder.path()).unwrap();
    let path = folder.path().join("ubos.prom");
    for _ in 0..2 {
        metrics::write(&state, Some(&path), &[&healthy()]).unwrap();
    }
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o444, 0o444);
    read_metrics(&std::fs::read_to_string(&path).unwrap());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.filter(|name| name != ".ubos-sync").count(), 1);
}
