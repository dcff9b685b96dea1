//! Names that tell of trouble: copies that other programs made, twins, vaults in the vault.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::Walked;
use super::{Finding, Rule};
use crate::graph::model::Graph;
use crate::graph::note::key;
use crate::vault::config_dir::USUAL;

/// Whose copies of conflicts have such names, in small letters.
const COPIES: [(&str, &str); 5] = [
    (".sync-conflict-", "Syncthing"),
    ("conflicted copy", "Dropbox, Nextcloud or Obsidian Sync"),
    ("(case conflict", "Dropbox"),
    ("(conflict", "another sync"),
    ("conflict-files-obsidian-git", "the Git plugin"),
];

/// Vaults below the vault.
pub(super) fn nested_vaults(walked: &Walked, config_dir: &str, findings: &mut Vec<Finding>) {
    for path in &walked.hidden {
        let Some((above, name)) = path.rsplit_once('/') else { continue };
        if name == config_dir || name == USUAL {
            findings.push(Finding {
                rule: Rule::NestedVault,
                path: above.to_owned(),
                line: None,
                what: format!("it has a `{name}` of its own"),
                remedy: "open one vault only, the outer; a link means another file in each of two \
                         vaults. Move the inner settings away if it is not opened any more"
                    .to_owned(),
            });
        }
    }
}

/// Copies and twins.
pub(super) fn check(graph: &Graph, walked: &Walked, findings: &mut Vec<Finding>) {
    let files: BTreeMap<&str, Option<[u8; 32]>> = graph
        .files()
        .all()
        .map(|id| (graph.files().path(id), graph.source(id).and_then(|source| source.digest)))
        .collect();
    let folders: BTreeSet<&str> = walked.folders.iter().map(String::as_str).collect();
    let mut copied: Vec<String> = Vec::new();
    for folder in &walked.folders {
        if is_below(&copied, folder) {
            continue;
        }
        if let Some(original) = original(folder, false).filter(|o| folders.contains(o.as_str())) {
            copied.push(format!("{folder}/"));
            findings.push(folder_copy(folder, &original, &files));
        }
    }
    for (path, digest) in &files {
        if is_below(&copied, path) {
            continue;
        }
        if let Some(original) = original(path, true)
            && let Some(first) = files.get(original.as_str())
        {
            findings.push(file_copy(path, &original, digest.is_some() && digest == first));
        }
        if let Some(by) = conflict_copy(path) {
            findings.push(Finding {
                rule: Rule::ConflictCopy,
                path: (*path).to_owned(),
                line: None,
                what: format!("a copy that {by} made of a conflict"),
                remedy: "bring what it has into the note it is a copy of, then delete it"
                    .to_owned(),
            });
        }
    }
    for path in folders.iter().chain(files.keys()) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(why) = unfit(name) {
            findings.push(Finding {
                rule: Rule::UnfitName,
                path: (*path).to_owned(),
                line: None,
                what: format!("{why}: Windows and Android do not take such a name"),
                remedy: "rename it in Obsidian, which changes the links to it, too".to_owned(),
            });
        }
    }
    twins(graph, &folders, findings);
}

/// Why a name cannot stand on every machine.
fn unfit(name: &str) -> Option<String> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    const PORTS: [&str; 2] = ["com", "lpt"];
    if name.chars().any(char::is_control) {
        return Some("a control character is in it".to_owned());
    }
    if let Some(sign) = name.chars().find(|c| r#"<>:"\|?*"#.contains(*c)) {
        return Some(format!("`{sign}` is in it"));
    }
    if name.ends_with(['.', ' ']) {
        return Some("it ends with a full stop or a blank".to_owned());
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    let is_port = PORTS.iter().any(|port| {
        let number = stem.strip_prefix(port).unwrap_or_default();
        number.len() == 1 && matches!(number.as_bytes()[0], b'1'..=b'9')
    });
    let is_device = is_port || DEVICES.contains(&stem.as_str());
    is_device.then(|| format!("`{stem}` is the name of a device"))
}

fn is_below(folders: &[String], path: &str) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

fn conflict_copy(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    COPIES.iter().find(|(part, _)| name.contains(part)).map(|(_, by)| *by)
}

