//! Making a snapshot: contents first, then the commits, then the manifest that names them. Each
//! reference moves only from the value that was seen; a crash in between leaves objects that nothing
//! names, and the next snapshot goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ubos_core::path::RelPath;
use ubos_core::selection::Selection;
use ubos_engine::clock;
use ubos_engine::endpoint::{bounds, standing as manifests_of};
use ubos_engine::error::EngineError;
use ubos_engine::inventory::Inventory;
use ubos_engine::state::config::Config;
use ubos_engine::state::config::backup::Layout;
use ubos_engine::state::{PRIVATE, StateDir};

use super::base::Base;
use super::class::Classes;
use super::compare::{Comparison, Given, compare};
use super::content::{Intake, Taken};
use super::done::{Done, Gather};
use super::index::{Followed, follow};
use super::line::{Line, Signed};
use super::lists::{Contents, counts, totals};
use super::logs::{Logs, Recorder};
use super::message::{Words, trailers};
use super::table::Table;
use super::{Changed, Order, Snapshot};
use crate::git::command::Git;
use crate::git::commit::Author;
use crate::git::error::{BackupError, Result};
use crate::git::gates::Gates;
use crate::git::identity;
use crate::git::lock::BackupLock;
use crate::git::manifest::{About, SCHEMA};
use crate::git::manifests;
use crate::git::names::{
    STATE, TRAILER_GAPS, TRAILER_GENERATION, TRAILER_PHASE, TRAILER_RUN, TRAILER_TERRITORY,
};
use crate::git::objects::Oid;
use crate::git::repository::Repository;
use crate::git::tree::{TreeEdit, list_tree};

/// How often it is tried again when the user commits at the same moment.
const ATTEMPTS: usize = 5;

/// Makes a snapshot.
///
/// # Errors
/// [`BackupError::Locked`] while another backup is being made; [`BackupError::Busy`] while the
/// repository is in the middle of something; what git says.
pub fn take(order: &Order<'_>) -> Result<Snapshot> {
    if !order.inventory.owner {
        return Err(BackupError::Usage {
            message: "snapshots are made in the territory whose manifests are the law".to_owned(),
            hint: format!("run it on `{}`; here is its mirror", order.inventory.peer),
        });
    }
    let state = StateDir::open(order.root)?;
    let _lock = BackupLock::take(&state)?;
    let mut work = Work::begin(order, &state)?;
    for _ in 0..ATTEMPTS {
        if let Some(snapshot) = work.attempt()? {
            return Ok(snapshot);
        }
    }
    Err(BackupError::Busy {
        what: "somebody commits to the branch all the time".to_owned(),
        hint: "the next snapshot tries again".to_owned(),
    })
}

/// Everything that stays the same while it is tried.
struct Work<'a> {
    order: &'a Order<'a>,
    state: &'a StateDir,
    repository: Repository,
    classes: Classes,
    gates: Gates,
    selection: Selection,
    table: Table,
    committer: Author,
    /// What was taken in already, for when it is tried again.
    taken: BTreeMap<RelPath, Taken>,
    logs: Option<Logs>,
    bytes: u64,
}

impl<'a> Work<'a> {
    fn begin(order: &'a Order<'a>, state: &'a StateDir) -> Result<Self> {
        let repository = Repository::open(order.root)?;
        let git = repository.git();
        let known = Table::load(state)?;
        let table = match known {
            Some(table) => table,
            // A damaged manifest costs time, not the snapshot.
            None => Table::rebuild(git).unwrap_or_default(),
        };
        let committer = identity::configured(git)?
            .unwrap_or_else(|| identity::fallback(&order.inventory.territory));
        Ok(Self {
            order,
            state,
            classes: Classes::new(order.settings)?,
            gates: Gates::load(&order.root.join(PRIVATE), order.root)?,
            selection: selection(state, order.inventory)?,
            table,
            committer,
            taken: BTreeMap::new(),
            logs: None,
            bytes: 0,
            repository,
        })
    }

    fn git(&self) -> &Git {
        self.repository.git()
    }

    /// A file of our own to build trees in.
    fn index(&self) -> PathBuf {
        self.state.path(&format!("{STATE}/index"))
    }

    /// Tries once; `None` if somebody else moved a branch meanwhile.
    fn attempt(&mut self) -> Result<Option<Snapshot>> {
        let base = Base::look(&self.repository, self.order)?;
        let comparison = self.compare(&base);
        self.take_in(&comparison)?;
        self.record_logs(&comparison)?;
        let outcome = self.gather().done(&base, comparison);
        let Some(made) = self.commit(&base, &outcome)? else { return Ok(None) };
        let mut snapshot = Snapshot {
            commits: made.commits,
            head: made.head,
            logs: self.logs.as_ref().and_then(|logs| logs.commit.clone()),
            changed: made.changed,
            bytes: self.bytes,
            notices: self.notices(&base, &outcome),
            ..Snapshot::default()
        };
        self.follow(&base, snapshot.head.as_ref(), &mut snapshot.notices)?;
        self.remember(&outcome);
        snapshot.manifest = self.write_manifest(&outcome, &snapshot, made.apart)?;
        self.table.save(self.state)?;
        snapshot.gaps = outcome.gaps;
        snapshot.findings = outcome.findings;
        Ok(Some(snapshot))
    }

