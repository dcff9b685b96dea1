//! Links that lead to nothing, and links that could mean several files.

use super::cause::{self, Names};
use super::{Finding, Rule};
use crate::graph::files::FileId;
use crate::graph::model::{Content, Graph, Target};
use crate::graph::note::{Link, key};

/// Looks at every link.
pub(super) fn check(graph: &Graph, findings: &mut Vec<Finding>) {
    let names = Names::of(graph);
    for edge in graph.edges().iter().filter(|edge| edge.kind.is_obsidians()) {
        let path = graph.files().path(edge.within).to_owned();
        let line = Some(edge.at.line);
        match edge.to {
            Target::Missing(id) => {
                let (what, remedy) = cause::of(graph, edge, graph.missing(id), &names);
                findings.push(Finding { rule: Rule::BrokenLink, path, line, what, remedy });
            }
            Target::File(id) if edge.subpath_found == Some(false) => {
                let subpath = edge.subpath.as_deref().unwrap_or_default();
                findings.push(Finding {
                    rule: Rule::BrokenHeading,
                    path,
                    line,
                    what: format!("`{}` has no `#{subpath}`", graph.files().path(id)),
                    remedy: "correct the heading or block; the link opens the note's beginning"
                        .to_owned(),
                });
            }
            Target::File(_) | Target::Tag(_) => {}
        }
    }
    for id in graph.files().all() {
        let links = match graph.source(id).map(|source| &source.content) {
            Some(Content::Note(note)) => &note.links[..],
            Some(Content::Canvas(canvas)) => &canvas.links[..],
            _ => &[],
        };
        findings.extend(links.iter().filter_map(|link| ambiguous(graph, id, link)));
    }
}

/// A link by a bare name that several files have, unless it is the whole path of one.
fn ambiguous(graph: &Graph, from: FileId, link: &Link) -> Option<Finding> {
    let (files, target) = (graph.files(), key(&link.target));
    if target.is_empty() || target.contains('/') {
        return None;
    }
    let source = files.path(from);
    let meant = files.resolve(&link.target, source)?;
    let whole = key(files.path(meant));
    let all = files.candidates(&link.target, source);
    // A file and one of that name with `.md` behind it are told apart by every program.
    let same = |id: &FileId| name(files.path(*id)) == name(files.path(meant));
    let others: Vec<FileId> = all.into_iter().filter(|id| *id != meant).filter(same).collect();
    if whole == target || whole == format!("{target}.md") || others.is_empty() {
        return None;
    }
    let others: Vec<String> =
        others.into_iter().map(|id| format!("`{}`", files.path(id))).collect();
    let shown = others.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = match others.len() {
        0..=3 => String::new(),
        count => format!(" and {} more", count - 3),
    };
    Some(Finding {
        rule: Rule::AmbiguousLink,
        path: source.to_owned(),
        line: Some(link.at.line),
        what: format!(
            "`{}` means `{}`, and could mean {shown}{more}",
            link.target,
            files.path(meant)
        ),
        remedy: "write more of the path".to_owned(),
    })
}

fn name(path: &str) -> String {
    key(path.rsplit('/').next().unwrap_or(path))
}
