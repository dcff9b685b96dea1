//! The named scenarios, as far as they can be told without a file system.

use ubos_core::conflict::{Choice, Resolution};
use ubos_core::entry::Digest;
use ubos_core::plan::{Filter, Guard, OpKind, Plan, Reason};
use ubos_core::sides::Side;

use crate::world::{World, exit, path, show, sketch};

/// What stands after a run, in words: `backup` as `S:f=A`, `open` as `kind path`.
fn check(
    id: &str,
    world: &mut World,
    live: (&str, &str),
    backup: &str,
    open: &str,
    code: i32,
) -> Plan {
    let plan = world.run();
    let here = show(&world.sides.here.tree);
    let there = show(&world.sides.there.tree);
    assert_eq!(here, show(&sketch(live.0).tree), "{id}: laptop");
    assert_eq!(there, show(&sketch(live.1).tree), "{id}: server");
    assert_eq!(backups(world), backup, "{id}: backups");
    assert_eq!(what_is_open(&plan), open, "{id}: open");
    assert_eq!(exit(&plan), code, "{id}: exit");
    plan
}

fn backups(world: &World) -> String {
    let mut words = Vec::new();
    for (name, territory) in [("L", &world.sides.here), ("S", &world.sides.there)] {
        for (at, node) in &territory.backups {
            if *node != crate::world::Node::Dir {
                let tree = [(at.clone(), node.clone())].into_iter().collect();
                words.push(format!("{name}:{}", show(&tree)));
            }
        }
    }
    words.sort();
    words.join(" ")
}

fn what_is_open(plan: &Plan) -> String {
    let conflicts = plan.conflicts.iter().map(|conflict| {
        let children: Vec<String> = conflict.children.iter().map(ToString::to_string).collect();
        format!("{} {} {}", conflict.kind.word(), conflict.path, children.join(","))
            .trim_end()
            .to_owned()
    });
    let held = plan.held.iter().map(|held| format!("held:{} {}", held.reason.word(), held.path));
    let skipped = plan.skipped.iter().map(|s| format!("skipped:{} {}", s.reason, s.path));
    conflicts.chain(held).chain(skipped).collect::<Vec<_>>().join("; ")
}

/// One row: id, baseline, laptop, server, then what stands afterwards.
type Line<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, &'a str, i32);

fn table(lines: &[Line]) {
    for &(id, base, here, there, live_here, live_there, backup, open, code) in lines {
        let mut world = World::new(base, here, there);
        check(id, &mut world, (live_here, live_there), backup, open, code);
        let again = world.decide();
        assert!(again.items.is_empty() && again.adopt.is_empty(), "{id}: again {again:?}");
    }
}

#[test]
fn one_file_two_ways() {
    table(&[
        ("B01", "f=A", "f=A", "f=A", "f=A", "f=A", "", "", 0),
        ("B02", "f=A", "f=A g=X", "f=A", "f=A g=X", "f=A g=X", "", "", 0),
        ("B03", "f=A", "f=A", "f=A g=X", "f=A g=X", "f=A g=X", "", "", 0),
        ("B04", "f=A", "f=B", "f=A", "f=B", "f=B", "S:f=A", "", 0),
        ("B05", "f=A", "f=A", "f=C", "f=C", "f=C", "L:f=A", "", 0),
        ("B06", "f=A k=K", "k=K", "f=A k=K", "k=K", "k=K", "S:f=A", "", 0),
        ("B07", "f=A k=K", "f=A k=K", "k=K", "k=K", "k=K", "L:f=A", "", 0),
        ("B08", "f=A", "f=A g=X", "f=A g=X", "f=A g=X", "f=A g=X", "", "", 0),
        ("B09", "f=A", "f=A g=X", "f=A g=Y", "f=A g=X", "f=A g=Y", "", "create-create g", 3),
        ("B10", "f=A", "f=B", "f=B", "f=B", "f=B", "", "", 0),
        ("B11", "f=A", "f=B", "f=C", "f=B", "f=C", "", "modify-modify f", 3),
        ("B12", "f=A k=K", "k=K", "k=K", "k=K", "k=K", "", "", 0),
        ("B13", "f=A k=K", "f=B k=K", "k=K", "f=B k=K", "k=K", "", "modify-delete f", 3),
        ("B14", "f=A k=K", "k=K", "f=C k=K", "k=K", "f=C k=K", "", "delete-modify f", 3),
        ("B16", "f=A", "f=A", "f=C", "f=C", "f=C", "L:f=A", "", 0),
        (
            "B17",
            "f=A g=A",
            "f=B g=B",
            "f=C g=A",
            "f=B g=B",
            "f=C g=B",
            "S:g=A",
            "modify-modify f",
            3,
        ),
    ]);
}

