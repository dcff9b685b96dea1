//! `Subject`: a territory in a temporary folder behind an endpoint, local or through an agent that
//! serves the other end of a socket. What the tests ask of one, they ask of both.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tempfile::TempDir;

use ubos_core::entry::{Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::plan::{Item, OpKind, Operation, Reason};
use ubos_core::selection::Builtin;
use ubos_core::sides::Side;
use ubos_engine::agent::content::{Begin, Form, Slot, StageResult, Want};
use ubos_engine::agent::message::{FolderMode, Join, MOST_ASKED, Outcome, Purpose, ScanOrder};
use ubos_engine::agent::serve::serve;
use ubos_engine::endpoint::local::LocalEndpoint;
use ubos_engine::endpoint::remote::RemoteEndpoint;
use ubos_engine::endpoint::{Endpoint, Scanned};
use ubos_engine::error::{EngineError, Result};
use ubos_engine::link::{Address, Greeting, Link, Target};
use ubos_engine::pairing;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Symlinks};
use ubos_engine::state::generation::Header;
use ubos_engine::state::table::{Loaded, Table};
use ubos_engine::transfer::ContentSink;

/// The pair of every subject.
pub(crate) const PAIR: &str = "0123456789abcdef";
/// A run that may be named.
pub(crate) const RUN: &str = "20260101T000000.000Z-0001";

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In this process.
    Local,
    /// Through an agent.
    Remote,
}

/// Runs `test` on a subject of either kind.
pub(crate) fn on_both(test: impl Fn(&mut Subject)) {
    for kind in [Kind::Local, Kind::Remote] {
        eprintln!("endpoint: {kind:?}");
        let mut subject = Subject::new(kind);
        test(&mut subject);
        subject.close();
    }
}

/// A territory behind an endpoint.
pub(crate) struct Subject {
    folder: TempDir,
    kind: Kind,
    endpoint: Option<Box<dyn Endpoint>>,
    server: Option<JoinHandle<Result<()>>>,
}

impl Subject {
    /// A territory that selects `notes/` and `logs/*.jsonl`, and not `priv/` nor `*.tmp`.
    pub(crate) fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_territory(&folder.path().join("root"));
        let mut subject = Self { folder, kind, endpoint: None, server: None };
        subject.open();
        subject
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn open(&mut self) {
        let endpoint: Box<dyn Endpoint> = match self.kind {
            Kind::Local => Box::new(open_local(&self.root(), Side::There)),
            Kind::Remote => {
                let (ours, server) = serve_in_thread();
                self.server = Some(server);
                Box::new(greet(ours, &self.root()).unwrap())
            }
        };
        self.endpoint = Some(endpoint);
    }

    /// Ends the connection without a word, as a crash of the initiator would.
    pub(crate) fn close(&mut self) {
        drop(self.endpoint.take());
        if let Some(server) = self.server.take() {
            server.join().unwrap().unwrap();
        }
    }

    /// The next run begins.
    pub(crate) fn reopen(&mut self) {
        self.close();
        self.open();
    }

    pub(crate) fn endpoint(&mut self) -> &mut dyn Endpoint {
        self.endpoint.as_deref_mut().unwrap()
    }

    pub(crate) fn scan(&mut self) -> Scanned {
        self.endpoint().scan(&order()).unwrap()
    }

    /// What is in force on the disk.
    pub(crate) fn table(&self) -> Table {
        table_at(&self.root())
    }

