//! What every endpoint owes apart from carrying out operations: looking, sending, receiving,
//! keeping state. One suite for the local endpoint and for the one behind an agent.

use std::fs;

use ubos_core::conflict::{Held, HeldReason};
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::sides::Side;
use ubos_engine::agent::content::{Form, SendItem, Want};
use ubos_engine::agent::message::{Applied, AuditNote, OpenMatter, PrepareOrder, PublicRow};
use ubos_engine::state::{StateDir, audit, matters};

use crate::subject::{
    PAIR, RUN, Subject, Taken, begin, create, delete, file, item, on_both, order, path, slot,
};

fn send_item(at: &str, entry: Entry) -> SendItem {
    SendItem { slot: slot(0), path: path(at), entry, basis: None, tail_from: None, have: 0 }
}

fn whole(at: &str, content: &[u8]) -> Want {
    Want { slot: slot(0), path: path(at), entry: file(content), basis: None, tail_from: None }
}

#[test]
fn a_scan_tells_what_is_selected_and_differs_and_nothing_else() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        subject.write("notes/b.tmp", "excluded");
        subject.write("notes/.git/config", "never");
        let found = subject.scan();
        let names: Vec<String> = found.changes.keys().map(ToString::to_string).collect();
        let manifests = ["config/sync_exclude.conf", "config/sync_from_server.conf"];
        assert_eq!(names[..2], manifests);
        assert_eq!(names[2..], ["config/sync_to_server.conf", "notes", "notes/a"]);
        assert_eq!(found.changes[&path("notes/a")].state.entry(), Some(&file("A")));
        assert_eq!(found.scanned, 4);
    });
}

#[test]
fn what_is_agreed_is_not_told_again_until_it_changes() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        let found = subject.scan();
        let rows: Vec<PublicRow> = found
            .changes
            .iter()
            .map(|(path, seen)| {
                let base = Base::Known(seen.state.entry().unwrap().clone());
                PublicRow { path: path.clone(), base, earlier: [0; 3] }
            })
            .collect();
        commit(subject, &rows);
        subject.reopen();
        assert!(subject.scan().changes.is_empty());
        subject.write("notes/a", "B");
        let found = subject.scan();
        assert_eq!(found.changes.keys().map(ToString::to_string).collect::<Vec<_>>(), ["notes/a"]);
        fs::remove_file(subject.root().join("notes/a")).unwrap();
        let found = subject.scan();
        assert_eq!(found.changes[&path("notes/a")].state.entry(), None);
    });
}

/// Puts `rows` in force as the next generation.
fn commit(subject: &mut Subject, rows: &[PublicRow]) {
    let header = next_header(subject, rows);
    let order = PrepareOrder { header, failed: Vec::new() };
    subject.endpoint().prepare(&order, rows).unwrap();
    subject.endpoint().commit().unwrap();
    subject.endpoint().mark().unwrap();
}

/// The header that must follow from `rows`, computed apart from the program: the hash over each
/// row's path and entry, lengths first.
fn next_header(subject: &Subject, rows: &[PublicRow]) -> ubos_engine::state::generation::Header {
    let mut bytes = Vec::new();
    for row in rows {
        let entry = match &row.base {
            Base::Absent => vec![0],
            Base::Known(Entry::Dir) => vec![1],
            Base::Known(Entry::Symlink { target }) => [&[2][..], target].concat(),
            Base::Known(Entry::File { digest, size, exec }) => {
                [&[3, u8::from(*exec)][..], &size.to_le_bytes(), &digest.0].concat()
            }
            Base::Unknown => vec![255],
        };
        for part in [row.path.as_bytes(), &entry] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
    }
    let digest = Digest::of(&bytes);
    subject.header().next(RUN, digest, [Digest([7; 32]); 3], true, (1, 0))
}

#[test]
fn untracked_content_below_a_folder_is_found_and_junk_is_not() {
    on_both(|subject| {
        subject.write("notes/full/a", "A");
        subject.write("notes/kept/deep/b.tmp", "excluded");
        subject.write("notes/junk/.DS_Store", "junk");
        subject.scan();
        let dirs = ["notes/full", "notes/kept", "notes/junk"].map(path);
        let found = subject.endpoint().untracked(&dirs).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [path("notes/kept")]);
    });
}

