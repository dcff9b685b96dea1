//! Turns verdicts and moves into operations with their preconditions, not yet in order.
//!
//! A draft that renames, removes or replaces a whole folder may turn out otherwise, if content
//! that is not tracked lies in it; it carries what is to be done then.

use std::collections::{BTreeMap, BTreeSet};

use crate::conflict::{Held, HeldReason, Notice};
use crate::entry::{Base, Entry};
use crate::path::RelPath;
use crate::plan::{Guard, Item, OpKind, Operation, Reason};
use crate::sides::{Side, Sides};

use super::folders::{Settled, replaced_folder};
use super::moves::{Move, Moves};
use super::steps::{file_move, move_in_pieces, rename, step};
use super::survey::{Spot, Survey, below};
use super::verdict::Verdict;
use super::{Context, Reconciliation, resolve};

/// One item, and what becomes of it if its folder holds untracked content.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The item as it is if nothing untracked stands in its way.
    pub(crate) item: Item,
    /// Whether it changes the spelling of a name, which comes before everything else.
    pub(crate) respells: bool,
    /// The alternative.
    pub(crate) otherwise: Option<Otherwise>,
}

/// What to do instead, if anything untracked lies in the folder on that side.
#[derive(Debug, Clone)]
pub(crate) enum Otherwise {
    /// The folder is renamed piece by piece.
    Pieces(Vec<Draft>),
    /// The folder stays, untracked.
    Leave,
    /// The change waits for a person.
    Hold(Held),
}

impl Draft {
    /// An item that does not depend on anything untracked.
    pub(super) fn plain(item: Item) -> Self {
        Self { item, respells: false, otherwise: None }
    }

    /// The side and the folder that the alternative depends on.
    pub(crate) fn folder(&self) -> Option<(Side, &RelPath)> {
        self.otherwise.as_ref()?;
        self.item.ops.iter().find_map(|op| match &op.kind {
            OpKind::Rename { from, .. } => Some((op.to, from)),
            OpKind::Rmdir => Some((op.to, &op.path)),
            OpKind::Replace { .. } if op.pre == Some(Entry::Dir) => Some((op.to, &op.path)),
            _ => None,
        })
    }

    /// Where it acts. Without an operation the rows tell: the new spelling follows the old one.
    pub(crate) fn place(&self) -> Option<&RelPath> {
        let op = self.item.ops.first().map(|op| &op.path);
        op.or_else(|| self.item.rows.get(1).map(|(path, _)| path))
    }

    /// Every path that it changes or writes a row of.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &RelPath> {
        let ops = self.item.ops.iter().map(|op| &op.path);
        ops.chain(self.item.rows.iter().map(|(path, _)| path))
    }

    /// This draft as a person's decision, which neither a filter nor a guard holds; `None` if it is
    /// not about what the person `asked` for, nor makes a folder on the way to it.
    pub(crate) fn decided(
        mut self,
        asked: &dyn Fn(&RelPath) -> bool,
        on_the_way: &dyn Fn(&RelPath) -> bool,
    ) -> Option<Draft> {
        let moved_from = self.item.ops.iter().filter_map(|op| match &op.kind {
            OpKind::Rename { from, .. } => Some(from),
            _ => None,
        });
        let wanted = self.paths().chain(moved_from).any(asked);
        let passage =
            self.item.ops.iter().all(|op| op.kind == OpKind::Mkdir) && self.paths().all(on_the_way);
        if !wanted && !passage {
            return None;
        }
        self.item.guard = None;
        for op in &mut self.item.ops {
            op.reason = Reason::Resolved;
        }
        if let Some(Otherwise::Pieces(pieces)) = &mut self.otherwise {
            let all = std::mem::take(pieces);
            pieces.extend(all.into_iter().filter_map(|piece| piece.decided(asked, on_the_way)));
        }
        Some(self)
    }

    /// Adds the folders it depends on.
    pub(crate) fn collect_questions(&self, questions: &mut Sides<BTreeSet<RelPath>>) {
        if let Some((side, folder)) = self.folder() {
            questions.get_mut(side).insert(folder.clone());
        }
        if let Some(Otherwise::Pieces(pieces)) = &self.otherwise {
            for piece in pieces {
                piece.collect_questions(questions);
            }
        }
    }
}

/// Whether a change on `to` follows from a change of direction, so that a guard must hold it.
/// `destroys`: it overwrites or deletes something.
pub(crate) fn direction_guard(owner: Side, spot: &Spot, to: Side, destroys: bool) -> bool {
    let then = spot.row_direction.and_then(|direction| direction.authority(owner));
    let now = spot.direction.authority(owner);
    match (then, now) {
        // What the mirror changed meanwhile would come over the former authority.
        (Some(authority), None) => to == authority && destroys,
        (Some(before), Some(now)) => before != now,
        (None, _) => false,
    }
}