#[test]
fn changes_of_kind() {
    table(&[
        ("T01", "f=A", "f/x=X", "f=A", "f/x=X", "f/x=X", "S:f=A", "", 0),
        ("T02", "D/a=1 D/b=2", "D=F", "D/a=1 D/b=2", "D=F", "D=F", "S:D/a=1 S:D/b=2", "", 0),
        ("T03", "f=A", "f/x=X", "f=C", "f/x=X", "f=C", "", "kind-change f f/x", 3),
        (
            "T04",
            "D/a=1",
            "D=F",
            "D/a=1 D/new=N",
            "D=F",
            "D/a=1 D/new=N",
            "",
            "kind-change D D/new",
            3,
        ),
        ("T05", "f=A", "f>t", "f=A", "f>t", "f>t", "S:f=A", "", 0),
        ("T06", "D/a=1 D/b=2", "D>t", "D/a=1 D/b=2", "D>t", "D>t", "S:D/a=1 S:D/b=2", "", 0),
        ("T07", "f=A", "f/x=X", "f/y=Y", "f/x=X f/y=Y", "f/x=X f/y=Y", "", "", 0),
        ("T08", "f=A", "f/x=X", "f>t", "f/x=X", "f>t", "", "kind-change f f/x", 3),
        ("T09", "k=K", "N/ k=K", "N=F k=K", "N/ k=K", "N=F k=K", "", "kind-change N", 3),
        ("T10", "k=K", "N/a=1 k=K", "N/b=2 k=K", "N/a=1 N/b=2 k=K", "N/a=1 N/b=2 k=K", "", "", 0),
        (
            "T11",
            "D/a=1",
            "D=F",
            "D/a=1 D/x.tmp=T",
            "D=F",
            "D/a=1 D/x.tmp=T",
            "",
            "held:untracked-in-the-way D",
            3,
        ),
        ("T13", "f=A", "f^", "f=A", "f=unseen", "f=A", "", "held:special-file f", 3),
    ]);
}

#[test]
fn modes() {
    table(&[
        ("M04", "f=A", "f*=A", "f=A", "f*=A", "f*=A", "", "", 0),
        ("M05", "f=A", "f*=A", "f=C", "f*=C", "f*=C", "L:f*=A", "", 0),
        ("M06", "f*=A", "f=A", "f*=A", "f=A", "f=A", "", "", 0),
        ("M07", "f=A k=K", "k=K", "f*=A k=K", "k=K", "k=K", "S:f*=A", "", 0),
        ("M12", "f=A", "f!", "f=A", "f=unseen", "f=A", "", "skipped:unreadable f", 7),
        ("M15", "", "f=A", "f*=A", "f*=A", "f*=A", "", "", 0),
    ]);
}

#[test]
fn folders_deleted_against_children_changed() {
    table(&[
        (
            "D01",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "k=K",
            "S:D/a=1 S:D/b=2",
            "",
            0,
        ),
        (
            "D02",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "D/a=new D/b=2 k=K",
            "k=K",
            "D/a=new D/b=2 k=K",
            "",
            "dir-delete D D/a",
            3,
        ),
        (
            "D03",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "D/a=1 D/b=2 D/new=N k=K",
            "k=K",
            "D/a=1 D/b=2 D/new=N k=K",
            "",
            "dir-delete D D/new",
            3,
        ),
        ("D04", "D/a=1 D/b=2 k=K", "k=K", "D/b=2 k=K", "k=K", "k=K", "S:D/b=2", "", 0),
        (
            "D05",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "D/a*=1 D/b=2 k=K",
            "k=K",
            "k=K",
            "S:D/a*=1 S:D/b=2",
            "",
            0,
        ),
        (
            "D06",
            "D/a=1 D/b=2 k=K",
            "k=K",
            "D/a=1 D/b=2 D/x.tmp=T k=K",
            "k=K",
            "D/x.tmp=T k=K",
            "S:D/a=1 S:D/b=2",
            "",
            0,
        ),
        (
            "D07",
            "D/a=1 D/sub/c=3 k=K",
            "k=K",
            "D/a=1 D/sub! k=K",
            "k=K",
            "D/a=1 D/sub=unseen k=K",
            "",
            "skipped:unreadable D/sub",
            7,
        ),
        (
            "D08",
            "D/sub/c=3 D/other=O",
            "D/other=O",
            "D/sub/c=3 D/other=new",
            "D/other=new",
            "D/other=new",
            "L:D/other=O S:D/sub/c=3",
            "",
            0,
        ),
        ("D12", "D/a=1 D/b=2 k=K", "k=K", "D/new=N k=K", "D/new=N k=K", "D/new=N k=K", "", "", 0),
        (
            "D13",
            "D/a=1 D/b=2",
            "D/z=Z",
            "D/a=new D/b=2",
            "D/z=Z",
            "D/a=new D/z=Z",
            "S:D/b=2",
            "delete-modify D/a",
            3,
        ),
        ("D14", "D/a=1 D/b=2 k=K", "k=K", "k=K", "k=K", "k=K", "", "", 0),
    ]);
}

