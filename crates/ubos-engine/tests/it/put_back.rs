//! Putting former versions back: only where what is expected stands, never through a link, never
//! outside the selection, and always with the present version kept.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use ubos_core::entry::Digest;
use ubos_engine::agent::message::{
    Expected, PutBackHow, PutBackOrder, PutBackReason, PutBackResult, PutBackSource, PutBackStep,
};
use ubos_engine::history::mark::Mark;

use crate::subject::{Kind, RUN, Subject, on_both, order, path};

/// The run whose backups are put back.
const OLD: &str = "20250101T000000.000Z-0001";

fn mark(content: &str) -> Mark {
    Mark::File { digest: Digest::of(content.as_bytes()), exec: false }
}

/// `at` as the backups of the old run have it, if `expected` stands there.
fn step(at: &str, content: &str, expected: Mark) -> PutBackStep {
    PutBackStep {
        path: path(at),
        source: PutBackSource::Backup { run: OLD.into(), stored: path(at) },
        content: mark(content),
        expects: Expected::Holds(expected),
    }
}

fn folder(at: &str, expected: Mark) -> PutBackStep {
    let source = PutBackSource::Folder { run: Some(OLD.into()) };
    PutBackStep {
        path: path(at),
        source,
        content: Mark::Folder,
        expects: Expected::Holds(expected),
    }
}

fn move_back(from: &str, to: &str, what: Mark) -> PutBackStep {
    let source = PutBackSource::MoveBack { from: path(from) };
    PutBackStep { path: path(to), source, content: what, expects: Expected::Holds(Mark::Absent) }
}

fn carry_out(subject: &mut Subject, dry_run: bool, steps: &[PutBackStep]) -> Vec<PutBackResult> {
    let reason = PutBackReason::Undone;
    let order = PutBackOrder { run: RUN.into(), scan: order(), reason, dry_run };
    subject.endpoint().put_back(&order, steps).unwrap()
}

fn put_back(subject: &mut Subject, steps: &[PutBackStep]) -> Vec<PutBackResult> {
    carry_out(subject, false, steps)
}

fn done(how: PutBackHow, bytes: u64) -> PutBackResult {
    PutBackResult::Done { how, bytes }
}

fn skipped(reason: &str) -> PutBackResult {
    PutBackResult::Skipped(reason.into())
}

/// Puts `content` into the backups of the old run.
fn kept(subject: &Subject, at: &str, content: &str) {
    subject.write(&format!(".ubos-sync/backups/{OLD}/{at}"), content);
}

#[test]
fn a_version_is_placed_where_what_is_expected_stands_and_the_present_one_is_kept() {
    on_both(|subject| {
        kept(subject, "notes/a", "A");
        kept(subject, "notes/gone/deep", "X");
        subject.write("notes/a", "B");
        let steps = [step("notes/a", "A", mark("B")), step("notes/gone/deep", "X", Mark::Absent)];
        let shown = carry_out(subject, true, &steps);
        assert_eq!(subject.read("notes/a").unwrap(), b"B");
        let results = put_back(subject, &steps);
        assert_eq!(results, [done(PutBackHow::Update, 1), done(PutBackHow::Create, 1)]);
        assert_eq!(shown, results);
        assert_eq!(subject.read("notes/a").unwrap(), b"A");
        assert_eq!(subject.read("notes/gone/deep").unwrap(), b"X");
        assert_eq!(subject.backup("notes/a").unwrap(), b"B");
        let old = fs::metadata(subject.root().join(format!(".ubos-sync/backups/{OLD}/notes/a")));
        assert_eq!(old.unwrap().nlink(), 1);
        assert_eq!(put_back(subject, &steps), [PutBackResult::Stands, PutBackResult::Stands]);
    });
}

#[test]
fn what_is_not_expected_is_left_alone() {
    on_both(|subject| {
        for at in ["notes/a", "notes/absent", "notes/folder", "notes/file/below"] {
            kept(subject, at, "A");
        }
        subject.write("notes/a", "C");
        subject.write("notes/folder/x", "X");
        subject.write("notes/file", "F");
        let before = subject.tree();
        let steps = [
            step("notes/a", "A", mark("B")),
            step("notes/absent", "A", mark("B")),
            step("notes/folder", "A", Mark::Folder),
            step("notes/file/below", "A", Mark::Absent),
            step("notes/never-kept", "A", Mark::Absent),
            step("notes/a", "not what is kept", mark("C")),
            move_back("notes/a", "notes/old", mark("B")),
            move_back("notes/absent", "notes/old", mark("B")),
        ];
        let results = put_back(subject, &steps);
        let expected = [
            "changed-since-run",
            "changed-since-run",
            "folder-in-the-way",
            "parent-is-not-a-folder",
            "backup-gone-or-damaged",
            "backup-gone-or-damaged",
            "changed-since-run",
            "changed-since-run",
        ];
        assert_eq!(results, expected.map(skipped));
        assert_eq!(subject.tree(), before);
    });
}

