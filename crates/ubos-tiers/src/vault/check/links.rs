//! Links that lead to nothing, and links that could mean several files.

use std::collections::BTreeMap;

use super::{Finding, Rule};
use crate::graph::files::FileId;
use crate::graph::model::{Content, Graph};
use crate::graph::note::{Link, key};
use crate::graph::questions::broken::{BrokenLink, Cause, broken};
use crate::graph::questions::{End, View};

/// Looks at every link. `symlinks` are the paths in the vault that are not followed.
pub(super) fn check(graph: &Graph, symlinks: &[String], findings: &mut Vec<Finding>) {
    // No sentence is told, so no words are asked for.
    let texts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let view = View { graph, texts: &texts, parity: true };
    findings.extend(broken(&view, symlinks, usize::MAX).links.into_iter().map(dead));
    for id in graph.files().all() {
        let links = match graph.source(id).map(|source| &source.content) {
            Some(Content::Note(note)) => &note.links[..],
            Some(Content::Canvas(canvas)) => &canvas.links[..],
            _ => &[],
        };
        findings.extend(links.iter().filter_map(|link| ambiguous(graph, id, link)));
    }
}

/// A link that leads nowhere, with its cause in words.
fn dead(link: BrokenLink) -> Finding {
    let BrokenLink { cause, reference, meant, fix } = link;
    let target = match &reference.to {
        End::Missing(name) | End::File(name) | End::Tag(name) => name.as_str(),
    };
    let meant = meant.unwrap_or_default();
    let what = match cause {
        Cause::Moved => format!("there is no `{target}`, but a file of that name: `{meant}`"),
        Cause::Misspelt => format!("there is no `{target}`; `{meant}` is almost called so"),
        Cause::Alias => {
            format!("`{target}` is another name of `{meant}`, and links do not look at those")
        }
        Cause::Folder => format!("`{target}` is a folder"),
        Cause::Hidden => {
            format!("`{target}` is in a folder whose name begins with a dot, unseen by Obsidian")
        }
        Cause::Symlink => format!("`{target}` is a symbolic link, which is not followed"),
        Cause::MachinePath => format!("`{target}` is a path of one machine, not of the vault"),
        Cause::Heading | Cause::Block => {
            let subpath = reference.subpath.as_deref().unwrap_or_default();
            format!("`{target}` has no `#{subpath}`")
        }
        Cause::Missing => format!("there is no `{target}`"),
    };
    let remedy = match (cause, fix) {
        (_, Some(fix)) => format!("write `{fix}`, if that is meant"),
        (Cause::Folder, None) => "link to a note in it; Obsidian opens no folders".to_owned(),
        (Cause::Hidden | Cause::Symlink, None) => {
            "link to a file that the vault has, or move it there".to_owned()
        }
        (Cause::Heading | Cause::Block, None) => {
            "correct what stands behind the `#`; until then the note's beginning opens".to_owned()
        }
        (_, None) if is_note_name(target) => {
            "make the note, correct the name, or take the link out".to_owned()
        }
        (_, None) => "put the file there, correct the name, or take the link out".to_owned(),
    };
    let is_within = matches!(cause, Cause::Heading | Cause::Block);
    Finding {
        rule: if is_within { Rule::BrokenHeading } else { Rule::BrokenLink },
        path: reference.within.unwrap_or(reference.from),
        line: Some(reference.line),
        what,
        remedy,
    }
}

/// Whether a link of that name leads to a note: it has no ending of letters, or that of notes.
fn is_note_name(target: &str) -> bool {
    let name = target.rsplit('/').next().unwrap_or(target);
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    let is_end = |end: &String| {
        (1..=5).contains(&end.len())
            && end.bytes().all(|b| b.is_ascii_alphanumeric())
            && end.bytes().any(|b| b.is_ascii_alphabetic())
    };
    end.filter(is_end).is_none_or(|end| end == "md" || end == "canvas")
}

/// A link by a bare name that several files have, unless it is the whole path of one or the name of the
/// file beside it, which every program opens.
fn ambiguous(graph: &Graph, from: FileId, link: &Link) -> Option<Finding> {
    let (files, target) = (graph.files(), key(&link.target));
    if target.is_empty() || target.contains('/') {
        return None;
    }
    let source = files.path(from);
    let meant = files.resolve(&link.target, source).filter(|id| files.shares_name(*id))?;
    let whole = key(files.path(meant));
    let all = files.candidates(&link.target, source);
    // A file and one of that name with `.md` behind it are told apart by every program.
    let same = |id: &FileId| name(files.path(*id)) == name(files.path(meant));
    let others: Vec<FileId> = all.into_iter().filter(|id| *id != meant).filter(same).collect();
    let beside = source.rsplit_once('/').map(|(folder, _)| format!("{}/{target}", key(folder)));
    let is_whole = |path: &str| whole == path || whole == format!("{path}.md");
    if is_whole(&target) || beside.is_some_and(|path| is_whole(&path)) || others.is_empty() {
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
