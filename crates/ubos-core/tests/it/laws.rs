//! Laws that hold for every pair of trees, checked on random ones.
//!
//! The reference is the obvious one: a three-way merge of every path by itself, first of its
//! content, then of its executable bit. Where that gives a tree that can stand, reconciliation
//! must give the same; where it does not, it must ask.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ubos_core::conflict::{ConflictKind, HeldReason};
use ubos_core::entry::Problem;
use ubos_core::path::RelPath;
use ubos_core::plan::{Filter, OpKind, Plan};
use ubos_core::sides::Side;

use crate::world::{Node, Territory, Tree, World, direction, is_untracked, path, show};

/// One thing that a user does.
#[derive(Debug, Clone)]
enum Edit {
    Write(RelPath, u8, bool),
    Link(RelPath, u8),
    Folder(RelPath),
    Remove(RelPath),
    Chmod(RelPath),
    Move(RelPath, RelPath),
    Unreadable(RelPath),
}

/// Paths over a tiny alphabet, so that edits meet.
fn any_path(tops: &'static [&'static str]) -> impl Strategy<Value = RelPath> {
    let name = prop::sample::select(&["a", "b", "c", "c", "x.tmp"][..]);
    (prop::sample::select(tops), prop::collection::vec(name, 0..3)).prop_map(|(top, names)| {
        // The folder of the logs is not selected itself.
        let log = (top == "logs" && names.is_empty()).then_some("a");
        let parts: Vec<&str> = std::iter::once(top).chain(names).chain(log).collect();
        path(&parts.join("/"))
    })
}

fn any_edit(tops: &'static [&'static str], problems: u32) -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (any_path(tops), 0..5u8, any::<bool>()).prop_map(|(p, c, x)| Edit::Write(p, c, x)),
        1 => (any_path(tops), 0..3u8).prop_map(|(p, c)| Edit::Link(p, c)),
        1 => any_path(tops).prop_map(Edit::Folder),
        3 => any_path(tops).prop_map(Edit::Remove),
        1 => any_path(tops).prop_map(Edit::Chmod),
        3 => (any_path(tops), any_path(tops)).prop_map(|(a, b)| Edit::Move(a, b)),
        problems => any_path(tops).prop_map(Edit::Unreadable),
    ]
}

fn apply(territory: &mut Territory, edit: &Edit) {
    let clear = |t: &mut Territory, p: &RelPath| {
        for above in p.ancestors() {
            if t.tree.get(&above).is_some_and(|node| *node != Node::Dir) {
                t.remove(&above);
            }
        }
        t.remove(p);
    };
    match edit {
        Edit::Write(p, content, exec) => {
            clear(territory, p);
            territory.put(p, Node::File("x".repeat(*content as usize), *exec));
        }
        Edit::Link(p, content) => {
            clear(territory, p);
            territory.put(p, Node::Link(format!("t{content}")));
        }
        Edit::Folder(p) => {
            clear(territory, p);
            territory.put(p, Node::Dir);
        }
        Edit::Remove(p) => territory.remove(p),
        Edit::Chmod(p) => {
            if let Some(Node::File(_, exec)) = territory.tree.get_mut(p) {
                *exec = !*exec;
            }
        }
        Edit::Move(from, to) => {
            if from == to || to.is_below(from) || from.is_below(to) {
                return;
            }
            let moved: Vec<(RelPath, Node)> = territory
                .tree
                .iter()
                .filter_map(|(p, node)| Some((p.rebase(from, to)?, node.clone())))
                .collect();
            territory.remove(from);
            if !moved.is_empty() {
                clear(territory, to);
            }
            for (p, node) in moved {
                territory.put(&p, node);
            }
        }
        Edit::Unreadable(p) => {
            if territory.tree.contains_key(p) {
                territory.problems.insert(p.clone(), Problem::Unreadable);
            }
        }
    }
}

