//! What a side takes in: tables for single paths, and that no run brings more than is allowed while
//! all that is allowed arrives in the end.

use proptest::prelude::*;
use ubos_core::baseline::Baseline;
use ubos_core::conflict::{Choice, HeldReason, Resolution};
use ubos_core::limits::Limits;
use ubos_core::path::RelPath;
use ubos_core::plan::{OpKind, PULL_LIMIT, Plan, received};
use ubos_core::sides::Side;

use crate::world::{Node, World, direction, path, show};

const BIG: &str = "notes/big=0123456789";

/// The laptop takes files of 5 bytes, 8 below `in/`, and 12 bytes a run.
fn limits() -> Limits {
    Limits::compile(Some(5), Some(12), [("in/", 8)], false).unwrap()
}

fn limited(base: &str, here: &str, there: &str) -> World {
    let mut world = World::new(base, here, there);
    world.limits.here = limits();
    world
}

/// What a plan tells, in words: operations, what is held, skipped and in conflict.
fn told(plan: &Plan) -> String {
    let mut words = Vec::new();
    for op in plan.items.iter().flat_map(|item| &item.ops) {
        let kind = match &op.kind {
            OpKind::Mkdir | OpKind::Rmdir => continue,
            OpKind::Create => "create",
            OpKind::Replace { .. } => "update",
            OpKind::Append { .. } => "append",
            OpKind::SealAndCreate => "seal",
            OpKind::Delete => "delete",
            OpKind::Rename { .. } => "rename",
            OpKind::SetExec => "mode",
        };
        words.push(format!("{kind} {}", op.path));
    }
    words.extend(plan.conflicts.iter().map(|c| format!("{} {}", c.kind.word(), c.path)));
    words.extend(plan.held.iter().map(|held| format!("{} {}", held.reason.word(), held.path)));
    words.extend(plan.skipped.iter().map(|skip| format!("{} {}", skip.reason, skip.path)));
    words.join(", ")
}

#[test]
fn each_case_by_itself() {
    for (base, here, there, expected) in [
        // What is new, what changed, and what may be larger by its path.
        ("", "", BIG, "too-large notes/big"),
        ("", "", "notes/a=12345", "create notes/a"),
        ("", "", "notes/a=123456", "too-large notes/a"),
        ("", "", "in/a=12345678", "create in/a"),
        ("", "", "in/a=123456789", "too-large in/a"),
        ("notes/a=1", "notes/a=1", "notes/a=123456", "too-large notes/a"),
        ("", "", "l>a-long-target", "create l"),
        // The other side takes everything.
        ("", BIG, "", "create notes/big"),
        // Deletions and renames bring nothing.
        (BIG, BIG, "", "delete notes/big"),
        (BIG, BIG, "notes/new=0123456789", "rename notes/new"),
        ("d/x=0123456789", "d/x=0123456789", "e/x=0123456789", "rename e"),
        (BIG, BIG, "notes/big*=0123456789", "mode notes/big"),
        // Which of two equal ones moved cannot be told: nothing is deleted for the one that may not come.
        ("a=0123456789 b=0123456789", "a=0123456789 b=0123456789", "c=0123456789", "too-large c"),
        // Conflicts stay conflicts.
        ("notes/a=1", "notes/a=2", "notes/a=123456", "modify-modify notes/a"),
        ("a=1", "", "a=123456", "delete-modify a"),
        // A folder whose place the file would take stays with all that is in it.
        ("d/a=1 d/e/b=2", "d/a=1 d/e/b=2", "d=123456", "too-large d"),
        // A log counts as a whole as a file, and by its tail in a run.
        ("logs/l=A", "logs/l=A", "logs/l=ABCDE", "append logs/l"),
        ("logs/l=A", "logs/l=A", "logs/l=ABCDEF", "too-large logs/l"),
        ("logs/l=AB", "logs/l=AB", "logs/l=X", "seal logs/l"),
        ("logs/l=AB", "logs/l=AB", "logs/l=XYZXYZ", "too-large logs/l"),
        ("logs/l=AB", "logs/l=AB", "logs/l=XYZXYZ logs/m=AB", "create logs/m, too-large logs/l"),
        // The smallest come first; the rest of the run waits.
        (
            "",
            "",
            "notes/a=12345 notes/b=1234 notes/c=123",
            "create notes/a, create notes/b, create notes/c",
        ),
        (
            "",
            "",
            "notes/a=12345 notes/b=1234 notes/c=1234",
            "create notes/b, create notes/c, pull-limit notes/a",
        ),
        (
            "notes/z=1",
            "notes/z=1",
            "notes/a=12345 notes/b=12345 notes/c=12345",
            "delete notes/z, create notes/a, create notes/b, pull-limit notes/c",
        ),
    ] {
        let plan = limited(base, here, there).decide();
        assert_eq!(told(&plan), expected, "{base} | {here} | {there}");
    }
}

#[test]
fn only_the_tail_of_a_log_counts_for_the_run() {
    let mut world = World::new("logs/l=ABCDEFGH", "logs/l=ABCDEFGH", "logs/l=ABCDEFGHIJ");
    world.limits.here = Limits::compile(None, Some(2), [], false).unwrap();
    assert_eq!(told(&world.decide()), "append logs/l");
    world.limits.here = Limits::compile(None, Some(1), [], false).unwrap();
    let plan = world.decide();
    let HeldReason::TooLarge(excess) = plan.held[0].reason else { panic!("{plan:?}") };
    assert_eq!((excess.size, excess.limit, excess.whole_run), (2, 1, true));
}

