//! The list of what is open: its head, its choices, and that it stays quick with very many.

use ubos_core::conflict::{Conflict, ConflictKind, Seen};
use ubos_core::entry::{Base, Digest, Entry};
use ubos_core::path::RelPath;
use ubos_core::sides::Sides;
use ubos_engine::agent::message::OpenMatter;
use ubos_engine::state::config::Config;
use ubos_engine::state::{StateDir, matters};
use ubos_testkit::{Side, World};

use crate::agreed;

/// Three conflicts of two kinds, and a held path.
fn clashing() -> World {
    let world = agreed();
    world.laptop().write("notes/f", "mine");
    world.server().write("notes/f", "theirs");
    world.laptop().write("notes/new.md", "mine");
    world.server().write("notes/new.md", "theirs");
    world.laptop().write("notes/D/new.md", "mine");
    world.server().write("notes/D/new.md", "theirs");
    world.laptop().write("in/x", "drift");
    world.laptop().sync().exits(3);
    world
}

/// The paths of the conflicts and of what is held, and the totals.
fn listed(world: &World, args: &[&str]) -> (Vec<String>, Vec<String>, serde_json::Value) {
    let mut all = vec!["conflicts", "--json"];
    all.extend(args);
    let document = world.laptop().run(all).json();
    let paths = |key: &str| {
        let rows = document[key].as_array().unwrap();
        rows.iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
    };
    (paths("conflicts"), paths("held"), document["totals"].clone())
}

#[test]
fn the_list_begins_with_how_many_there_are_of_each_kind() {
    let world = clashing();
    world.laptop().run(["conflicts"]).exits(3).says(
        "3 open conflicts (1 changed by both, 2 made by both), 1 path held.\n\nCONFLICT: notes/D/new.md\n",
    );
    let (_, _, totals) = listed(&world, &[]);
    let kinds = serde_json::json!({"modify-modify": 1, "create-create": 2});
    assert_eq!(totals, serde_json::json!({"conflicts": 3, "held": 1, "left": 0, "by_kind": kinds}));
    world.laptop().run(["resolve", ".", "--leave"]).exits(0);
    world.laptop().run(["conflicts"]).exits(0).says("left on purpose.\n\nCONFLICT");
}

#[test]
fn a_part_of_the_list_can_be_asked_for() {
    let world = clashing();
    let check = |args: &[&str], conflicts: &[&str], held: &[&str]| {
        let (found, kept, _) = listed(&world, args);
        assert_eq!(
            (found, kept),
            (
                conflicts.iter().map(|p| (*p).to_owned()).collect(),
                held.iter().map(|p| (*p).to_owned()).collect()
            ),
            "{args:?}"
        );
    };
    check(&["--kind", "create-create"], &["notes/D/new.md", "notes/new.md"], &[]);
    check(&["--kind", "held"], &[], &["in/x"]);
    check(&["--kind", "drift"], &[], &["in/x"]);
    check(&["--below", "notes/D"], &["notes/D/new.md"], &[]);
    check(&["--below", "notes/D/"], &["notes/D/new.md"], &[]);
    check(&["--below", "."], &["notes/D/new.md", "notes/f", "notes/new.md"], &["in/x"]);
    check(&["--filter", "new"], &["notes/D/new.md", "notes/new.md"], &[]);
    check(&["--limit", "1"], &["notes/D/new.md"], &[]);
    check(&["--kind", "create-create", "--below", "notes/D", "--filter", "zzz"], &[], &[]);
    world.laptop().run(["conflicts", "--limit", "1"]).exits(3).says("… and 3 more");
    world
        .laptop()
        .run(["conflicts", "--filter", "zzz"])
        .exits(0)
        .says("Nothing of what is open fits.");
    world.laptop().run(["conflicts", "--kind", "nonsense"]).exits(2).says("is no kind of conflict");
}

/// A path in both territories, and a mark that was left on purpose for every second one.
fn very_many(count: usize) -> Vec<OpenMatter> {
    let seen = |text: String| {
        let digest = Digest::of(text.as_bytes());
        Some(Seen {
            entry: Entry::File { digest, size: 9, exec: false },
            mtime: Some((1_759_840_200, 0)),
        })
    };
    let mut all = Vec::new();
    for index in 0..count {
        let path = RelPath::new(format!("notes/{:03}/{index:05}.md", index / 100)).unwrap();
        let mark = Digest::of(path.as_bytes());
        if index % 2 == 0 {
            all.push(OpenMatter::Left(path.clone(), mark));
        }
        all.push(OpenMatter::Conflict(Box::new(Conflict {
            path,
            kind: ConflictKind::ModifyModify,
            base: Base::Unknown,
            sides: Sides::new(seen(format!("here {index}")), seen(format!("there {index}"))),
            children: Vec::new(),
            mark,
        })));
    }
    all
}

#[test]
fn ten_thousand_open_conflicts_are_listed() {
    let world = agreed();
    let state = StateDir::open(&world.root(Side::Laptop)).unwrap();
    let config = Config::require(&state).unwrap();
    let pair = config.peer(None).unwrap().1.pair.clone();
    matters::save(&state, &pair, &very_many(10_000)).unwrap();
    let begun = std::time::Instant::now();
    let outcome = world.laptop().run(["conflicts"]);
    outcome
        .exits(3)
        .says("10,000 open conflicts (10,000 changed by both), 5,000 of them left on purpose.");
    let shown = outcome.words();
    assert_eq!(shown.matches("CONFLICT: ").count(), 10_000);
    assert_eq!(shown.matches("left as it is").count(), 5000);
    // Far more than it takes, and far less than it would if each were searched for among all.
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
    let (found, _, totals) = listed(&world, &["--below", "notes/042", "--limit", "7"]);
    assert_eq!(found.first().map(String::as_str), Some("notes/042/04200.md"));
    assert_eq!((found.len(), &totals["conflicts"]), (7, &serde_json::json!(100)));
}