#[test]
fn questions_about_paths_are_answered_for_selected_ones_only() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        let paths = ["notes/a", "notes/none", "priv/keys", "priv/none"].map(path);
        for _ in ["before any scan", "and after"] {
            let absent = subject.endpoint().absent(&paths).unwrap();
            assert!(!absent.contains(&path("priv/none")) && !absent.contains(&path("priv/keys")));
            assert_eq!(subject.endpoint().times(&paths).unwrap()[2], None);
            assert_eq!(subject.endpoint().contents(&paths).unwrap()[2], None);
            subject.scan();
        }
        let absent = subject.endpoint().absent(&paths).unwrap();
        assert_eq!(absent.into_iter().collect::<Vec<_>>(), [path("notes/none")]);
        let times = subject.endpoint().times(&paths).unwrap();
        assert!(times[0].is_some() && times[1].is_none());
        let contents = subject.endpoint().contents(&paths).unwrap();
        assert_eq!(contents[..2], [Some(b"A".to_vec()), None]);
    });
}

#[test]
fn content_is_sent_whole_or_told_not_to_be() {
    on_both(|subject| {
        let content: Vec<u8> = (0..700_000u32).map(|i| (i / 3) as u8).collect();
        subject.write("notes/a", &content);
        subject.scan();
        let gone = SendItem { slot: slot(1), ..send_item("notes/gone", file("x")) };
        let longer = Entry::File { digest: Digest::of(b""), size: 800_000, exec: false };
        let longer = SendItem { slot: slot(2), ..send_item("notes/a", longer) };
        let rest =
            SendItem { have: 600_000, slot: slot(3), ..send_item("notes/a", file(&content)) };
        let beyond = SendItem { have: 900_000, slot: slot(4), ..rest.clone() };
        let items = [send_item("notes/a", file(&content)), gone, longer, rest, beyond];
        let mut taken = Taken::default();
        subject.endpoint().send(&items, &mut taken).unwrap();
        let wholes: Vec<bool> = taken.contents.iter().map(|(_, _, whole)| *whole).collect();
        assert_eq!(wholes[..4], [true, false, false, true]);
        assert!(taken.contents[0].1 == content);
        assert!(taken.contents[3].1 == content[600_000..]);
        assert_eq!(taken.contents[3].0.form, Form::Whole { from: 600_000 });
        assert!(taken.contents[4].1.is_empty());
    });
}

#[test]
fn only_exactly_what_is_wanted_is_taken() {
    let content = vec![b'x'; 300_000];
    let wrong = [&content[1..], b"y"].concat();
    let longer = [&content[..], b"x"].concat();
    for (sent, fine) in
        [(&content, true), (&wrong, false), (&longer, false), (&content[1..].to_vec(), false)]
    {
        on_both(|subject| {
            subject.scan();
            let results = subject.stage(&[(whole("notes/a", &content), sent)]);
            assert_eq!(results.len(), 1);
            assert_eq!(results[0].failed.is_none(), fine, "{:?}", results[0]);
            assert!(!subject.tree().contains_key("notes/a"), "nothing is placed by staging");
        });
    }
}

#[test]
fn content_that_comes_out_of_order_is_not_taken() {
    on_both(|subject| {
        subject.scan();
        subject.endpoint().stage(RUN, &[whole("notes/a", b"ABCD")]).unwrap();
        {
            let mut sink = subject.endpoint().sink().unwrap();
            sink.begin(&begin(slot(0), Form::Whole { from: 0 })).unwrap();
            sink.data(b"AB").unwrap();
            sink.seek(0).unwrap();
            sink.data(b"CD").unwrap();
            sink.end(true).unwrap();
            sink.close().unwrap();
        }
        let results = subject.endpoint().staged().unwrap();
        assert!(results[0].failed.is_some(), "the bytes hash right, the file is another one");
    });
}