#[test]
fn one_way_areas() {
    table(&[
        ("drift", "in/x=A", "in/x=B", "in/x=A", "in/x=B", "in/x=A", "", "held:drift in/x", 3),
        ("refill", "in/x=A k=K", "k=K", "in/x=A k=K", "in/x=A k=K", "in/x=A k=K", "", "", 0),
        ("follow", "in/x=A", "in/x=A", "in/x=B", "in/x=B", "in/x=B", "L:in/x=A", "", 0),
        ("both", "in/x=A", "in/x=B", "in/x=C", "in/x=B", "in/x=C", "", "drift in/x", 3),
        (
            "given",
            "in/x=A in/k=K",
            "in/k=K",
            "in/x=C in/k=K",
            "in/x=C in/k=K",
            "in/x=C in/k=K",
            "",
            "",
            0,
        ),
        (
            "deleted",
            "in/x=A in/k=K",
            "in/x=A in/k=K",
            "in/k=K",
            "in/k=K",
            "in/k=K",
            "L:in/x=A",
            "",
            0,
        ),
        ("local", "in/k=K", "in/k=K in/y=Y", "in/k=K", "in/k=K in/y=Y", "in/k=K", "", "", 0),
        (
            "clash",
            "in/k=K",
            "in/k=K in/y=Y",
            "in/k=K in/y=Z",
            "in/k=K in/y=Y",
            "in/k=K in/y=Z",
            "",
            "drift in/y",
            3,
        ),
        (
            "gone",
            "in/x=A in/k=K",
            "in/x=B in/k=K",
            "in/k=K",
            "in/x=B in/k=K",
            "in/k=K",
            "",
            "held:drift-source-gone in/x",
            3,
        ),
        ("push", "out/x=A", "out/x=B", "out/x=A", "out/x=B", "out/x=B", "S:out/x=A", "", 0),
        (
            "push drift",
            "out/x=A",
            "out/x=A",
            "out/x=B",
            "out/x=A",
            "out/x=B",
            "",
            "held:drift out/x",
            3,
        ),
    ]);
}

#[test]
fn logs_only_grow_here() {
    table(&[
        ("grown", "logs/l=ab", "logs/l=ab", "logs/l=abcd", "logs/l=abcd", "logs/l=abcd", "", "", 0),
        (
            "cut",
            "logs/l=abcd",
            "logs/l=abcd",
            "logs/l=ab",
            "logs/l=ab",
            "logs/l=ab",
            "L:logs/l=abcd",
            "",
            0,
        ),
        (
            "fresh",
            "logs/l=abcd",
            "logs/l=abcd",
            "logs/l=x",
            "logs/l=x",
            "logs/l=x",
            "L:logs/l=abcd",
            "",
            0,
        ),
        (
            "rotated",
            "logs/l=ab",
            "logs/l=ab",
            "logs/l=x logs/l.1=ab",
            "logs/l=x logs/l.1=ab",
            "logs/l=x logs/l.1=ab",
            "",
            "",
            0,
        ),
        ("gone", "logs/l=ab k=K", "logs/l=ab k=K", "k=K", "logs/l=ab k=K", "k=K", "", "", 0),
        (
            "edited",
            "logs/l=ab",
            "logs/l=xy",
            "logs/l=abc",
            "logs/l=xy",
            "logs/l=abc",
            "",
            "append-diverged logs/l",
            3,
        ),
        ("fetched", "k=K", "k=K", "k=K logs/l=ab", "k=K logs/l=ab", "k=K logs/l=ab", "", "", 0),
        (
            "unknown",
            "k=K",
            "k=K logs/l=a",
            "k=K logs/l=ab",
            "k=K logs/l=a",
            "k=K logs/l=ab",
            "",
            "append-diverged logs/l",
            3,
        ),
    ]);
    let mut world = World::new("logs/l=ab", "logs/l=ab", "logs/l=abcd");
    assert!(matches!(world.run().items[0].ops[0].kind, OpKind::Append { from: 2 }));
}