#[test]
fn nothing_is_placed_or_taken_through_a_link() {
    on_both(|subject| {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("f"), "outside").unwrap();
        kept(subject, "notes/l", "A");
        kept(subject, "notes/way/f", "A");
        subject.write("notes/x", "X");
        symlink(outside.path().join("f"), subject.root().join("notes/l")).unwrap();
        symlink(outside.path(), subject.root().join("notes/way")).unwrap();
        let backups = subject.root().join(format!(".ubos-sync/backups/{OLD}/notes"));
        symlink(outside.path(), backups.join("sub")).unwrap();
        let text = outside.path().join("f").display().to_string();
        let steps = [
            step("notes/l", "A", Mark::Link(text.clone())),
            step("notes/way/f", "A", mark("outside")),
            step("notes/sub/f", "outside", Mark::Absent),
        ];
        let results = put_back(subject, &steps);
        assert_eq!(results[0], done(PutBackHow::Update, 1));
        assert!(matches!(results[1], PutBackResult::Skipped(_)), "{results:?}");
        assert!(matches!(results[2], PutBackResult::Skipped(_)), "{results:?}");
        assert_eq!(fs::read(outside.path().join("f")).unwrap(), b"outside");
        let kept = subject.root().join(format!(".ubos-sync/backups/{RUN}/notes/l"));
        assert_eq!(fs::read_link(kept).unwrap().display().to_string(), text);
    });
}

#[test]
fn what_is_not_selected_is_refused() {
    on_both(|subject| {
        let bad =
            ["priv/keys", "loose", "notes/.git/config", ".ubos-sync/config.toml", "notes/x.tmp"];
        for at in bad {
            kept(subject, at, "A");
        }
        kept(subject, "notes/a", "A");
        kept(subject, "logs/day.jsonl", "A");
        let before = subject.tree();
        for at in bad {
            let mut taken = step("notes/a", "A", Mark::Absent);
            taken.source = PutBackSource::Backup { run: OLD.into(), stored: path(at) };
            let steps = [
                step(at, "A", Mark::Absent),
                taken,
                folder(at, Mark::Absent),
                move_back("notes/a", at, mark("A")),
                move_back(at, "notes/a", mark("secret")),
            ];
            for (step, result) in steps.iter().zip(put_back(subject, &steps)) {
                assert_eq!(result, skipped("not-selected"), "{step:?}");
            }
        }
        let log = [step("logs/day.jsonl", "A", Mark::Absent)];
        assert_eq!(put_back(subject, &log), [skipped("append-only")]);
        assert_eq!(subject.tree(), before);
    });
}

#[test]
fn a_run_that_leads_elsewhere_is_refused() {
    on_both(|subject| {
        subject.write("notes/a", "B");
        for run in ["..", "../../notes", "a/b", ""] {
            let mut bad = step("notes/b", "B", Mark::Absent);
            bad.source = PutBackSource::Backup { run: run.into(), stored: path("notes/a") };
            let reason = PutBackReason::Undone;
            let order = PutBackOrder { run: RUN.into(), scan: order(), reason, dry_run: false };
            assert!(subject.endpoint().put_back(&order, &[bad]).is_err(), "{run:?}");
        }
        assert_eq!(subject.read("notes/b"), None);
    });
}

#[test]
fn a_folder_takes_the_place_of_a_file_and_its_content_follows() {
    on_both(|subject| {
        kept(subject, "notes/D/a", "A");
        let mode = fs::Permissions::from_mode(0o750);
        let kept_folder = subject.root().join(format!(".ubos-sync/backups/{OLD}/notes/D"));
        fs::set_permissions(kept_folder, mode).unwrap();
        subject.write("notes/D", "flat");
        let steps = [folder("notes/D", mark("flat")), step("notes/D/a", "A", Mark::Absent)];
        let results = put_back(subject, &steps);
        assert_eq!(results, [done(PutBackHow::Update, 0), done(PutBackHow::Create, 1)]);
        assert_eq!(subject.read("notes/D/a").unwrap(), b"A");
        assert_eq!(subject.backup("notes/D").unwrap(), b"flat");
        let mode = fs::metadata(subject.root().join("notes/D")).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o750);
    });
}

