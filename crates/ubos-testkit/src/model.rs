//! What two users know: which content each of them has seen, to catch an edit that was overwritten.
//!
//! The ledger lets a content live on in the backups. That is not enough for an edit that its
//! author has not given to the other side yet: a run may never take such a version away from
//! where it was written. This law needs no decision table, only a memory of what both sides last
//! held alike.

use std::collections::{BTreeMap, BTreeSet};

use crate::escape::shown;
use crate::law::{Direction, Law};
use crate::report::Report;
use crate::sketch::{Node, Sketch, is_below};
use crate::world::{Side, World};

/// What both sides last held alike, path by path, when a run had ended.
#[derive(Debug, Clone, Default)]
pub struct Agreement(BTreeMap<Vec<u8>, Node>);

impl Agreement {
    /// Learns what both sides hold alike now, after a run, finished or killed.
    pub fn learn(&mut self, world: &World) {
        let law = world.law();
        let [laptop, server] = Side::BOTH.map(|side| files(&world.at(side).tree(), &law));
        self.0.retain(|path, _| laptop.contains_key(path) || server.contains_key(path));
        for (path, node) in laptop {
            if server.get(&path) == Some(&node) {
                self.0.insert(path, node);
            }
        }
    }

    /// Versions that a run took away from a side although the other side had never had them.
    /// `before` are the trees when the run began.
    pub fn overwritten(&self, world: &World, before: &[Sketch; 2]) -> Vec<String> {
        let law = world.law();
        let mut lines = Vec::new();
        for (side, before) in Side::BOTH.into_iter().zip(before) {
            let after = world.at(side).tree();
            for (path, node) in files(before, &law) {
                let Node::File { content, .. } = &node else {
                    continue;
                };
                let agreed = self.0.get(&path).and_then(Node::content);
                let stands = after.get(&path).and_then(Node::content);
                let grown = law.direction(&path) == Some(Direction::AppendOnly)
                    && stands.is_some_and(|now| now.starts_with(content));
                if agreed != Some(content) && stands != Some(content) && !grown {
                    lines.push(format!("{side:?}: an edit of {} was taken away", shown(&path)));
                }
            }
        }
        lines
    }
}

/// Selected paths at which the sides differ although nobody was asked about them: neither in
/// conflict, held or skipped, nor allowed to differ by the direction of their area.
pub fn unsettled(world: &World, report: &Report) -> Vec<String> {
    let law = world.law();
    let [laptop, server] = Side::BOTH.map(|side| {
        let tree = world.at(side).tree();
        let mut entries = files(&tree, &law);
        entries.extend(two_way_folders(&tree, &law));
        entries
    });
    let conflicts = report.conflicts.iter().map(|row| &row.path);
    let remarks = [&report.held, &report.skipped].into_iter().flatten().map(|row| &row.path);
    let asked: Vec<&Vec<u8>> = conflicts.chain(remarks).collect();
    let paths: BTreeSet<&Vec<u8>> = laptop.keys().chain(server.keys()).collect();
    let differ = paths.into_iter().filter(|path| {
        let versions = (laptop.get(*path), server.get(*path));
        // A folder may be left over on one side for what is below it and waits for an answer.
        let is_folder = [versions.0, versions.1].contains(&Some(&Node::Dir));
        let known = asked.iter().any(|asked| {
            asked == path || is_below(path, asked) || is_folder && is_below(asked, path)
        });
        !known && !may_differ(law.direction(path), versions.0, versions.1)
    });
    differ.map(|path| format!("{} differs and nobody was told", shown(path))).collect()
}

/// The folders of a tree that are synced both ways.
fn two_way_folders(tree: &Sketch, law: &Law) -> BTreeMap<Vec<u8>, Node> {
    let two_way = |path: &[u8]| law.direction(path) == Some(Direction::Bidirectional);
    let found = tree.iter().filter(|(path, node)| **node == Node::Dir && two_way(path));
    found.map(|(path, node)| (path.clone(), node.clone())).collect()
}

