//! The agent's loop: reads requests, asks its local endpoint, answers. It ends when the initiator
//! goes away; the kernel then releases the lock.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use ubos_core::sides::Side;

use super::channel::Channel;
use super::handshake;
use super::message::{
    Change, Failure, Hello, LogCheck, MOST_ASKED, Machine, PROTOCOL, Purpose, Request, Response,
    Welcome,
};
use crate::clock;
use crate::endpoint::Endpoint;
use crate::endpoint::local::LocalEndpoint;
use crate::error::{EngineError, Result};
use crate::fs::platform;
use crate::pairing;
use crate::rsync::boxes::{self, BoxKind};
use crate::rsync::{arguments, tunnel};
use crate::state::StateDir;
use crate::state::audit::Head;
use crate::state::config::{Config, Peer};
use crate::transfer::ContentSink;
use crate::transfer::wire::{WireSink, broken, pump};
use crate::watch::Caller;

/// Answers what is asked of the program itself: the territory's root, what it is about, and what came
/// with it.
pub type Answerer<'a> = &'a dyn Fn(&Path, &str, &[u8]) -> Result<Vec<u8>>;

/// Serves one connection on `input` and `output`.
///
/// # Errors
/// When the connection breaks or what comes in is not understood. Everything else is answered.
pub fn serve(input: OwnedFd, output: OwnedFd, build: &str, answerer: Answerer<'_>) -> Result<()> {
    let mut raw = std::fs::File::from(output.as_fd().try_clone_to_owned().map_err(|e| broken(&e))?);
    handshake::send_magic(&mut raw).map_err(|e| broken(&e))?;
    let mut channel = Channel::new(input, output).map_err(|e| broken(&e))?;
    handshake::read_magic(channel.reader.raw()).map_err(|e| broken(&e))?;
    let hello: Hello = channel.reader.message().map_err(|e| broken(&e))?;
    channel.start_heartbeat();
    let (welcome, endpoint) = match greet(&hello, build) {
        Ok((welcome, endpoint)) => (welcome, endpoint),
        Err(error) => (Welcome::Refused(Failure::of(&error)), None),
    };
    send(&channel, &welcome)?;
    let Some(mut endpoint) = endpoint else {
        return match hello.purpose {
            Purpose::Probe => questions(&mut channel, &root_of(&hello), answerer),
            _ => Ok(()),
        };
    };
    let mut next = channel.reader.message::<Request>();
    loop {
        next = match next {
            Ok(Request::Wait { limit }) => {
                wait(&mut channel, &mut endpoint, Duration::from_millis(limit))?
            }
            Ok(request) => {
                answer(request, &mut channel, &mut endpoint)?;
                channel.reader.message()
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(broken(&e)),
        };
    }
}

/// Answers questions until the initiator goes away.
fn questions(channel: &mut Channel, root: &Path, answerer: Answerer<'_>) -> Result<()> {
    loop {
        match channel.reader.message() {
            Ok(Request::Ask { pair, what }) => {
                let body = channel.reader.bytes(MOST_ASKED).map_err(|e| broken(&e))?;
                let known = territory(root, &pair);
                match known.and_then(|_| answerer(root, &what, &body)).and_then(bounded) {
                    Ok(answer) => {
                        let mut writer = channel.writer();
                        let sent = writer.message(&Response::Answered);
                        let sent = sent.and_then(|()| writer.bytes(&answer));
                        sent.and_then(|()| writer.flush()).map_err(|e| broken(&e))?;
                    }
                    Err(error) => send(channel, &Response::Failed(Failure::of(&error)))?,
                }
            }
            Ok(_) => {
                return Err(EngineError::unreachable("the peer asked for a run it did not begin"));
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(e) => return Err(broken(&e)),
        }
    }
}

fn bounded(answer: Vec<u8>) -> Result<Vec<u8>> {
    match answer.len() {
        0..=MOST_ASKED => Ok(answer),
        long => Err(EngineError::config(format!("the answer would have {long} bytes"))),
    }
}

/// Waits for a change, while the next request is already being read: it ends the wait.
fn wait(
    channel: &mut Channel,
    endpoint: &mut LocalEndpoint,
    limit: Duration,
) -> Result<io::Result<Request>> {
    let until = Instant::now() + limit;
    let caller = endpoint.caller();
    let writer = channel.shared_writer();
    let reader = &mut channel.reader;
    std::thread::scope(|scope| {
        let next = scope.spawn(move || {
            let next = reader.message::<Request>();
            caller.iter().for_each(Caller::call);
            next
        });
        let response = match endpoint.wait(until) {
            Ok(wake) => Response::Woken(wake),
            Err(error) => Response::Failed(Failure::of(&error)),
        };
        {
            let mut writer = writer.lock().expect("no holder of this lock panics");
            writer.message(&response).and_then(|()| writer.flush()).map_err(|e| broken(&e))?;
        }
        Ok(next.join().expect("a reading thread does not panic"))
    })
}

fn greet(hello: &Hello, build: &str) -> Result<(Welcome, Option<LocalEndpoint>)> {
    let protocol = hello.protocol.1.min(PROTOCOL.1);
    if protocol < hello.protocol.0.max(PROTOCOL.0) {
        return Err(EngineError::Config {
            message: format!(
                "this end runs {build} (protocol {} to {}), the other {} (protocol {} to {})",
                PROTOCOL.0, PROTOCOL.1, hello.build, hello.protocol.0, hello.protocol.1
            ),
            hint: Some("install the same version of ubos-sync on both machines".into()),
        });
    }
    let root = root_of(hello);
    let ready = |standing| Welcome::Ready {
        protocol,
        build: build.to_owned(),
        machine: machine(hello.purpose == Purpose::Probe),
        standing,
    };
    match &hello.purpose {
        Purpose::Probe => Ok((ready(None), None)),
        Purpose::Join(join) => {
            let standing = pairing::join(&root, join)?;
            Ok((ready(Some(Box::new(standing))), None))
        }
        Purpose::Run { pair, stays, .. } => {
            let mut endpoint = open_endpoint(&root, pair)?;
            if *stays {
                endpoint.stand_by();
            }
            endpoint.lock()?;
            let standing = endpoint.look()?;
            Ok((ready(Some(Box::new(standing))), Some(endpoint)))
        }
    }
}

fn root_of(hello: &Hello) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&hello.root))
}

