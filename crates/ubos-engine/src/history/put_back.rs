//! Puts former versions back on one territory, so that nothing is lost at a crash between any two
//! steps: everything that is to be placed is copied into staging and verified, the present
//! versions get a second name in the backups of this run, the log says what will be done, and only
//! then each path is exchanged, by one atomic call, for what is staged.
//!
//! In: steps, each with what must stand at its path. Out: a result for each. A step acts only if
//! the path still holds what was looked at; otherwise nothing changes there. A version that is put
//! back is a copy: the one in the backups stays as it is.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};
use serde_json::{Map, Value};

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::selection::{Selection, Verdict};

use super::mark::{Mark, look};
use super::staged::{self, Content};
use crate::agent::message::{
    Expected, PutBackHow, PutBackOrder, PutBackResult, PutBackSource, PutBackStep,
};
use crate::apply::{self, reason};
use crate::audit_notes::put_path;
use crate::backups::{self, Place, Store};
use crate::error::{EngineError, Result};
use crate::failpoint;
use crate::fs::{Stamp, list, open_file_in, platform, stat_in};
use crate::staging::Staging;
use crate::state::StateDir;

/// Mode of a folder of which nobody remembers the mode.
const PASSAGE_MODE: u32 = 0o755;

/// Mode of a file of which nobody remembers the mode, and which nothing stands in the place of.
const PLAIN_MODE: u32 = 0o644;

/// Up to this many files and folders are synced one by one; beyond, the whole file system at once.
const EACH: usize = 16;

/// Reason of a step that found something else than it expects.
pub const CHANGED: &str = "changed-since-run";

/// Steps on their way. The methods are called in the order in which they stand here.
pub struct Batch<'a> {
    state: &'a StateDir,
    pair: &'a str,
    selection: &'a Selection,
    order: &'a PutBackOrder,
    staging: Option<Staging>,
    moves: Vec<Move<'a>>,
    /// Folders that earlier steps put where something else stands now, or move there.
    coming: BTreeSet<RelPath>,
    touched: BTreeSet<Vec<u8>>,
}

/// A step and how far it got.
struct Move<'a> {
    step: &'a PutBackStep,
    /// What was found at the path (of a move: at its source), with its stamp.
    present: Option<(Mark, Stamp)>,
    /// What is to be placed.
    content: Option<Content>,
    /// Where the present version is kept, and whether by a second name of the same inode.
    kept: Option<(Place, bool)>,
    result: PutBackResult,
}

/// Why a step is left alone.
enum Refusal {
    Because(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Io(error)
    }
}

impl Refusal {
    fn result(self) -> PutBackResult {
        PutBackResult::Skipped(match self {
            Refusal::Because(why) => why.into(),
            Refusal::Io(error) => match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound => CHANGED.into(),
                io::ErrorKind::WouldBlock => "busy".into(),
                io::ErrorKind::InvalidInput => "special-file-in-the-way".into(),
                _ => reason(&error),
            },
        })
    }
}

impl<'a> Batch<'a> {
    /// Looks at what stands at each path and, unless it is a dry run, copies what is to be placed
    /// into staging, verified and durable.
    ///
    /// # Errors
    /// If staging or syncing it fails for all.
    pub fn prepare(
        state: &'a StateDir,
        pair: &'a str,
        selection: &'a Selection,
        order: &'a PutBackOrder,
        steps: &'a [PutBackStep],
    ) -> Result<Self> {
        let staging = match order.dry_run {
            true => None,
            false => Some(Staging::create(state, &order.run)?),
        };
        let (coming, touched) = Default::default();
        let mut batch =
            Self { state, pair, selection, order, staging, moves: Vec::new(), coming, touched };
        for (number, step) in steps.iter().enumerate() {
            let planned = batch.plan(number, step);
            batch.moves.push(planned);
        }
        batch.sync_staged().map_err(batch.failed("sync"))?;
        failpoint!("put-back-staged");
        Ok(batch)
    }

    /// Gives every present version that will be replaced a second name in this run's backups.
    ///
    /// # Errors
    /// If that cannot be made durable.
    pub fn keep_present(&mut self) -> Result<()> {
        for index in 0..self.moves.len() {
            let planned = &self.moves[index];
            let replaces =
                matches!(planned.result, PutBackResult::Done { how: PutBackHow::Update, .. });
            if replaces && let Err(refusal) = self.keep_one(index) {
                self.moves[index].result = refusal.result();
            }
        }
        self.sync_touched().map_err(self.failed("sync"))?;
        failpoint!("put-back-kept");
        Ok(())
    }

