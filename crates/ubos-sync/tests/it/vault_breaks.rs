//! A run that deletes or renames notes says which links it breaks.

use serde_json::{Value, json};
use ubos_testkit::World;

use crate::agreed;
use crate::conversation::{CHOICE, Conversation};
#[cfg(target_os = "linux")]
use crate::watching::{QUIET, Watching};

/// A vault on both sides, whose notes link to one.
fn linked() -> World {
    let world = agreed();
    world.laptop().write(".obsidian/app.json", "{}");
    world.laptop().write("notes/plan.md", "# Plan\n");
    world.laptop().write("notes/b.md", "[[plan]] ![[plan#Plan]]\n");
    world.laptop().write("notes/c.md", "[[notes/plan]]\n");
    world.laptop().sync().exits(0);
    world
}

fn breaks(world: &World, args: &[&str]) -> Value {
    let mut all = args.to_vec();
    all.push("--json");
    world.laptop().run(all).json()["breaks"].clone()
}

#[test]
fn a_deletion_from_either_side_tells_who_links_there_before_and_after() {
    for from_here in [true, false] {
        let world = linked();
        let side = if from_here { world.laptop() } else { world.server() };
        side.remove("notes/plan.md");
        let expected = json!([{
            "path": "notes/plan.md", "links": 3, "note_count": 2,
            "notes": ["notes/b.md", "notes/c.md"],
        }]);
        assert_eq!(breaks(&world, &["status"]), expected);
        assert_eq!(breaks(&world, &["bidirectional", "-n"]), expected);
        let status = world.laptop().run(["status"]);
        status.says("links    notes/plan.md: 2 notes link here: notes/b.md, notes/c.md\n");
        assert_eq!(breaks(&world, &["bidirectional"]), expected);
        let log = world.laptop().run(["log", "--json"]).told();
        assert!(log.contains("links-broken"), "{log}");
        world.laptop().run(["log", "--verify"]).exits(0);
        assert_eq!(breaks(&world, &["bidirectional"]), json!([]));
    }
}

#[test]
fn a_rename_breaks_links_by_path_and_not_those_by_name() {
    let world = linked();
    world.server().mkdir("notes/old");
    world.server().rename("notes/plan.md", "notes/old/plan.md");
    let found = breaks(&world, &["status"]);
    assert_eq!(
        found,
        json!([{
            "path": "notes/plan.md", "to": "notes/old/plan.md", "links": 1, "note_count": 1,
            "notes": ["notes/c.md"],
        }])
    );
}

#[test]
fn where_nothing_goes_away_no_note_is_read() {
    let world = linked();
    world.laptop().write("notes/d.md", "[[plan]]");
    assert_eq!(breaks(&world, &["bidirectional"]), json!([]));
    assert!(!world.laptop().own("state/graph").exists());
}

#[test]
fn a_conflict_with_a_deletion_tells_what_stays_broken() {
    let world = linked();
    world.laptop().write("notes/plan.md", "# Plan\nmore\n");
    world.server().remove("notes/plan.md");
    world.laptop().sync().exits(3);
    let mut talk = Conversation::start(&world, &["resolve"]);
    talk.sees("if it stays deleted: 2 notes link here: notes/b.md, notes/c.md");
    talk.sees(CHOICE);
    talk.terminal.send_key(ubos_testkit::terminal::ctrl('c'));
    talk.ends(130);
}

#[test]
#[cfg(target_os = "linux")]
fn a_watch_tells_which_links_its_runs_break_and_puts_them_on_record() {
    let world = linked();
    let watching = Watching::start(&world);
    world.server().remove("notes/plan.md");
    watching.until("word of broken links", |w| !w.told("links-broken").is_empty());
    let told = watching.told("links-broken");
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["breaks"][0]["path"], "notes/plan.md");
    assert_eq!(
        (&told[0]["breaks"][0]["note_count"], &told[0]["trouble"]),
        (&json!(2), &json!(null))
    );
    let runs = watching.told("run");
    assert!(runs.iter().any(|run| run["run"] == told[0]["run"]), "{told:?}");
    let log = world.laptop().run(["log", "--json"]).told();
    assert!(log.contains("links-broken"), "{log}");
    world.laptop().run(["log", "--verify"]).exits(0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_watch_reads_no_note_where_none_goes_away_and_a_save_breaks_nothing() {
    let world = linked();
    let watching = Watching::start(&world);
    world.laptop().write("notes/d.md", "[[plan]]");
    watching.arrives(ubos_testkit::Side::Server, "notes/d.md", "[[plan]]");
    std::thread::sleep(QUIET);
    assert!(!world.laptop().own("state/graph").exists());
    // As some editors save: away, and a moment later written anew.
    world.laptop().remove("notes/plan.md");
    std::thread::sleep(std::time::Duration::from_millis(300));
    world.laptop().write("notes/plan.md", "# Plan, again\n");
    watching.arrives(ubos_testkit::Side::Server, "notes/plan.md", "# Plan, again\n");
    std::thread::sleep(QUIET);
    assert_eq!(watching.told("links-broken"), Vec::<Value>::new());
}

#[test]
fn a_tick_says_and_records_it_too() {
    let world = linked();
    world.server().remove("notes/plan.md");
    let tick = world.laptop().run(["tick", "--deadline", "0"]);
    tick.exits(0).says("notes/plan.md: 2 notes link here: notes/b.md, notes/c.md");
    assert!(world.laptop().run(["log", "--json"]).told().contains("links-broken"));
}