fn open_endpoint(root: &Path, pair: &str) -> Result<LocalEndpoint> {
    let (state, config, peer) = territory(root, pair)?;
    Ok(LocalEndpoint::open(state, config, peer, Side::There))
}

/// The territory of `pair` at `root`.
fn territory(root: &Path, pair: &str) -> Result<(StateDir, Config, Peer)> {
    let state = StateDir::open(root)?;
    let foreign = || {
        EngineError::guard(
            "foreign-root",
            format!("`{}` is not a territory of this pair", root.display()),
            "check the address of the peer, or pair the two folders with `ubos-sync init`",
        )
    };
    let config = Config::load(&state)?.ok_or_else(foreign)?;
    let peer = config.peers.values().find(|peer| peer.pair == pair).cloned().ok_or_else(foreign)?;
    Ok((state, config, peer))
}

/// What this machine is; looks for rsync only if asked to, since that starts a process.
pub fn machine(with_rsync: bool) -> Machine {
    let (system, architecture) = platform::system();
    Machine {
        system: system.to_owned(),
        architecture: architecture.to_owned(),
        clock: clock::now_ns(),
        rsync: with_rsync.then(crate::link::rsync_version).flatten(),
    }
}

fn send<T: Serialize>(channel: &Channel, message: &T) -> Result<()> {
    let mut writer = channel.writer();
    writer.message(message).and_then(|()| writer.flush()).map_err(|e| broken(&e))
}