    /// What the log says of the steps that will be carried out.
    pub fn records(&self, territory: &str) -> Vec<Map<String, Value>> {
        let doing = self.moves.iter().filter_map(|planned| match &planned.result {
            PutBackResult::Done { how, bytes } => Some((planned, *how, *bytes)),
            _ => None,
        });
        let record = |(planned, how, bytes): (&Move<'_>, PutBackHow, u64)| {
            let mut fields = Map::new();
            fields.insert("event".into(), "restored".into());
            put_path(&mut fields, "path", &planned.step.path);
            fields.insert("to".into(), territory.into());
            fields.insert("op".into(), how.word().into());
            let after = planned.after();
            let before = match (how, &planned.present) {
                (PutBackHow::Rename, _) => after.clone(),
                (_, Some((mark, _))) => mark.clone(),
                (_, None) => Mark::Absent,
            };
            if let (Mark::File { .. }, Some((_, stamp))) = (&before, &planned.present) {
                fields.insert("before_size".into(), stamp.size.into());
            }
            if after.digest().is_some() {
                fields.insert("after_size".into(), bytes.into());
            }
            fields.insert("before".into(), before.to_value());
            fields.insert("after".into(), after.to_value());
            if let PutBackSource::MoveBack { from } = &planned.step.source {
                put_path(&mut fields, "from", from);
            }
            if let Some(run) = planned.step.source_run() {
                fields.insert("from_run".into(), run.into());
            }
            fields.insert("reason".into(), self.order.reason.word().into());
            fields
        };
        doing.map(record).collect()
    }

    /// Puts everything in its place. Returns what the log says of steps that were announced and
    /// not carried out after all.
    ///
    /// # Errors
    /// If what was done cannot be made durable.
    pub fn place(&mut self, territory: &str) -> Result<Vec<Map<String, Value>>> {
        let mut left = Vec::new();
        for index in 0..self.moves.len() {
            if !matches!(self.moves[index].result, PutBackResult::Done { .. }) {
                continue;
            }
            if let Err(refusal) = self.place_one(index) {
                let planned = &mut self.moves[index];
                planned.result = refusal.result();
                let mut fields = Map::new();
                fields.insert("event".into(), "skipped".into());
                put_path(&mut fields, "path", &planned.step.path);
                fields.insert("on".into(), territory.into());
                if let PutBackResult::Skipped(why) = &planned.result {
                    fields.insert("reason".into(), why.clone().into());
                }
                left.push(fields);
            }
            failpoint!("put-back-one");
        }
        self.sync_touched().map_err(self.failed("sync"))?;
        failpoint!("put-back-placed");
        Ok(left)
    }

    /// Drops what was staged and not needed, and tells what became of each step.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> Result<Vec<PutBackResult>> {
        if let Some(staging) = &self.staging {
            for name in list(staging.fd()).map_err(self.failed("list"))? {
                if staged::is_ours(&name.name) {
                    crate::staging::remove_tree(staging.fd(), &name.name)
                        .map_err(self.failed("clean"))?;
                }
            }
        }
        Ok(self.moves.into_iter().map(|planned| planned.result).collect())
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> EngineError + use<> {
        let path = self.state.root().path().to_owned();
        move |e| EngineError::io(doing, &path, e)
    }

