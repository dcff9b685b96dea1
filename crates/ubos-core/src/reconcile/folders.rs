//! Makes the decisions about a folder and about what is in it agree.
//!
//! Paths are judged from the top down. A folder may vanish on one side only if nothing below was
//! changed there that the other side has not seen; otherwise the whole folder becomes one
//! conflict. What lies below a conflict or a held change is frozen with it. In a second pass, from
//! the bottom up, a folder that something stays or comes in is kept or made again.

use std::collections::{BTreeMap, BTreeSet};

use crate::conflict::{Conflict, ConflictKind, Held, HeldReason, Seen};
use crate::entry::{Base, Digest, Entry, Problem};
use crate::path::RelPath;
use crate::plan::Reason;
use crate::sides::{Side, Sides};

use super::survey::{Spot, below};
use super::verdict::{LOCAL_ONLY, Verdict, decide};
use super::{Context, resolve};

/// All verdicts, agreeing with each other.
pub(crate) struct Settled {
    /// One for each spot.
    pub(crate) verdicts: BTreeMap<RelPath, Verdict>,
    /// What a person must decide.
    pub(crate) conflicts: Vec<Conflict>,
    /// What waits.
    pub(crate) held: Vec<Held>,
    /// Resolutions that could not be carried out.
    pub(crate) refused: Vec<RelPath>,
}

/// What a folder's own verdict means for everything below it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Closure {
    /// Nothing happens below.
    Frozen,
    /// What is below goes to the backups together with the folder.
    Absorbed,
}

/// The state of the pass from the top down.
pub(crate) struct Judge<'a> {
    pub(crate) ctx: &'a Context<'a>,
    pub(crate) spots: &'a BTreeMap<RelPath, Spot>,
    /// Verdicts that follow from a person's decision about a folder above.
    pub(crate) forced: BTreeMap<RelPath, Verdict>,
    closed: BTreeMap<RelPath, Closure>,
    out: Settled,
}

/// Judges every spot.
pub(crate) fn settle<'a>(ctx: &'a Context<'a>, spots: &'a BTreeMap<RelPath, Spot>) -> Settled {
    let out = Settled {
        verdicts: BTreeMap::new(),
        conflicts: Vec::new(),
        held: Vec::new(),
        refused: Vec::new(),
    };
    let mut judge = Judge { ctx, spots, forced: BTreeMap::new(), closed: BTreeMap::new(), out };
    for (path, spot) in spots {
        let verdict = judge.judge(path, spot);
        judge.out.verdicts.insert(path.clone(), verdict);
    }
    let mut out = judge.out;
    for path in ctx.resolutions.keys() {
        let met = out.verdicts.get(path).is_some_and(|verdict| {
            matches!(
                verdict,
                Verdict::Agree { reason: Reason::Resolved, .. }
                    | Verdict::Seal(_, Reason::Resolved)
                    | Verdict::Beside(_)
            )
        });
        let open = out.conflicts.iter().any(|c| c.path == *path)
            || out.held.iter().any(|h| h.path == *path);
        if !met && !open && !out.refused.contains(path) {
            out.refused.push(path.clone());
        }
    }
    spare_stuck(spots, &mut out.verdicts, &BTreeSet::new());
    keep_needed_folders(spots, &mut out.verdicts);
    out
}