/// Answers `result`: the list on success.
fn reply<T: Serialize>(channel: &Channel, result: Result<Vec<T>>) -> Result<()> {
    match result {
        Ok(list) => {
            let mut writer = channel.writer();
            let write = || -> io::Result<()> {
                writer.message(&Response::Done)?;
                writer.list(list)?;
                writer.flush()
            };
            write().map_err(|e| broken(&e))
        }
        Err(error) => send(channel, &Response::Failed(Failure::of(&error))),
    }
}

fn acknowledge(channel: &Channel, result: Result<()>) -> Result<()> {
    match result {
        Ok(()) => send(channel, &Response::Done),
        Err(error) => send(channel, &Response::Failed(Failure::of(&error))),
    }
}

fn list<T: serde::de::DeserializeOwned>(channel: &mut Channel) -> Result<Vec<T>> {
    channel.reader.list().map_err(|e| broken(&e))
}

fn answer(request: Request, channel: &mut Channel, endpoint: &mut LocalEndpoint) -> Result<()> {
    if let Some(run) = request.run().filter(|run| !clock::is_id(run)) {
        return Err(EngineError::unreachable(format!("the peer named a run {run:?}")));
    }
    match request {
        Request::OpenRuns => match endpoint.open_runs() {
            Ok((runs, prepared)) => {
                reply(channel, Ok(runs))?;
                let mut writer = channel.writer();
                writer.list(prepared).and_then(|()| writer.flush()).map_err(|e| broken(&e))
            }
            Err(error) => acknowledge(channel, Err(error)),
        },
        Request::RollForward => acknowledge(channel, endpoint.roll_forward()),
        Request::Export => reply(channel, endpoint.export()),
        Request::Import { header } => {
            let rows = list(channel)?;
            acknowledge(channel, endpoint.import(&header, rows))
        }
        Request::Scan(order) => match endpoint.scan(&order) {
            Ok(found) => {
                let mut writer = channel.writer();
                let changes = found.changes.into_iter().map(|(path, seen)| Change { path, seen });
                writer
                    .message(&Response::Scanned { scanned: found.scanned })
                    .and_then(|()| writer.list(changes))
                    .and_then(|()| writer.flush())
                    .map_err(|e| broken(&e))
            }
            Err(error) => acknowledge(channel, Err(error)),
        },
        Request::Absent => {
            let paths: Vec<_> = list(channel)?;
            reply(channel, endpoint.absent(&paths).map(|paths| paths.into_iter().collect()))
        }
        Request::Cost => {
            let items: Vec<_> = list(channel)?;
            reply(channel, endpoint.cost(&items))
        }
        Request::HasRsync => reply(channel, endpoint.has_rsync().map(|has| vec![has])),
        Request::FillOutbox { run } => {
            let items: Vec<_> = list(channel)?;
            reply(channel, endpoint.fill_outbox(&run, &items))
        }
        Request::FillInbox { run } => {
            let wants: Vec<_> = list(channel)?;
            reply(channel, endpoint.fill_inbox(&run, &wants))
        }
        Request::ServeRsync { run, sender, words } => {
            serve_rsync(channel, endpoint, &run, sender, &words)
        }
        Request::EmptyOutbox { run } => {
            let items: Vec<_> = list(channel)?;
            acknowledge(channel, endpoint.empty_outbox(&run, &items))
        }
        Request::CollectInbox { run } => {
            let wanted: Vec<_> = list(channel)?;
            reply(channel, endpoint.collect_inbox(&run, &wanted))
        }
        Request::Times => {
            let paths: Vec<_> = list(channel)?;
            reply(channel, endpoint.times(&paths))
        }
        Request::Contents => {
            let paths: Vec<_> = list(channel)?;
            reply(channel, endpoint.contents(&paths))
        }
        Request::KeepVersions => {
            let versions: Vec<_> = list(channel)?;
            reply(channel, endpoint.keep_versions(&versions))
        }
        Request::Untracked => {
            let dirs: Vec<_> = list(channel)?;
            reply(channel, endpoint.untracked(&dirs).map(|dirs| dirs.into_iter().collect()))
        }
        Request::Send => {
            let items: Vec<_> = list(channel)?;
            let mut writer = channel.writer();
            let mut sink = WireSink::new(&mut *writer);
            endpoint.send(&items, &mut sink)?;
            sink.close()
        }
        Request::Stage { run } => {
            let wants: Vec<_> = list(channel)?;
            reply(channel, endpoint.stage(&run, &wants))
        }
        Request::Receive => receive(channel, endpoint),
        Request::Intend { run, confirmed } => {
            let items: Vec<_> = list(channel)?;
            acknowledge(channel, endpoint.intend(&run, &items, confirmed))
        }
        Request::Apply => {
            let modes: Vec<_> = list(channel)?;
            reply(channel, endpoint.apply(&modes))
        }
        Request::Recheck => reply(channel, endpoint.recheck()),
        Request::Prepare(order) => {
            let extra: Vec<_> = list(channel)?;
            acknowledge(channel, endpoint.prepare(&order, &extra))
        }
        Request::Commit => acknowledge(channel, endpoint.commit()),
        Request::Mark => acknowledge(channel, endpoint.mark()),
        Request::Audit => {
            let notes: Vec<_> = list(channel)?;
            match endpoint.audit(&notes) {
                Ok(head) => send(channel, &Response::Noted(head)),
                Err(error) => acknowledge(channel, Err(error)),
            }
        }
        Request::CheckLog { since } => {
            let heads: Vec<_> = list(channel)?;
            check_log(channel, endpoint, &since, &heads)
        }
        Request::KeepOpen => {
            let matters: Vec<_> = list(channel)?;
            acknowledge(channel, endpoint.keep_open(&matters))
        }
        Request::Finish { run } => {
            let finished = endpoint.finish(&run);
            if finished.is_ok() {
                endpoint.note_health();
            }
            acknowledge(channel, finished)
        }
        Request::PutBack(order) => {
            let steps: Vec<_> = list(channel)?;
            reply(channel, endpoint.put_back(&order, &steps))
        }
        Request::Begin => match endpoint.begin() {
            Ok(standing) => send(channel, &Response::Standing(Box::new(standing))),
            Err(error) => acknowledge(channel, Err(error)),
        },
        Request::Release => {
            endpoint.release();
            acknowledge(channel, Ok(()))
        }
        // Answered where requests are read; a call that comes late has nothing to end.
        Request::Wait { .. } | Request::Call => Ok(()),
        Request::Ask { .. } => {
            Err(EngineError::unreachable("the peer asked in the middle of a run"))
        }
    }
}