#[test]
fn moves_are_renames() {
    let cases = [
        ("file", "a=1 k=K", "b=1 k=K", "a=1 k=K", 1),
        ("into a new folder", "a=1 k=K", "N/a=1 k=K", "a=1 k=K", 2),
        ("folder", "D/a=1 D/s/b=2 k=K", "E/a=1 E/s/b=2 k=K", "D/a=1 D/s/b=2 k=K", 1),
        ("folder into a new one", "D/a=1 D/b=2 k=K", "N/D/a=1 N/D/b=2 k=K", "D/a=1 D/b=2 k=K", 2),
    ];
    for (id, base, here, there, items) in cases {
        let mut world = World::new(base, here, there);
        let plan = check(id, &mut world, (here, here), "", "", 0);
        assert_eq!(plan.items.len(), items, "{id}: {plan:?}");
        assert!(plan.items.iter().flat_map(|i| &i.ops).any(|op| op.reason == Reason::Moved));
        assert!(world.decide().items.is_empty(), "{id}");
    }
    // Edited on the other side meanwhile: no move.
    table(&[(
        "moved and edited",
        "a=1 k=K",
        "b=1 k=K",
        "a=2 k=K",
        "b=1 k=K",
        "a=2 b=1 k=K",
        "",
        "delete-modify a",
        3,
    )]);
    // Untracked content keeps the old folder alive.
    table(&[(
        "untracked stays behind",
        "D/a=1 D/b=2 k=K",
        "E/a=1 E/b=2 k=K",
        "D/a=1 D/b=2 D/x.tmp=T k=K",
        "E/a=1 E/b=2 k=K",
        "D/x.tmp=T E/a=1 E/b=2 k=K",
        "",
        "",
        0,
    )]);
}

#[test]
fn open_conflicts_keep_their_identity_until_something_changes() {
    let mut world = World::new("f=A", "f=B", "f=C");
    let first = world.run().conflicts;
    assert_eq!(world.run().conflicts, first, "B18");
    let mut swapped = world.clone();
    swapped.sides = swapped.sides.swap();
    swapped.owner = Side::There;
    assert_eq!(swapped.decide().conflicts[0].mark, first[0].mark, "whoever initiates");

    let mut equal = world.clone();
    equal.sides.here = sketch("f=C");
    check("B19", &mut equal, ("f=C", "f=C"), "", "", 0);
    let mut edited = world.clone();
    edited.sides.here = sketch("f=D");
    let plan = check("B20", &mut edited, ("f=D", "f=C"), "", "modify-modify f", 3);
    assert_ne!(plan.conflicts[0].mark, first[0].mark, "B20");
    world.sides.there = sketch("f=A");
    check("B21", &mut world, ("f=B", "f=B"), "S:f=A", "", 0);
}

#[test]
fn filters_never_mean_force() {
    let cases = [
        (
            "C01",
            "f=A g=A",
            "f=B g=A",
            "f=A g=C",
            Filter::Out,
            ("f=B g=A", "f=B g=C"),
            "S:f=A",
            "",
            0,
            1,
        ),
        (
            "C02",
            "f=A g=A",
            "f=B g=A",
            "f=A g=C",
            Filter::In,
            ("f=B g=C", "f=A g=C"),
            "L:g=A",
            "",
            0,
            1,
        ),
        ("C03", "f=A", "f=B", "f=C", Filter::Out, ("f=B", "f=C"), "", "modify-modify f", 3, 0),
        ("C04", "f=A k=K", "f=A k=K", "k=K", Filter::Out, ("f=A k=K", "k=K"), "", "", 0, 1),
        ("C05", "f=A k=K", "k=K", "f=A k=K", Filter::Out, ("k=K", "k=K"), "S:f=A", "", 0, 0),
    ];
    for (id, base, here, there, filter, live, backup, open, code, pending) in cases {
        let mut world = World::new(base, here, there);
        world.filter = filter;
        let plan = check(id, &mut world, live, backup, open, code);
        assert_eq!(plan.pending, pending, "{id}");
    }
    // C06: typed on the server, so here is S; the directions belong to the laptop.
    let mut world = World::new("in/x=A out/y=A", "in/x=B out/y=A", "in/x=A out/y=B");
    world.owner = Side::There;
    world.filter = Filter::Out;
    check("C06", &mut world, ("in/x=B out/y=A", "in/x=B out/y=B"), "S:in/x=A", "", 0);
}