impl Judge<'_> {
    fn judge(&mut self, path: &RelPath, spot: &Spot) -> Verdict {
        match self.closure_above(path) {
            Some(Closure::Absorbed) => return Verdict::agree(None, Reason::Deleted),
            Some(Closure::Frozen) => return self.frozen(path, spot),
            None => {}
        }
        if let Some(forced) = self.forced.get(path) {
            let verdict = forced.clone();
            self.close_if_absorbed(path, spot, &verdict);
            return verdict;
        }
        let verdict = self.with_folder_rule(path, spot, self.by_itself(path, spot));
        match verdict {
            Verdict::Clash(kind) => self.open_conflict(path, spot, kind),
            Verdict::Hold { on, reason, forget } => self.open_held(path, spot, on, reason, forget),
            Verdict::Keep(Some((on, LOCAL_ONLY))) => self.only_copy(path, spot, on),
            verdict => {
                self.close_if_absorbed(path, spot, &verdict);
                verdict
            }
        }
    }

    /// The verdict on a path without regard to what is below it.
    fn by_itself(&self, path: &RelPath, spot: &Spot) -> Verdict {
        let restore = (self.ctx.restore_deleted)(path);
        let verdict = decide(spot, self.ctx.owner, restore);
        if matches!(&verdict, Verdict::Agree { post: Some(_), .. }) {
            for side in Side::BOTH {
                let new = spot.state(side).is_absent();
                if new && !self.ctx.names.get(side).can_hold(path) {
                    let reason = HeldReason::Problem(Problem::Name);
                    return Verdict::Hold { on: side.other(), reason, forget: false };
                }
            }
        }
        verdict
    }

    /// Below something that is frozen, only what is already done may be learned.
    fn frozen(&self, path: &RelPath, spot: &Spot) -> Verdict {
        match self.by_itself(path, spot) {
            Verdict::Agree { post, reason, .. }
                if spot.entry(Side::Here) == post.as_ref()
                    && spot.entry(Side::There) == post.as_ref() =>
            {
                Verdict::Agree { post, reason, notice: None }
            }
            _ => Verdict::Blocked,
        }
    }

    fn closure_above(&self, path: &RelPath) -> Option<Closure> {
        if self.closed.is_empty() {
            return None;
        }
        path.ancestors().find_map(|above| self.closed.get(&above).copied())
    }

    fn close_if_absorbed(&mut self, path: &RelPath, spot: &Spot, verdict: &Verdict) {
        if replaced_folder(spot, verdict).is_some() {
            self.closed.insert(path.clone(), Closure::Absorbed);
        } else if *verdict == Verdict::Blocked {
            self.closed.insert(path.clone(), Closure::Frozen);
        }
    }

    /// Applies the folder rule where the verdict makes a folder vanish on a side.
    fn with_folder_rule(&self, path: &RelPath, spot: &Spot, verdict: Verdict) -> Verdict {
        let Verdict::Agree { post, .. } = &verdict else {
            return verdict;
        };
        if post.as_ref().is_some_and(Entry::is_dir) {
            return verdict;
        }
        let Some(side) = Side::BOTH.into_iter().find(|&side| spot.is_dir(side)) else {
            return verdict;
        };
        let content = self.content_of(path, side);
        if post.is_some() {
            return if content.changed || content.stays {
                Verdict::Clash(match spot.direction.authority(self.ctx.owner) {
                    None => ConflictKind::KindChange,
                    Some(_) => ConflictKind::Drift,
                })
            } else if content.problem {
                Verdict::Blocked
            } else {
                verdict
            };
        }
        if content.changed && content.rows_left {
            Verdict::Clash(ConflictKind::DirDelete)
        } else if content.problem {
            Verdict::Blocked
        } else {
            verdict
        }
    }

    /// What is below a folder that is to vanish on `side`.
    fn content_of(&self, folder: &RelPath, side: Side) -> Content {
        let mut content = Content::default();
        for (path, spot) in below(self.spots, folder) {
            content.problem |= spot.has_problem();
            let changed = spot.changed_on(side);
            content.changed |= changed;
            if let (Base::Known(base), Some(entry)) = (&spot.base, spot.entry(side)) {
                content.rows_left |= !(base.is_dir() && entry.is_dir());
            }
            content.stays |= !changed && self.by_itself(path, spot).leaves(spot, side);
        }
        content
    }

    fn open_conflict(&mut self, path: &RelPath, spot: &Spot, kind: ConflictKind) -> Verdict {
        let children: Vec<RelPath> = below(self.spots, path)
            .filter(|(_, child)| Side::BOTH.iter().any(|&side| child.changed_on(side)))
            .map(|(path, _)| path.clone())
            .collect();
        let mark = resolve::mark(self.ctx.owner, kind.symmetric_word(), path, spot, || {
            children.iter().filter_map(|child| Some((child, self.spots.get(child)?)))
        });
        if kind == ConflictKind::DirDelete && (self.ctx.restore_deleted)(path) {
            let side = if spot.is_dir(Side::Here) { Side::Here } else { Side::There };
            return self.take(path, spot, side, Reason::Modified);
        }
        if let Some(verdict) = self.resolved(path, spot, Some(kind), true, mark) {
            self.close_if_absorbed(path, spot, &verdict);
            return verdict;
        }
        self.closed.insert(path.clone(), Closure::Frozen);
        let sides = Sides::new(Seen::of(&spot.seen.here), Seen::of(&spot.seen.there));
        let base = spot.base.clone();
        let conflict = Conflict { path: path.clone(), kind, base, sides, children, mark };
        self.out.conflicts.push(conflict);
        Verdict::Clash(kind)
    }

    fn open_held(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        on: Side,
        reason: HeldReason,
        forget: bool,
    ) -> Verdict {
        let mark = resolve::mark(self.ctx.owner, reason.word(), path, spot, std::iter::empty);
        let decidable = matches!(reason, HeldReason::Drift | HeldReason::DriftSourceGone);
        if let Some(verdict) = self.resolved(path, spot, None, decidable, mark) {
            self.close_if_absorbed(path, spot, &verdict);
            return verdict;
        }
        self.closed.insert(path.clone(), Closure::Frozen);
        self.out.held.push(Held { path: path.clone(), on, reason, mark });
        Verdict::Hold { on, reason, forget }
    }

    /// Notes that the resolution for `path` cannot be carried out.
    pub(crate) fn refuse(&mut self, path: &RelPath) {
        self.out.refused.push(path.clone());
    }
}

