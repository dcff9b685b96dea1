//! The conversation about open conflicts: one is shown, an answer is a run, the next one is shown.
//!
//! Nothing is held while a question waits: no lock, no connection, and no more memory of the
//! conflict than its mark, by which the run refuses an answer to what is no longer there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ubos_core::conflict::{Choice, Conflict, ConflictKind};
use ubos_core::entry::{Digest, Entry};
use ubos_core::merge::{Merged, merge};
use ubos_core::path::RelPath;
use ubos_core::policy::{Policies, Policy};
use ubos_core::sides::Side;
use ubos_engine::agent::message::OpenMatter;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::error::EngineError;

use super::choices::authority;
use super::merge::{AGREED, labels};
use super::versions::{Shelf, Version, Versions};
use super::words::{self, Applied, End};
use super::{below, by_hand};
use crate::breaks;
use crate::cli::Global;
use crate::commands::conflicts::{self, Open};
use crate::failure::{Failure, Outcome};
use crate::render;
use crate::render::actions::{Action, Circumstances, Deed, Merging, actions, choice_line, chosen};
use crate::render::command::about;
use crate::render::conflict::question;
use crate::render::diff::{Shown, three, two};
use crate::render::units::plural;
use crate::territory;
use crate::ui::prompt::{Answer, Prompt};
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// What a session is about.
pub(crate) struct Scope {
    /// These paths and what is below them; everything if none are given.
    pub paths: Option<Vec<RelPath>>,
    /// After a sync: what a policy leaves open on purpose is not asked about.
    pub policies: Option<Policies>,
}

impl Scope {
    fn holds(&self, path: &RelPath) -> bool {
        let asked = |paths: &Vec<RelPath>| paths.iter().any(|p| p == path || path.is_below(p));
        let held = |policies: &Policies| policies.policy_for(path) == Policy::Hold;
        self.paths.as_ref().is_none_or(asked) && !self.policies.as_ref().is_some_and(held)
    }
}

/// The exit code after Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Asks about what a sync left open. `None` if there is nothing to ask about.
pub(crate) fn after_sync(
    report: &RunReport,
    global: &Global,
    ui: &Ui,
) -> Result<Option<u8>, Failure> {
    let (_, config) = territory::open(global)?;
    let (peer, _) = config.peer(global.peer.as_deref())?;
    let scope = Scope { paths: None, policies: Some(config.policies(peer, false)?) };
    let waits = |conflict: &Conflict| {
        scope.holds(&conflict.path)
            && !report.left.contains(&(conflict.path.clone(), conflict.mark))
    };
    if !report.conflicts.iter().any(waits) {
        return Ok(None);
    }
    run(scope, global, ui).map(Some)
}

/// Asks about every open conflict in `scope`, until all are shown or the person leaves.
pub(crate) fn run(scope: Scope, global: &Global, ui: &Ui) -> Outcome {
    let prompt = Prompt::new().map_err(|e| EngineError::io("listen for", "Ctrl-C", e))?;
    let shelf = Shelf::open(global)?;
    let mut session = Session::new(scope, shelf, prompt, global, ui);
    let end = match session.converse() {
        // What cannot be written to a terminal that is gone is no failure of its own.
        Err(_) if session.prompt.is_closed() => End::Closed,
        end => end?,
    };
    let open = session.open()?.conflicts.len();
    // Where the terminal is gone nobody is left to tell.
    let told = words::summary(end, &session.applied, session.settled, open);
    let _ = ui.answer(&format!("\n{told}"));
    Ok(match (end, session.failed) {
        (End::Interrupted, _) => INTERRUPTED,
        (_, Some(code)) => code,
        _ if open > 0 => 3,
        _ => 0,
    })
}

/// What follows from an answer.
pub(super) enum Step {
    /// The next conflict, or the same one anew if it is still open.
    Next,
    /// The same question once more.
    Again,
    /// The session ends.
    End(End),
}

/// Ends the session if that is what an answer means.
pub(super) fn ended(answer: &Answer) -> Option<End> {
    match answer {
        Answer::Line(_) => None,
        Answer::Interrupted => Some(End::Interrupted),
        Answer::Closed => Some(End::Closed),
    }
}