#[test]
fn a_confirmed_plan_is_carried_out_exactly() {
    let mut world = World::new("f=A g=A", "f=B g=B", "f=A g=A");
    let shown = world.decide();
    world.confirmed = Some(shown.items.iter().map(|item| item.digest()).collect());
    world.sides.here = sketch("f=C g=B");
    check("C08", &mut world, ("f=C g=B", "f=A g=B"), "S:g=A", "skipped:changed-since-plan f", 7);
}

fn resolve(world: &mut World, at: &str, choice: Choice, beside: Option<&str>) {
    let plan = world.run();
    let conflict = plan.conflicts.iter().find(|c| c.path == path(at)).map(|c| c.mark);
    let held = plan.held.iter().find(|h| h.path == path(at)).map(|h| h.mark);
    let mark = conflict.or(held).expect("a clash");
    let beside = beside.map(path);
    world.resolutions.insert(path(at), Resolution { choice, mark, beside });
}

#[test]
fn a_person_decides() {
    use Choice::{Both, ChangedOnly, Take};
    let d02 = ("D/a=1 D/b=2 k=K", "k=K", "D/a=new D/b=2 k=K", "D");
    let mm = ("f=A", "f=B", "f=C", "f");
    let drift = ("in/x=A", "in/x=B", "in/x=A", "in/x");
    let log = ("logs/l=ab", "logs/l=xy", "logs/l=abc", "logs/l");
    let kind = ("f=A", "f/x=X", "f=C", "f");
    let cases: [(_, _, Choice, _, _); 13] = [
        ("D09", d02, Take(Side::Here), ("k=K", "k=K"), "S:D/a=new S:D/b=2"),
        ("D10", d02, Take(Side::There), ("D/a=new D/b=2 k=K", "D/a=new D/b=2 k=K"), ""),
        ("D11", d02, ChangedOnly, ("D/a=new k=K", "D/a=new k=K"), "S:D/b=2"),
        ("mine", mm, Take(Side::Here), ("f=B", "f=B"), "S:f=C"),
        ("theirs", mm, Take(Side::There), ("f=C", "f=C"), "L:f=B"),
        ("both", mm, Both, ("f=B f.peer=C", "f=B f.peer=C"), ""),
        ("revert", drift, Take(Side::There), ("in/x=A", "in/x=A"), "L:in/x=B"),
        ("promote", drift, Take(Side::Here), ("in/x=B", "in/x=B"), "S:in/x=A"),
        ("seal", log, Take(Side::There), ("logs/l=abc", "logs/l=abc"), "L:logs/l=xy"),
        ("log out", log, Take(Side::Here), ("logs/l=xy", "logs/l=xy"), "S:logs/l=abc"),
        ("dir", kind, Take(Side::Here), ("f/x=X", "f/x=X"), "S:f=C"),
        ("file", kind, Take(Side::There), ("f=C", "f=C"), "L:f/x=X"),
        ("gone", ("f=A k=K", "k=K", "f=C k=K", "f"), Take(Side::Here), ("k=K", "k=K"), "S:f=C"),
    ];
    for (id, (base, here, there, at), choice, live, backup) in cases {
        let mut world = World::new(base, here, there);
        resolve(&mut world, at, choice, Some("f.peer"));
        let plan = check(id, &mut world, live, backup, "", 0);
        assert!(plan.refused.is_empty(), "{id}");
        world.resolutions.clear();
        assert!(world.decide().items.is_empty(), "{id}");
    }
}

