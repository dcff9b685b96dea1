//! An agent that lies or is broken: the initiator's end reports an error and takes nothing over.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use serde::Serialize;

use ubos_core::sides::Side;
use ubos_engine::agent::content::{Content, Form, SendItem};
use ubos_engine::agent::frame::{FrameKind, FrameReader, FrameWriter};
use ubos_engine::agent::handshake::{MAGIC, read_magic};
use ubos_engine::agent::message::{Hello, Machine, PROTOCOL, Response, Welcome};
use ubos_engine::endpoint::Endpoint;
use ubos_engine::endpoint::remote::RemoteEndpoint;

use crate::subject::{
    RUN, begin, create, delete, file, greet, item, make_territory, open_local, order, path, slot,
    tree_at, want,
};

/// Greets as an agent does, then answers whatever comes first with `answer`, and hangs up.
fn agent(
    answer: impl FnOnce(&mut FrameWriter<UnixStream>) + Send + 'static,
) -> (RemoteEndpoint, JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let speaking = std::thread::spawn(move || {
        let mut reader = FrameReader::new(theirs.try_clone().unwrap());
        let mut writer = FrameWriter::new(theirs.try_clone().unwrap());
        writer.raw(MAGIC).unwrap();
        writer.message(&welcome()).unwrap();
        writer.flush().unwrap();
        read_magic(reader.raw()).unwrap();
        reader.message::<Hello>().unwrap();
        reader.frame().unwrap();
        answer(&mut writer);
        // The initiator may have hung up.
        let _ = writer.flush();
        let _ = theirs.shutdown(std::net::Shutdown::Both);
    });
    let endpoint = greet(ours, std::path::Path::new("/nowhere")).unwrap();
    (endpoint, speaking)
}

fn welcome() -> Welcome {
    let machine =
        Machine { system: "linux".into(), architecture: "x86_64".into(), clock: 0, rsync: None };
    Welcome::Ready { protocol: PROTOCOL.0, build: "hostile".into(), machine, standing: None }
}

/// Whether `ask` fails when the agent says `answer`.
fn fails<T>(
    answer: impl FnOnce(&mut FrameWriter<UnixStream>) + Send + 'static,
    ask: impl FnOnce(&mut RemoteEndpoint) -> ubos_engine::error::Result<T>,
) -> bool {
    let (mut endpoint, speaking) = agent(answer);
    let failed = ask(&mut endpoint).is_err();
    drop(endpoint);
    speaking.join().unwrap();
    failed
}

fn say<T: Serialize>(writer: &mut FrameWriter<UnixStream>, message: &T) {
    let _ = writer.message(message);
}

#[test]
fn answers_that_are_none_are_errors() {
    type Answer = fn(&mut FrameWriter<UnixStream>);
    let answers: [Answer; 7] = [
        |_| (),
        |writer| drop(writer.raw(&[0xee; 500])),
        |writer| drop(writer.raw(&[1, 0xff, 0xff, 0xff, 0xff])),
        |writer| drop(writer.frame(FrameKind::Message, &[77])),
        |writer| drop(writer.frame(FrameKind::End, &[])),
        |writer| drop(writer.frame(FrameKind::Data, b"content")),
        |writer| say(writer, &Response::Scanned { scanned: 1 }),
    ];
    for answer in answers {
        assert!(fails(answer, |e| e.commit()));
        assert!(fails(answer, |e| e.export()));
        assert!(fails(answer, |e| e.scan(&order())));
        assert!(fails(answer, |e| e.stage(RUN, &[])));
        assert!(fails(answer, |e| e.open_runs()));
    }
}