/// A conversation that goes on.
pub(super) struct Session<'a> {
    pub(super) prompt: Prompt,
    pub(super) global: &'a Global,
    pub(super) ui: &'a Ui,
    pub(super) shelf: Shelf,
    scope: Scope,
    pub(super) skipped: BTreeSet<(RelPath, Digest)>,
    pub(super) applied: Vec<Applied>,
    pub(super) settled: usize,
    /// Of the last answer, if it could not be carried out.
    pub(super) failed: Option<u8>,
    /// What a person edited and could not be used yet.
    pub(super) kept: BTreeMap<RelPath, Vec<u8>>,
    /// A conflict that changed while its question stood: it comes first.
    pub(super) anew: Option<RelPath>,
}

impl<'a> Session<'a> {
    fn new(scope: Scope, shelf: Shelf, prompt: Prompt, global: &'a Global, ui: &'a Ui) -> Self {
        Self {
            prompt,
            global,
            ui,
            shelf,
            scope,
            skipped: BTreeSet::new(),
            applied: Vec::new(),
            settled: 0,
            failed: None,
            kept: BTreeMap::new(),
            anew: None,
        }
    }

    fn converse(&mut self) -> Result<End, Failure> {
        loop {
            let open = self.open()?;
            let waits = |c: &&Conflict| !self.skipped.contains(&(c.path.clone(), c.mark));
            let anew = open.conflicts.iter().find(|c| Some(&c.path) == self.anew.as_ref());
            let Some(conflict) = anew.or_else(|| open.conflicts.iter().find(waits)) else {
                return Ok(End::Through);
            };
            self.announce(conflict)?;
            if let Step::End(end) = self.about(conflict, &open)? {
                return Ok(end);
            }
        }
    }

    /// What is open in the scope and not left on purpose, as the last run recorded it.
    pub(super) fn open(&self) -> Result<Open, Failure> {
        let mut open = conflicts::open(self.global)?;
        let left: BTreeSet<(RelPath, Digest)> = open
            .left
            .iter()
            .filter_map(|matter| match matter {
                OpenMatter::Left(path, mark) => Some((path.clone(), *mark)),
                _ => None,
            })
            .collect();
        open.conflicts.retain(|conflict| {
            self.scope.holds(&conflict.path)
                && !left.contains(&(conflict.path.clone(), conflict.mark))
        });
        Ok(open)
    }

    /// Says why a conflict is shown once more.
    fn announce(&mut self, conflict: &Conflict) -> Result<(), Failure> {
        let Some(path) = self.anew.take() else { return Ok(()) };
        let what = one_line(&path.to_string());
        let now = if path == conflict.path {
            "Here it is as it is now"
        } else {
            "It is no conflict any more"
        };
        let line =
            format!("{what} changed while the question stood here, so nothing was done. {now}.");
        self.tell(Tone::Attention, &line)
    }

    /// Shows a conflict and asks until there is an answer.
    fn about(&mut self, conflict: &Conflict, open: &Open) -> Result<Step, Failure> {
        let versions = self.shelf.versions(conflict)?;
        let known = self.circumstances(conflict, &versions, open);
        let actions = actions(conflict, &open.names, &known);
        let index = self.settled + self.skipped.len() + 1;
        let of = (self.settled + open.conflicts.len()).max(index);
        let shown = question(conflict, &open.names, &known, (index, of), self.ui);
        // No empty line before the question: it fits on a screen of 24 rows.
        let root = territory::root(self.global)?;
        let links = render::breaks::if_deleted(&breaks::if_deleted(conflict, &root), self.ui);
        self.ui.answer(&format!("\n{shown}{links}"))?;
        if versions.in_git > 0 {
            let list = about("history", conflict.path.as_bytes(), "");
            let many = plural(versions.in_git, "version");
            self.tell(Tone::Faint, &format!("git has {many} of this path: {list}"))?;
        }
        loop {
            let answer = self.prompt.ask(choice_line(&actions).trim_end(), self.ui);
            if let Some(end) = ended(&answer) {
                return Ok(Step::End(end));
            }
            let Answer::Line(line) = answer else { continue };
            let step = match chosen(&actions, &line) {
                None => self.not_understood(&line, &actions, open)?,
                Some(action) => self.carry_out(action.deed, conflict, &versions, &actions, open)?,
            };
            if !matches!(step, Step::Again) {
                return Ok(step);
            }
        }
    }

    fn not_understood(&self, line: &str, actions: &[Action], open: &Open) -> Result<Step, Failure> {
        if !line.is_empty() {
            let typed: String = one_line(line).chars().take(20).collect();
            self.ui.answer(&format!("`{typed}` is none of the keys:\n"))?;
        }
        self.ui.answer(&words::keys(actions, &open.names, self.ui.width()))?;
        Ok(Step::Again)
    }

