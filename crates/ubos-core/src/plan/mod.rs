//! A plan: ordered operations as a value, which can be shown, refused, confirmed or carried out.
//!
//! `plan` takes what reconciliation decided, lets the guards look at all of it, leaves out what
//! the command did not ask for and puts the rest into an order in which it can be carried out.

pub mod guard;
pub mod operation;
mod order;
mod run_limit;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::conflict::{Conflict, Held, Notice, Skipped};
use crate::entry::{Digest, Entry};
use crate::path::RelPath;
use crate::reconcile::{Draft, Otherwise, Reconciliation};
use crate::sides::{Side, Sides};

pub use guard::{Guard, GuardReport};
pub use operation::{Item, OpKind, Operation, Reason};
pub use run_limit::{PULL_LIMIT, received, within_run};

/// Everything one run has decided. Nothing in it has been done yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Hash of all items with their preconditions, as 16 hexadecimal digits; the held ones count,
    /// those that the filter left out do not.
    pub id: String,
    /// Decisions, in an order in which they can be carried out on each side.
    pub items: Vec<Item>,
    /// Rows to write although nothing has to be done: both sides hold this already (`None`: the
    /// row is dropped). They are to be written after the rows of the items.
    pub adopt: Vec<(RelPath, Option<Entry>)>,
    /// Open conflicts, sorted by path.
    pub conflicts: Vec<Conflict>,
    /// Held changes, sorted by path.
    pub held: Vec<Held>,
    /// Paths to be tried again, sorted by path.
    pub skipped: Vec<Skipped>,
    /// Worth knowing, sorted by path.
    pub notices: Vec<Notice>,
    /// Guards that fired.
    pub guards: Vec<GuardReport>,
    /// How many items the filter left out: what waits in the other direction.
    pub pending: u64,
    /// Resolutions that were not carried out, see [`Reconciliation::refused`].
    pub refused: Vec<RelPath>,
}

/// Which directions a command asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Filter {
    /// Both (`bidirectional`).
    #[default]
    Both,
    /// Only what changes the peer (`push`).
    Out,
    /// Only what changes this side (`pull`).
    In,
}

impl Filter {
    fn wants(self, side: Side) -> bool {
        match self {
            Filter::Both => true,
            Filter::Out => side == Side::There,
            Filter::In => side == Side::Here,
        }
    }
}

/// What a plan depends on besides the decisions.
pub struct PlanInput<'a> {
    /// What both sides last agreed on.
    pub baseline: &'a dyn Baseline,
    /// Which directions were asked for.
    pub filter: Filter,
    /// The digests of the items of a plan that a person confirmed. Only those are carried out, and
    /// no guard holds them.
    pub confirmed: Option<&'a BTreeSet<Digest>>,
    /// Files and links deleted on each side by the runs of the last 24 hours.
    pub recent_deletes: Sides<u64>,
    /// The number of the manifest entry that selects a path.
    pub entry_of: &'a dyn Fn(&RelPath) -> Option<u32>,
    /// How many selected paths each side holds.
    pub scanned: Sides<u64>,
    /// On the first run of a pair: how many selected paths both sides hold.
    pub first_run: Option<u64>,
}

/// Makes a plan. `untracked` answers [`Reconciliation::questions`].
pub fn plan(
    reconciliation: Reconciliation,
    untracked: &Sides<BTreeSet<RelPath>>,
    input: &PlanInput,
) -> Plan {
    let mut plan = Plan {
        adopt: reconciliation.adopt,
        conflicts: reconciliation.conflicts,
        held: reconciliation.held,
        skipped: reconciliation.skipped,
        notices: reconciliation.notices,
        guards: reconciliation.guards,
        refused: reconciliation.refused,
        ..Plan::default()
    };
    let mut expanded = Expanded::default();
    for draft in reconciliation.drafts {
        expanded.add(draft, untracked);
    }
    expanded.drop_below_held(&mut plan.adopt);
    plan.held.append(&mut expanded.held);
    plan.held.sort_by(|a, b| (&a.path, a.on).cmp(&(&b.path, b.on)));

    let mut drafts = expanded.drafts;
    order::sort(&mut drafts);
    let mut drafts = join_respelled(drafts, &mut plan.adopt);
    order::sort(&mut drafts);
    let mut items: Vec<Item> = drafts.into_iter().map(|draft| draft.item).collect();
    let before = items.len();
    items.retain(|item| is_wanted(item, input.filter));
    plan.pending = (before - items.len()) as u64;
    plan.id = id_of(&items);

    let stopped = watch::look(&mut items, &mut plan, input);
    if let Some(confirmed) = input.confirmed {
        keep_confirmed(&mut items, confirmed, &mut plan);
    } else if stopped {
        plan.adopt.clear();
    }
    plan.items = items;
    leave_folders(&mut plan, expanded.left, input.filter, stopped && input.confirmed.is_none());
    plan
}

/// The drafts after the answers about untracked content.
#[derive(Default)]
struct Expanded {
    drafts: Vec<Draft>,
    held: Vec<Held>,
    left: Vec<(Side, RelPath)>,
    /// New spellings that are not taken on.
    unspelled: Vec<RelPath>,
}

