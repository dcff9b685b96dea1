//! Reports what the scans could not read or what cannot travel, and rows that left the selection.

use crate::conflict::{Held, HeldReason, Notice, Skipped};
use crate::entry::{Digest, Problem};
use crate::path::RelPath;
use crate::plan::{Guard, GuardReport};
use crate::sides::Side;

use super::survey::{Spot, Survey};
use super::{Context, Reconciliation, resolve};

/// Adds the reports to `out`, and drops or rewrites the rows that only the selection touches.
pub(crate) fn report(ctx: &Context, survey: &Survey, out: &mut Reconciliation) {
    for side in Side::BOTH {
        for (path, observation) in ctx.changes.get(side).iter() {
            if let Some(problem) = observation.state.problem() {
                report_one(ctx, survey, side, path, problem, out);
            }
        }
    }
    if let Some(first) = survey.unselected.first() {
        let count = survey.unselected.len();
        out.notices.push(Notice {
            path: first.clone(),
            on: Side::Here,
            reason: format!("not selected any more, left as they are on both sides: {count}"),
        });
    }
    out.adopt.extend(survey.unselected.iter().map(|path| (path.clone(), None)));
    let redirected = survey.redirected.iter();
    out.adopt.extend(redirected.map(|(path, entry)| (path.clone(), Some(entry.clone()))));
}

fn report_one(
    ctx: &Context,
    survey: &Survey,
    on: Side,
    path: &RelPath,
    problem: Problem,
    out: &mut Reconciliation,
) {
    let rows = has_rows(ctx, path);
    if problem == Problem::Mount && rows {
        out.guards.push(GuardReport {
            guard: Guard::Mount,
            on,
            count: 1,
            detail: format!("{path} is now on another file system than the root"),
            stops: false,
        });
        return;
    }
    let spot = survey.spots.get(path);
    let alone = spot.is_none_or(|spot| spot.state(on.other()).is_absent());
    if problem == Problem::Special && !rows && alone {
        let reason = problem.word().to_owned();
        out.notices.push(Notice { path: path.clone(), on, reason });
    } else if problem.needs_person() {
        let reason = HeldReason::Problem(problem);
        let mark = match spot {
            Some(spot) => mark(ctx, reason, path, spot),
            None => Digest::of(path.as_bytes()),
        };
        // A link that is held is told from another one by its text.
        let text = ctx.changes.get(on).get(path).and_then(|observation| observation.prefix);
        let mark = text.map_or(mark, |text| Digest::of(&[mark.0, text.0].concat()));
        out.held.push(Held { path: path.clone(), on, reason, mark });
    } else {
        let reason = problem.word().to_owned();
        out.skipped.push(Skipped { path: path.clone(), on, reason });
    }
}

fn mark(ctx: &Context, reason: HeldReason, path: &RelPath, spot: &Spot) -> Digest {
    resolve::mark(ctx.owner, reason.word(), path, spot, std::iter::empty)
}

fn has_rows(ctx: &Context, path: &RelPath) -> bool {
    let mut any = ctx.baseline.row(path).is_some();
    ctx.baseline.below(Some(path), &mut |_, _| {
        any = true;
        false
    });
    any
}
