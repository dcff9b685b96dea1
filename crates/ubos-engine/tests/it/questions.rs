//! A question to the other territory's program: no run, no lock, bounded, and clear where the other
//! end is older or does not know.

use std::fs;
use std::os::unix::net::UnixStream;

use ubos_core::sides::Side;
use ubos_engine::agent::frame::{FrameReader, FrameWriter};
use ubos_engine::agent::handshake::{MAGIC, read_magic};
use ubos_engine::agent::message::{
    ASKS, Hello, MOST_ASKED, Machine, PROTOCOL, Purpose, Request, Response, Welcome,
};
use ubos_engine::error::{EngineError, Result};
use ubos_engine::link::ask;
use ubos_engine::state::config::Peer;

use crate::subject::{PAIR, greet_for, make_territory, open_local, serve_in_thread};

struct Territory {
    folder: tempfile::TempDir,
}

impl Territory {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_territory(&folder.path().join("root"));
        Self { folder }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("root")
    }

    fn ask(&self, pair: &str, what: &str, body: &[u8]) -> Result<Vec<u8>> {
        let (ours, server) = serve_in_thread();
        let (link, greeting) = greet_for(ours, &self.root(), Purpose::Probe).unwrap();
        assert!(greeting.protocol >= ASKS);
        let answer = ask::put(("server", pair), link, what, body);
        server.join().unwrap().unwrap();
        answer
    }
}

#[test]
fn a_question_is_answered_while_a_run_holds_the_territory() {
    let territory = Territory::new();
    let run = open_local(&territory.root(), Side::Here);
    let where_ = territory.ask(PAIR, "where", b"").unwrap();
    assert_eq!(where_, territory.root().to_str().unwrap().as_bytes());
    drop(run);
}

#[test]
fn questions_and_answers_up_to_the_limit_go_through() {
    let territory = Territory::new();
    for length in [0, 1, (1 << 20) + 1, MOST_ASKED] {
        let body: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        assert!(territory.ask(PAIR, "echo", &body).unwrap() == body, "{length}");
    }
}

#[test]
fn what_cannot_be_answered_is_said_in_words() {
    let territory = Territory::new();
    let unknown = territory.ask(PAIR, "weather", b"").unwrap_err();
    assert_eq!(unknown.to_string(), "server: `weather` cannot be asked here");
    assert_eq!(unknown.exit_code(), 2);
    let long = territory.ask(PAIR, "long", b"").unwrap_err();
    assert!(long.to_string().contains("the answer would have 16777217 bytes"), "{long}");
    let foreign = territory.ask("ffff", "echo", b"").unwrap_err();
    assert!(foreign.to_string().contains("is not a territory of this pair"), "{foreign}");
    fs::remove_dir_all(territory.root()).unwrap();
    assert_eq!(territory.ask(PAIR, "echo", b"").unwrap_err().exit_code(), 4);
}

#[test]
fn a_question_that_is_too_long_or_in_the_wrong_place_ends_the_connection() {
    let territory = Territory::new();
    let (ours, server) = serve_in_thread();
    let (mut link, _) = greet_for(ours, &territory.root(), Purpose::Probe).unwrap();
    let asked = Request::Ask { pair: PAIR.into(), what: "echo".into() };
    {
        let mut writer = link.channel().writer();
        writer.message(&asked).unwrap();
        // The agent may have hung up before it all was sent.
        let _ = writer.bytes(&vec![0; MOST_ASKED + 1]).and_then(|()| writer.flush());
    }
    assert!(link.channel().reader.message::<Response>().is_err());
    drop(link);
    assert!(server.join().unwrap().is_err());

    let (ours, server) = serve_in_thread();
    let (mut link, _) = greet_for(ours, &territory.root(), Purpose::Probe).unwrap();
    {
        let mut writer = link.channel().writer();
        writer.message(&Request::Commit).and_then(|()| writer.flush()).unwrap();
    }
    assert!(link.channel().reader.message::<Response>().is_err());
    drop(link);
    assert!(server.join().unwrap().is_err());
}

#[test]
fn this_end_refuses_a_question_that_is_too_long() {
    let peer = Peer {
        address: Some("/nowhere".into()),
        pair: PAIR.into(),
        replica: "00ff".into(),
        owner: false,
        manifests: "server".into(),
        agent: None,
    };
    let body = vec![0; MOST_ASKED + 1];
    let program = (std::path::Path::new("/nonexistent"), "test");
    let error = ask::ask(("server", &peer), program, "echo", &body).unwrap_err();
    assert!(matches!(error, EngineError::Config { .. }), "{error}");
}

#[test]
fn an_end_that_speaks_an_older_protocol_can_still_be_greeted() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let older = std::thread::spawn(move || {
        let mut reader = FrameReader::new(theirs.try_clone().unwrap());
        let mut writer = FrameWriter::new(theirs);
        writer.raw(MAGIC).unwrap();
        writer.flush().unwrap();
        read_magic(reader.raw()).unwrap();
        let hello: Hello = reader.message().unwrap();
        let (system, architecture) = ("linux".to_owned(), "x86_64".to_owned());
        let machine = Machine { system, architecture, clock: 0, rsync: None };
        let build = "older".to_owned();
        let protocol = hello.protocol.1.min(ASKS - 1);
        writer.message(&Welcome::Ready { protocol, build, machine, standing: None }).unwrap();
        writer.flush().unwrap();
        hello.protocol
    });
    let (_link, greeting) =
        greet_for(ours, std::path::Path::new("/nowhere"), Purpose::Probe).unwrap();
    assert_eq!(greeting.protocol, ASKS - 1);
    assert_eq!(older.join().unwrap(), PROTOCOL);
    assert!(PROTOCOL.0 < ASKS);
}
