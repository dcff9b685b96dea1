//! A note as a person names it: a path, a title, a link.

use serde::{Deserialize, Serialize};

use super::near::{alike, stem};
use crate::graph::files::FileId;
use crate::graph::model::Graph;
use crate::graph::note::{key, linkpath, split_subpath};

/// Most names that are offered instead.
const MAX_OFFERED: usize = 8;

/// Why a name means no file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Unnamed {
    /// It could mean several.
    #[error("`{name}` could be {}", list(candidates))]
    Ambiguous {
        /// The name.
        name: String,
        /// Their paths, the one that Obsidian would open first.
        candidates: Vec<String>,
    },
    /// No file has it.
    #[error("the vault has no `{name}`{}", offer(near))]
    Unknown {
        /// The name.
        name: String,
        /// Paths of files that are named almost so, or have it as another name.
        near: Vec<String>,
    },
}

fn list(paths: &[String]) -> String {
    let shown: Vec<String> =
        paths.iter().take(MAX_OFFERED).map(|path| format!("`{path}`")).collect();
    let more = paths.len().saturating_sub(MAX_OFFERED);
    let more = if more > 0 { format!(" or {more} others") } else { String::new() };
    shown.join(", ") + &more
}

fn offer(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("; nearest are {}", list(near)) }
}

/// The file that `spoken` means: the one at that path, else the only one that a link of that text
/// could lead to from the root. Case does not matter, `.md`, brackets and a part from `#` on can
/// stand there or not.
///
/// # Errors
/// If there is none or more than one.
pub fn file(graph: &Graph, spoken: &str) -> Result<FileId, Unnamed> {
    // A path is one whatever it begins with.
    if let Some(id) = graph.files().at(spoken) {
        return Ok(id);
    }
    let inner = spoken.trim().trim_start_matches('!');
    let inner = inner.strip_prefix("[[").and_then(|s| s.strip_suffix("]]")).unwrap_or(inner);
    let files = graph.files();
    // A name with a `#` or `|` in it is still a path.
    if let Some(id) = files.at(inner) {
        return Ok(id);
    }
    let inner = inner.split_once('|').map_or(inner, |(target, _)| target);
    let target = linkpath(split_subpath(inner).0);
    let target = target.trim_start_matches("./").trim_end_matches('/');
    if target.is_empty() {
        return Err(Unnamed::Unknown { name: spoken.to_owned(), near: Vec::new() });
    }
    let rooted = format!("/{}", target.trim_start_matches('/'));
    if let Some(id) = files.resolve(&rooted, "") {
        return Ok(id);
    }
    let mut found = files.candidates(target, "");
    let whole = |id: &FileId| {
        let path = key(files.path(*id));
        let target = key(target);
        [format!("/{target}"), format!("/{target}.md")].iter().any(|end| path.ends_with(end))
    };
    // Where the text is whole parts of paths, it means those.
    if found.iter().any(whole) {
        found.retain(whole);
    }
    match found[..] {
        [id] => Ok(id),
        [] => Err(Unnamed::Unknown { name: spoken.to_owned(), near: near(graph, target) }),
        _ => Err(Unnamed::Ambiguous {
            name: spoken.to_owned(),
            candidates: found.iter().map(|id| files.path(*id).to_owned()).collect(),
        }),
    }
}

/// Paths of files whose other name or almost whose name this is, or whose name has it as a part.
fn near(graph: &Graph, name: &str) -> Vec<String> {
    let wanted = key(name);
    let aliased = graph
        .notes()
        .filter(|(_, note)| note.aliases.iter().any(|alias| key(alias) == wanted))
        .map(|(id, _)| id);
    let mut found: Vec<FileId> = aliased.collect();
    let part = key(stem(name));
    let having = |id: &FileId| {
        part.chars().count() > 2 && key(stem(graph.files().path(*id))).contains(&part)
    };
    for id in alike(graph.files(), name).into_iter().chain(graph.files().all().filter(having)) {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found.iter().take(MAX_OFFERED).map(|id| graph.files().path(*id).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    fn vault() -> Sketch {
        Sketch::of(&[
            ("note.md", ""),
            ("a/note.md", ""),
            ("a/t.md", ""),
            ("z/t.md", ""),
            ("xb/only.md", "---\naliases: [AI, Thing]\n---\n"),
            ("img/p.png", ""),
            ("C# notes.md", ""),
            (" lead.md", ""),
        ])
    }

    #[test]
    fn a_path_is_one_whatever_it_begins_with() {
        let vault = vault();
        assert_eq!(file(&vault.graph, " lead.md"), Ok(vault.id(" lead.md")));
    }

    #[test]
    fn a_path_a_title_and_a_link_name_the_same() {
        let vault = vault();
        for spoken in [
            "note",
            "note.md",
            "NOTE",
            "./note.md",
            "/note",
            "[[note]]",
            "[[note#H|x]]",
            "![[note]]",
        ] {
            let id = file(&vault.graph, spoken).unwrap();
            assert_eq!(vault.graph.files().path(id), "note.md", "{spoken}");
        }
        let id = file(&vault.graph, "only").unwrap();
        assert_eq!(vault.graph.files().path(id), "xb/only.md");
        assert_eq!(file(&vault.graph, "p.png"), Ok(vault.id("img/p.png")));
        assert_eq!(file(&vault.graph, "C# notes.md"), Ok(vault.id("C# notes.md")));
    }

    #[test]
    fn what_could_mean_several_is_asked_back() {
        let vault = vault();
        let Err(Unnamed::Ambiguous { candidates, .. }) = file(&vault.graph, "t") else { panic!() };
        assert_eq!(candidates, ["a/t.md", "z/t.md"]);
        assert_eq!(file(&vault.graph, "z/t"), Ok(vault.id("z/t.md")));
    }

    #[test]
    fn what_means_none_offers_what_is_near() {
        let vault = vault();
        let near = |spoken| match file(&vault.graph, spoken) {
            Err(Unnamed::Unknown { near, .. }) => near,
            other => panic!("{other:?}"),
        };
        assert_eq!(near("ntoe"), ["note.md", "a/note.md"]);
        assert_eq!(near("AI"), ["xb/only.md"]);
        assert!(near("nothing alike").is_empty() && near("").is_empty());
        let error = file(&vault.graph, "AI").unwrap_err().to_string();
        assert_eq!(error, "the vault has no `AI`; nearest are `xb/only.md`");
    }
}
