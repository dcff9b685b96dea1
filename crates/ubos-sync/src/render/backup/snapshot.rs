//! What a snapshot came to: what was committed, what could not be kept and what to do about it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use ubos_core::path::RelPath;
use ubos_tiers::git::gates::{Finding, Weight};
use ubos_tiers::git::manifest::Gap;
use ubos_tiers::git::snapshot::Snapshot;

use crate::render::json::put_path;
use crate::render::units::{bytes, plural};
use crate::render::wrap::hanging;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// Longer lists are cut unless more is asked for.
const MANY: usize = 20;

/// 7 where the next snapshot may find what this one could not read; otherwise 0: what is left out on
/// purpose is the business of `backup status`.
pub(crate) fn exit_code(made: &Snapshot) -> u8 {
    let again = |gap: Gap| matches!(gap, Gap::Unreadable | Gap::Torn);
    if made.gaps.iter().any(|(_, gap, _)| again(*gap)) { 7 } else { 0 }
}

/// The answer in words.
pub(crate) fn text(made: &Snapshot, ui: &Ui) -> String {
    let mut text = head(made, ui);
    text.push_str(&gaps(made, ui));
    for finding in made.findings.iter().filter(|finding| finding.weight == Weight::Warn) {
        let line = format!("Kept, but look at it: {}", place(finding));
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &one_line(&line))));
        text.push_str(&format!("    {}\n", one_line(&finding.what)));
    }
    for notice in &made.notices {
        text.push_str(&hanging("Note: ", &one_line(notice), ui.width()));
    }
    text
}

fn head(made: &Snapshot, ui: &Ui) -> String {
    let Some(head) = &made.head else {
        return "Nothing is there to commit yet.\n".to_owned();
    };
    let short = &head.as_str()[..12];
    if made.commits.is_empty() {
        return format!("Nothing has changed since {short}.\n");
    }
    let counts = [
        (made.changed.updated, "updated"),
        (made.changed.added, "new"),
        (made.changed.deleted, "deleted"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let commits = plural(made.commits.len(), "commit");
    let line = format!("{}: {commits}, {} taken in.", counts.join(", "), bytes(made.bytes));
    format!("{} {line}\n", ui.tone(Tone::Good, &format!("Committed {short}.")))
}

/// What could not be kept, by reason.
fn gaps(made: &Snapshot, ui: &Ui) -> String {
    let mut groups: BTreeMap<Gap, Vec<(&RelPath, &str)>> = BTreeMap::new();
    for (path, gap, words) in &made.gaps {
        groups.entry(*gap).or_default().push((path, words));
    }
    let mut text = String::new();
    let limit = if ui.verbose() { usize::MAX } else { MANY };
    for (gap, paths) in groups {
        let line = format!("NOT KEPT, {}: {}", reason(gap), plural(paths.len(), "path"));
        text.push_str(&format!("{}\n", ui.tone(Tone::Attention, &line)));
        for (path, words) in paths.iter().take(limit) {
            let line = one_line(&format!("{path}: {words}"));
            text.push_str(&hanging("    ", &line, ui.width()));
            let found = made.findings.iter().filter(|finding| finding.path == **path);
            for finding in found.filter(|finding| finding.weight != Weight::Warn) {
                let line = format!("{}, fingerprint {}", place(finding), finding.fingerprint);
                text.push_str(&hanging("        ", &one_line(&line), ui.width()));
            }
        }
        if paths.len() > limit {
            text.push_str(&format!("    … and {} more (-v shows all)\n", paths.len() - limit));
        }
        text.push_str(&hanging("    ", remedy(gap), ui.width()));
    }
    text
}

/// Rule, file and line; never the value.
fn place(finding: &Finding) -> String {
    match finding.line {
        Some(line) => format!("{}, line {line} (rule {})", finding.path, finding.rule),
        None => format!("{} (rule {})", finding.path, finding.rule),
    }
}

fn reason(gap: Gap) -> &'static str {
    match gap {
        Gap::TooLarge => "too large",
        Gap::Secret => "looks like a secret",
        Gap::Torn => "half-written",
        Gap::Unreadable => "could not be read",
        Gap::Name => "a name that cannot be kept",
    }
}

/// What a person can do about it.
fn remedy(gap: Gap) -> &'static str {
    match gap {
        Gap::TooLarge => {
            "raise `[backup] max_file_size`, or name it in `[backup] logs` if it only grows"
        }
        Gap::Secret => {
            "take the secret out; if it is none, add the fingerprint to `config/backup_allow.conf`"
        }
        Gap::Torn => "the next snapshot takes it once it is written to its end",
        Gap::Unreadable => "the next snapshot tries again; look at its permissions if that stays",
        Gap::Name => "give it another name",
    }
}

