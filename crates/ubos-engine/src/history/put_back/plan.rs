//! Looking: what stands at the path of a step, whether that is what the step expects, and what is
//! to be placed there.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::FileType;

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::selection::Verdict;

use super::staged::{self, Content};
use super::{Batch, CHANGED, Move, PASSAGE_MODE, Refusal};
use crate::agent::message::{Expected, PutBackHow, PutBackResult, PutBackSource, PutBackStep};
use crate::apply;
use crate::backups::{self, Store};
use crate::fs::Stamp;
use crate::history::mark::{Mark, look};

/// Mode of a file of which nobody remembers the mode, and which nothing stands in the place of.
const PLAIN_MODE: u32 = 0o644;

impl<'a> Batch<'a> {
    pub(super) fn plan(&mut self, number: usize, step: &'a PutBackStep) -> Move<'a> {
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
        if step.source == PutBackSource::Nothing {
            return self.plan_removal(planned, present);
        }
        let wanted = match &step.source {
            PutBackSource::Folder { .. } => &Mark::Folder,
            _ => &step.content,
        };
        // What comes from elsewhere brings its executable bit; of a former version here the bit that
        // both sides agree on stays.
        let is_given = matches!(step.source, PutBackSource::Given { .. });
        let stands = |content: &Mark| {
            content.is_present()
                && if is_given { mark == content } else { mark.same_content(content) }
        };
        if stands(wanted) {
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
        if stands(&content.mark) {
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

    fn plan_removal(
        &self,
        planned: &mut Move<'a>,
        present: Option<(Mark, Stamp)>,
    ) -> Result<PutBackResult, Refusal> {
        let Some((mark, stamp)) = present else { return Ok(PutBackResult::Stands) };
        match &planned.step.expects {
            Expected::Holds(expected) if !mark.same_content(expected) => {
                return Err(Refusal::Because(CHANGED));
            }
            _ => {}
        }
        let folder = std::iter::once(&planned.step.path);
        if mark == Mark::Folder
            && !apply::with_untracked(self.state.root(), self.selection, folder).is_empty()
        {
            return Err(Refusal::Because("untracked-in-the-way"));
        }
        planned.present = Some((mark, stamp));
        Ok(PutBackResult::Done { how: PutBackHow::Delete, bytes: 0 })
    }

    /// The other side is not trusted: what it names must be selected here. A log that only ever
    /// grows is not put back into an earlier state.
    fn check_selected(&self, step: &PutBackStep) -> Result<(), Refusal> {
        let mut paths = vec![&step.path];
        match &step.source {
            PutBackSource::MoveBack { from } => paths.push(from),
            PutBackSource::Backup { stored, .. } => paths.push(stored),
            PutBackSource::Folder { .. }
            | PutBackSource::Text
            | PutBackSource::Given { .. }
            | PutBackSource::Nothing => {}
        }
        let is_folder = step.content == Mark::Folder
            || matches!(step.source, PutBackSource::Folder { .. })
            || step.source == PutBackSource::Nothing
                && step.expects == Expected::Holds(Mark::Folder);
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
            PutBackSource::Given { name } => {
                staged::from_given(self.state, self.staging.as_ref(), number, name, &step.content)?
            }
            PutBackSource::MoveBack { .. } | PutBackSource::Nothing => None,
        };
        found.ok_or(Refusal::Because("backup-gone-or-damaged"))
    }

    fn kept_mode(&self, run: &str, path: &RelPath) -> Option<u32> {
        let place = backups::existing(self.state, Store::Backups, run, path).ok()??;
        let stamp = place.stamp().ok()??;
        (stamp.file_type() == FileType::Directory).then(|| stamp.permissions() & 0o777 | 0o700)
    }
}
