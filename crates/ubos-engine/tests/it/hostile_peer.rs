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

use ubos_core::plan::Item;
use ubos_engine::agent::content::{Content, Form};
use ubos_engine::agent::frame::{FrameKind, FrameReader, FrameWriter};
use ubos_engine::agent::handshake::{MAGIC, read_magic};
use ubos_engine::agent::message::{Hello, PROTOCOL, Purpose, Request, Response, Welcome};
use ubos_engine::error::Result;

use crate::subject::{
    PAIR, RUN, begin, create, join, make_territory, order, serve_in_thread, slot, table_at,
    tree_at, want, write_at,
};

/// A territory beside something that must never be touched, and a raw connection to its agent.
pub(crate) struct Victim {
    pub(crate) folder: TempDir,
    pub(crate) reader: FrameReader<UnixStream>,
    pub(crate) writer: FrameWriter<UnixStream>,
    pub(crate) raw: UnixStream,
    pub(crate) server: JoinHandle<Result<()>>,
}

impl Victim {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn connected(folder: TempDir) -> Self {
        let (raw, server) = serve_in_thread();
        let mut reader = FrameReader::new(raw.try_clone().unwrap());
        let writer = FrameWriter::new(raw.try_clone().unwrap());
        read_magic(reader.raw()).unwrap();
        Self { folder, reader, writer, raw, server }
    }

    pub(crate) fn hello(&mut self, hello: &Hello) {
        self.writer.raw(MAGIC).unwrap();
        self.writer.message(hello).unwrap();
        self.writer.flush().unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// Sends a request with its list; the agent may have hung up already.
    pub(crate) fn say<T: Serialize>(&mut self, request: &Request, list: Option<&[T]>) {
        let _ = self.writer.message(request);
        if let Some(list) = list {
            let _ = self.writer.list(list);
        }
        let _ = self.writer.flush();
    }

    /// Sends a request that must be answered by a refusal, which is returned.
    pub(crate) fn refused<T: Serialize>(&mut self, request: &Request, list: &[T]) -> String {
        self.say(request, Some(list));
        match self.reader.message::<Response>().unwrap() {
            Response::Failed(failure) => failure.message,
            answer => panic!("{request:?} was answered by {answer:?}"),
        }
    }

    pub(crate) fn done<T: Serialize>(&mut self, request: &Request, list: Option<&[T]>) {
        self.say(request, list);
        assert_eq!(self.reader.message::<Response>().unwrap(), Response::Done);
    }

    pub(crate) fn scan(&mut self) {
        self.say::<u8>(&Request::Scan(order()), None);
        let answer: Response = self.reader.message().unwrap();
        assert!(matches!(answer, Response::Scanned { .. }), "{answer:?}");
        self.reader.list::<ubos_engine::agent::message::Change>().unwrap();
    }

    /// All that no request of these tests may change, in the root and beside it.
    pub(crate) fn surroundings(&self) -> BTreeMap<String, String> {
        tree_at(self.folder.path())
    }

    /// Closes the connection; how the agent ended, and where it was.
    pub(crate) fn end(self) -> (Result<()>, TempDir) {
        let Self { folder, reader, writer, raw, server } = self;
        let _ = raw.shutdown(std::net::Shutdown::Write);
        drop((reader, writer, raw));
        (server.join().expect("an agent never panics"), folder)
    }
}

pub(crate) fn hello(root: &Path) -> Hello {
    Hello {
        protocol: PROTOCOL,
        build: "hostile".into(),
        root: root.to_str().unwrap().into(),
        purpose: Purpose::Run { pair: PAIR.into(), replica: "00ff".into(), stays: false },
    }
}

/// Lets `attack` speak; afterwards everything must stand as before, and no intent be journalled.
pub(crate) fn harmless(attack: impl FnOnce(&mut Victim)) -> Result<()> {
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
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
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