    pub(crate) fn header(&self) -> Header {
        self.table().header().clone()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write_at(&self.root(), path, content);
    }

    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.root().join(path)).ok()
    }

    pub(crate) fn chmod(&self, path: &str, mode: u32) {
        fs::set_permissions(self.root().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Everything in the root but the private folder.
    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        tree_at(&self.root())
    }

    /// The one backup of `path` by [`RUN`].
    pub(crate) fn backup(&self, path: &str) -> Option<Vec<u8>> {
        self.read(&format!(".ubos-sync/backups/{RUN}/{path}"))
    }

    /// Stages `contents` for the slots of their operations.
    pub(crate) fn stage(&mut self, wants: &[(Want, &[u8])]) -> Vec<StageResult> {
        let list: Vec<Want> = wants.iter().map(|(want, _)| want.clone()).collect();
        let resumes = self.endpoint().stage(RUN, &list).unwrap();
        assert!(resumes.iter().all(|resume| resume.refused.is_none()), "{resumes:?}");
        {
            let mut sink = self.endpoint().sink().unwrap();
            for (want, content) in wants {
                let form = match want.tail_from {
                    Some(from) => Form::Tail { from },
                    None => Form::Whole { from: 0 },
                };
                sink.begin(&begin(want.slot, form)).unwrap();
                for chunk in content.chunks(100_000) {
                    sink.data(chunk).unwrap();
                }
                sink.end(true).unwrap();
            }
            sink.close().unwrap();
        }
        self.endpoint().staged().unwrap()
    }

    /// Scans, stages what the operations need from `contents` in their order, journals, and carries
    /// out.
    pub(crate) fn carry_out(&mut self, ops: Vec<Operation>, contents: &[&[u8]]) -> Vec<Outcome> {
        self.scan();
        self.intend(ops, contents);
        self.apply()
    }

    /// All of [`Subject::carry_out`] but the scan and the last step.
    pub(crate) fn intend(&mut self, ops: Vec<Operation>, contents: &[&[u8]]) {
        let items: Vec<Item> = ops.into_iter().map(item).collect();
        let needing = items.iter().enumerate().filter(|(_, item)| {
            item.ops[0].needs_content() && item.ops[0].post.as_ref().unwrap().digest().is_some()
        });
        let wants: Vec<(Want, &[u8])> = needing
            .zip(contents)
            .map(|((index, item), content)| (want(index as u32, &item.ops[0]), *content))
            .collect();
        if !wants.is_empty() {
            for result in self.stage(&wants) {
                assert_eq!(result.failed, None, "{:?}", result.slot);
            }
        }
        self.endpoint().intend(RUN, &items, false).unwrap();
    }

    pub(crate) fn apply(&mut self) -> Vec<Outcome> {
        let modes: [FolderMode; 0] = [];
        let outcomes = self.endpoint().apply(&modes).unwrap();
        outcomes.into_iter().map(|outcome| outcome.outcome).collect()
    }
}

/// Makes a territory at `root`, as the peer of a pair.
pub(crate) fn make_territory(root: &Path) {
    fs::create_dir(root).unwrap();
    pairing::join(root, &join()).unwrap();
    for (name, text) in ["to", "from"].iter().zip(order().manifests) {
        let path = format!("config/sync_{name}_server.conf");
        write_at(root, &path, text);
    }
    write_at(root, "config/sync_exclude.conf", &order().manifests[2]);
    write_at(root, "priv/keys", "secret");
    write_at(root, "loose", "not selected");
}

pub(crate) fn join() -> Join {
    Join {
        pair: PAIR.into(),
        name: "server".into(),
        peer_name: "laptop".into(),
        peer_replica: "00ff".into(),
        peer_address: None,
        manifests: "server".into(),
        owner: true,
        fresh: true,
    }
}

pub(crate) fn order() -> ScanOrder {
    ScanOrder {
        manifests: [
            b"notes/\n".to_vec(),
            b"[append-only]\nlogs/*.jsonl\n".to_vec(),
            b"priv/\n*.tmp\n".to_vec(),
        ],
        builtin: Builtin::default(),
        symlinks: Symlinks::Held,
        verify: false,
        again: false,
        blank: None,
    }
}

/// Opens, locks and looks, as the beginning of a run does.
pub(crate) fn open_local(root: &Path, side: Side) -> LocalEndpoint {
    let state = StateDir::open(root).unwrap();
    let config = Config::load(&state).unwrap().unwrap();
    let peer = config.peers["laptop"].clone();
    let mut endpoint = LocalEndpoint::open(state, config, peer, side);
    endpoint.lock().unwrap();
    endpoint.look().unwrap();
    endpoint
}

/// An agent in a thread, and our end of the connection to it.
pub(crate) fn serve_in_thread() -> (UnixStream, JoinHandle<Result<()>>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = std::thread::spawn(move || {
        let input = OwnedFd::from(theirs.try_clone().unwrap());
        serve(input, OwnedFd::from(theirs), "test", &answer)
    });
    (ours, server)
}

/// What the agent of these tests can be asked.
fn answer(root: &Path, what: &str, body: &[u8]) -> Result<Vec<u8>> {
    match what {
        "echo" => Ok(body.to_vec()),
        "where" => Ok(root.as_os_str().as_bytes().to_vec()),
        "long" => Ok(vec![b'x'; MOST_ASKED + 1]),
        _ => Err(EngineError::config(format!("`{what}` cannot be asked here"))),
    }
}