/// The answer as JSON.
pub(crate) fn document(made: &Snapshot) -> Value {
    let gaps = made.gaps.iter().map(|(path, gap, words)| {
        let mut map = Map::new();
        put_path(&mut map, "path", path);
        map.insert("reason".into(), gap.word().into());
        map.insert("detail".into(), words.clone().into());
        map.insert("remedy".into(), remedy(*gap).into());
        Value::from(map)
    });
    json!({
        "schema": 1,
        "commits": made.commits,
        "head": made.head,
        "logs": made.logs,
        "manifest": made.manifest,
        "changed": {
            "added": made.changed.added,
            "updated": made.changed.updated,
            "deleted": made.changed.deleted,
        },
        "bytes": made.bytes,
        "gaps": gaps.collect::<Vec<_>>(),
        "findings": made.findings.iter().map(finding).collect::<Vec<_>>(),
        "notices": made.notices,
        "exit": exit_code(made),
    })
}

/// What a person is told of a content that is kept, but should be looked at; `None` if nothing is.
pub(crate) fn warning(made: &Snapshot) -> Option<String> {
    let mut kept = made.findings.iter().filter(|finding| finding.weight == Weight::Warn);
    let first = kept.next()?;
    let more = match kept.count() {
        0 => String::new(),
        more => format!(" (and {more} more like it)"),
    };
    let line = format!("the backup keeps, but look at it: {}: {}{more}", place(first), first.what);
    Some(one_line(&line))
}

/// A finding as data.
pub(crate) fn finding(finding: &Finding) -> Value {
    let mut map = Map::new();
    put_path(&mut map, "path", &finding.path);
    map.insert("rule".into(), finding.rule.clone().into());
    map.insert("line".into(), finding.line.into());
    map.insert("fingerprint".into(), finding.fingerprint.clone().into());
    map.insert("what".into(), finding.what.clone().into());
    map.insert("withheld".into(), (finding.weight != Weight::Warn).into());
    map.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_tiers::git::objects::Oid;
    use ubos_tiers::git::snapshot::Changed;

    fn made() -> Snapshot {
        Snapshot {
            commits: vec![Oid("a".repeat(40))],
            head: Some(Oid("a".repeat(40))),
            changed: Changed { added: 1, updated: 2, deleted: 0 },
            bytes: 4301,
            ..Snapshot::default()
        }
    }

    #[test]
    fn what_was_committed_comes_first() {
        let ui = Ui::fixed(80, false);
        let expected = "Committed aaaaaaaaaaaa. 2 updated, 1 new: 1 commit, 4.3 kB taken in.\n";
        assert_eq!(text(&made(), &ui), expected);
        let nothing = Snapshot { commits: Vec::new(), ..made() };
        assert_eq!(text(&nothing, &ui), "Nothing has changed since aaaaaaaaaaaa.\n");
        assert_eq!(text(&Snapshot::default(), &ui), "Nothing is there to commit yet.\n");
    }

    #[test]
    fn gaps_come_with_the_remedy_and_never_with_the_value() {
        let path = RelPath::new("notes/\x1bkey").unwrap();
        let words = "a private key".to_owned();
        let finding = Finding {
            rule: "private-key".to_owned(),
            path: path.clone(),
            line: Some(3),
            fingerprint: "f00d".to_owned(),
            what: words.clone(),
            weight: Weight::Withhold(Gap::Secret),
        };
        let mut made = Snapshot { findings: vec![finding], ..made() };
        made.gaps.push((path, Gap::Secret, words));
        let text = text(&made, &Ui::fixed(80, false));
        let expected = "NOT KEPT, looks like a secret: 1 path\n    notes/\\x1Bkey: a private key\n        notes/\\x1Bkey, line 3 (rule private-key), fingerprint f00d\n    take the secret out; ";
        assert!(text.contains(expected), "{text}");
        assert_eq!(exit_code(&made), 0);
        made.gaps.push((RelPath::new("x").unwrap(), Gap::Unreadable, "denied".to_owned()));
        assert_eq!(exit_code(&made), 7);
        let document = document(&made);
        assert_eq!(document["gaps"][1]["reason"], "unreadable");
        assert_eq!(document["findings"][0]["withheld"], true);
    }
}