fn build(base: &[Edit], here: &[Edit], there: &[Edit]) -> (Tree, World) {
    let mut common = Territory::default();
    base.iter().for_each(|edit| apply(&mut common, edit));
    common.problems.clear();
    common.tree.retain(|p, _| !is_untracked(p) && !p.ancestors().any(|a| is_untracked(&a)));
    let [one, two] = [here, there].map(|edits| {
        let mut territory = common.clone();
        edits.iter().for_each(|edit| apply(&mut territory, edit));
        // What is called x.tmp is untracked, and so is what is below it: keep it a plain file.
        let inside: Vec<RelPath> =
            territory.tree.keys().filter(|p| is_untracked(p)).cloned().collect();
        for p in inside {
            territory.tree.retain(|q, _| !q.is_below(&p));
            territory.problems.retain(|q, _| q != &p && !q.is_below(&p));
            territory.tree.insert(p, Node::File("untracked".into(), false));
        }
        let hidden: Vec<RelPath> = territory.problems.keys().cloned().collect();
        territory.problems.retain(|p, _| !hidden.iter().any(|q| p.is_below(q)));
        territory
    });
    (common.tree.clone(), World::of(&common.tree, one, two))
}

fn edits(
    tops: &'static [&'static str],
    most: usize,
    problems: u32,
) -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec(any_edit(tops, problems), 0..most)
}

const EVERYWHERE: &[&str] = &["a", "b", "a", "in", "out", "logs"];
const FOLDED: &[&str] = &["a", "A", "a/n", "a/N", "b"];
const TWO_WAY: &[&str] = &["a", "b"];

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(12_000))]

    /// In any run: the plan can be carried out in its order (the executor checks it), nothing is
    /// lost, what is unreadable or untracked is not touched, a second run does nothing, and the
    /// other side would have decided the same.
    #[test]
    fn every_run_keeps_everything(
        base in edits(EVERYWHERE, 10, 0),
        here in edits(EVERYWHERE, 5, 1),
        there in edits(EVERYWHERE, 5, 1),
    ) {
        let (_, mut world) = build(&base, &here, &there);
        mirrored(&world);
        let before = world.clone();
        pushed_first(&before);
        let plan = world.run();
        // An emptied side stops everything; that is looked at elsewhere.
        if !plan.guards.is_empty() {
            return Ok(());
        }
        for side in Side::BOTH {
            nothing_lost(&before, &world, side);
            untouched(&before, &world, side);
        }
        if world.failed.is_empty() {
            second_run(&plan, &mut world);
        }
        if is_quiet(&plan)
            && world.failed.is_empty()
            && world.sides.iter().all(|(_, t)| t.problems.is_empty()) {
            prop_assert_eq!(shared(&world, Side::Here), shared(&world, Side::There));
        }
    }
}

proptest! {
    #![proptest_config(cases(8_000))]

    /// Where each path can be merged by itself, and the result can stand, that is the result.
    #[test]
    fn two_way_trees_follow_the_reference(
        base in edits(TWO_WAY, 10, 0),
        here in edits(TWO_WAY, 4, 0),
        there in edits(TWO_WAY, 4, 0),
    ) {
        let (common, mut world) = build(&base, &here, &there);
        world.sides.here.tree.retain(|p, _| !is_untracked(p));
        world.sides.there.tree.retain(|p, _| !is_untracked(p));
        let [one, two] = [&world.sides.here, &world.sides.there].map(|t| t.tree.clone());
        let expected = reference(&common, &one, &two);
        let plan = world.run();
        if !plan.guards.is_empty() {
            return Ok(());
        }
        match expected {
            Some(expected) if can_stand(&expected) => {
                prop_assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
                prop_assert_eq!(show(&world.sides.here.tree), show(&expected));
                prop_assert_eq!(show(&world.sides.there.tree), show(&expected));
            }
            // Only new content in a folder whose old content both deleted makes it again.
            Some(expected) if plan.conflicts.is_empty() => {
                let mut again = expected.clone();
                for p in expected.keys() {
                    for above in p.ancestors() {
                        prop_assert!(again.get(&above).is_none_or(|node| *node == Node::Dir));
                        again.insert(above, Node::Dir);
                    }
                }
                prop_assert_eq!(show(&world.sides.here.tree), show(&again));
                prop_assert_eq!(show(&world.sides.there.tree), show(&again));
            }
            Some(_) => {}
            None => prop_assert!(!plan.conflicts.is_empty()),
        }
    }

    /// If only one side was edited, the other becomes the same, without a question.
    #[test]
    fn edits_of_one_side_arrive(base in edits(TWO_WAY, 10, 0), here in edits(TWO_WAY, 6, 0)) {
        let (_, mut world) = build(&base, &here, &[]);
        let plan = world.run();
        if !plan.guards.is_empty() {
            return Ok(());
        }
        prop_assert!(plan.conflicts.is_empty() && plan.held.is_empty(), "{:?}", plan);
        prop_assert_eq!(shared(&world, Side::Here), shared(&world, Side::There));
    }
}