/// Of `a/name 2.md` the path `a/name.md`.
fn original(path: &str, has_extension: bool) -> Option<String> {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let (stem, extension) = match name.rsplit_once('.').filter(|_| has_extension) {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (name, String::new()),
    };
    let (first, number) = stem.rsplit_once(' ')?;
    let is_number = (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && number.parse().is_ok_and(|n: u8| n >= 2);
    let slash = if folder.is_empty() { "" } else { "/" };
    (is_number && !first.is_empty()).then(|| format!("{folder}{slash}{first}{extension}"))
}

fn folder_copy(folder: &str, original: &str, files: &BTreeMap<&str, Option<[u8; 32]>>) -> Finding {
    let start = format!("{folder}/");
    let inside = files.iter().filter(|(path, _)| path.starts_with(&start));
    let (mut count, mut same) = (0, 0);
    for (path, digest) in inside {
        count += 1;
        let twin = format!("{original}/{}", &path[start.len()..]);
        same += usize::from(digest.is_some() && files.get(twin.as_str()) == Some(digest));
    }
    Finding {
        rule: Rule::Duplicate,
        path: folder.to_owned(),
        line: None,
        what: format!(
            "named like a copy of `{original}`; {count} files, {same} of them notes with the same content"
        ),
        remedy: "compare the two, bring what is new into the first, delete this one".to_owned(),
    }
}

fn file_copy(path: &str, original: &str, same: bool) -> Finding {
    let (what, remedy) = match same {
        true => ("with the same content", "delete it"),
        false => ("with another content", "bring what is new into the first, then delete this one"),
    };
    Finding {
        rule: Rule::Duplicate,
        path: path.to_owned(),
        line: None,
        what: format!("named like a copy of `{original}`, {what}"),
        remedy: remedy.to_owned(),
    }
}

fn twins(graph: &Graph, folders: &BTreeSet<&str>, findings: &mut Vec<Finding>) {
    let mut groups: Vec<Vec<&str>> = graph
        .files()
        .twins()
        .into_iter()
        .map(|ids| ids.into_iter().map(|id| graph.files().path(id)).collect())
        .collect();
    let mut by_key: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for folder in folders {
        by_key.entry(key(folder)).or_default().push(folder);
    }
    // Of twins within twins the outermost are told.
    let own = |group: &[&str]| {
        let parents: BTreeSet<&str> =
            group.iter().map(|path| path.rsplit_once('/').map_or("", |(up, _)| up)).collect();
        parents.len() == 1
    };
    groups.extend(by_key.into_values().filter(|group| group.len() > 1));
    for mut group in groups.into_iter().filter(|group| own(group)) {
        group.sort_unstable();
        let others: Vec<String> = group[1..].iter().map(|path| format!("`{path}`")).collect();
        findings.push(Finding {
            rule: Rule::CaseTwin,
            path: group[0].to_owned(),
            line: None,
            what: format!("it and {} cannot both stand on a Mac or on Windows", others.join(", ")),
            remedy: "rename one, or bring them together".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_refuses_are_told() {
        for name in
            ["a:b.md", "why?.md", "a\\b", "new\nline.md", "end.", "end ", "con.md", "LPT1", "Aux"]
        {
            assert!(unfit(name).is_some(), "{name:?}");
        }
        for name in [
            "a.md",
            "console.md",
            "com.md",
            "com10.md",
            "nulls",
            "C#.md",
            "x [1].md",
            ".hid",
            "é🎻.md",
        ] {
            assert_eq!(unfit(name), None, "{name:?}");
        }
    }

    #[test]
    fn copies_of_finder_have_a_number_at_their_end() {
        let cases = [
            ("a/name 2.md", true, Some("a/name.md")),
            ("name 13.md", true, Some("name.md")),
            ("v1.2 3.tar", true, Some("v1.2.tar")),
            ("Book 2", false, Some("Book")),
            ("name 1.md", true, None),
            ("name 2024.md", true, None),
            ("name2.md", true, None),
            (" 2.md", true, None),
        ];
        for (path, has_extension, expected) in cases {
            assert_eq!(original(path, has_extension).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn copies_of_conflicts_are_known_by_their_makers() {
        for (path, by) in [
            ("a/n.sync-conflict-20260101-120000-ABCDEF7.md", "Syncthing"),
            ("n (Conflicted copy iPad 202601011200).md", "Dropbox, Nextcloud or Obsidian Sync"),
            ("n (conflict of mac on 2026-01-01).md", "another sync"),
            ("conflict-files-obsidian-git.md", "the Git plugin"),
        ] {
            assert_eq!(conflict_copy(path), Some(by), "{path}");
        }
        assert_eq!(conflict_copy("conflicts/of interest.md"), None);
    }
}