/// What a folder holds on a side where it is to vanish.
#[derive(Default)]
struct Content {
    /// Something was created, or changed in content or kind.
    changed: bool,
    /// A row that is not a folder on both, still stands there.
    rows_left: bool,
    /// Something could not be read.
    problem: bool,
    /// Something unchanged stays by its own rule (another direction, a kept log).
    stays: bool,
}

/// The side on which `verdict` exchanges a folder for something that is none.
pub(crate) fn replaced_folder(spot: &Spot, verdict: &Verdict) -> Option<Side> {
    match verdict {
        Verdict::Agree { post: Some(post), .. } if !post.is_dir() => {
            Side::BOTH.into_iter().find(|&side| spot.is_dir(side))
        }
        _ => None,
    }
}

/// A file whose only new place has a name that the other side cannot hold, or that it would have to
/// receive anew and does not take, is not deleted there. What is `moved` has found its place.
pub(super) fn spare_stuck(
    spots: &BTreeMap<RelPath, Spot>,
    verdicts: &mut BTreeMap<RelPath, Verdict>,
    moved: &BTreeSet<RelPath>,
) {
    let stuck: BTreeSet<(Side, Digest)> = verdicts
        .iter()
        .filter_map(|(path, verdict)| match verdict {
            Verdict::Hold {
                on,
                reason: HeldReason::Problem(Problem::Name) | HeldReason::TooLarge(_),
                ..
            } => Some((*on, spots[path].entry(*on)?.digest()?)),
            _ => None,
        })
        .collect();
    if stuck.is_empty() {
        return;
    }
    for (path, verdict) in verdicts.iter_mut().filter(|(path, _)| !moved.contains(*path)) {
        let spot = &spots[path];
        let spared = Side::BOTH.into_iter().any(|side| {
            let digest = spot.entry(side.other()).and_then(Entry::digest);
            spot.state(side).is_absent() && digest.is_some_and(|d| stuck.contains(&(side, d)))
        });
        if spared && matches!(verdict, Verdict::Agree { post: None, reason: Reason::Deleted, .. }) {
            *verdict = Verdict::Keep(None);
        }
    }
}

/// A folder that was to be deleted but that something stays in is kept; one that something comes
/// in on both sides is made again.
pub(super) fn keep_needed_folders(
    spots: &BTreeMap<RelPath, Spot>,
    verdicts: &mut BTreeMap<RelPath, Verdict>,
) {
    let doomed: BTreeSet<&RelPath> = spots
        .iter()
        .filter(|(path, spot)| {
            matches!(verdicts.get(*path), Some(Verdict::Agree { post: None, .. }))
                && Side::BOTH.iter().any(|&side| spot.is_dir(side))
        })
        .map(|(path, _)| path)
        .collect();
    if doomed.is_empty() {
        return;
    }
    let mut needed: BTreeMap<RelPath, bool> = BTreeMap::new();
    for (path, verdict) in verdicts.iter() {
        let spot = &spots[path];
        if !Side::BOTH.iter().any(|&side| verdict.leaves(spot, side)) {
            continue;
        }
        let shared = Side::BOTH.iter().all(|&side| verdict.leaves(spot, side));
        for above in path.ancestors().filter(|above| doomed.contains(above)) {
            *needed.entry(above).or_default() |= shared;
        }
    }
    for (path, shared) in needed {
        let verdict = if shared {
            Verdict::agree(Some(&Entry::Dir), Reason::Created)
        } else {
            Verdict::Keep(None)
        };
        verdicts.insert(path, verdict);
    }
}