#[test]
fn what_only_a_mirror_holds_is_sent_where_a_person_says_so() {
    let send = |on: Side, at: &[&str]| -> std::collections::BTreeMap<_, _> {
        let mark = Digest([0; 32]);
        let resolution = Resolution { choice: Choice::Take(on), mark, beside: None };
        at.iter().map(|at| (path(at), resolution.clone())).collect()
    };
    let cases = [
        ("a file", "in/x=X k=K", "k=K", Side::Here, &["in/x"][..], "in/x=X k=K"),
        (
            "a folder",
            "in/D/a=1 in/D/b=2 k=K",
            "in/y=Y k=K",
            Side::Here,
            &["in/D"],
            "in/D/a=1 in/D/b=2 in/y=Y k=K",
        ),
        ("a log", "logs/l=ab k=K", "k=K", Side::Here, &["logs/l"], "logs/l=ab k=K"),
        ("out", "k=K", "out/x=X k=K", Side::There, &["out/x"], "out/x=X k=K"),
    ];
    for (id, here, there, on, at, server) in cases {
        let mut world = World::new("k=K", here, there);
        assert!(world.decide().items.iter().all(|item| !item.is_resolved()), "{id}");
        world.resolutions = send(on, at);
        let live = match on {
            Side::Here => (if id == "a folder" { server } else { here }, server),
            Side::There => (server, there),
        };
        let plan = check(id, &mut world, live, "", "", 0);
        assert!(plan.refused.is_empty(), "{id}");
        world.resolutions.clear();
        assert!(world.decide().items.is_empty(), "{id}");
    }
    // Of a folder that only the mirror has, one file alone.
    let mut world = World::new("k=K", "in/D/a=1 in/D/b=2 k=K", "k=K");
    world.resolutions = send(Side::Here, &["in/D/a"]);
    check("one of two", &mut world, ("in/D/a=1 in/D/b=2 k=K", "in/D/a=1 k=K"), "", "", 0);
    // Nothing is taken away by a decision that was not made about exactly this.
    let mut world = World::new("k=K", "in/x=X k=K", "k=K");
    world.resolutions = send(Side::There, &["in/x"]);
    let plan = world.run();
    assert_eq!(plan.refused, [path("in/x")]);
    assert!(plan.items.is_empty());
}

fn merged(text: &str) -> Choice {
    Choice::Merged { digest: Digest::of(text.as_bytes()), size: text.len() as u64 }
}

#[test]
fn both_sides_get_what_was_merged() {
    let cases = [
        ("edits", ("f=A", "f=B", "f=C", "f"), "f=BC", "L:f=B S:f=C"),
        ("new files", ("", "f=B", "f=C", "f"), "f=BC", "L:f=B S:f=C"),
        ("drift", ("in/x=A", "in/x=B", "in/x=C", "in/x"), "in/x=BC", "L:in/x=B S:in/x=C"),
        ("bit set there", ("f=A", "f=B", "f*=C", "f"), "f*=BC", "L:f=B S:f*=C"),
        ("bit taken here", ("f*=A", "f=B", "f*=C", "f"), "f=BC", "L:f=B S:f*=C"),
        ("bit without memory", ("", "f*=B", "f=C", "f"), "f*=BC", "L:f*=B S:f=C"),
    ];
    for (id, (base, here, there, at), live, backup) in cases {
        let mut world = World::new(base, here, there);
        world.provided.push("BC");
        resolve(&mut world, at, merged("BC"), None);
        let plan = check(id, &mut world, (live, live), backup, "", 0);
        assert!(plan.refused.is_empty(), "{id}");
        world.resolutions.clear();
        assert!(world.decide().items.is_empty(), "{id}");
    }
}

#[test]
fn a_merge_that_is_one_of_the_versions_changes_only_the_other() {
    let mut world = World::new("f=A", "f=B", "f=C");
    resolve(&mut world, "f", merged("C"), None);
    check("theirs", &mut world, ("f=C", "f=C"), "L:f=B", "", 0);
}

#[test]
fn only_two_files_can_be_merged() {
    let cases = [
        ("gone there", ("f=A k=K", "f=B k=K", "k=K", "f"), "modify-delete f"),
        ("gone here", ("f=A k=K", "k=K", "f=B k=K", "f"), "delete-modify f"),
        ("folder", ("f=A", "f/x=X", "f=C", "f"), "kind-change f f/x"),
        ("link", ("f=A", "f>k", "f=C", "f"), "kind-change f"),
        ("links", ("f>a", "f>k", "f>l", "f"), "modify-modify f"),
        ("folder gone", ("D/a=1 k=K", "k=K", "D/a=2 k=K", "D"), "dir-delete D D/a"),
        ("log", ("logs/l=ab", "logs/l=xy", "logs/l=abc", "logs/l"), "append-diverged logs/l"),
        ("held", ("in/x=A", "in/x=B", "in/x=A", "in/x"), "held:drift in/x"),
    ];
    for (id, (base, here, there, at), open) in cases {
        let mut world = World::new(base, here, there);
        resolve(&mut world, at, merged("BC"), None);
        let plan = check(id, &mut world, (here, there), "", open, 3);
        assert_eq!(plan.refused, [path(at)], "{id}");
    }
}