proptest! {
    #![proptest_config(cases(4_000))]

    /// The same where names that differ in case are one: what is respelled is never lost.
    #[test]
    fn respelling_keeps_everything(
        base in edits(FOLDED, 8, 0),
        here in edits(FOLDED, 4, 1),
        there in edits(FOLDED, 4, 0),
    ) {
        let (_, mut world) = build(&base, &here, &there);
        world.names.here.case_insensitive = true;
        world.sides.here.tree.retain(|p, _| !is_untracked(p));
        world.sides.there.tree.retain(|p, _| !is_untracked(p));
        mirrored(&world);
        let before = world.clone();
        let plan = world.run();
        if !plan.guards.is_empty() {
            return Ok(());
        }
        for side in Side::BOTH {
            nothing_lost(&before, &world, side);
        }
        if world.failed.is_empty() && plan.held.is_empty() {
            second_run(&plan, &mut world);
        }
    }
}

/// Nothing is open and nothing is kept apart.
fn is_quiet(plan: &Plan) -> bool {
    let apart = ["reappears", "rotated", "refilled", "executable-bit-set"];
    plan.conflicts.is_empty()
        && plan.held.is_empty()
        && plan.skipped.is_empty()
        && plan.notices.iter().all(|notice| apart.contains(&notice.reason.as_str()))
}

/// What both sides should share. Where something untracked lies, a folder may stand for it alone.
fn shared(world: &World, side: Side) -> String {
    let untracked = world.sides.iter().any(|(_, t)| t.tree.keys().any(is_untracked));
    let mut tree = tracked(&world.sides.get(side).tree);
    // An empty folder of logs that its source lost is kept without a word.
    let silent = |p: &RelPath| untracked || p.as_bytes().starts_with(b"logs/");
    tree.retain(|p, node| *node != Node::Dir || !silent(p));
    show(&tree)
}

fn tracked(tree: &Tree) -> Tree {
    let selected = tree.iter().filter(|(p, _)| direction(p).is_some());
    selected.map(|(p, node)| (p.clone(), node.clone())).collect()
}

fn nothing_lost(before: &World, after: &World, side: Side) {
    let (old, new) = (before.sides.get(side), after.sides.get(side));
    for (at, node) in &old.tree {
        let same = |other: &Node| match (node, other) {
            (Node::File(a, _), Node::File(b, _)) => {
                a == b || at.as_bytes().starts_with(b"logs/") && b.starts_with(a.as_str())
            }
            (a, b) => a == b,
        };
        let live = new.tree.iter().any(|(p, n)| p == at && same(n));
        let moved = new.tree.values().any(|n| content(Some(n)) == content(Some(node)));
        // A respelled path is backed up under its new name.
        let alike = |p: &RelPath| p.eq_ignore_ascii_case(at);
        let kept = new.backups.iter().any(|(p, n)| alike(p) && same(n));
        assert!(*node == Node::Dir || live || moved || kept, "{at} {node:?} is lost on {side:?}");
    }
}

fn untouched(before: &World, after: &World, side: Side) {
    let (old, new) = (before.sides.get(side), after.sides.get(side));
    for (at, node) in &old.tree {
        let hidden = old.problems.keys().any(|p| p == at || at.is_below(p));
        if hidden || is_untracked(at) {
            assert_eq!(new.tree.get(at), Some(node), "{at} was touched on {side:?}");
        }
    }
}

/// A push changes nothing here, and what waits then arrives with the next run.
fn pushed_first(before: &World) {
    let mut world = before.clone();
    world.filter = Filter::Out;
    let plan = world.run();
    assert_eq!(world.sides.here.tree, before.sides.here.tree);
    nothing_lost(before, &world, Side::There);
    let pushed = world.clone();
    world.filter = Filter::Both;
    let rest = world.run();
    for side in Side::BOTH {
        nothing_lost(&pushed, &world, side);
    }
    if plan.guards.is_empty() && rest.guards.is_empty() && world.failed.is_empty() {
        second_run(&rest, &mut world);
    }
}