/// The initiator's end over `ours`, for a run of the pair at `root`.
pub(crate) fn greet(ours: UnixStream, root: &Path) -> Result<RemoteEndpoint> {
    let purpose = Purpose::Run { pair: PAIR.into(), replica: "00ff".into(), stays: false };
    Ok(RemoteEndpoint::new(greet_for(ours, root, purpose)?.0, "server"))
}

/// The initiator's end over `ours`, for any purpose.
pub(crate) fn greet_for(
    ours: UnixStream,
    root: &Path,
    purpose: Purpose,
) -> Result<(Link, Greeting)> {
    let target = Target {
        apart: false,
        peer: "server".into(),
        address: Address::parse(root.to_str().unwrap()).unwrap(),
        agent: None,
        program: "/nonexistent".into(),
        build: "test".into(),
    };
    let input = OwnedFd::from(ours.try_clone().unwrap());
    let mut link = Link::over(input, OwnedFd::from(ours), &target)?;
    link.hello(purpose);
    let greeting = link.greet()?;
    Ok((link, greeting))
}

pub(crate) fn table_at(root: &Path) -> Table {
    let folder = StateDir::open(root).unwrap().pair_folder(PAIR).unwrap();
    match Table::load(folder).unwrap() {
        Loaded::Present(table) => *table,
        Loaded::Lost(why) => panic!("the state is lost: {why:?}"),
    }
}

pub(crate) fn write_at(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Everything below `root` but its private folder: kind, mode and content by path.
pub(crate) fn tree_at(root: &Path) -> BTreeMap<String, String> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.ends_with(".ubos-sync") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            let what = if meta.is_dir() {
                walk(root, &path, found);
                "folder".to_owned()
            } else if meta.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                let content = fs::read(&path).unwrap();
                format!("{:o} {}", meta.mode() & 0o777, Digest::of(&content).to_hex())
            };
            found.insert(name, what);
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn file(content: impl AsRef<[u8]>) -> Entry {
    let content = content.as_ref();
    Entry::File { digest: Digest::of(content), size: content.len() as u64, exec: false }
}

pub(crate) fn executable(content: impl AsRef<[u8]>) -> Entry {
    let content = content.as_ref();
    Entry::File { digest: Digest::of(content), size: content.len() as u64, exec: true }
}

pub(crate) fn link(target: &str) -> Entry {
    Entry::Symlink { target: std::ffi::OsStr::new(target).as_bytes().into() }
}

pub(crate) fn op(at: &str, kind: OpKind, pre: Option<Entry>, post: Option<Entry>) -> Operation {
    Operation { path: path(at), to: Side::There, kind, pre, post, reason: Reason::Modified }
}

pub(crate) fn create(at: &str, content: impl AsRef<[u8]>) -> Operation {
    op(at, OpKind::Create, None, Some(file(content)))
}

pub(crate) fn replace(at: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Operation {
    let kind = OpKind::Replace { contents: Vec::new() };
    op(at, kind, Some(file(old)), Some(file(new)))
}

pub(crate) fn delete(at: &str, old: impl AsRef<[u8]>) -> Operation {
    op(at, OpKind::Delete, Some(file(old)), None)
}

pub(crate) fn rename(from: &str, to: &str, what: Entry) -> Operation {
    let kind = OpKind::Rename { from: path(from), contents: Vec::new() };
    op(to, kind, Some(what.clone()), Some(what))
}

/// The item of one operation, with the row that follows from it.
pub(crate) fn item(op: Operation) -> Item {
    let mut rows = vec![(op.path.clone(), op.post.clone())];
    if let OpKind::Rename { from, .. } = &op.kind {
        rows.push((from.clone(), None));
    }
    Item { ops: vec![op], rows, guard: None }
}

pub(crate) fn slot(item: u32) -> Slot {
    Slot { item, op: 0 }
}

pub(crate) fn want(index: u32, op: &Operation) -> Want {
    let tail_from = match &op.kind {
        OpKind::Append { from } => Some(*from),
        _ => None,
    };
    let entry = op.post.clone().unwrap();
    Want { slot: slot(index), path: op.path.clone(), entry, basis: None, tail_from }
}

pub(crate) fn begin(slot: Slot, form: Form) -> Begin {
    Begin { slot, form, mode: 0o644, mtime: 1_500_000_000_000_000_000 }
}

/// Takes a content stream into memory.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) contents: Vec<(Begin, Vec<u8>, bool)>,
}

impl ContentSink for Taken {
    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.contents.push((begin.clone(), Vec::new(), false));
        Ok(())
    }

    fn seek(&mut self, _offset: u64) -> Result<()> {
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.contents.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        self.contents.last_mut().unwrap().2 = whole;
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}