#[test]
fn a_list_without_an_end_or_with_another_kind_of_element_is_an_error() {
    assert!(fails(
        |writer| {
            say(writer, &Response::Done);
            let _ = writer.frame(FrameKind::Part, &[3, b'a']);
        },
        |e| e.recheck()
    ));
    assert!(fails(
        |writer| {
            say(writer, &Response::Done);
            let _ = writer.list(["../x", "/etc/passwd"]);
        },
        |e| e.recheck()
    ));
    for hostile in ["../x", "/abs", "a//b", "a\0b", "."] {
        assert!(fails(
            move |writer| {
                say(writer, &Response::Scanned { scanned: 1 });
                // A change: its path, then what stands there.
                let bytes = postcard::to_stdvec(hostile).unwrap();
                let _ = writer.frame(FrameKind::Part, &[&bytes[..], &[0; 64]].concat());
                let _ = writer.frame(FrameKind::End, &[]);
            },
            |e| e.scan(&order())
        ));
    }
}

#[test]
fn a_shell_that_prints_without_end_is_given_up() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let printing = std::thread::spawn(move || while theirs.write_all(&[b'y'; 1000]).is_ok() {});
    assert!(greet(ours, std::path::Path::new("/nowhere")).is_err());
    printing.join().unwrap();
}

/// What this side makes of a content stream that the agent sends for the one content it wants.
fn received(answer: impl FnOnce(&mut FrameWriter<UnixStream>) + Send + 'static) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    make_territory(&root);
    let mut local = open_local(&root, Side::Here);
    local.scan(&order()).unwrap();
    let wanted = want(0, &create("notes/n", "AAAA"));
    local.stage(RUN, std::slice::from_ref(&wanted)).unwrap();
    let before = tree_at(folder.path());
    let asked = SendItem { ..wanted.to_send(path("notes/n"), 0) };
    let (mut remote, speaking) = agent(answer);
    let outcome = (|| {
        let mut sink = local.sink()?;
        remote.send(&[asked], &mut *sink)?;
        sink.close()
    })();
    drop(remote);
    speaking.join().unwrap();
    assert_eq!(tree_at(folder.path()), before);
    match outcome {
        Err(error) => Some(error.to_string()),
        Ok(()) => local.staged().unwrap().remove(0).failed,
    }
}

fn stream(writer: &mut FrameWriter<UnixStream>, item: u32, bytes: &[u8]) {
    say(writer, &Content::Begin(begin(slot(item), Form::Whole { from: 0 })));
    let _ = writer.frame(FrameKind::Data, bytes);
    say(writer, &Content::End(true));
    say(writer, &Content::Close);
}

#[test]
fn content_is_believed_only_if_it_hashes_to_what_is_wanted() {
    assert_eq!(received(|writer| stream(writer, 0, b"AAAA")), None);
    assert!(received(|writer| stream(writer, 0, b"BBBB")).is_some());
    assert!(received(|writer| stream(writer, 0, b"AAAAA")).is_some());
    assert!(received(|writer| stream(writer, 0, b"AAA")).is_some());
    assert!(received(|writer| stream(writer, 1, b"AAAA")).unwrap().contains("nobody asked"));
    assert!(received(|writer| say(writer, &Content::Close)).is_some());
    assert!(received(|writer| say(writer, &Response::Done)).is_some());
    assert!(received(|_| ()).is_some());
}

#[test]
fn a_plan_that_an_agent_lured_outside_the_selection_is_not_journalled() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    make_territory(&root);
    let mut local = open_local(&root, Side::Here);
    local.scan(&order()).unwrap();
    let before = tree_at(folder.path());
    for at in [".ubos-sync/x", ".git/x", "priv/keys", "loose", "notes/x.tmp"] {
        for mut operation in [create(at, "lure"), delete(at, "secret")] {
            operation.to = Side::Here;
            assert!(local.intend(RUN, &[item(operation)], false).is_err(), "{at}");
        }
        assert!(local.stage(RUN, &[want(0, &create(at, "lure"))]).is_err(), "{at}");
        let asked = SendItem {
            slot: slot(0),
            path: path(at),
            entry: file("secret"),
            basis: None,
            tail_from: None,
            have: 0,
        };
        let mut taken = crate::subject::Taken::default();
        assert!(local.send(&[asked], &mut taken).is_err(), "{at}");
        assert!(taken.contents.is_empty());
    }
    assert!(local.table().unwrap().open_runs().is_empty());
    assert_eq!(tree_at(folder.path()), before);
}