    fn carry_out(
        &mut self,
        deed: Deed,
        conflict: &Conflict,
        versions: &Versions,
        actions: &[Action],
        open: &Open,
    ) -> Result<Step, Failure> {
        match deed {
            Deed::Keep(side) => self.settle(conflict, Choice::Take(side), None, open),
            Deed::Both => self.settle(conflict, Choice::Both, None, open),
            Deed::ChangedOnly => self.settle(conflict, Choice::ChangedOnly, None, open),
            Deed::Leave => self.leave(&[conflict]),
            Deed::Skip => {
                self.skipped.insert((conflict.path.clone(), conflict.mark));
                Ok(Step::Next)
            }
            Deed::Quit => Ok(Step::End(End::Quit)),
            Deed::Below => below::ask(self, conflict, open),
            Deed::Merge => by_hand::ask(self, conflict, versions, open),
            Deed::Diff => {
                self.show_difference(conflict, versions, open)?;
                self.ui
                    .answer(&format!("\n{}", words::keys(actions, &open.names, self.ui.width())))?;
                Ok(Step::Again)
            }
            Deed::Help => {
                self.ui.answer(&words::help(actions, &open.names, self.ui.width()))?;
                Ok(Step::Again)
            }
        }
    }

    fn circumstances(
        &self,
        conflict: &Conflict,
        versions: &Versions,
        open: &Open,
    ) -> Circumstances {
        let mut known = Circumstances::of(conflict);
        if known.merging != Merging::No {
            let sides = [Side::Here, Side::There].map(|side| versions.sides.get(side).bytes());
            known.merging = match sides {
                [Some(here), Some(there)] => {
                    let base = versions.base.as_deref();
                    match merge(&conflict.path, base, here, there, &labels(&open.names)) {
                        None => Merging::No,
                        Some(Merged::Clean(_)) => Merging::Fits,
                        Some(Merged::Conflicted(_)) => Merging::ByHand,
                    }
                }
                _ => Merging::No,
            };
        }
        if matches!(conflict.kind, ConflictKind::Drift | ConflictKind::AppendDiverged) {
            known.authority = authority(&conflict.path, self.global).ok();
        }
        known
    }

    fn show_difference(
        &self,
        conflict: &Conflict,
        versions: &Versions,
        open: &Open,
    ) -> Result<(), Failure> {
        for side in Side::BOTH {
            if *versions.sides.get(side) == Version::Elsewhere {
                let name = one_line(open.names.get(side));
                let size = conflict.sides.get(side).as_ref().map_or(0, |seen| seen.entry.size());
                let size = crate::render::units::bytes(size);
                let line = format!(
                    "{name}'s version ({size}) is not kept on this territory, so it cannot be compared here. Look at it on {name}."
                );
                return self.tell(Tone::Attention, &line);
            }
        }
        let shown = |side: Side| Shown {
            label: open.names.get(side),
            bytes: versions.sides.get(side).bytes(),
        };
        let (here, there) = (shown(Side::Here), shown(Side::There));
        let base = Shown { label: AGREED, bytes: versions.base.as_deref() };
        let columns = self.ui.width();
        let text = match (base.bytes, here.bytes, there.bytes) {
            (Some(_), Some(_), Some(_)) => three(&base, &here, &there, columns, self.ui),
            (Some(_), Some(_), None) => two(&base, &here, columns, self.ui),
            (Some(_), None, Some(_)) => two(&base, &there, columns, self.ui),
            _ => two(&here, &there, columns, self.ui),
        };
        self.page(&text)
    }

    /// The territory's top folder.
    pub(super) fn root(&self) -> &Path {
        self.shelf.state.root().path()
    }

    /// Shows a text, through the pager if it is long.
    pub(super) fn page(&self, text: &str) -> Result<(), Failure> {
        self.prompt.aside(|| self.ui.page(text))
    }

    /// Says a sentence.
    pub(super) fn tell(&self, tone: Tone, line: &str) -> Result<(), Failure> {
        let wrapped = crate::render::wrap::hanging("", line, self.ui.width());
        let painted = self.ui.tone(tone, wrapped.trim_end());
        self.ui.answer(&format!("{painted}\n"))
    }
}

/// Whether the two versions of a conflict are files.
pub(super) fn are_files(conflict: &Conflict) -> bool {
    let file = |side| {
        conflict.sides.get(side).as_ref().is_some_and(|s| matches!(s.entry, Entry::File { .. }))
    };
    Side::BOTH.into_iter().all(file)
}