    fn plan(&mut self, number: usize, step: &'a PutBackStep) -> Move<'a> {
        let result = PutBackResult::Stands;
        let mut planned = Move { step, present: None, content: None, kept: None, result };
        planned.result = match self.plan_one(number, &mut planned) {
            Ok(result) => result,
            Err(refusal) => refusal.result(),
        };
        if matches!(planned.result, PutBackResult::Done { .. }) {
            let moved = matches!(step.source, PutBackSource::MoveBack { .. });
            if moved || planned.after() == Mark::Folder {
                self.coming.insert(step.path.clone());
            }
        }
        planned
    }

    fn plan_one(&self, number: usize, planned: &mut Move<'a>) -> Result<PutBackResult, Refusal> {
        let step = planned.step;
        self.check_selected(step)?;
        let present = self.present(&step.path)?;
        let mark = present.as_ref().map_or(&Mark::Absent, |(mark, _)| mark);
        if let PutBackSource::MoveBack { from } = &step.source {
            return self.plan_move(planned, from, mark);
        }
        let wanted = match &step.source {
            PutBackSource::Folder { .. } => &Mark::Folder,
            _ => &step.content,
        };
        if wanted.is_present() && mark.same_content(wanted) {
            return Ok(PutBackResult::Stands);
        }
        match &step.expects {
            Expected::Holds(expected) if !mark.same_content(expected) => {
                return Err(Refusal::Because(CHANGED));
            }
            _ if *mark == Mark::Folder => return Err(Refusal::Because("folder-in-the-way")),
            _ => {}
        }
        let content = self.stage(number, step, present.as_ref().map(|(_, stamp)| stamp))?;
        // Of what is not on record only the content itself tells whether it stands there already.
        if mark.is_present() && mark.same_content(&content.mark) {
            return Ok(PutBackResult::Stands);
        }
        let how = match (mark.is_present(), &content.mark) {
            (true, _) => PutBackHow::Update,
            (false, Mark::Folder) => PutBackHow::Mkdir,
            (false, _) => PutBackHow::Create,
        };
        let bytes = content.size;
        planned.present = present;
        planned.content = Some(content);
        Ok(PutBackResult::Done { how, bytes })
    }

    fn plan_move(
        &self,
        planned: &mut Move<'a>,
        from: &RelPath,
        mark: &Mark,
    ) -> Result<PutBackResult, Refusal> {
        let known = &planned.step.content;
        let moved = self.present(from)?;
        match moved {
            None if mark.is_present() && mark.same_content(known) => Ok(PutBackResult::Stands),
            Some((there, stamp)) if !mark.is_present() && there.same_content(known) => {
                let folder = std::iter::once(from);
                if there == Mark::Folder
                    && !apply::with_untracked(self.state.root(), self.selection, folder).is_empty()
                {
                    return Err(Refusal::Because("untracked-in-the-way"));
                }
                planned.present = Some((there, stamp));
                Ok(PutBackResult::Done { how: PutBackHow::Rename, bytes: 0 })
            }
            _ => Err(Refusal::Because(CHANGED)),
        }
    }

    /// The other side is not trusted: what it names must be selected here. A log that only ever
    /// grows is not put back into an earlier state.
    fn check_selected(&self, step: &PutBackStep) -> Result<(), Refusal> {
        let mut paths = vec![&step.path];
        match &step.source {
            PutBackSource::MoveBack { from } => paths.push(from),
            PutBackSource::Backup { stored, .. } => paths.push(stored),
            PutBackSource::Folder { .. } | PutBackSource::Text => {}
        }
        let is_folder =
            step.content == Mark::Folder || matches!(step.source, PutBackSource::Folder { .. });
        for path in paths {
            match self.selection.judge_path(path, is_folder) {
                Verdict::Selected(Direction::AppendOnly) if !is_folder => {
                    return Err(Refusal::Because("append-only"));
                }
                Verdict::Selected(_) => {}
                _ => return Err(Refusal::Because("not-selected")),
            }
        }
        Ok(())
    }

    /// What stands at `path`. Below a folder that this batch puts there nothing stands yet.
    fn present(&self, path: &RelPath) -> Result<Option<(Mark, Stamp)>, Refusal> {
        if self.coming.iter().any(|folder| path.is_below(folder)) {
            return Ok(None);
        }
        match self.state.root().open_parent(path) {
            Ok(parent) => Ok(look(parent.as_fd(), path.name())?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Refusal::Because(match e.kind() {
                io::ErrorKind::NotADirectory => "parent-is-not-a-folder",
                _ => return Err(e.into()),
            })),
        }
    }

    fn stage(
        &self,
        number: usize,
        step: &PutBackStep,
        present: Option<&Stamp>,
    ) -> Result<Content, Refusal> {
        let found = match &step.source {
            PutBackSource::Backup { run, stored } => staged::from_backup(
                self.state,
                self.staging.as_ref(),
                number,
                run,
                stored,
                &step.content,
            )?,
            PutBackSource::Folder { run } => {
                let mode = run.as_ref().and_then(|run| self.kept_mode(run, &step.path));
                let mode = mode.unwrap_or(PASSAGE_MODE);
                Some(staged::folder(self.staging.as_ref(), number, mode)?)
            }
            PutBackSource::Text => {
                let mode = present.map_or(PLAIN_MODE, Stamp::permissions);
                let pair = self.pair;
                staged::from_text(
                    self.state,
                    pair,
                    self.staging.as_ref(),
                    number,
                    &step.content,
                    mode,
                )?
            }
            PutBackSource::MoveBack { .. } => None,
        };
        found.ok_or(Refusal::Because("backup-gone-or-damaged"))
    }

    fn kept_mode(&self, run: &str, path: &RelPath) -> Option<u32> {
        let place = backups::existing(self.state, Store::Backups, run, path).ok()??;
        let stamp = place.stamp().ok()??;
        (stamp.file_type() == FileType::Directory).then(|| stamp.permissions() & 0o777 | 0o700)
    }

    fn keep_one(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let path = &planned.step.path;
        let Some((mark, stamp)) = &planned.present else { return Ok(()) };
        let parent = self.state.root().open_parent(path)?;
        let mut place = backups::place(self.state, Store::Backups, &self.order.run, path)?;
        let linked = match place.link(parent.as_fd(), path.name()) {
            Ok(()) => true,
            Err(e) if staged::refuses_links(&e) => {
                staged::copy_to(parent.as_fd(), path.name(), &mut place)?;
                false
            }
            Err(e) => return Err(e.into()),
        };
        let same = match linked {
            true => place.stamp()?.is_some_and(|kept| kept.same_but_ctime(stamp)),
            false => look(place.dir.as_fd(), &place.name)?
                .is_some_and(|(kept, _)| kept.same_content(mark)),
        };
        if !same {
            // Saved since it was looked at. The second name goes; the file stays where it is.
            rustix::fs::unlinkat(&place.dir, &place.name[..], AtFlags::empty())
                .map_err(io::Error::from)?;
            return Err(Refusal::Because(CHANGED));
        }
        self.touched.insert(place.dir_path.clone());
        self.moves[index].kept = Some((place, linked));
        Ok(())
    }

    fn place_one(&mut self, index: usize) -> Result<(), Refusal> {
        let PutBackResult::Done { how, .. } = self.moves[index].result else { return Ok(()) };
        let path = self.moves[index].step.path.clone();
        match how {
            PutBackHow::Rename => self.move_back(index)?,
            PutBackHow::Update => self.exchange(index)?,
            PutBackHow::Create | PutBackHow::Mkdir => {
                let parent = self.make_parent(&path)?;
                let (staging, name) = self.staged_of(index)?;
                let placed = platform::rename_noreplace(
                    staging.fd(),
                    name.as_bytes(),
                    parent.as_fd(),
                    path.name(),
                );
                placed?;
            }
        }
        if matches!(how, PutBackHow::Rename | PutBackHow::Mkdir) || self.coming.contains(&path) {
            self.state.root().forget_folder();
        }
        self.touched.insert(path.parent_bytes().to_vec());
        Ok(())
    }

    /// What is staged for a step that places something.
    fn staged_of(&self, index: usize) -> Result<(&Staging, &str), Refusal> {
        let name = self.moves[index].content.as_ref().map(|content| content.name.as_str());
        self.staging.as_ref().zip(name).ok_or(Refusal::Because("not-staged"))
    }

    /// Exchanges the present version for what is staged, and looks at what came out: if it is not
    /// the one in the backups, it is exchanged back.
    fn exchange(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let path = &planned.step.path;
        let (staging, name) = self.staged_of(index)?;
        let (Some((_, before)), Some((place, linked))) = (&planned.present, &planned.kept) else {
            return Err(Refusal::Because(CHANGED));
        };
        let parent = self.state.root().open_parent(path)?;
        let placed = stat_in(staging.fd(), name.as_bytes())?.map(|stat| Stamp::of(&stat).ino);
        match platform::exchange(staging.fd(), name.as_bytes(), parent.as_fd(), path.name()) {
            Err(e) if platform::is_unsupported(&e) => {
                // RACE: without exchange a save between this look and the rename is overwritten;
                // an editor that writes in place writes into the backup then.
                let now = stat_in(parent.as_fd(), path.name())?.map(|stat| Stamp::of(&stat));
                if !now.is_some_and(|now| now.same_but_ctime(before)) {
                    return Err(Refusal::Because(CHANGED));
                }
                rustix::fs::renameat(staging.fd(), name, &*parent, path.name())
                    .map_err(io::Error::from)?;
                return Ok(());
            }
            other => other?,
        }
        failpoint!("put-back-exchanged");
        let out = stat_in(staging.fd(), name.as_bytes())?.map(|stat| Stamp::of(&stat));
        if !out.is_some_and(|out| out.same_but_ctime(before)) {
            let mut aside = backups::place(self.state, Store::Backups, &self.order.run, path)?;
            apply::exchange_back(
                staging.fd(),
                name,
                parent.as_fd(),
                path.name(),
                placed,
                &mut aside,
            )?;
            return Err(Refusal::Because(CHANGED));
        }
        if *linked {
            rustix::fs::unlinkat(staging.fd(), name, AtFlags::empty()).map_err(io::Error::from)?;
        } else {
            // The file itself is worth more than its copy.
            rustix::fs::renameat(staging.fd(), name, &place.dir, &place.name[..])
                .map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn move_back(&mut self, index: usize) -> Result<(), Refusal> {
        let planned = &self.moves[index];
        let PutBackSource::MoveBack { from } = &planned.step.source else { return Ok(()) };
        let (from, path) = (from.clone(), planned.step.path.clone());
        let before = planned.present.as_ref().map(|(_, stamp)| *stamp);
        let target = self.make_parent(&path)?;
        let parent = self.state.root().open_parent(&from)?;
        platform::rename_noreplace(parent.as_fd(), from.name(), target.as_fd(), path.name())?;
        let moved = stat_in(target.as_fd(), path.name())?.map(|stat| Stamp::of(&stat));
        let same = moved.zip(before).is_some_and(|(moved, before)| {
            before.file_type() == FileType::Directory && moved.ino == before.ino
                || moved.same_but_ctime(&before)
        });
        if !same {
            platform::rename_noreplace(target.as_fd(), path.name(), parent.as_fd(), from.name())?;
            return Err(Refusal::Because(CHANGED));
        }
        self.touched.insert(from.parent_bytes().to_vec());
        Ok(())
    }

    fn make_parent(&mut self, path: &RelPath) -> Result<Arc<OwnedFd>, Refusal> {
        let root = self.state.root();
        match root.open_parent(path) {
            Ok(fd) => Ok(fd),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                for folder in path.ancestors() {
                    self.touched.insert(folder.parent_bytes().to_vec());
                }
                Ok(Arc::new(root.make_dir_all(path.parent_bytes(), PASSAGE_MODE)?))
            }
            Err(e) => Err(e.into()),
        }
    }

    fn sync_staged(&self) -> io::Result<()> {
        let Some(staging) = &self.staging else { return Ok(()) };
        let files = self.moves.iter().filter_map(|planned| {
            let content = planned.content.as_ref()?;
            content.mark.digest().map(|_| content)
        });
        if self.moves.len() > EACH {
            return platform::sync_filesystem(staging.fd());
        }
        for content in files {
            platform::sync_file(open_file_in(staging.fd(), content.name.as_bytes())?.0)?;
        }
        platform::sync_file(staging.fd())
    }

    fn sync_touched(&mut self) -> io::Result<()> {
        let touched = std::mem::take(&mut self.touched);
        if touched.len() > EACH {
            return platform::sync_filesystem(self.state.fd());
        }
        for dir in touched {
            match self.state.root().open_dir(&dir) {
                Ok(fd) => platform::sync_file(fd.as_fd())?,
                // Moved by a later step, whose own folders are in the list.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Move<'_> {
    /// What will stand at the path.
    fn after(&self) -> Mark {
        match (&self.content, &self.present) {
            (Some(content), _) => content.mark.clone(),
            (None, Some((moved, _))) => moved.clone(),
            (None, None) => Mark::Absent,
        }
    }
}

impl PutBackStep {
    /// The run whose backups it takes from.
    pub fn source_run(&self) -> Option<&str> {
        match &self.source {
            PutBackSource::Backup { run, .. } => Some(run),
            PutBackSource::Folder { run } => run.as_deref(),
            PutBackSource::MoveBack { .. } | PutBackSource::Text => None,
        }
    }
}