#[test]
fn what_never_came_is_told() {
    on_both(|subject| {
        subject.scan();
        subject.endpoint().stage(RUN, &[whole("notes/a", b"A")]).unwrap();
        subject.endpoint().sink().unwrap().close().unwrap();
        let results = subject.endpoint().staged().unwrap();
        assert_eq!(results[0].failed.as_deref(), Some("not-sent"));
    });
}

#[test]
fn a_partial_content_is_taken_up_and_verified_whole() {
    let content: Vec<u8> = (0..1_000_000u32).map(|i| (i / 7) as u8).collect();
    for spoiled in [false, true] {
        on_both(|subject| {
            subject.scan();
            let want = whole("notes/a", &content);
            subject.endpoint().stage(RUN, std::slice::from_ref(&want)).unwrap();
            {
                let mut sink = subject.endpoint().sink().unwrap();
                sink.begin(&begin(slot(0), Form::Whole { from: 0 })).unwrap();
                let mut head = content[..400_000].to_vec();
                head[1000] ^= u8::from(spoiled);
                head.chunks(100_000).for_each(|chunk| sink.data(chunk).unwrap());
                sink.end(false).unwrap();
                sink.close().unwrap();
            }
            assert!(subject.endpoint().staged().unwrap()[0].failed.is_some());
            subject.reopen();
            subject.scan();
            let next = "20260101T000001.000Z-0002";
            let wants = std::slice::from_ref(&want);
            let resume = subject.endpoint().stage(next, wants).unwrap();
            assert_eq!(resume[0].have, 400_000);
            {
                let mut sink = subject.endpoint().sink().unwrap();
                sink.begin(&begin(slot(0), Form::Whole { from: 400_000 })).unwrap();
                content[400_000..].chunks(100_000).for_each(|chunk| sink.data(chunk).unwrap());
                sink.end(true).unwrap();
                sink.close().unwrap();
            }
            let result = subject.endpoint().staged().unwrap().remove(0);
            assert_eq!(result.failed.is_some(), spoiled);
            subject.reopen();
            subject.scan();
            let again = subject.endpoint().stage(RUN, wants).unwrap();
            assert_eq!(again[0].have, if spoiled { 0 } else { content.len() as u64 });
        });
    }
}

#[test]
fn a_generation_must_come_out_the_same_and_is_in_force_once_committed() {
    on_both(|subject| {
        subject.scan();
        let rows =
            [PublicRow { path: path("notes/a"), base: Base::Known(file("A")), earlier: [0; 3] }];
        let header = next_header(subject, &rows);
        let mut wrong = PrepareOrder { header: header.clone(), failed: Vec::new() };
        wrong.header.chain = Digest([1; 32]);
        assert!(subject.endpoint().prepare(&wrong, &rows).is_err());
        assert!(subject.endpoint().commit().is_err(), "nothing was prepared");

        let order = PrepareOrder { header: header.clone(), failed: Vec::new() };
        subject.endpoint().prepare(&order, &rows).unwrap();
        assert_eq!(subject.header().generation, 0);
        subject.reopen();
        assert_eq!(subject.table().prepared().unwrap().header, header);
        subject.endpoint().roll_forward().unwrap();
        assert_eq!(subject.header(), header);
        assert!(subject.table().marked());
        assert_eq!(subject.endpoint().export().unwrap(), rows);
    });
}

#[test]
fn a_generation_without_its_marker_says_so() {
    on_both(|subject| {
        subject.scan();
        let header = next_header(subject, &[]);
        subject.endpoint().prepare(&PrepareOrder { header, failed: Vec::new() }, &[]).unwrap();
        subject.endpoint().commit().unwrap();
        assert!(!subject.table().marked());
        subject.reopen();
        subject.endpoint().mark().unwrap();
        assert!(subject.table().marked());
    });
}

#[test]
fn a_baseline_is_taken_from_the_other_side_of_the_same_pair_only() {
    on_both(|subject| {
        let row = |at: &str| {
            let base = Base::Known(file(at));
            PublicRow { path: path(at), base, earlier: [3, 2, 1] }
        };
        let rows = vec![row("notes/a"), row("notes/b/c")];
        let mut header =
            subject.header().next(RUN, Digest([1; 32]), [Digest([2; 32]); 3], true, (5, 6));
        subject.endpoint().import(&header, rows.clone()).unwrap();
        assert_eq!(subject.header(), header);
        assert_eq!(subject.endpoint().export().unwrap(), rows);
        header.pair = "another".into();
        assert!(subject.endpoint().import(&header, Vec::new()).is_err());
        assert_eq!(subject.endpoint().export().unwrap(), rows);
    });
}