fn second_run(first: &Plan, world: &mut World) {
    let again = world.run();
    assert!(again.items.is_empty(), "second run: {again:?}\nafter {first:?}");
    assert!(again.adopt.is_empty(), "second run adopts: {again:?}\nafter {first:?}");
    assert_eq!(again.conflicts, first.conflicts);
    let lasting = |plan: &Plan| {
        let held = plan.held.iter().filter(|held| held.reason != HeldReason::DriftSourceGone);
        held.cloned().collect::<Vec<_>>()
    };
    assert_eq!(lasting(&again), lasting(first));
    assert_eq!(again.skipped, first.skipped);
}

/// The plan as the other side would make it, with the sides exchanged back.
fn mirrored(world: &World) {
    let mut other = world.clone();
    other.sides = other.sides.swap();
    other.owner = other.owner.other();
    let (ours, theirs) = (world.decide(), other.decide());
    let lines = |plan: &Plan, flip: bool| {
        let mut lines: Vec<String> = Vec::new();
        for mut item in plan.items.clone() {
            if flip {
                item.ops.iter_mut().for_each(|op| op.to = op.to.other());
            }
            // Only the order on each side counts.
            item.ops.sort_by_key(|op| op.to);
            lines.push(format!("{item:?}"));
        }
        lines.sort();
        lines
    };
    assert_eq!(lines(&ours, false), lines(&theirs, true));
    assert_eq!(ours.adopt, theirs.adopt);
    let mirror = |kind: ConflictKind| match kind {
        ConflictKind::ModifyDelete => ConflictKind::DeleteModify,
        ConflictKind::DeleteModify => ConflictKind::ModifyDelete,
        other => other,
    };
    let open = |plan: &Plan| -> Vec<_> {
        plan.conflicts.iter().map(|c| (c.path.clone(), c.kind, c.mark)).collect()
    };
    let flipped: Vec<_> =
        open(&theirs).into_iter().map(|(p, kind, mark)| (p, mirror(kind), mark)).collect();
    assert_eq!(open(&ours), flipped);
    let held = |plan: &Plan, flip: bool| -> Vec<_> {
        let on = |side: Side| if flip { side.other() } else { side };
        let mut held: Vec<_> =
            plan.held.iter().map(|h| (h.path.clone(), on(h.on), h.mark)).collect();
        held.sort();
        held
    };
    assert_eq!(held(&ours, false), held(&theirs, true));
}

/// The content of a node, without the executable bit.
fn content(node: Option<&Node>) -> Option<(u8, &str)> {
    node.map(|node| match node {
        Node::File(text, _) => (0, text.as_str()),
        Node::Link(text) => (1, text.as_str()),
        Node::Dir => (2, ""),
    })
}

fn exec(node: Option<&Node>) -> Option<bool> {
    match node {
        Some(Node::File(_, exec)) => Some(*exec),
        _ => None,
    }
}

fn three_way<T: PartialEq>(base: T, one: T, two: T) -> Option<T> {
    if one == two || two == base {
        Some(one)
    } else if one == base {
        Some(two)
    } else {
        None
    }
}

/// The merge of every path by itself; `None` if one cannot be merged.
fn reference(base: &Tree, one: &Tree, two: &Tree) -> Option<Tree> {
    let mut merged = BTreeMap::new();
    let paths = base.keys().chain(one.keys()).chain(two.keys());
    for p in paths {
        let (b, o, t) = (base.get(p), one.get(p), two.get(p));
        let Some((kind, text)) = three_way(content(b), content(o), content(t))? else {
            continue;
        };
        let bit = match (exec(b), exec(o), exec(t)) {
            (Some(b), Some(o), Some(t)) => three_way(b, o, t).expect("a bit can be merged"),
            (_, o, t) => o.unwrap_or(false) || t.unwrap_or(false),
        };
        let node = match kind {
            0 => Node::File(text.to_owned(), bit),
            1 => Node::Link(text.to_owned()),
            _ => Node::Dir,
        };
        merged.insert(p.clone(), node);
    }
    Some(merged)
}

fn can_stand(tree: &Tree) -> bool {
    tree.keys().all(|p| p.ancestors().all(|above| tree.get(&above) == Some(&Node::Dir)))
}

#[test]
fn a_plan_names_its_renames() {
    // Guards against a generator that never moves anything.
    let (_, world) = build(
        &[Edit::Write(path("a/a"), 3, false), Edit::Write(path("b"), 2, false)],
        &[Edit::Move(path("a"), path("c"))],
        &[],
    );
    let plan = world.decide();
    assert!(plan.items.iter().any(|i| matches!(i.ops[0].kind, OpKind::Rename { .. })));
}
