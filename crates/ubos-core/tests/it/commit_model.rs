//! The protocol that keeps the baseline, searched exhaustively.
//!
//! One path that holds A, B or nothing; users edit on both sides; runs start from either side and
//! may crash after each step; the state of one side may be lost, or restored as it was before the
//! last run, again and again. Whatever happens, live content must never be replaced by content whose author had
//! not seen it: by then the path must hold what both sides last had in common. The same search
//! finds the loss in simpler designs, which shows that it can.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use ubos_core::baseline::{MemoryBaseline, Row};
use ubos_core::entry::{Base, Changes, Observation, State as Seen};
use ubos_core::limits::Limits;
use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;
use ubos_core::plan::{Filter, PlanInput, plan};
use ubos_core::reconcile::{Context, NameRules, reconcile};
use ubos_core::sides::{Side, Sides};

use crate::commit_protocol::{
    A, B, Decision, Design, Event, Half, NOTHING, Store, UNKNOWN, World, canonical, committed,
    decide, happen,
};
use crate::world::{Node, path};

/// Most durable steps that one run takes: rolling forward, recovery and its own work.
const MOST_STEPS: usize = 22;

fn events(losses: bool) -> Vec<Event> {
    let mut events = Vec::new();
    for side in 0..2 {
        events.extend([NOTHING, A, B].map(|content| Event::Edit(side, content)));
        events.extend((0..=MOST_STEPS).map(|steps| Event::Run { from: side, steps }));
        if losses {
            events.extend([Event::Lose(side), Event::Restore(side)]);
        }
    }
    events
}

/// Breadth first over everything that may happen in `depth` events. The events that lead to the
/// first violation, or the number of states without one.
fn search(design: Design, losses: bool, depth: usize) -> Result<usize, Vec<Event>> {
    let half = Half {
        live: A,
        store: Some(Store { unmarked: false, ..committed(1, A) }),
        before_last_run: Some(Store { unmarked: false, ..committed(1, A) }),
        marker: 1,
        applied: 0,
    };
    let start = canonical(World { half: [half, half], common: A, runs: 1, disturbed: None });
    let events = events(losses);
    let mut came_from: HashMap<World, Option<(World, Event)>> = HashMap::from([(start, None)]);
    let mut frontier = vec![start];
    for _ in 0..depth {
        let mut next = Vec::new();
        for &world in &frontier {
            for &event in &events {
                match happen(&world, design, event) {
                    Ok(after) => {
                        if let Entry::Vacant(unseen) = came_from.entry(after) {
                            unseen.insert(Some((world, event)));
                            next.push(after);
                        }
                    }
                    Err(_) => return Err(trace(&came_from, world, event)),
                }
            }
        }
        frontier = next;
    }
    Ok(came_from.len())
}

fn trace(
    came_from: &HashMap<World, Option<(World, Event)>>,
    mut world: World,
    last: Event,
) -> Vec<Event> {
    let mut events = vec![last];
    while let Some(Some((before, event))) = came_from.get(&world) {
        events.push(*event);
        world = *before;
    }
    events.reverse();
    events
}

#[test]
fn no_edit_is_lost_whatever_crashes() {
    let states = search(Design::Full, false, 6).expect("no violation");
    assert!(states > 1_000, "the search went nowhere: {states}");
}

#[test]
fn no_edit_is_lost_whatever_state_is_lost_or_restored() {
    let states = search(Design::Full, true, 5).expect("no violation");
    assert!(states > 10_000, "the search went nowhere: {states}");
}

#[test]
fn simpler_designs_lose_edits() {
    for design in [Design::InitiatorOnly, Design::NoGenerationCheck, Design::NoJournal] {
        let lost = search(design, false, 5).expect_err("an edit is lost");
        assert_eq!(lost.len(), 4, "{design:?}: {lost:?}");
    }
}

/// The small table above is what reconciliation decides.
#[test]
fn the_model_decides_as_reconciliation_does() {
    let at = path("f");
    let entry = |content: u8| match content {
        NOTHING => None,
        _ => Some(Node::File(content.to_string(), false).entry()),
    };
    for base in [NOTHING, A, B, UNKNOWN] {
        for live in [NOTHING, A, B].into_iter().flat_map(|h| [NOTHING, A, B].map(|t| [h, t])) {
            let mut baseline = MemoryBaseline::default();
            let known = match base {
                UNKNOWN => Some(Base::Unknown),
                _ => entry(base).map(Base::Known),
            };
            if let Some(base) = known {
                let row = Row { base, direction: Direction::Bidirectional, earlier: [0; 3] };
                baseline.rows.insert(at.clone(), row);
            }
            let report = |content: u8| -> Changes {
                let state = entry(content).map_or(Seen::Absent, Seen::Present);
                [(at.clone(), Observation::of(state))].into()
            };
            let changes = Sides::new(report(live[0]), report(live[1]));
            assert_eq!(decide(base, live), real(&baseline, &changes), "{base} {live:?}");
        }
    }
}

fn real(baseline: &MemoryBaseline, changes: &Sides<Changes>) -> Decision {
    let unlimited = Limits::default();
    let context = Context {
        baseline,
        changes: changes.as_ref(),
        limits: Sides::new(&unlimited, &unlimited),
        direction: &|_: &RelPath| Some(Direction::Bidirectional),
        owner: Side::Here,
        names: Sides::new(NameRules::default(), NameRules::default()),
        resolutions: &BTreeMap::new(),
        restore_deleted: &|_| false,
        selection_changed: false,
    };
    let input = PlanInput {
        baseline,
        filter: Filter::Both,
        confirmed: None,
        recent_deletes: Sides::default(),
        entry_of: &|_| None,
        scanned: Sides::new(1, 1),
        first_run: None,
    };
    let plan = plan(reconcile(&context), &Sides::default(), &input);
    match plan.items.first().map(|item| item.ops[0].to) {
        Some(Side::Here) => Decision::Copy { to: 0 },
        Some(Side::There) => Decision::Copy { to: 1 },
        None if !plan.conflicts.is_empty() => Decision::Conflict,
        None => Decision::Adopt,
    }
}
