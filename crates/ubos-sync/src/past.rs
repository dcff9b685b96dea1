//! What the audit log and the backups know, for the commands that go back: `history`, `restore`,
//! `undo`, `diff`, `backups`.

use std::collections::{BTreeMap, HashSet};
use std::os::fd::AsFd;
use std::path::Path;

use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::selection::{Selection, Verdict};
use ubos_core::sides::Sides;
use ubos_engine::clock;
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;
use ubos_engine::error::EngineError;
use ubos_engine::history::mark::{Mark, look};
use ubos_engine::history::restore::Finder;
use ubos_engine::history::runs::{self, RunRecord};
use ubos_engine::history::trail::Change;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::table::{Loaded, Table};
use ubos_engine::state::{StateDir, texts};

use crate::cli::Global;
use crate::failure::Failure;
use crate::render::command;
use crate::territory;

/// A territory and what is on record there.
pub(crate) struct Past {
    /// Its private folder.
    pub state: StateDir,
    /// Its configuration.
    pub config: Config,
    /// The peer.
    pub peer: Peer,
    /// Names of the territories.
    pub names: Sides<String>,
    /// The runs on record, by id.
    pub runs: BTreeMap<String, RunRecord>,
    /// When the record begins.
    pub begin: Option<String>,
    /// The agreed texts that are kept here.
    texts: HashSet<Digest>,
}

/// Since when changes count as later.
pub(crate) enum Since {
    /// Since just before this run.
    Run {
        /// The run.
        id: String,
        /// Number of its first record.
        first: u64,
    },
    /// Since this instant, as the log writes times.
    Time(String),
}

impl Since {
    /// Whether `change` happened at this instant or later.
    pub(crate) fn covers(&self, change: &Change) -> bool {
        match self {
            Since::Run { first, .. } => change.seq >= *first,
            Since::Time(time) => change.time >= *time,
        }
    }

    /// In words that follow "as it was".
    pub(crate) fn words(&self) -> String {
        match self {
            Since::Run { id, .. } => format!("before run {id}"),
            Since::Time(time) => format!("at {}", clock::local(time)),
        }
    }
}

impl Past {
    /// Reads the log of the territory of the command line.
    pub(crate) fn open(global: &Global) -> Result<Self, Failure> {
        let (state, config) = territory::open(global)?;
        let (peer_name, peer) = config.peer(global.peer.as_deref())?;
        let names = Sides::new(config.name.clone(), peer_name.to_owned());
        let peer = peer.clone();
        let (runs, begin) = runs::all(&state)?;
        let texts = texts::known(&state, &peer.pair)?;
        Ok(Self { state, config, peer, names, runs, begin, texts })
    }

    /// Finds the contents of former versions, of which `trail` tells.
    pub(crate) fn finder<'a>(&'a self, trail: &'a [Change]) -> Finder<'a> {
        Finder { state: &self.state, here: &self.names.here, trail, texts: &self.texts }
    }

    /// A path of the command line, which must be selected or hold what is.
    pub(crate) fn path(&self, given: &Path) -> Result<RelPath, Failure> {
        let root = self.state.root();
        let stands = |path: &RelPath| matches!(root.stat(path), Ok(Some(_)));
        let path = territory::relative(root.path(), given, stands)?;
        let selection = self.selection()?;
        let takes_part = matches!(selection.judge_path(&path, false), Verdict::Selected(_))
            || selection.judge_path(&path, true).descends();
        if takes_part {
            return Ok(path);
        }
        Err(Failure::usage(
            format!("`{path}` is not shared with {}, so nothing of it is kept", self.names.there),
            format!("`{}` says why", command::about("manifest check", path.as_bytes(), "")),
        ))
    }

    /// What takes part, by the manifests as they are now.
    pub(crate) fn selection(&self) -> Result<Selection, Failure> {
        let texts = read_manifests(&self.state, &self.peer.manifests)?;
        let texts = texts.map(Option::unwrap_or_default);
        Ok(compile(&self.peer.manifests, &texts, &self.config.builtin())?)
    }

    /// The run that the command line means.
    pub(crate) fn run(&self, given: &str) -> Result<String, Failure> {
        Ok(runs::named(&self.runs, given)?)
    }

    /// Number of the first record of a run.
    pub(crate) fn first(&self, run: &str) -> u64 {
        self.runs.get(run).map_or(0, |record| record.first)
    }

    /// The instant that `--at` means: a run or a time.
    pub(crate) fn since(&self, given: &str) -> Result<Since, Failure> {
        let Some(time) = clock::instant(given) else {
            let id = self.run(given)?;
            return Ok(Since::Run { first: self.first(&id), id });
        };
        match &self.begin {
            Some(begin) if *begin <= time => Ok(Since::Time(time)),
            begin => {
                let begin = begin.as_deref().map(clock::local);
                let begin = begin.unwrap_or_else(|| "nowhere yet".to_owned());
                Err(Failure::usage(
                    format!(
                        "nothing is on record of {}: the record begins {begin}",
                        clock::local(&time)
                    ),
                    "`ubos-sync history PATH` lists every version that is known; the oldest stands last",
                ))
            }
        }
    }

    /// What stands at `path` now; what cannot be read counts as nothing known, which no version
    /// equals.
    pub(crate) fn present(&self, path: &RelPath) -> Mark {
        let unknown = || Mark::Link(String::from("\0"));
        match self.state.root().open_parent(path) {
            Ok(parent) => match look(parent.as_fd(), path.name()) {
                Ok(found) => found.map_or(Mark::Absent, |(mark, _)| mark),
                Err(_) => unknown(),
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Mark::Absent,
            Err(_) => unknown(),
        }
    }

    /// What both sides last agreed on; `None` if that memory is lost.
    pub(crate) fn baseline(&self) -> Result<Option<Table>, Failure> {
        let folder = self.state.pair_folder(&self.peer.pair)?;
        let loaded = Table::load(folder)
            .map_err(|e| EngineError::io("read", self.state.path("state"), e))?;
        Ok(match loaded {
            Loaded::Present(table) => Some(*table),
            Loaded::Lost(_) => None,
        })
    }
}

/// What the baseline says of `path`.
pub(crate) fn agreed(table: Option<&Table>, path: &RelPath) -> Mark {
    let record = table.and_then(|table| table.record(path));
    record.map_or(Mark::Absent, |record| Mark::of(record.row.base.entry()))
}