#[test]
fn the_limits_are_those_of_the_side_that_receives_whoever_begins() {
    let mut world = World::new("", "", BIG);
    world.limits.there = limits();
    assert_eq!(told(&world.decide()), "create notes/big");
    let mut world = World::new("", BIG, "");
    world.limits.there = limits();
    let plan = world.decide();
    assert_eq!(told(&plan), "too-large notes/big");
    assert_eq!(plan.held[0].on, Side::Here);
    let mut mirrored = World::new("", "", BIG);
    mirrored.limits.here = limits();
    mirrored.owner = Side::There;
    assert_eq!(mirrored.decide().held[0].mark, plan.held[0].mark);
}

#[test]
fn what_a_person_decided_comes_whatever_its_size() {
    let mut world = limited("notes/a=1", "notes/a=2", "notes/a=0123456789abcdef");
    let mark = world.decide().conflicts[0].mark;
    let resolution = Resolution { choice: Choice::Take(Side::There), mark, beside: None };
    world.resolutions.insert(path("notes/a"), resolution);
    assert_eq!(told(&world.decide()), "update notes/a");
}

#[test]
fn what_is_held_cannot_be_decided_by_choosing_a_side() {
    let mut world = limited("notes/a=1", "notes/a=1", "notes/a=123456");
    let held = world.decide().held.remove(0);
    let resolution =
        Resolution { choice: Choice::Take(Side::There), mark: held.mark, beside: None };
    world.resolutions.insert(held.path.clone(), resolution);
    let plan = world.decide();
    assert_eq!((plan.refused, plan.items), (vec![held.path], vec![]));
}

#[test]
fn a_held_update_keeps_the_old_copy_and_comes_once_it_is_small_again() {
    let mut world = limited("notes/a=1", "notes/a=1", "notes/a=123456");
    let row = world.baseline.clone();
    let first = world.run().held.remove(0);
    assert_eq!(show(&world.sides.here.tree), "notes/a=1");
    assert_eq!(world.baseline.rows, row.rows);
    world.sides.there.put(&path("notes/a"), Node::File("1234567".into(), false));
    assert_ne!(world.run().held[0].mark, first.mark, "another content is another matter");
    world.sides.there.put(&path("notes/a"), Node::File("12".into(), false));
    assert_eq!(told(&world.run()), "update notes/a");
    assert_eq!(told(&world.run()), "");
}

#[test]
fn what_never_came_is_not_deleted_when_its_source_is() {
    let mut world = limited("", "", BIG);
    world.run();
    assert!(world.baseline.row(&path("notes/big")).is_none());
    world.sides.there.remove(&path("notes/big"));
    assert_eq!(told(&world.run()), "");
}

/// The bytes that a plan brings to `to`, and the largest file among them.
fn brought(plan: &Plan, to: Side) -> (u64, u64) {
    let sizes: Vec<u64> = plan.items.iter().map(|item| received(item, to)).collect();
    (sizes.iter().sum(), sizes.iter().copied().max().unwrap_or(0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_run_brings_more_than_is_allowed_and_all_that_is_allowed_arrives(
        files in prop::collection::btree_map(0..20u8, (0..12usize, any::<bool>()), 0..14),
        old in prop::collection::btree_map(0..20u8, 0..12usize, 0..6),
        file in prop::option::of(0..12u64),
        run in prop::option::of(0..15u64),
        logs in prop::option::of(0..12u64),
    ) {
        let at = |number: u8| {
            path(&format!("{}/{number}", ["notes", "in", "logs"][usize::from(number % 3)]))
        };
        let text = |number: u8, length: usize| {
            let letter = char::from(b'a' + number);
            Node::File(letter.to_string().repeat(length), false)
        };
        let mut world = World::new("", "", "");
        for (number, length) in &old {
            world.sides.there.put(&at(*number), text(*number, *length));
        }
        world.run();
        for (number, (length, shout)) in &files {
            let number_of_text = if *shout { number + 30 } else { *number };
            world.sides.there.put(&at(*number), text(number_of_text, *length));
        }
        let own = logs.map(|size| ("logs/", size));
        world.limits.here = Limits::compile(file, run, own, false).unwrap();
        let limits = world.limits.here.clone();
        let fits = |at: &RelPath, size: u64| {
            limits.of_file(at).is_none_or(|limit| size <= limit)
        };
        for _ in 0..25 {
            let plan = world.run();
            let (sum, _) = brought(&plan, Side::Here);
            prop_assert!(limits.of_run().is_none_or(|limit| sum <= limit), "{plan:?}");
            for item in &plan.items {
                let size = item.ops.iter().filter(|op| op.needs_content());
                for op in size {
                    let size = op.post.as_ref().map_or(0, |entry| entry.size());
                    prop_assert!(fits(&op.path, size), "{op:?}");
                }
            }
            if plan.items.is_empty() {
                break;
            }
        }
        let plan = world.decide();
        prop_assert!(plan.items.is_empty(), "{plan:?}");
        prop_assert!(plan.skipped.iter().all(|skipped| skipped.reason != PULL_LIMIT));
        for (at, node) in &world.sides.there.tree {
            let Node::File(text, _) = node else { continue };
            if direction(at).is_none() || world.sides.here.tree.get(at) == Some(node) {
                continue;
            }
            let held = plan.held.iter().find(|held| held.path == *at);
            let Some(HeldReason::TooLarge(excess)) = held.map(|held| held.reason) else {
                return Err(TestCaseError::fail(format!("{at} did not arrive: {plan:?}")));
            };
            prop_assert!(excess.size > excess.limit);
            prop_assert!(excess.whole_run || !fits(at, text.len() as u64));
        }
    }
}
