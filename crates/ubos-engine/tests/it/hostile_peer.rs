//! An initiator that lies or is broken: the agent refuses, ends with an error or says so, and
//! nothing outside what it serves is changed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use serde::Serialize;
use tempfile::TempDir;

use ubos_core::entry::Entry;
use ubos_core::plan::{Item, OpKind, Operation};
use ubos_engine::agent::content::{Content, Form, SendItem, Want};
use ubos_engine::agent::frame::{FrameKind, FrameReader, FrameWriter};
use ubos_engine::agent::handshake::{MAGIC, read_magic};
use ubos_engine::agent::message::{
    FolderMode, Hello, PROTOCOL, Purpose, Request, Response, Welcome,
};
use ubos_engine::error::Result;

use crate::subject::{
    PAIR, RUN, begin, create, delete, executable, file, item, join, make_territory, op, order,
    path, rename, replace, serve_in_thread, slot, table_at, tree_at, want, write_at,
};

/// A territory beside something that must never be touched, and a raw connection to its agent.
struct Victim {
    folder: TempDir,
    reader: FrameReader<UnixStream>,
    writer: FrameWriter<UnixStream>,
    raw: UnixStream,
    server: JoinHandle<Result<()>>,
}

impl Victim {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        make_territory(&root);
        write_at(&root, "notes/a", "A");
        write_at(&root, "notes/D/b", "B");
        write_at(&root, "notes/.git/config", "git's");
        write_at(folder.path(), "neighbour/x", "not ours");
        let mut victim = Self::connected(folder);
        victim.hello(&hello(&root));
        let welcome: Welcome = victim.reader.message().unwrap();
        assert!(matches!(welcome, Welcome::Ready { .. }), "{welcome:?}");
        victim
    }

    /// A connection of which nothing is said yet.
    fn connected(folder: TempDir) -> Self {
        let (raw, server) = serve_in_thread();
        let mut reader = FrameReader::new(raw.try_clone().unwrap());
        let writer = FrameWriter::new(raw.try_clone().unwrap());
        read_magic(reader.raw()).unwrap();
        Self { folder, reader, writer, raw, server }
    }

    fn hello(&mut self, hello: &Hello) {
        self.writer.raw(MAGIC).unwrap();
        self.writer.message(hello).unwrap();
        self.writer.flush().unwrap();
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Sends a request with its list; the agent may have hung up already.
    fn say<T: Serialize>(&mut self, request: &Request, list: Option<&[T]>) {
        let _ = self.writer.message(request);
        if let Some(list) = list {
            let _ = self.writer.list(list);
        }
        let _ = self.writer.flush();
    }

    /// Sends a request that must be answered by a refusal, which is returned.
    fn refused<T: Serialize>(&mut self, request: &Request, list: &[T]) -> String {
        self.say(request, Some(list));
        match self.reader.message::<Response>().unwrap() {
            Response::Failed(failure) => failure.message,
            answer => panic!("{request:?} was answered by {answer:?}"),
        }
    }

    fn done<T: Serialize>(&mut self, request: &Request, list: Option<&[T]>) {
        self.say(request, list);
        assert_eq!(self.reader.message::<Response>().unwrap(), Response::Done);
    }

    fn scan(&mut self) {
        self.say::<u8>(&Request::Scan(order()), None);
        let answer: Response = self.reader.message().unwrap();
        assert!(matches!(answer, Response::Scanned { .. }), "{answer:?}");
        self.reader.list::<ubos_engine::agent::message::Change>().unwrap();
    }

    /// All that no request of these tests may change, in the root and beside it.
    fn surroundings(&self) -> BTreeMap<String, String> {
        tree_at(self.folder.path())
    }

    /// Closes the connection; how the agent ended, and where it was.
    fn end(self) -> (Result<()>, TempDir) {
        let Self { folder, reader, writer, raw, server } = self;
        let _ = raw.shutdown(std::net::Shutdown::Write);
        drop((reader, writer, raw));
        (server.join().expect("an agent never panics"), folder)
    }
}

fn hello(root: &Path) -> Hello {
    Hello {
        protocol: PROTOCOL,
        build: "hostile".into(),
        root: root.to_str().unwrap().into(),
        purpose: Purpose::Run { pair: PAIR.into(), replica: "00ff".into(), stays: false },
    }
}