#[test]
fn a_choice_for_another_clash_is_refused() {
    let mut world = World::new("f=A", "f=B", "f=C");
    resolve(&mut world, "f", Choice::Take(Side::Here), None);
    world.sides.there = sketch("f=D");
    let plan = check("stale", &mut world, ("f=B", "f=D"), "", "modify-modify f", 3);
    assert_eq!(plan.refused, [path("f")]);
}

#[test]
fn the_policy_restore_brings_the_changed_file_back() {
    let mut world = World::new("f=A k=K", "k=K", "f=C k=K");
    world.restore = true;
    check("X01", &mut world, ("f=C k=K", "f=C k=K"), "", "", 0);
}

fn many(count: usize, text: &str) -> String {
    (0..count).map(|i| format!("m/{i}={text}{i} ")).collect()
}

fn held_by(world: &mut World) -> Vec<Guard> {
    let mut guards: Vec<Guard> = world.run().guards.iter().map(|report| report.guard).collect();
    guards.dedup();
    guards
}

#[test]
fn guards_hold_their_class_and_nothing_else() {
    let base = many(200, "t") + "k=K";
    let cut = many(170, "t") + "k=K new=N";
    let mut world = World::new(&base, &cut, &base);
    assert_eq!(held_by(&mut world), [Guard::MaxDelete]);
    assert!(world.sides.there.tree.contains_key(&path("new")), "copies go on");
    assert!(world.sides.there.tree.contains_key(&path("m/199")), "deletes are held");
    // Confirmed, they are done.
    world.confirmed = Some(world.decide().items.iter().map(|item| item.digest()).collect());
    let plan = world.run();
    assert_eq!((exit(&plan), plan.items.len()), (0, 30));
    assert!(!world.sides.there.tree.contains_key(&path("m/199")));

    let few = many(180, "t") + "k=K";
    assert!(held_by(&mut World::new(&base, &few, &base)).is_empty());
    let mut recent = World::new(&base, &few, &base);
    recent.recent_deletes.there = 20;
    assert_eq!(held_by(&mut recent), [Guard::MaxDelete]);

    assert_eq!(held_by(&mut World::new(&base, "", &base)), [Guard::Emptied]);
    let small = many(5, "t") + "k=K l=L";
    assert_eq!(held_by(&mut World::new(&small, "k=K l=L", &small)), [Guard::EntryEmptied]);
    let other = many(200, "u") + "k=K";
    assert_eq!(held_by(&mut World::new(&base, &other, &base)), [Guard::MassOverwrite]);

    let text: String =
        (0..100).map(|i| if i < 3 { format!("m/{i}= ") } else { format!("m/{i}=t{i} ") }).collect();
    let base = many(100, "t");
    assert_eq!(held_by(&mut World::new(&base, &text, &base)), [Guard::Zeroed]);

    let mut back = World::new(&base, &text.replace("= ", "=x "), &base);
    back.sides.here = sketch(&(base.clone() + &many(20, "v")));
    assert!(held_by(&mut back.clone()).is_empty());
    for i in 0..20 {
        let mark = ubos_core::entry::Digest::of(format!("v{i}").as_bytes()).short();
        back.baseline.rows.get_mut(&path(&format!("m/{i}"))).unwrap().earlier[1] = mark;
    }
    assert_eq!(held_by(&mut back), [Guard::Regression]);

    let mut first = World::new("", &many(1001, "t"), &many(2, "t").replace("m/", "n/"));
    first.first_run = Some(0);
    assert_eq!(held_by(&mut first), [Guard::FirstRun]);
    assert_eq!(held_by(&mut World::new("D/a=1 k=K", "D% k=K", "D/a=1 k=K")), [Guard::Mount]);
}

#[test]
fn changed_manifests() {
    use ubos_core::manifest::Direction;
    // Not selected any more: the rows go, the files stay.
    let mut world = World::new("f=A g=A k=K", "f=B k=K", "f=A g=A k=K");
    world.direction = |at| (at == &path("k")).then_some(Direction::Bidirectional);
    world.selection_changed = true;
    let plan = check("dropped", &mut world, ("f=B k=K", "f=A g=A k=K"), "", "", 0);
    assert_eq!((plan.notices.len(), world.baseline.rows.len()), (1, 1));
    // One-way becomes two-way over drift: what would be overwritten is held.
    let mut world = World::new("in/x=A in/y=A", "in/x=B in/y=A", "in/x=A in/y=A");
    world.direction = |_| Some(Direction::Bidirectional);
    world.selection_changed = true;
    check("freed", &mut world, ("in/x=B in/y=A", "in/x=A in/y=A"), "", "", 4);
    assert_eq!(world.baseline.rows[&path("in/y")].direction, Direction::Bidirectional);
    // The authority turned round: everything that differs is held.
    let mut world = World::new("in/x=A in/y=A", "in/x=B in/y=A", "in/x=A in/y=A");
    world.direction = |_| Some(Direction::PushOnly);
    world.selection_changed = true;
    check("turned", &mut world, ("in/x=B in/y=A", "in/x=A in/y=A"), "", "", 4);
}