    fn compare(&self, base: &Base) -> Comparison {
        compare(&Given {
            inventory: self.order.inventory,
            table: &self.table,
            own: &base.own,
            apart: base.apart.as_ref().map(|apart| &apart.tree),
            classes: &self.classes,
            selected: &|path| self.selection.judge_path(path, false).direction(),
            by_path: &|path| self.gates.by_path(path),
            max_file: self.order.settings.max_file(),
        })
    }

    /// Contents into git, durably.
    fn take_in(&mut self, comparison: &Comparison) -> Result<()> {
        let unread: Vec<&RelPath> = comparison
            .read
            .iter()
            .map(|(path, _)| path)
            .filter(|path| !self.taken.contains_key(*path))
            .collect();
        let root = self.state.root();
        let max_file = self.order.settings.max_file();
        let mut intake = Intake::new(self.repository.git(), root, &self.gates, max_file);
        for path in unread {
            let item = &self.order.inventory.items[path];
            self.taken.insert(path.clone(), intake.take(path, item)?);
        }
        self.bytes += intake.finish()?;
        Ok(())
    }

    /// All that decides what a snapshot comes to.
    fn gather(&self) -> Gather<'_> {
        Gather {
            inventory: self.order.inventory,
            root: self.state.root(),
            selection: &self.selection,
            classes: &self.classes,
            table: &self.table,
            taken: &self.taken,
            logs: self.logs.as_ref(),
        }
    }

    /// Large logs onto their branch.
    fn record_logs(&mut self, comparison: &Comparison) -> Result<()> {
        if self.logs.is_none() {
            let recorder = Recorder {
                git: self.repository.git(),
                root: self.state.root(),
                state: &self.state.path(STATE),
                items: &self.order.inventory.items,
                table: &self.table,
                gates: &self.gates,
            };
            self.logs = Some(Logs::record(&recorder, &comparison.logs)?);
        }
        Ok(())
    }

    /// The commits, and the references to them. `None` if somebody else moved one.
    fn commit(&self, base: &Base, done: &Done) -> Result<Option<Made>> {
        let parts = done.parts(self.logs.as_ref(), base);
        let inventory = self.order.inventory;
        let theirs =
            identity::of_peer(self.order.settings.generated_author.as_deref(), &inventory.peer);
        let trailers = self.trailers(done);
        let mine = Signed {
            author: &self.committer,
            committer: &self.committer,
            words: Words {
                phase: self.order.phase,
                from: None,
                what: self.order.what,
                trailers: &trailers,
            },
        };
        let words = Words { from: Some(&inventory.peer), ..mine.words };
        let generated = Signed { author: &theirs, words, ..mine };
        let (git, index) = (self.git(), self.index());
        let mut made = Made::default();
        if let Some(apart) = &base.apart {
            let mut line = Line::on(git, &index, apart.tip.clone(), &apart.tree);
            line.add(&parts.apart, &generated)?;
            if !line.publish(&apart.reference(), apart.tip.as_ref())? {
                return Ok(None);
            }
            made.apart = made.add(line);
        }
        let mut line = Line::on(git, &index, base.tip.clone(), &base.own);
        line.add(&parts.own, &mine)?;
        line.add(&parts.generated, &generated)?;
        if !line.publish(&base.reference, base.tip.as_ref())? {
            return Ok(None);
        }
        made.head = made.add(line);
        Ok(Some(made))
    }

    fn trailers(&self, done: &Done) -> Vec<(&'static str, String)> {
        let inventory = self.order.inventory;
        let mut trailers = vec![(TRAILER_PHASE, self.order.phase.word().to_owned())];
        trailers.extend(self.order.run.map(|run| (TRAILER_RUN, run.to_owned())));
        trailers.push((TRAILER_GENERATION, inventory.generation.to_string()));
        trailers.push((TRAILER_TERRITORY, inventory.territory.clone()));
        trailers.push((TRAILER_GAPS, done.gaps.len().to_string()));
        trailers
    }

    /// The user's index, if it is on the branch that moved.
    fn follow(&mut self, base: &Base, head: Option<&Oid>, notices: &mut Vec<String>) -> Result<()> {
        let Some(head) = head.filter(|_| base.is_checked_out()) else {
            return Ok(());
        };
        let behind = self.table.index_at.clone();
        if behind.is_none() && base.tip.as_ref() == Some(head) {
            return Ok(());
        }
        // Where it followed may be gone since: then only what changed now is brought along.
        let old = behind.as_ref().and_then(|at| list_tree(self.git(), at.as_str()).ok());
        let old = old.unwrap_or_else(|| base.own.clone());
        let new = list_tree(self.git(), head.as_str())?;
        match follow(&self.repository, &old, &new) {
            Ok(Followed::Yes { staged }) => {
                self.table.index_at = None;
                if staged > 0 {
                    notices.push(format!(
                        "{staged} of the paths in the commit were staged otherwise by you and stay staged so"
                    ));
                }
            }
            Ok(Followed::Held) => {
                self.stay_behind(behind, base)?;
                notices.push(
                    "another program holds the index of the repository: until the next snapshot `git status` shows what was committed as changed"
                        .to_owned(),
                );
            }
            Err(error) => {
                self.stay_behind(behind, base)?;
                notices.push(format!("the index of the repository was left as it is: {error}"));
            }
        }
        Ok(())
    }

    /// Remembers where the index stands.
    fn stay_behind(&mut self, behind: Option<Oid>, base: &Base) -> Result<()> {
        let at = match behind.or_else(|| base.tip.clone()) {
            Some(at) => at,
            None => TreeEdit::on(self.git(), None, &self.index())?.write()?,
        };
        self.table.index_at = Some(at);
        Ok(())
    }

    fn remember(&mut self, done: &Done) {
        let rows = done.placed.iter().chain(&done.former);
        self.table.rows = rows.map(|(path, (_, row))| (path.clone(), row.clone())).collect();
        if let Some(logs) = &self.logs {
            self.table.logs.clone_from(&logs.rows);
            self.table.logs.extend(done.former_logs.clone());
            self.table.logs_at.clone_from(&logs.commit);
        }
    }

    fn write_manifest(
        &mut self,
        done: &Done,
        snapshot: &Snapshot,
        apart: Option<Oid>,
    ) -> Result<Option<Oid>> {
        let Some(head) = &snapshot.head else { return Ok(None) };
        let inventory = self.order.inventory;
        let branch = (self.order.settings.layout == Layout::Branches).then_some(&*inventory.peer);
        let empty = BTreeMap::new();
        let contents = Contents {
            inventory,
            placed: &done.placed,
            logs: self.logs.as_ref().map_or(&empty, |logs| &logs.rows),
            gaps: &done.gaps,
            former: &done.former,
            former_logs: &done.former_logs,
            branch,
        };
        let entries = contents.entries();
        let (files, bytes) = totals(&entries);
        let (seconds, nanos) = clock::now();
        let about = About {
            schema: SCHEMA,
            territory: inventory.territory.clone(),
            pair: inventory.pair.clone(),
            snapshot: head.0.clone(),
            logs: snapshot.logs.as_ref().map(|commit| commit.0.clone()),
            branch: apart.map(|commit| commit.0),
            run: self.order.run.map(str::to_owned),
            generation: inventory.generation,
            made: clock::rfc3339((seconds, nanos)),
            files,
            bytes,
            gaps: counts(&done.gaps),
        };
        let draft = manifests::Draft {
            entries: &entries,
            about: &about,
            committer: &self.committer,
            message: &trailers(&self.trailers(done)),
            at: seconds,
        };
        let index = self.index();
        let git = self.repository.git();
        let (commit, _) = manifests::write(git, &draft, &index, &mut self.table.lists)?;
        Ok(Some(commit))
    }

    fn notices(&self, base: &Base, done: &Done) -> Vec<String> {
        let mut notices = base.standing.notes.clone();
        notices.extend(self.gates.wrong_lines().iter().cloned());
        notices.extend(self.logs.iter().flat_map(|logs| logs.news.notices.iter().cloned()));
        if let Some(first) = done.left.first() {
            notices.push(format!(
                "{} selected no more (first: {first}): git keeps the last version, and leaves it as it is",
                if done.left.len() == 1 { "1 path is".to_owned() } else { format!("{} paths are", done.left.len()) },
            ));
        }
        notices
    }
}

/// What was committed.
#[derive(Default)]
struct Made {
    commits: Vec<Oid>,
    head: Option<Oid>,
    apart: Option<Oid>,
    changed: Changed,
}

impl Made {
    /// Counts what a branch got, and says where it stands.
    fn add(&mut self, line: Line<'_>) -> Option<Oid> {
        self.commits.extend(line.commits);
        self.changed.added += line.changed.added;
        self.changed.updated += line.changed.updated;
        self.changed.deleted += line.changed.deleted;
        line.tip
    }
}

/// The manifests of now: what was not seen is only gone if it would have been seen.
fn selection(state: &StateDir, inventory: &Inventory) -> Result<Selection> {
    let config = Config::require(state)?;
    let (_, peer) = config.peer(Some(&inventory.peer))?;
    let texts = manifests_of::read_manifests(state, &peer.manifests)?;
    if texts.iter().any(Option::is_none) {
        return Err(EngineError::Config {
            message: format!("a manifest for {} is missing in `config/`", peer.manifests),
            hint: Some("restore it; an empty file is allowed".to_owned()),
        }
        .into());
    }
    Ok(bounds::compile(&peer.manifests, &texts.map(Option::unwrap_or_default), &config.builtin())?)
}
