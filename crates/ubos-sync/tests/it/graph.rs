//! `graph`: questions on the command line, of the other territory, and by an agent.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use ubos_testkit::{Side, World};

use crate::BINARY;

fn write(vault: &Path, path: &str, text: &str) {
    let file = vault.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn notes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "docs/plan.md", "---\nstatus: active\n---\nTo [[goal]] by [[lost]].\n");
    write(folder.path(), "goal.md", "# Goal\nfrom docs/plan.md\n");
    folder
}

fn graph(folder: &Path, args: &[&str]) -> Output {
    let output = Command::new(BINARY)
        .args(["graph", "--vault"])
        .arg(folder)
        .args(args)
        .env("NO_COLOR", "1")
        .output();
    output.unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn every_question_is_answered_of_any_folder() {
    let folder = notes();
    let questions: [&[&str]; 17] = [
        &["stats"],
        &["links", "plan"],
        &["backlinks", "goal"],
        &["neighbours", "goal", "--depth", "2"],
        &["path", "plan", "goal"],
        &["impact", "goal", "--rename", "aim"],
        &["broken"],
        &["orphans"],
        &["tags"],
        &["tags", "none"],
        &["search", "-goal", "OR", "to"],
        &["similar", "goal"],
        &["central", "--by", "betweenness"],
        &["clusters", "--method", "labels"],
        &["query", "status = active"],
        &["links", "goal", "--soft", "--kinds", "path-mention"],
        &["broken", "--parity"],
    ];
    for question in questions {
        let plain = graph(folder.path(), question);
        assert_eq!(plain.status.code(), Some(0), "{question:?} {plain:?}");
        assert!(!plain.stdout.is_empty() && plain.stderr.is_empty(), "{question:?} {plain:?}");
        let answer = json(&graph(folder.path(), &[question, &["--json"]].concat()));
        assert_eq!((&answer["schema"], &answer["exit"]), (&json!(1), &json!(0)), "{question:?}");
        assert_eq!(answer["question"], question[0], "{question:?}");
    }
    let soft = json(&graph(folder.path(), &["links", "goal", "--soft", "--json"]));
    assert_eq!(soft["references"][0]["kind"], "path-mention");
    assert_eq!(json(&graph(folder.path(), &["links", "goal", "--json"]))["total"], 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing was written");
}

#[test]
fn a_question_that_cannot_be_answered_is_wrong_usage_with_a_hint() {
    let folder = notes();
    write(folder.path(), "x/plan.md", "");
    let cases: [(&[&str], &str); 5] = [
        (&["links", "plan"], "`x/plan.md`, `docs/plan.md`"),
        (&["links", "gaol"], "nearest are `goal.md`"),
        (&["search", "(a"], "column 1"),
        (&["query", "status"], "column 7"),
        (&["stats", "--on", "balaur", "--vault", "."], "cannot be used"),
    ];
    for (question, part) in cases {
        let output = graph(folder.path(), question);
        assert_eq!(output.status.code(), Some(2), "{question:?} {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(part), "{question:?} {said}");
    }
    let missing = graph(&folder.path().join("none"), &["stats"]);
    assert_eq!(missing.status.code(), Some(2), "{missing:?}");
}

#[test]
fn exports_are_whole_and_never_replace_a_file() {
    let folder = notes();
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("g.graphml");
    let file = file.to_str().unwrap();
    let args = ["export", "--format", "graphml", "--out", file];
    assert_eq!(graph(folder.path(), &args).status.code(), Some(0));
    assert!(fs::read_to_string(file).unwrap().ends_with("</graphml>\n"));
    assert_eq!(graph(folder.path(), &args).status.code(), Some(1));
    let exported = json(&graph(folder.path(), &["export"]));
    assert_eq!(exported["edges"].as_array().unwrap().len(), 2);
}

#[test]
fn two_states_of_a_folder_are_compared() {
    let (old, new) = (notes(), notes());
    fs::remove_file(new.path().join("goal.md")).unwrap();
    write(new.path(), "lost.md", "");
    let from = old.path().to_str().unwrap();
    let diff = json(&graph(new.path(), &["diff", "--from", from, "--json"]));
    assert_eq!((&diff["added"], &diff["removed"]), (&json!(["lost.md"]), &json!(["goal.md"])));
    assert_eq!(diff["broke"][0]["to"], "goal");
    let plain = graph(new.path(), &["diff", "--from", from]);
    assert!(String::from_utf8_lossy(&plain.stdout).contains("1 link that now leads nowhere"));
}

#[test]
fn a_territory_keeps_its_index_and_the_other_one_can_be_asked() {
    let world = World::agreed(BINARY);
    write(&world.root(Side::Laptop), "here.md", "[[there]]");
    write(&world.root(Side::Server), "there.md", "# There\n[[gone]] and [[gone]]\n");
    let ask = |args: &[&str]| {
        let root = world.root(Side::Laptop);
        let mut command = Command::new(BINARY);
        command.arg("--root").arg(root).arg("graph").args(args).output().unwrap()
    };
    let here = json(&ask(&["links", "here", "--json"]));
    assert_eq!(here["references"][0]["to"]["missing"], "there");
    assert!(world.laptop().own("state/graph/index").is_file());
    let there = ask(&["links", "there", "--json", "--on", Side::Server.name()]);
    let there = json(&there);
    assert_eq!((&there["on"], &there["total"]), (&json!(Side::Server.name()), &json!(2)));
    let plain = ask(&["broken", "--on", Side::Server.name()]);
    assert!(String::from_utf8_lossy(&plain.stdout).contains("there.md:2  gone"), "{plain:?}");
    let many: String = (0..12_000).map(|n| format!("[[long name {n}]]\n")).collect();
    write(&world.root(Side::Server), "many.md", &many);
    let long = ask(&["links", "many", "--json", "--on", Side::Server.name()]);
    assert!(long.stdout.len() > 1 << 20, "longer than what goes unpacked");
    assert_eq!(json(&long)["total"], 12_000);
    let unknown = ask(&["links", "here.md", "--on", Side::Server.name()]);
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("`here.md`"), "{unknown:?}");
}

#[test]
fn an_agent_is_answered_until_it_hangs_up() {
    let folder = notes();
    let mut child = Command::new(BINARY)
        .args(["graph", "--vault"])
        .arg(folder.path())
        .args(["serve", "--stdio"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut to = child.stdin.take().unwrap();
    let mut from = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ask = |method: &str, params: Value| -> Value {
        let line = json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params});
        writeln!(to, "{line}").unwrap();
        let reply: Value = serde_json::from_str(&from.next().unwrap().unwrap()).unwrap();
        assert_eq!(reply["id"], method);
        reply["result"].clone()
    };
    let hello = ask("initialize", json!({"protocolVersion": "2024-11-05", "capabilities": {}}));
    assert_eq!(hello["protocolVersion"], "2024-11-05");
    assert!(ask("tools/list", json!({}))["tools"].as_array().unwrap().len() > 10);
    let params = json!({"name": "backlinks", "arguments": {"note": "goal"}});
    let answer = ask("tools/call", params.clone());
    assert_eq!(answer["structuredContent"]["references"][0]["from"], "docs/plan.md");
    write(folder.path(), "new.md", "[[goal]]");
    assert_eq!(ask("tools/call", params)["structuredContent"]["total"], 2);
    let note = ask("resources/read", json!({"uri": "vault:///goal.md"}));
    assert_eq!(note["contents"][0]["text"], "# Goal\nfrom docs/plan.md\n");
    drop(to);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(from.next().is_none());
}