/// Names with an accent, composed and decomposed.
const NFC: &str = "n/\u{e9}";
const NFD: &str = "n/e\u{301}";

#[test]
fn names_that_mean_the_same() {
    let on = |name: &str, text: &str| format!("{name}={text} k=K");
    let (old, new) = (on(NFD, "A"), on(NFC, "A"));
    // Respelled on one side, alone and with other content on either side.
    table(&[
        ("respelled", &old, &new, &old, &new, &new, "", "", 0),
        (
            "and edited",
            &old,
            &on(NFC, "B"),
            &old,
            &on(NFC, "B"),
            &on(NFC, "B"),
            &format!("S:{NFC}=A"),
            "",
            0,
        ),
        (
            "and edited there",
            &old,
            &new,
            &on(NFD, "C"),
            &on(NFC, "C"),
            &on(NFC, "C"),
            &format!("L:{NFC}=A"),
            "",
            0,
        ),
        (
            "and both",
            &old,
            &on(NFC, "B"),
            &on(NFD, "C"),
            &on(NFC, "B"),
            &on(NFC, "C"),
            "",
            &format!("modify-modify {NFC}"),
            3,
        ),
        ("deleted there", &old, &new, "k=K", "k=K", "k=K", &format!("L:{NFC}=A"), "", 0),
        ("alike on both", &old, &new, &new, &new, &new, "", "", 0),
        ("new on both", "k=K", &new, &old, &old, &old, "", "", 0),
        (
            "beside the tracked",
            &old,
            &format!("{old} {NFC}=X"),
            &old,
            &format!("{old} {NFC}=X"),
            &old,
            "",
            &format!("held:name-collision {NFC}"),
            3,
        ),
    ]);
    let case = [
        (
            "a folder",
            "Docs/a=1 Docs/B/c=2",
            "docs/a=1 docs/b/c=2",
            "Docs/a=1 Docs/B/c=3",
            "docs/a=1 docs/b/c=3",
            "L:docs/b/c=2",
        ),
        (
            "with more in it",
            "Docs/a=1",
            "docs/a=1 docs/n=N",
            "Docs/a=1 Docs/m=M",
            "docs/a=1 docs/m=M docs/n=N",
            "",
        ),
        (
            "with less in it",
            "Docs/a=1 Docs/b=2",
            "docs/a=1",
            "Docs/a=1 Docs/b=2",
            "docs/a=1",
            "S:docs/b=2",
        ),
    ];
    for (id, base, here, there, live, backup) in case {
        let mut world = World::new(base, here, there);
        world.names.here.case_insensitive = true;
        check(id, &mut world, (live, live), backup, "", 0);
        let again = world.decide();
        assert!(again.items.is_empty() && again.adopt.is_empty(), "{id}: {again:?}");
        // The filter leaves a respelling out as a whole.
        let mut world = World::new(base, here, there);
        world.names.here.case_insensitive = true;
        world.filter = Filter::In;
        check(id, &mut world, (here, there), "", "", 0);
        assert!(world.baseline.rows.contains_key(&path("Docs/a")), "{id}");
    }
}

#[test]
fn names_that_the_other_side_cannot_hold() {
    let long = "n/".to_owned() + &"x".repeat(20);
    let mut world = World::new("k=K", &format!("k=K {long}=A"), "k=K");
    world.names.there.max_name_bytes = 10;
    let open = format!("held:unrepresentable-name {long}");
    check("long", &mut world, (&format!("k=K {long}=A"), "k=K n/"), "", &open, 3);
    // Renamed to it: not deleted over there.
    let mut world = World::new("k=K n/a=A", &format!("k=K {long}=A"), "k=K n/a=A");
    world.names.there.max_name_bytes = 10;
    check("renamed", &mut world, (&format!("k=K {long}=A"), "k=K n/a=A"), "", &open, 3);
}
