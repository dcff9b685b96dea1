//! An initiator that plans what it may not, or sends what was not announced: the agent refuses, and
//! nothing outside what it serves is changed.

use std::os::unix::net::UnixStream;

use ubos_core::entry::Entry;
use ubos_core::plan::{OpKind, Operation};
use ubos_engine::agent::content::{Content, Form, SendItem, Want};
use ubos_engine::agent::frame::{FrameKind, FrameWriter};
use ubos_engine::agent::message::{FolderMode, Request, Response};

use crate::hostile_peer::{Victim, harmless};
use crate::subject::{
    RUN, begin, create, delete, executable, file, item, op, path, rename, replace, slot, table_at,
    want,
};

/// Every kind of operation at a path.
fn operations_at(at: &str) -> Vec<Operation> {
    let contents = || vec![(path(at), file("A"))];
    let folder = |kind| op("notes/D", kind, Some(Entry::Dir), Some(Entry::Dir));
    vec![
        create(at, "new"),
        replace(at, "secret", "new"),
        delete(at, "secret"),
        rename(at, "notes/taken", file("secret")),
        rename("notes/a", at, file("A")),
        op(at, OpKind::Mkdir, None, Some(Entry::Dir)),
        op(at, OpKind::Rmdir, Some(Entry::Dir), None),
        op(at, OpKind::SetExec, Some(file("secret")), Some(executable("secret"))),
        op(at, OpKind::Append { from: 6 }, Some(file("secret")), Some(file("secret and more"))),
        op(at, OpKind::SealAndCreate, Some(file("secret")), Some(file("new"))),
        folder(OpKind::Replace { contents: contents() }),
        folder(OpKind::Rename { from: path("notes/E"), contents: contents() }),
    ]
}

#[test]
fn nothing_outside_the_selection_is_journalled_or_done() {
    for at in [
        ".ubos-sync/x",
        ".ubos-sync/marker",
        ".git/x",
        "notes/.git/config",
        "notes/sub/.UBOS-SYNC/x",
        "priv/keys",
        "loose",
        "notes/x.tmp",
    ] {
        for operation in operations_at(at) {
            harmless(|victim| {
                victim.scan();
                let intend = Request::Intend { run: RUN.into(), confirmed: true };
                let told = victim.refused(&intend, &[item(operation.clone())]);
                assert!(told.contains("not selected"), "{told} for {operation:?}");
                let none: [FolderMode; 0] = [];
                victim.refused(&Request::Apply, &none);
            })
            .unwrap();
        }
    }
}

/// An item that deletes, creates or renames at a path that no `RelPath` can be: made of one for a
/// path of the same length.
fn forged(operation: Operation, placeholder: &str, hostile: &str) -> Vec<u8> {
    assert_eq!(placeholder.len(), hostile.len());
    let mut bytes = postcard::to_stdvec(&item(operation)).unwrap();
    let mut at = 0;
    while at + placeholder.len() <= bytes.len() {
        if &bytes[at..at + placeholder.len()] == placeholder.as_bytes() {
            bytes[at..at + placeholder.len()].copy_from_slice(hostile.as_bytes());
        }
        at += 1;
    }
    bytes
}

#[test]
fn a_path_that_leaves_the_root_is_no_path() {
    for hostile in
        ["../neighbour/x", "/etc/ubos-test", "notes/../../x", "notes//a", "notes/./a", "notes/a\0b"]
    {
        let placeholder = "P".repeat(hostile.len());
        let forgeries = operations_at(&placeholder);
        for operation in forgeries {
            let ended = harmless(|victim| {
                victim.scan();
                let bytes = forged(operation, &placeholder, hostile);
                let intend = Request::Intend { run: RUN.into(), confirmed: true };
                victim.writer.message(&intend).unwrap();
                victim.writer.frame(FrameKind::Part, &bytes).unwrap();
                victim.writer.frame(FrameKind::End, &[]).unwrap();
                victim.writer.flush().unwrap();
            });
            assert!(ended.is_err(), "{hostile:?}");
        }
    }
}

#[test]
fn nothing_is_intended_or_carried_out_before_a_scan() {
    harmless(|victim| {
        let intend = Request::Intend { run: RUN.into(), confirmed: true };
        victim.refused(&intend, &[item(delete("notes/a", "A"))]);
        let none: [FolderMode; 0] = [];
        victim.refused(&Request::Apply, &none);
        victim.refused(&Request::Stage { run: RUN.into() }, &[want(0, &create("notes/n", "N"))]);
    })
    .unwrap();
}