/// Writes drafts, adopted rows and the notices that belong to them into `out`.
pub(crate) fn assemble(
    ctx: &Context,
    survey: &Survey,
    settled: &Settled,
    moves: &Moves,
    out: &mut Reconciliation,
) {
    let mut assembly = Assembly { ctx, spots: &survey.spots, settled, moves, out };
    let mut inside: BTreeSet<RelPath> = BTreeSet::new();
    for (path, verdict) in &settled.verdicts {
        if moves.covered.contains(path) || inside.contains(path) {
            continue;
        }
        let spot = &survey.spots[path];
        if replaced_folder(spot, verdict).is_some() {
            inside.extend(below(&survey.spots, path).map(|(path, _)| path.clone()));
        }
        assembly.add(path, spot, verdict);
    }
    for found in &moves.files {
        assembly.add_file_move(found);
    }
    for found in &moves.folders {
        assembly.add_folder_move(found);
    }
    for found in &moves.rotated {
        assembly.add_rotated(found);
    }
}

struct Assembly<'a> {
    ctx: &'a Context<'a>,
    spots: &'a BTreeMap<RelPath, Spot>,
    settled: &'a Settled,
    moves: &'a Moves,
    out: &'a mut Reconciliation,
}

impl Assembly<'_> {
    fn add(&mut self, path: &RelPath, spot: &Spot, verdict: &Verdict) {
        match verdict {
            Verdict::Agree { post, reason, notice } => {
                if let Some((on, word)) = notice {
                    self.notice(path, *on, word);
                }
                self.add_agreed(path, spot, post.as_ref(), *reason);
            }
            Verdict::Append(mirror) => self.add_append(path, spot, *mirror),
            Verdict::Seal(mirror, reason) => self.add_seal(path, spot, *mirror, *reason),
            Verdict::Beside(beside) => self.add_beside(path, spot, beside),
            Verdict::Keep(Some((on, word))) if !self.told_above(path, verdict) => {
                self.notice(path, *on, word);
            }
            Verdict::Hold { forget: true, .. } => self.out.adopt.push((path.clone(), None)),
            // It is known from now on as an edit in a one-way area, whatever the area becomes next.
            Verdict::Hold { forget: false, .. } if spot.row_direction.is_some() => {
                self.adopt(path, spot, spot.base.entry());
            }
            _ => {}
        }
    }

    /// Whether the same was already said of a folder above.
    fn told_above(&self, path: &RelPath, verdict: &Verdict) -> bool {
        path.ancestors().any(|above| self.settled.verdicts.get(&above) == Some(verdict))
    }

    fn notice(&mut self, path: &RelPath, on: Side, word: &str) {
        self.out.notices.push(Notice { path: path.clone(), on, reason: word.to_owned() });
    }

    fn add_agreed(&mut self, path: &RelPath, spot: &Spot, post: Option<&Entry>, reason: Reason) {
        let replaced = Side::BOTH
            .into_iter()
            .find(|&side| spot.is_dir(side) && post.is_some_and(|post| !post.is_dir()));
        let mut rows = vec![(path.clone(), post.cloned())];
        let mut contents = Vec::new();
        if let Some(side) = replaced {
            // What was moved out of the folder has left it by then.
            let left = below(self.spots, path).filter(|(p, _)| !self.moves.covered.contains(*p));
            for (path, child) in left {
                rows.push((path.clone(), None));
                if let Some(entry) = child.entry(side) {
                    contents.push((path.clone(), entry.clone()));
                }
            }
        }
        let ops: Vec<Operation> = Side::BOTH
            .into_iter()
            .filter_map(|to| step(path, to, spot.entry(to), post, &contents, reason))
            .collect();
        if ops.is_empty() {
            self.adopt(path, spot, post);
            return;
        }
        let otherwise = match replaced {
            Some(on) => {
                let reason = HeldReason::UntrackedInTheWay;
                let owner = self.ctx.owner;
                let mark = resolve::mark(owner, reason.word(), path, spot, std::iter::empty);
                Some(Otherwise::Hold(Held { path: path.clone(), on, reason, mark }))
            }
            None => ops.iter().any(|op| op.kind == OpKind::Rmdir).then_some(Otherwise::Leave),
        };
        let guarded = reason != Reason::Resolved
            && ops.iter().any(|op| {
                let destroys = !matches!(op.kind, OpKind::Create | OpKind::Mkdir | OpKind::SetExec);
                let inside = below(self.spots, path).filter(|_| replaced.is_some());
                direction_guard(self.ctx.owner, spot, op.to, destroys)
                    || inside
                        .into_iter()
                        .any(|(_, child)| direction_guard(self.ctx.owner, child, op.to, destroys))
            });
        let item = Item { ops, rows, guard: guarded.then_some(Guard::DirectionChanged) };
        self.out.drafts.push(Draft { item, respells: false, otherwise });
    }

    /// Writes the row if it says something else than it did.
    fn adopt(&mut self, path: &RelPath, spot: &Spot, post: Option<&Entry>) {
        let redirected = spot.row_direction.is_some_and(|then| then != spot.direction);
        let learned = match &spot.base {
            Base::Known(base) => Some(base) != post,
            Base::Absent => post.is_some(),
            Base::Unknown => post.is_some() || spot.row_direction.is_some(),
        };
        if learned || redirected {
            self.out.adopt.push((path.clone(), post.cloned()));
        }
    }

    fn add_append(&mut self, path: &RelPath, spot: &Spot, mirror: Side) {
        let (Some(copy), Some(source)) = (spot.entry(mirror), spot.entry(mirror.other())) else {
            return;
        };
        let grown = source.with_exec(copy.exec().unwrap_or(false));
        let mut ops = vec![Operation {
            path: path.clone(),
            to: mirror,
            kind: OpKind::Append { from: copy.size() },
            pre: Some(copy.clone()),
            post: Some(grown.clone()),
            reason: Reason::Grew,
        }];
        ops.extend(step(path, mirror, Some(&grown), Some(source), &[], Reason::Grew));
        let rows = vec![(path.clone(), Some(source.clone()))];
        self.push_guarded(spot, mirror, ops, rows);
    }

    fn add_seal(&mut self, path: &RelPath, spot: &Spot, mirror: Side, reason: Reason) {
        let post = spot.entry(mirror.other()).cloned();
        if reason == Reason::Rotated {
            self.notice(path, mirror, "rotated");
        }
        let rows = vec![(path.clone(), post.clone())];
        let pre = spot.entry(mirror).cloned();
        let kind = OpKind::SealAndCreate;
        let op = Operation { path: path.clone(), to: mirror, kind, pre, post, reason };
        self.push_guarded(spot, mirror, vec![op], rows);
    }

    fn push_guarded(
        &mut self,
        spot: &Spot,
        to: Side,
        ops: Vec<Operation>,
        rows: Vec<(RelPath, Option<Entry>)>,
    ) {
        let resolved = ops.iter().any(|op| op.reason == Reason::Resolved);
        let guarded = !resolved && direction_guard(self.ctx.owner, spot, to, true);
        let guard = guarded.then_some(Guard::DirectionChanged);
        self.out.drafts.push(Draft::plain(Item { ops, rows, guard }));
    }

    /// Here's version at `path` on both sides, the peer's at `beside` on both.
    fn add_beside(&mut self, path: &RelPath, spot: &Spot, beside: &RelPath) {
        let (here, there) = (spot.entry(Side::Here).cloned(), spot.entry(Side::There).cloned());
        let reason = Reason::Resolved;
        let op = |path: &RelPath, to, kind, pre: &Option<Entry>, post: &Option<Entry>| Operation {
            path: path.clone(),
            to,
            kind,
            pre: pre.clone(),
            post: post.clone(),
            reason,
        };
        let rename = OpKind::Rename { from: path.clone(), contents: Vec::new() };
        let ops = vec![
            op(beside, Side::There, rename, &there, &there),
            op(path, Side::There, OpKind::Create, &None, &here),
            op(beside, Side::Here, OpKind::Create, &None, &there),
        ];
        let rows = vec![(path.clone(), here), (beside.clone(), there)];
        self.out.drafts.push(Draft::plain(Item { ops, rows, guard: None }));
    }

    fn add_file_move(&mut self, found: &Move) {
        let Move { to, from, into } = found;
        let pre = self.spots[from].entry(*to).cloned();
        let post = self.spots[into].entry(to.other()).cloned();
        self.out.drafts.push(Draft::plain(file_move(*to, from, into, pre, post)));
    }

    fn add_folder_move(&mut self, found: &Move) {
        let Move { to, from, into } = found;
        let contents: Vec<(RelPath, Entry)> = below(self.spots, from)
            .filter_map(|(path, spot)| Some((path.clone(), spot.entry(*to)?.clone())))
            .collect();
        let rows = std::iter::once((from, Entry::Dir))
            .chain(contents.iter().map(|(path, entry)| (path, entry.clone())))
            .flat_map(|(path, entry)| {
                let new = path.rebase(from, into).map(|new| (new, Some(entry)));
                std::iter::once((path.clone(), None)).chain(new)
            })
            .collect();
        let pieces = move_in_pieces(*to, from, into, &contents);
        let ops = vec![rename(*to, from, into, Some(Entry::Dir), contents)];
        let otherwise = Some(Otherwise::Pieces(pieces));
        let item = Item { ops, rows, guard: None };
        self.out.drafts.push(Draft { item, respells: false, otherwise });
    }

    fn add_rotated(&mut self, found: &Move) {
        let Move { to, from, into } = found;
        let old = self.spots[from].entry(*to).cloned();
        let fresh = self.spots[from].entry(to.other()).cloned();
        self.notice(from, *to, "rotated");
        let mut moved = rename(*to, from, into, old.clone(), Vec::new());
        moved.reason = Reason::Rotated;
        let create = Operation {
            path: from.clone(),
            to: *to,
            kind: OpKind::Create,
            pre: None,
            post: fresh.clone(),
            reason: Reason::Rotated,
        };
        let rows = vec![(from.clone(), fresh), (into.clone(), old)];
        self.out.drafts.push(Draft::plain(Item { ops: vec![moved, create], rows, guard: None }));
    }
}