fn check_log(
    channel: &mut Channel,
    endpoint: &mut LocalEndpoint,
    since: &str,
    heads: &[Head],
) -> Result<()> {
    match endpoint.check_log(since, heads) {
        Ok(LogCheck { records, fault, end, wrong, noted }) => {
            let mut writer = channel.writer();
            writer
                .message(&Response::LogChecked { records, fault, end })
                .and_then(|()| writer.list(wrong))
                .and_then(|()| writer.list(noted))
                .and_then(|()| writer.flush())
                .map_err(|e| broken(&e))
        }
        Err(error) => acknowledge(channel, Err(error)),
    }
}

/// Runs rsync's server half in a box. A request that asks for more is answered by an empty stream:
/// nothing arrives, and the content comes by another way.
fn serve_rsync(
    channel: &mut Channel,
    endpoint: &LocalEndpoint,
    run: &str,
    sender: bool,
    words: &[String],
) -> Result<()> {
    let kind = if sender { BoxKind::Out } else { BoxKind::In };
    let allowed = arguments::server(words, sender).unwrap_or_default();
    let folder = boxes::path(endpoint.state(), run, kind);
    let arguments = if folder.is_dir() { allowed } else { Vec::new() };
    tunnel::serve(channel, &folder, &arguments).map_err(|e| broken(&e))?;
    acknowledge(channel, Ok(()))
}

fn receive(channel: &mut Channel, endpoint: &mut LocalEndpoint) -> Result<()> {
    {
        let mut sink = endpoint.sink()?;
        pump(&mut channel.reader, &mut *sink)?;
        sink.close()?;
    }
    reply(channel, endpoint.staged())
}