#[test]
fn a_move_is_taken_back_unless_something_untracked_would_go_with_it() {
    on_both(|subject| {
        subject.write("notes/new/a", "A");
        subject.write("notes/other/a", "A");
        subject.write("notes/other/x.tmp", "not shared");
        subject.write("notes/f2", "F");
        let steps = [
            move_back("notes/new", "notes/old", Mark::Folder),
            move_back("notes/other", "notes/older", Mark::Folder),
            move_back("notes/f2", "notes/made/f", mark("F")),
        ];
        let results = put_back(subject, &steps);
        let moved = done(PutBackHow::Rename, 0);
        assert_eq!(results, [moved.clone(), skipped("untracked-in-the-way"), moved]);
        assert_eq!(subject.read("notes/old/a").unwrap(), b"A");
        assert_eq!(subject.read("notes/made/f").unwrap(), b"F");
        assert_eq!(subject.read("notes/other/x.tmp").unwrap(), b"not shared");
    });
}

#[test]
fn a_mode_is_never_wider_than_it_was() {
    let mut subject = Subject::new(Kind::Local);
    for (name, mode) in [("a", 0o600), ("b", 0o755), ("c", 0o4711), ("d", 0o400)] {
        kept(&subject, &format!("notes/{name}"), name);
        subject.chmod(&format!(".ubos-sync/backups/{OLD}/notes/{name}"), mode);
        subject.write(&format!("notes/{name}"), "present");
        subject.chmod(&format!("notes/{name}"), 0o777);
        let results =
            put_back(&mut subject, &[step(&format!("notes/{name}"), name, mark("present"))]);
        assert_eq!(results, [done(PutBackHow::Update, 1)]);
        let found = fs::metadata(subject.root().join("notes").join(name)).unwrap().mode() & 0o7777;
        assert_eq!(found, mode & 0o777, "{name}");
    }
}

#[test]
fn a_file_that_is_saved_all_the_time_never_loses_its_last_version() {
    const SAVES: usize = 60;
    let mut subject = Subject::new(Kind::Local);
    for round in 0..30 {
        kept(&subject, "notes/a", &format!("kept {round}"));
        subject.write("notes/a", "begin");
        let live = subject.root().join("notes/a");
        let saver = std::thread::spawn(move || {
            for number in 0..SAVES {
                let aside = live.with_extension("tmp");
                fs::write(&aside, format!("save {round} {number}")).unwrap();
                fs::rename(&aside, &live).unwrap();
            }
        });
        let mut anything = step("notes/a", &format!("kept {round}"), Mark::Absent);
        anything.expects = Expected::Anything;
        while !saver.is_finished() {
            put_back(&mut subject, std::slice::from_ref(&anything));
        }
        saver.join().unwrap();
        let last = format!("save {round} {}", SAVES - 1).into_bytes();
        let folder = subject.root().join(format!(".ubos-sync/backups/{RUN}/notes"));
        let backed_up = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()));
        let found = backed_up.flatten().chain(subject.read("notes/a")).any(|bytes| bytes == last);
        assert!(found, "the last save of round {round} is nowhere");
    }
}

#[test]
fn what_a_batch_that_was_cut_off_left_is_saved_before_staging_is_emptied() {
    let mut subject = Subject::new(Kind::Local);
    let staging = format!(".ubos-sync/staging/{OLD}");
    let copied = Digest::of(b"copied").to_hex();
    subject.write(&format!("{staging}/put-back-0-{copied}"), "copied");
    subject.write(&format!("{staging}/put-back-1-{copied}"), "came out of an exchange");
    subject.write(&format!("{staging}/put-back-2"), "half a co");
    subject.write("notes/live", "present");
    let kept = subject.root().join(format!(".ubos-sync/backups/{OLD}/notes/live"));
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::hard_link(subject.root().join("notes/live"), &kept).unwrap();
    subject.scan();
    subject.endpoint().finish(RUN).unwrap();
    assert!(!subject.root().join(staging).exists());
    let saved = subject.read(&format!(".ubos-sync/backups/{OLD}/put-back-1-{copied}"));
    assert_eq!(saved.unwrap(), b"came out of an exchange");
    assert_eq!(subject.read(&format!(".ubos-sync/backups/{OLD}/put-back-0-{copied}")), None);
    assert_eq!(fs::metadata(&kept).unwrap().nlink(), 1, "the two share nothing any more");
    assert_eq!(fs::read(kept).unwrap(), b"present");
}