#[test]
fn a_run_that_was_cut_off_tells_what_it_did() {
    on_both(|subject| {
        subject.write("notes/old", "O");
        subject.scan();
        let ops = vec![create("notes/new", "N"), delete("notes/old", "O")];
        subject.intend(ops.clone(), &[b"N"]);
        subject.reopen();
        let (runs, prepared) = subject.endpoint().open_runs().unwrap();
        assert_eq!((runs.len(), prepared.len()), (1, 0));
        assert_eq!(runs[0].run, RUN);
        assert_eq!(runs[0].items, ops.iter().cloned().map(item).collect::<Vec<_>>());
        assert!(
            runs[0].unbegun && runs[0].found.iter().all(|(_, applied)| *applied == Applied::No)
        );

        subject.scan();
        subject.intend(ops, &[b"N"]);
        subject.apply();
        subject.reopen();
        let (runs, _) = subject.endpoint().open_runs().unwrap();
        let last = runs.last().unwrap();
        assert_eq!(last.found, [(slot(0), Applied::Yes), (slot(1), Applied::Yes)]);
        assert!(!last.unbegun);
        let again = subject.endpoint().open_runs().unwrap().0;
        assert_eq!(again, runs, "looking changes nothing");
    });
}

#[test]
fn the_end_of_a_run_leaves_no_staging() {
    on_both(|subject| {
        subject.scan();
        subject.stage(&[(whole("notes/a", b"A"), b"A")]);
        subject.endpoint().finish(RUN).unwrap();
        let left = fs::read_dir(subject.root().join(".ubos-sync/staging")).unwrap();
        assert_eq!(left.count(), 0);
    });
}

#[test]
fn open_matters_are_kept_as_this_side_sees_them() {
    on_both(|subject| {
        let held = |on: Side| Held {
            path: path("notes/a"),
            on,
            reason: HeldReason::Drift,
            mark: Digest([1; 32]),
        };
        subject.endpoint().keep_open(&[OpenMatter::Held(held(Side::Here))]).unwrap();
        let state = StateDir::open(&subject.root()).unwrap();
        let kept = matters::load(&state, PAIR).unwrap();
        assert_eq!(kept, [OpenMatter::Held(held(Side::There))], "mirrored: it is the peer's side");
        subject.endpoint().keep_open(&[]).unwrap();
        assert_eq!(matters::load(&state, PAIR).unwrap(), []);
    });
}

#[test]
fn records_are_on_disk_and_chained_when_auditing_returns() {
    on_both(|subject| {
        let note = |json: &str| AuditNote { run: RUN.into(), json: json.into() };
        let notes = [note(r#"{"event":"one"}"#), note("not json"), note(r#"{"event":"two"}"#)];
        subject.endpoint().audit(&notes).unwrap();
        subject.reopen();
        subject.endpoint().audit(&notes[..1]).unwrap();
        let state = StateDir::open(&subject.root()).unwrap();
        let mut events = Vec::new();
        audit::read(&state, &mut |record| {
            events.push(record["event"].as_str().unwrap_or_default().to_owned());
            true
        })
        .unwrap();
        assert_eq!(events, ["one", "two", "one"]);
        let verdict = audit::verify(&state).unwrap();
        assert_eq!((verdict.records, verdict.fault), (3, None));
    });
}

#[test]
fn only_one_run_holds_a_territory() {
    on_both(|subject| {
        let (ours, server) = crate::subject::serve_in_thread();
        let Err(refused) = crate::subject::greet(ours, &subject.root()) else {
            panic!("a second run got the territory");
        };
        assert_eq!(refused.exit_code(), 6, "{refused}");
        server.join().unwrap().unwrap();
        assert_eq!(subject.endpoint().scan(&order()).unwrap().scanned, 3);
    });
}