#[test]
fn what_is_not_selected_is_not_sent() {
    for at in ["priv/keys", "loose", ".ubos-sync/config.toml", "notes/.git/config"] {
        let asked = SendItem {
            slot: slot(0),
            path: path(at),
            entry: file("secret"),
            basis: None,
            tail_from: None,
            have: 0,
        };
        let ended = harmless(|victim| {
            victim.scan();
            victim.say(&Request::Send, Some(std::slice::from_ref(&asked)));
            // Not a byte of content: the connection ends.
            assert!(victim.reader.frame().is_err(), "{at}");
        });
        assert!(ended.is_err(), "{at}");
        harmless(|victim| {
            victim.scan();
            victim.done(&Request::FillOutbox { run: RUN.into() }, Some(&[asked]));
            assert_eq!(victim.reader.list::<bool>().unwrap(), [false]);
            victim.done(&Request::Contents, Some(&[path(at)]));
            assert_eq!(victim.reader.list::<Option<Vec<u8>>>().unwrap(), [None]);
        })
        .unwrap();
    }
}

/// Announces `want`, sends what `speak` says, and returns what became of it.
fn receive(
    victim: &mut Victim,
    wants: &[Want],
    speak: impl FnOnce(&mut FrameWriter<UnixStream>),
) -> Option<Vec<ubos_engine::agent::content::StageResult>> {
    victim.scan();
    victim.done(&Request::Stage { run: RUN.into() }, Some(wants));
    victim.reader.list::<ubos_engine::agent::content::Resume>().unwrap();
    victim.writer.message(&Request::Receive).unwrap();
    speak(&mut victim.writer);
    let _ = victim.writer.message(&Content::Close);
    let _ = victim.writer.flush();
    match victim.reader.message::<Response>() {
        Ok(Response::Done) => Some(victim.reader.list().unwrap()),
        _ => None,
    }
}

fn content(writer: &mut FrameWriter<UnixStream>, form: Form, steps: &[Step]) {
    writer.message(&Content::Begin(begin(slot(0), form))).unwrap();
    for step in steps {
        match step {
            Step::Data(bytes) => writer.frame(FrameKind::Data, bytes).unwrap(),
            Step::Seek(offset) => writer.message(&Content::Seek(*offset)).unwrap(),
        }
    }
    writer.message(&Content::End(true)).unwrap();
}

enum Step {
    Data(&'static [u8]),
    Seek(u64),
}

#[test]
fn content_that_is_not_what_was_announced_is_not_usable() {
    let whole = Form::Whole { from: 0 };
    let cases: [(Form, &[Step]); 9] = [
        (whole, &[Step::Data(b"XXXX")]),
        (whole, &[Step::Data(b"AAAAA")]),
        (whole, &[Step::Data(b"AAA")]),
        (whole, &[]),
        (whole, &[Step::Data(b"AA"), Step::Seek(0), Step::Data(b"AA")]),
        (Form::Whole { from: u64::MAX }, &[Step::Data(b"AAAA")]),
        (Form::Patch, &[Step::Seek(u64::MAX - 1), Step::Data(b"AAAA")]),
        (Form::Patch, &[Step::Seek(2), Step::Data(b"AAAA")]),
        (Form::Tail { from: u64::MAX }, &[Step::Data(b"AAAA")]),
    ];
    for (form, steps) in cases {
        harmless(|victim| {
            let made = replace("notes/a", "A", "AAAA");
            let told = receive(victim, &[want(0, &made)], |writer| content(writer, form, steps));
            let told = told.expect("the agent goes on");
            assert!(told[0].failed.is_some(), "{form:?}");
            // And a plan that says otherwise does not get it placed.
            let intend = Request::Intend { run: RUN.into(), confirmed: false };
            victim.done(&intend, Some(&[item(made)]));
            let none: [FolderMode; 0] = [];
            victim.done(&Request::Apply, Some(&none));
            victim.reader.list::<ubos_engine::agent::message::OpOutcome>().unwrap();
            // The journal is closed as an honest run would close it.
            let header = table_at(&victim.root()).header().next(
                RUN,
                ubos_core::entry::Digest::of(b""),
                [ubos_core::entry::Digest([0; 32]); 3],
                true,
                (1, 0),
            );
            let order = ubos_engine::agent::message::PrepareOrder { header, failed: vec![0] };
            victim.done::<u8>(&Request::Prepare(order), Some(&[]));
            victim.done::<u8>(&Request::Commit, None);
        })
        .unwrap();
    }
}

#[test]
fn content_that_nobody_asked_for_ends_the_connection() {
    let ended = harmless(|victim| {
        let told = receive(victim, &[], |writer| {
            content(writer, Form::Whole { from: 0 }, &[Step::Data(b"AAAA")]);
        });
        assert_eq!(told, None);
    });
    assert!(ended.is_err());
    let ended = harmless(|victim| {
        victim.say::<u8>(&Request::Receive, None);
        assert!(victim.reader.frame().is_err());
    });
    assert!(ended.is_err());
}

#[test]
fn more_than_there_is_space_for_is_refused_and_not_taken_either() {
    let ended = harmless(|victim| {
        let entry = Entry::File {
            digest: ubos_core::entry::Digest([0; 32]),
            size: u64::MAX / 2,
            exec: false,
        };
        let wanted = Want { entry, ..want(0, &create("notes/huge", "")) };
        let told = receive(victim, &[wanted], |writer| content(writer, Form::Patch, &[]));
        assert_eq!(told, None);
    });
    assert!(ended.is_err());
}