impl Expanded {
    fn add(&mut self, draft: Draft, untracked: &Sides<BTreeSet<RelPath>>) {
        let blocked = match draft.folder() {
            Some((side, folder)) if untracked.get(side).contains(folder) => {
                Some((side, folder.clone()))
            }
            _ => None,
        };
        match (blocked, draft.otherwise) {
            (Some(_), Some(Otherwise::Pieces(pieces))) => {
                for piece in pieces {
                    self.add(piece, untracked);
                }
            }
            (Some(folder), Some(Otherwise::Leave)) => self.left.push(folder),
            (Some(_), Some(Otherwise::Hold(held))) => {
                if draft.respells {
                    self.unspelled.push(held.path.clone());
                }
                self.held.push(held);
            }
            (_, otherwise) => self.drafts.push(Draft { otherwise, ..draft }),
        }
    }

    /// Where a name is not respelled, nothing under its new spelling may happen or be learned.
    fn drop_below_held(&mut self, adopt: &mut Vec<(RelPath, Option<Entry>)>) {
        let waits =
            |path: &RelPath| self.unspelled.iter().any(|name| path == name || path.is_below(name));
        self.drafts.retain(|draft| !draft.paths().any(waits));
        self.left.retain(|(_, path)| !waits(path));
        adopt.retain(|(path, _)| !waits(path));
    }
}

/// What happens at and below a respelled name belongs to the item that respells it: its rows are
/// those of the new spelling, and hold only once the old ones are gone.
fn join_respelled(drafts: Vec<Draft>, adopt: &mut Vec<(RelPath, Option<Entry>)>) -> Vec<Draft> {
    let mut joined: Vec<Draft> = Vec::new();
    let mut respelled: Vec<(usize, RelPath)> = Vec::new();
    let within = |respelled: &[(usize, RelPath)], path: &RelPath| {
        let found = respelled.iter().find(|(_, name)| path == name || path.is_below(name));
        found.map(|(index, _)| *index)
    };
    for draft in drafts {
        let home = draft.paths().find_map(|path| within(&respelled, path));
        if let Some(home) = home {
            let item = &mut joined[home].item;
            item.ops.extend(draft.item.ops);
            item.rows.extend(draft.item.rows);
            item.guard = item.guard.or(draft.item.guard);
            continue;
        }
        if draft.respells {
            let name = draft.place();
            respelled.extend(name.map(|name| (joined.len(), name.clone())));
        }
        joined.push(draft);
    }
    adopt.retain(|(path, entry)| match within(&respelled, path) {
        Some(home) => {
            joined[home].item.rows.push((path.clone(), entry.clone()));
            false
        }
        None => true,
    });
    for (index, _) in respelled {
        // The last word on a path counts.
        let rows: BTreeMap<_, _> =
            std::mem::take(&mut joined[index].item.rows).into_iter().collect();
        joined[index].item.rows = rows.into_iter().collect();
    }
    joined
}

/// Whether the command asked for everything that the item changes. What a person decided is always
/// wanted.
fn is_wanted(item: &Item, filter: Filter) -> bool {
    item.is_resolved() || item.ops.iter().all(|op| filter.wants(op.to))
}

/// The id of a plan with these items.
pub fn id_of(items: &[Item]) -> String {
    let mut hasher = blake3::Hasher::new();
    for item in items {
        hasher.update(&item.digest().0);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// Leaves only what was confirmed, which no guard holds any more.
fn keep_confirmed(items: &mut Vec<Item>, confirmed: &BTreeSet<Digest>, plan: &mut Plan) {
    items.retain_mut(|item| {
        if confirmed.contains(&item.digest()) {
            item.guard = None;
            return true;
        }
        if let Some(op) = item.ops.first() {
            let reason = "changed-since-plan".to_owned();
            plan.skipped.push(Skipped { path: op.path.clone(), on: op.to, reason });
        }
        false
    });
    plan.skipped.sort_by(|a, b| (&a.path, a.on).cmp(&(&b.path, b.on)));
    plan.guards.retain(|report| report.guard == Guard::Mount);
}

/// Folders that were deleted on the other side and stay here for the untracked content in them:
/// their rows are dropped, once everything tracked in them may go.
fn leave_folders(plan: &mut Plan, left: Vec<(Side, RelPath)>, filter: Filter, stopped: bool) {
    for (on, path) in left {
        let waits = stopped
            || !filter.wants(on)
            || plan.items.iter().any(|item| {
                item.guard.is_some() && item.deletes_on(on).any(|deleted| deleted.is_below(&path))
            });
        if !waits {
            plan.adopt.push((path.clone(), None));
            plan.notices.push(Notice { path, on, reason: "untracked-remains".to_owned() });
        }
    }
    plan.adopt.sort_by(|a, b| a.0.cmp(&b.0));
    plan.notices.sort_by(|a, b| (&a.path, a.on, &a.reason).cmp(&(&b.path, b.on, &b.reason)));
}