/// Lets `attack` speak; afterwards everything must stand as before, and no intent be journalled.
fn harmless(attack: impl FnOnce(&mut Victim)) -> Result<()> {
    let mut victim = Victim::new();
    let before = victim.surroundings();
    attack(&mut victim);
    let (ended, folder) = victim.end();
    assert_eq!(tree_at(folder.path()), before);
    let own: Vec<String> = fs::read_dir(folder.path().join("root/.ubos-sync"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let known = [".gitignore", "config.toml", "marker", "state", "staging", "log"];
    assert!(own.iter().all(|name| known.contains(&name.as_str())), "{own:?}");
    assert!(table_at(&folder.path().join("root")).open_runs().is_empty());
    ended
}

/// Numbers that are the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn random_bytes_end_the_connection() {
    for seed in 0..60 {
        let ended = harmless(|victim| {
            let _ = victim.raw.write_all(&noise(seed, 2000));
        });
        assert!(ended.is_err(), "seed {seed}");
    }
}

#[test]
fn random_messages_in_whole_frames_change_nothing() {
    // Every kind of request, with random bytes after it and in its list.
    for seed in 0..60u64 {
        // How it ends depends on what the bytes happen to mean.
        let _ = harmless(|victim| {
            for part in 0..3 {
                let mut payload = noise(seed * 7 + part, 1 + (seed as usize * 5) % 60);
                payload[0] = (seed % 30) as u8;
                let _ = victim.writer.frame(FrameKind::Message, &payload);
                let _ = victim.writer.frame(FrameKind::Part, &noise(seed + 1000, 50));
                let _ = victim.writer.frame(FrameKind::End, &[]);
            }
            let _ = victim.writer.flush();
        });
    }
}

#[test]
fn a_conversation_that_breaks_off_anywhere_changes_nothing() {
    let mut spoken = Vec::new();
    {
        let mut writer = FrameWriter::new(&mut spoken);
        writer.message(&Request::Stage { run: RUN.into() }).unwrap();
        writer.list([want(0, &create("notes/n", "N"))]).unwrap();
        writer.message(&Request::Receive).unwrap();
        writer.message(&Content::Begin(begin(slot(0), Form::Whole { from: 0 }))).unwrap();
        writer.frame(FrameKind::Data, b"N").unwrap();
        writer.message(&Content::End(true)).unwrap();
        writer.message(&Content::Close).unwrap();
        writer.flush().unwrap();
    }
    for length in 0..spoken.len() {
        let _ = harmless(|victim| {
            victim.scan();
            let _ = victim.raw.write_all(&spoken[..length]);
        });
    }
}

#[test]
fn impossible_frames_and_messages_end_the_connection() {
    let frames: [&[u8]; 6] = [
        &[1, 0xff, 0xff, 0xff, 0xff],
        &[4, 0x01, 0x00, 0x10, 0x00],
        &[0, 0, 0, 0, 0],
        &[6, 0, 0, 0, 0],
        &[2, 1, 0, 0, 0, 0],
        &[1, 1, 0, 0, 0, 99],
    ];
    for frame in frames {
        let ended = harmless(|victim| victim.raw.write_all(frame).unwrap());
        assert!(ended.is_err(), "{frame:?}");
    }
}

#[test]
fn a_list_that_says_it_is_longer_than_it_is_ends_the_connection() {
    let ended = harmless(|victim| {
        victim.writer.message(&Request::Absent).unwrap();
        victim.writer.frame(FrameKind::Part, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3]).unwrap();
        victim.writer.frame(FrameKind::End, &[]).unwrap();
        victim.writer.flush().unwrap();
    });
    assert!(ended.is_err());
}

#[test]
fn a_run_id_that_is_no_plain_name_ends_the_connection() {
    for run in ["../x", "a/b", "..", ".", "", "/abs", "../../../neighbour", "a\0b", ".hidden"] {
        let run = || run.to_owned();
        let requests = [
            Request::Stage { run: run() },
            Request::Intend { run: run(), confirmed: true },
            Request::FillOutbox { run: run() },
            Request::FillInbox { run: run() },
            Request::EmptyOutbox { run: run() },
            Request::CollectInbox { run: run() },
            Request::Finish { run: run() },
            Request::ServeRsync { run: run(), sender: true, words: Vec::new() },
        ];
        for request in requests {
            let ended = harmless(|victim| {
                victim.scan();
                victim.say::<Item>(&request, Some(&[]));
            });
            assert!(ended.is_err(), "{request:?}");
        }
    }
}

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

#[test]
fn nobody_joins_with_a_name_that_is_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let fine = join();
    let mut bad = Vec::new();
    for name in ["../x", "a/b", "..", "", "a\0b"] {
        bad.push(ubos_engine::agent::message::Join { pair: name.into(), ..fine.clone() });
        bad.push(ubos_engine::agent::message::Join { name: name.into(), ..fine.clone() });
        bad.push(ubos_engine::agent::message::Join { peer_name: name.into(), ..fine.clone() });
        if name.contains(['/', '\0']) {
            // Only ever the middle of a file's name, where dots are dots.
            bad.push(ubos_engine::agent::message::Join { manifests: name.into(), ..fine.clone() });
        }
    }
    for (number, join) in bad.into_iter().enumerate() {
        let root = folder.path().join(format!("root{number}"));
        let mut victim = Victim::connected(tempfile::tempdir().unwrap());
        let purpose = Purpose::Join(join.clone());
        victim.hello(&Hello { purpose, ..hello(&root) });
        let welcome: Welcome = victim.reader.message().unwrap();
        assert!(matches!(welcome, Welcome::Refused(_)), "{join:?}");
        victim.end().0.unwrap();
        assert!(!root.exists(), "{join:?}");
    }
}

#[test]
fn other_protocols_and_foreign_pairs_are_refused() {
    for change in [
        |hello: &mut Hello| hello.protocol = (90, 99),
        |hello: &mut Hello| hello.protocol = (0, 0),
        |hello: &mut Hello| {
            hello.purpose =
                Purpose::Run { pair: "../..".into(), replica: String::new(), stays: false };
        },
        |hello: &mut Hello| hello.root.clear(),
        |hello: &mut Hello| hello.root.push(0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        make_territory(&root);
        let before = tree_at(folder.path());
        let mut victim = Victim::connected(folder);
        let mut hello = hello(&root);
        change(&mut hello);
        victim.hello(&hello);
        let welcome: Welcome = victim.reader.message().unwrap();
        assert!(matches!(welcome, Welcome::Refused(_)), "{hello:?}");
        assert_eq!(victim.surroundings(), before);
        victim.end().0.unwrap();
    }
}
