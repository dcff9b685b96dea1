//! What a person sees, on 80 columns.

use std::collections::BTreeMap;

use ubos_tiers::graph::ask::{self, Beside, Question, Request};
use ubos_tiers::graph::past::Former;
use ubos_tiers::graph::questions::View;
use ubos_tiers::graph::questions::diff::State;
use ubos_tiers::graph::tree::graph_of;

use super::answer;
use crate::ui::Ui;
use crate::ui::cells::width;

fn vault() -> BTreeMap<String, Vec<u8>> {
    let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    BTreeMap::from([
        file(
            "docs/plan.md",
            "---\nstatus: active\nup: \"[[goal]]\"\n---\n# Plan\nWe go to [[goal]] by way of the harbour. ![[gone]] #idea/big\n- [ ] one\n",
        ),
        file("goal.md", "The goal is named in [[docs/plan#Nothing]].\n"),
        file("other.md", "Both [[goal]] and [[plan]] matter.\x1b[31m\n"),
        file("alone.md", "nothing #idea\n"),
        file("p.png", ""),
    ])
}

fn shown(json: &str, limit: Option<usize>) -> String {
    let files = vault();
    let graph = graph_of(&files);
    let view = View { graph: &graph, texts: &files, parity: false };
    let ask: Question = serde_json::from_str(json).unwrap();
    let request = Request { ask, soft: false, parity: false, limit };
    let past = |since: &str| {
        let state = State {
            snapshot: "5af0".repeat(10),
            made: "never".to_owned(),
            territory: Some("localhost".to_owned()),
            run: Some(since.to_owned()),
            unkept: 1,
            unread: 0,
        };
        let note = (String::from("goal.md"), b"see [[plan]] and [[plan]]".to_vec());
        Ok(Former { graph: graph_of(&BTreeMap::from([note])), state })
    };
    let beside = Beside { symlinks: &[], past: &past };
    let given = ask::answer(&view, &beside, &request, jiff::civil::date(2026, 1, 1)).unwrap();
    let text = answer(&given, &Ui::fixed(80, false));
    assert!(text.ends_with('\n') && !text.contains('\x1b'), "{text:?}");
    for line in text.lines() {
        assert!(width(line) <= 80, "{line}");
    }
    text
}

#[test]
fn links_and_backlinks() {
    assert_eq!(
        shown(r#"{"question":"links","note":"plan"}"#, None),
        "docs/plan.md refers to 3 others, 4 times\n    3  goal.md  front-matter `up`\n       \
         up: \"[[goal]]\"\n    6  goal.md\n       We go to [[goal]] by way of the harbour.\n    \
         6  gone (no file)  embed\n       ![[gone]] #idea/big\n    6  #idea/big  tag\n       \
         ![[gone]] #idea/big\n"
    );
    assert_eq!(
        shown(r#"{"question":"backlinks","note":"goal"}"#, Some(2)),
        "2 files refer to goal.md, 3 times\ndocs/plan.md\n    3  front-matter `up`\n       \
         up: \"[[goal]]\"\n    6  We go to [[goal]] by way of the harbour.\n… 1 more; `--limit 0` shows all\n"
    );
    assert_eq!(
        shown(r#"{"question":"backlinks","note":"alone"}"#, None),
        "nothing refers to alone.md\n"
    );
}

#[test]
fn paths_say_why() {
    assert_eq!(
        shown(r#"{"question":"path","from":"plan","to":"other","count":1}"#, None),
        "1 chain from docs/plan.md to other.md\n\n1 step\n  docs/plan.md\n  ← other.md  other.md:1\n      \
         Both [[goal]] and [[plan]] matter.\\x1B[31m\n"
    );
    assert_eq!(
        shown(r#"{"question":"path","from":"plan","to":"alone","directed":true}"#, None),
        "nothing leads from docs/plan.md to alone.md\n"
    );
}

#[test]
fn broken_links_and_what_would_break() {
    let broken = shown(r#"{"question":"broken"}"#, None);
    assert_eq!(
        broken,
        "2 links lead nowhere\n\nThe note has no such heading (1)\n  goal.md:1  docs/plan.md#Nothing\n      \
         near docs/plan.md\n\nNothing has that name (1)\n  docs/plan.md:6  gone\n"
    );
    let impact = shown(r#"{"question":"impact","note":"plan","rename":"aim"}"#, None);
    assert!(impact.contains("2 files depend on docs/plan.md"), "{impact}");
    assert!(impact.contains("If it became docs/aim.md, 2 links would break:"), "{impact}");
}

#[test]
fn every_other_answer_reads_well() {
    let cases = [
        (r#"{"question":"stats"}"#, "4 notes, 0 canvases, 1 other file"),
        (r#"{"question":"neighbours","note":"goal","depth":2}"#, "3 neighbours within 2 steps"),
        (r#"{"question":"orphans"}"#, "1 note with neither\n  alone.md"),
        (r#"{"question":"tags"}"#, "     2 files  #idea\n      1 file    /big"),
        (r##"{"question":"tags","tag":"#idea"}"##, "alone.md\n    1  nothing #idea"),
        (
            r#"{"question":"search","query":"harbour"}"#,
            "1 file matches\n\ndocs/plan.md\n    6  We go",
        ),
        (r#"{"question":"search","query":"zzz"}"#, "nothing matches"),
        (r#"{"question":"similar","note":"plan"}"#, "1.00"),
        (r#"{"question":"central"}"#, "pagerank"),
        (r#"{"question":"clusters"}"#, "1 cluster, 1 file in none"),
        (r#"{"question":"query","query":"status = active"}"#, "  docs/plan.md  status active\n"),
    ];
    for (question, part) in cases {
        let text = shown(question, None);
        assert!(text.contains(part), "{question}\n{text}");
    }
}

#[test]
fn what_changed_is_told_since_when() {
    let text = shown(r#"{"question":"diff","since":"20260101T1"}"#, Some(2));
    assert_eq!(
        text,
        "since never, snapshot 5af05af05a of localhost, run 20260101T1\n\
         1 file that no snapshot keeps (not shared) counts as unchanged\n\n\
         4 new files\n  + alone.md\n  + docs/plan.md\n… 2 more; `--limit 0` shows all\n\n\
         1 file changed\n  ~ goal.md\n\n\
         5 new links\n  + docs/plan.md → goal.md\n  + docs/plan.md → goal.md\n\
         … 3 more; `--limit 0` shows all\n\n\
         2 new tags\n  + #idea\n  + #idea/big\n\n\
         2 links mended or gone that led nowhere\n  + goal.md → plan (2 times)\n\n\
         1 link that now leads nowhere\n  - docs/plan.md → gone\n"
    );
}
