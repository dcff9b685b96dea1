//! Compares both sides with what they last agreed on and decides, path by path and then folder by
//! folder, what is to become of every difference.
//!
//! In reading order: `names` gives one spelling to names that mean the same, `survey` lays the
//! changes over the baseline, `verdict` (with `one_way` and `append`) decides one path, `folders`
//! makes the decisions about a folder and its content agree, `resolve` carries out what a person
//! decided, `moves` finds what was only moved, `limits` holds what a side does not
//! take, `drafts` (of `steps`) turns verdicts into operations, `problems` reports what could not be read.
//!
//! Enters a [`Context`], leaves a [`Reconciliation`]. Ordering the operations and looking at them
//! as a whole is left to [`crate::plan`]. The answer is the same whichever side initiates, but for
//! the names of the sides.

mod append;
mod drafts;
mod folders;
mod limits;
mod moves;
mod names;
mod one_way;
mod overlay;
mod problems;
mod resolve;
mod steps;
mod survey;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use crate::baseline::Baseline;
use crate::conflict::{Conflict, Held, Notice, Resolution, Skipped};
use crate::entry::{Changes, Entry};
use crate::limits::Limits;
use crate::manifest::Direction;
use crate::path::RelPath;
use crate::plan::GuardReport;
use crate::sides::{Side, Sides};

pub(crate) use drafts::{Draft, Otherwise};

/// What the file system of a side can hold, and which names it takes for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRules {
    /// Names that differ only in case are one.
    pub case_insensitive: bool,
    /// Names must be valid UTF-8.
    pub utf8_only: bool,
    /// Longest name, in bytes.
    pub max_name_bytes: usize,
}

impl Default for NameRules {
    fn default() -> Self {
        Self { case_insensitive: false, utf8_only: false, max_name_bytes: crate::path::MAX_NAME }
    }
}

impl NameRules {
    /// Whether every name of `path` can stand there.
    pub fn can_hold(&self, path: &RelPath) -> bool {
        path.components().all(|name| {
            name.len() <= self.max_name_bytes
                && (!self.utf8_only || std::str::from_utf8(name).is_ok())
        })
    }
}

/// Everything that a decision may depend on.
pub struct Context<'a> {
    /// What both sides last agreed on.
    pub baseline: &'a dyn Baseline,
    /// How each side differs from it.
    pub changes: Sides<&'a Changes>,
    /// The direction of a path, or `None` if it is not selected now.
    pub direction: &'a dyn Fn(&RelPath) -> Option<Direction>,
    /// The side whose manifests give the directions (the laptop).
    pub owner: Side,
    /// What names each side can hold.
    pub names: Sides<NameRules>,
    /// How much each side takes in.
    pub limits: Sides<&'a Limits>,
    /// What a person decided, by the path of the conflict or held change.
    pub resolutions: &'a BTreeMap<RelPath, Resolution>,
    /// Whether a file that was changed on one side outlives its deletion on the other without a
    /// conflict (policy `restore`).
    pub restore_deleted: &'a dyn Fn(&RelPath) -> bool,
    /// Whether the manifests differ from those under which the baseline was written. All rows are
    /// visited then.
    pub selection_changed: bool,
}

/// What was decided. [`crate::plan::plan`] makes a plan of it.
#[derive(Debug, Clone, Default)]
pub struct Reconciliation {
    /// What is to be done, in no order yet.
    pub(crate) drafts: Vec<Draft>,
    /// Rows to write although nothing has to be done.
    pub adopt: Vec<(RelPath, Option<Entry>)>,
    /// Open conflicts, sorted by path.
    pub conflicts: Vec<Conflict>,
    /// Held changes, sorted by path.
    pub held: Vec<Held>,
    /// Paths to be tried again, sorted by path.
    pub skipped: Vec<Skipped>,
    /// Worth knowing, sorted by path.
    pub notices: Vec<Notice>,
    /// Guards that fired on what was seen, not on what is planned.
    pub guards: Vec<GuardReport>,
    /// Resolutions that were not carried out: the clash is gone or is another one now, or the
    /// choice makes no sense for it.
    pub refused: Vec<RelPath>,
}

impl Reconciliation {
    /// The folders, on the side that is to be changed, of which must be known whether untracked
    /// content (junk aside) lies anywhere below. The answer is an argument of
    /// [`crate::plan::plan`].
    pub fn questions(&self) -> Sides<Vec<RelPath>> {
        let mut questions = Sides::<BTreeSet<RelPath>>::default();
        for draft in &self.drafts {
            draft.collect_questions(&mut questions);
        }
        questions.map(|folders| folders.into_iter().collect())
    }
}

impl Reconciliation {
    /// Leaves only what brings `paths`, or what is below one of `trees`, to the other side, with
    /// the folders on the way: a person asked for that and for nothing else. No guard holds it.
    pub fn keep_only(&mut self, paths: &BTreeSet<RelPath>, trees: &[RelPath]) {
        let asked = |path: &RelPath| {
            paths.contains(path) || trees.iter().any(|tree| path == tree || path.is_below(tree))
        };
        let on_the_way = |path: &RelPath| {
            paths
                .range(path.clone()..)
                .nth(usize::from(paths.contains(path)))
                .is_some_and(|next| next.is_below(path))
        };
        let drafts = std::mem::take(&mut self.drafts);
        self.drafts =
            drafts.into_iter().filter_map(|draft| draft.decided(&asked, &on_the_way)).collect();
        self.adopt.retain(|(path, _)| asked(path) || on_the_way(path));
        self.guards.clear();
    }
}

/// Decides. Pure: the same context gives the same answer.
pub fn reconcile(ctx: &Context) -> Reconciliation {
    let mut out = Reconciliation::default();
    match names::respell(ctx) {
        None => decide(ctx, &[], &mut out),
        Some(respelled) => {
            let common = Context {
                baseline: &respelled.baseline,
                changes: respelled.changes.as_ref(),
                ..*ctx
            };
            decide(&common, &respelled.names, &mut out);
            out.drafts.extend(respelled.drafts);
        }
    }
    out.sort();
    out
}

/// Decides under common spellings, of which `respelled` are new.
fn decide(ctx: &Context, respelled: &[RelPath], out: &mut Reconciliation) {
    let survey = survey::survey(ctx);
    let mut settled = folders::settle(ctx, &survey.spots);
    let mut moves = moves::find(ctx, &survey.spots, &settled, respelled);
    limits::hold(ctx, &survey.spots, &mut settled, &mut moves);
    drafts::assemble(ctx, &survey, &settled, &moves, out);
    out.conflicts = settled.conflicts;
    out.held = settled.held;
    out.refused = settled.refused;
    problems::report(ctx, &survey, out);
}

impl Reconciliation {
    fn sort(&mut self) {
        self.adopt.sort_by(|a, b| a.0.cmp(&b.0));
        self.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        self.held.sort_by(|a, b| (&a.path, a.on).cmp(&(&b.path, b.on)));
        self.skipped.sort_by(|a, b| (&a.path, a.on).cmp(&(&b.path, b.on)));
        self.notices.sort_by(|a, b| (&a.path, a.on, &a.reason).cmp(&(&b.path, b.on, &b.reason)));
    }
}