/// Content that was fetched from elsewhere under `name`.
fn given(at: &str, name: &str, content: &str, expected: Mark) -> PutBackStep {
    PutBackStep {
        path: path(at),
        source: PutBackSource::Given { name: name.into() },
        content: mark(content),
        expects: Expected::Holds(expected),
    }
}

fn nothing(at: &str, expected: Mark) -> PutBackStep {
    let (content, expects) = (Mark::Absent, Expected::Holds(expected));
    PutBackStep { path: path(at), source: PutBackSource::Nothing, content, expects }
}

#[test]
fn what_was_fetched_is_placed_with_its_mode_and_time() {
    on_both(|subject| {
        subject.write(".ubos-sync/state/given/000000", "A");
        subject.write(".ubos-sync/state/given/000001", "not what was kept");
        let fetched = subject.root().join(".ubos-sync/state/given/000000");
        fs::set_permissions(&fetched, fs::Permissions::from_mode(0o640)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::new(1_600_000_000, 5_000);
        fs::File::open(&fetched).unwrap().set_modified(time).unwrap();
        subject.write("notes/a", "B");
        let steps = [
            given("notes/a", "000000", "A", mark("B")),
            given("notes/b", "000001", "B", Mark::Absent),
            given("notes/c", "../given/000000", "A", Mark::Absent),
            given("notes/d", "000009", "A", Mark::Absent),
        ];
        let gone = skipped("backup-gone-or-damaged");
        let expected = [done(PutBackHow::Update, 1), gone.clone(), gone.clone(), gone];
        assert_eq!(put_back(subject, &steps), expected);
        assert_eq!(subject.read("notes/a").unwrap(), b"A");
        assert_eq!(subject.backup("notes/a").unwrap(), b"B");
        let placed = fs::metadata(subject.root().join("notes/a")).unwrap();
        assert_eq!(placed.mode() & 0o777, 0o640);
        assert_eq!(placed.modified().unwrap(), time);
        assert!(fetched.exists(), "what was fetched stays until it is thrown away");
    });
}

#[test]
fn what_was_fetched_brings_its_executable_bit() {
    on_both(|subject| {
        subject.write(".ubos-sync/state/given/000000", "A");
        let fetched = subject.root().join(".ubos-sync/state/given/000000");
        fs::set_permissions(&fetched, fs::Permissions::from_mode(0o755)).unwrap();
        subject.write("notes/a", "A");
        let mut step = given("notes/a", "000000", "A", mark("A"));
        step.content = Mark::File { digest: Digest::of(b"A"), exec: true };
        assert_eq!(put_back(subject, &[step]), [done(PutBackHow::Update, 1)]);
        let placed = fs::metadata(subject.root().join("notes/a")).unwrap();
        assert_eq!(placed.mode() & 0o777, 0o755);
    });
}

#[test]
fn what_is_to_go_goes_to_the_backups_and_nothing_else_goes() {
    on_both(|subject| {
        subject.write("notes/gone/file", "A");
        subject.write("notes/changed", "C");
        subject.write("notes/full/file", "F");
        symlink("file", subject.root().join("notes/gone/link")).unwrap();
        let steps = [
            nothing("notes/gone/link", Mark::Link("file".into())),
            nothing("notes/gone/file", mark("A")),
            nothing("notes/gone", Mark::Folder),
            nothing("notes/changed", mark("B")),
            nothing("notes/full", Mark::Folder),
            nothing("notes/never", mark("A")),
            nothing("outside", mark("A")),
        ];
        let shown = carry_out(subject, true, &steps);
        assert_eq!(subject.read("notes/gone/file").unwrap(), b"A");
        let results = put_back(subject, &steps);
        let gone = done(PutBackHow::Delete, 0);
        let expected = [
            gone.clone(),
            gone.clone(),
            gone,
            skipped("changed-since-run"),
            skipped("folder-not-empty"),
            PutBackResult::Stands,
            skipped("not-selected"),
        ];
        assert_eq!(results, expected);
        assert_eq!(shown[..4], results[..4]);
        assert!(!subject.root().join("notes/gone").exists());
        assert_eq!(subject.backup("notes/gone/file").unwrap(), b"A");
        assert_eq!(subject.read("notes/changed").unwrap(), b"C");
        assert_eq!(subject.read("notes/full/file").unwrap(), b"F");
        assert_eq!(put_back(subject, &steps[..3]), vec![PutBackResult::Stands; 3]);
    });
}
