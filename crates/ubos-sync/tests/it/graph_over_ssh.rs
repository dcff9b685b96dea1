//! The questions of `graph` asked of the other territory, over a real ssh connection: the same answers
//! as on that machine itself, and for a vault that is the same on both, the same as here.

use serde_json::Value;
use ubos_testkit::law::{Direction, Law};
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::BINARY;

/// One file of each kind that the graph reads, with names that are not plain.
const VAULT: [(&str, &str); 8] = [
    (
        "notes/docs/plan.md",
        "---\nstatus: active\ndate: 2026-11-20\naliases: [the plan]\nup: \"[[goal]]\"\ntags: [idea/big]\n---\n\
         # Plan\nTo [[goal]] by [[lost]] and ![[p.png]]. #Fresh\n- [ ] a task\n\n## Steps\n[[goal#Gone]]\n",
    ),
    ("notes/goal.md", "# Goal\nas [the plan](docs/plan.md#Steps) says, see docs/plan.md ^end\n"),
    ("notes/café & thé.md", "[[goal]] [[docs/plan]] \u{1b}[31m 'quoted' \"twice\"\n"),
    ("notes/alone.md", "the plan is mentioned, nothing is linked\n"),
    (
        "notes/copy of goal.md",
        "# Goal\nas [the plan](docs/plan.md#Steps) says, see docs/plan.md ^end\n",
    ),
    (
        "notes/board.canvas",
        r#"{"nodes":[{"id":"a","type":"file","file":"notes/goal.md","x":0,"y":0,"width":1,"height":1},{"id":"b","type":"text","text":"[[alone]]","x":0,"y":0,"width":1,"height":1},{"id":"c","type":"file","file":"notes/alone.md","x":0,"y":0,"width":1,"height":1}],"edges":[{"id":"e","fromNode":"a","toNode":"c","label":"leads to"}]}"#,
    ),
    ("notes/p.png", "\u{89}PNG"),
    ("notes/broken.md", "---\nkey: [open\n---\n[[plan]] %% [[goal]] %%\n"),
];

/// Every question, some with all that can be said beside it.
const QUESTIONS: [&[&str]; 26] = [
    &["stats"],
    &["stats", "--soft"],
    &["links", "plan"],
    &["links", "café & thé", "--limit", "1"],
    &["backlinks", "goal"],
    &["backlinks", "[[goal]]", "--soft", "--kinds", "unlinked-mention,path-mention,duplicate"],
    &["neighbours", "goal", "--depth", "2"],
    &["neighbours", "goal", "--parity"],
    &["path", "alone", "plan"],
    &["impact", "goal"],
    &["impact", "goal", "--rename", "aim"],
    &["broken"],
    &["orphans"],
    &["tags"],
    &["tags", "idea"],
    &["search", "tag:#fresh OR \"mentioned\""],
    &["search", "/li[n]ked/"],
    &["similar", "goal"],
    &["central"],
    &["central", "--by", "betweenness"],
    &["clusters"],
    &["clusters", "--method", "labels"],
    &["query", "status = active sort by date desc"],
    &["export"],
    &["export", "--format", "graphml"],
    &["export", "--format", "dot"],
];

/// A pair over ssh whose vault is the same on both sides.
fn paired() -> Option<(World, Sshd)> {
    let world = World::empty(BINARY);
    let sshd = Sshd::start(&world)?;
    let areas = vec![(Direction::Bidirectional, "notes/".to_owned())];
    world.decree(&Law { areas, excluded: Vec::new() });
    for (path, text) in VAULT {
        world.laptop().write(path, text);
    }
    world.mark();
    let address = format!("balaur={}", sshd.address(&world));
    world.laptop().run(["init", "--peer", &address]).exits(0);
    world.laptop().sync().exits(0);
    Some((world, sshd))
}

/// What is said to `question` in the territory `side`, or from there about `on`.
fn ask(world: &World, side: Side, question: &[&str], more: &[&str]) -> String {
    let mut args = vec!["graph"];
    args.extend(question);
    args.extend(more);
    let outcome = world.at(side).run(&args);
    outcome.exits(0);
    String::from_utf8(outcome.stdout).unwrap()
}

/// The document, without what it says of who was asked.
fn document(text: &str) -> Value {
    let mut value: Value = serde_json::from_str(text).unwrap();
    value.as_object_mut().unwrap().remove("on");
    value
}

#[test]
fn every_question_has_the_same_answer_over_ssh_as_on_either_machine() {
    let Some((world, _sshd)) = paired() else {
        return;
    };
    let name = Side::Server.name();
    for question in QUESTIONS {
        let is_document = question[0] != "export";
        let json: &[&str] = if is_document { &["--json"] } else { &[] };
        let over = ask(&world, Side::Laptop, question, &[json, &["--on", name]].concat());
        let there = ask(&world, Side::Server, question, json);
        let here = ask(&world, Side::Laptop, question, json);
        match is_document {
            true => {
                assert_eq!(serde_json::from_str::<Value>(&over).unwrap()["on"], name);
                let over = document(&over);
                assert_eq!(over, document(&there), "{question:?}");
                assert_eq!(over, document(&here), "{question:?}");
            }
            false => assert_eq!((&over, &over), (&there, &here), "{question:?}"),
        }
        // What a person reads is the same too.
        if is_document {
            let over = ask(&world, Side::Laptop, question, &["--on", name]);
            assert_eq!(over, ask(&world, Side::Laptop, question, &[]), "{question:?}");
        }
    }
}

#[test]
fn the_peer_tells_of_its_own_vault_and_of_what_it_cannot_answer() {
    let Some((world, sshd)) = paired() else {
        return;
    };
    let name = Side::Server.name();
    world.server().write("only there.md", "[[goal]]\n");
    let question = ["backlinks", "goal", "--json"];
    let over = document(&ask(&world, Side::Laptop, &question, &["--on", name]));
    assert_eq!(over, document(&ask(&world, Side::Server, &question, &[])));
    assert_ne!(over, document(&ask(&world, Side::Laptop, &question, &[])));
    for (question, part) in [
        (&["links", "gaol"][..], "nearest are"),
        (&["search", "(a"], "the search is not understood"),
        (&["query", "status"], "the query is not understood"),
        (&["diff", "--since", "1d"], "there is no mirror of the backup"),
    ] {
        let args = [&["graph"], question].concat();
        let there = world.server().run(&args);
        let over = world.laptop().run([&args[..], &["--on", name]].concat());
        assert_eq!((there.code(), over.code()), (2, 2), "{question:?}");
        over.says(part).says(&format!("{name}: ")).says("Hint: ");
    }
    world.laptop().run(["graph", "stats", "--on", "nobody"]).exits(2).says("nobody");
    sshd.remove_agent();
    world.laptop().run(["graph", "stats", "--on", name]).exits(5);
}

#[test]
#[cfg(target_os = "linux")]
fn a_question_does_not_wait_for_a_watch() {
    let Some((world, _sshd)) = paired() else {
        return;
    };
    let _watching = crate::watching::Watching::start(&world);
    let stats = ask(&world, Side::Laptop, &["stats", "--json"], &["--on", Side::Server.name()]);
    assert_eq!(document(&stats)["notes"], 6);
}