/// Whether the two versions of a path may stand side by side, with the direction of its area.
fn may_differ(direction: Option<Direction>, laptop: Option<&Node>, server: Option<&Node>) -> bool {
    match direction {
        _ if laptop == server => true,
        Some(Direction::PushOnly) => laptop.is_none(),
        Some(Direction::PullOnly) => server.is_none(),
        Some(Direction::AppendOnly) => match (laptop, server) {
            (_, None) => true,
            (Some(Node::File { content: copy, .. }), Some(Node::File { content: log, .. })) => {
                // The last line may still be written to.
                log.starts_with(copy) && !log[copy.len()..].contains(&b'\n')
            }
            _ => false,
        },
        Some(Direction::Bidirectional) | None => false,
    }
}

/// The selected files and links of a tree.
fn files(tree: &Sketch, law: &Law) -> BTreeMap<Vec<u8>, Node> {
    let mut files = BTreeMap::new();
    for (path, node) in tree.iter() {
        if *node != Node::Dir && law.direction(path).is_some() {
            files.insert(path.clone(), node.clone());
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Remark;

    fn remark(path: &str) -> Remark {
        Remark { path: path.into(), on: "localhost".into(), reason: "x".into() }
    }

    fn empty_report() -> Report {
        Report::read(json!({
            "schema": 1, "command": "bidirectional", "dry_run": false, "exit": 0,
            "error": {"kind": "none", "message": "", "hint": ""}
        }))
        .unwrap()
    }

    #[test]
    fn an_edit_that_was_not_shared_may_not_be_taken_away() {
        let world = World::unpaired("/bin/true");
        let mut agreement = Agreement::default();
        agreement.learn(&world);
        world.laptop().write("notes/f", "B");
        let before = Side::BOTH.map(|side| world.at(side).tree());
        world.laptop().write("notes/f", "C");
        world.server().write("notes/g", "new");
        let lines = agreement.overwritten(&world, &before);
        assert_eq!(lines, ["Laptop: an edit of notes/f was taken away"]);
    }

    #[test]
    fn what_both_had_may_be_replaced() {
        let world = World::unpaired("/bin/true");
        let mut agreement = Agreement::default();
        agreement.learn(&world);
        let before = Side::BOTH.map(|side| world.at(side).tree());
        world.server().write("notes/f", "B");
        world.server().append("logs/day.jsonl", "more\n");
        assert_eq!(agreement.overwritten(&world, &before), Vec::<String>::new());
    }

    #[test]
    fn a_folder_on_one_side_alone_is_a_difference_unless_something_in_it_waits() {
        let world = World::unpaired("/bin/true");
        world.laptop().mkdir("notes/N/deep");
        world.laptop().mkdir("in/N");
        assert_eq!(unsettled(&world, &empty_report()).len(), 2);
        let mut report = empty_report();
        report.held.push(remark("notes/N/deep/x"));
        assert_eq!(unsettled(&world, &report), Vec::<String>::new());
    }

    #[test]
    fn a_difference_that_nobody_was_told_of_is_found() {
        let world = World::unpaired("/bin/true");
        assert_eq!(unsettled(&world, &empty_report()), Vec::<String>::new());
        world.laptop().write("notes/f", "B");
        world.laptop().write("in/local", "only here");
        world.server().append("logs/day.jsonl", "half a line");
        assert_eq!(unsettled(&world, &empty_report()), ["notes/f differs and nobody was told"]);
        world.server().append("logs/day.jsonl", " ends\n");
        assert_eq!(unsettled(&world, &empty_report()).len(), 2);
        let mut report = empty_report();
        report.held = ["notes", "logs/day.jsonl"].map(remark).to_vec();
        assert_eq!(unsettled(&world, &report), Vec::<String>::new());
    }
}
