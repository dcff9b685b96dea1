//! Links that lead nowhere: why, and what they probably should say.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::near::{Stems, bare, edits, slips, stem};
use super::{Reference, View, written_links};
use crate::graph::files::{FileId, name_of};
use crate::graph::model::{Edge, Graph, Target};
use crate::graph::note::{Link, LinkForm, key};

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A file of that name stands in another folder.
    Moved,
    /// A file has almost that name.
    Misspelt,
    /// A note has it as another name, which links do not look at.
    Alias,
    /// It names a folder.
    Folder,
    /// It names something in a folder that begins with a dot, which Obsidian does not see.
    Hidden,
    /// It names a symbolic link, which is not followed.
    Symlink,
    /// It is a path of one machine and not of the vault.
    MachinePath,
    /// The note is there, the heading is not.
    Heading,
    /// The note is there, the block or footnote is not.
    Block,
    /// Nothing like it is there.
    Missing,
}

impl Cause {
    /// All of them, in the order of answers.
    pub const ALL: [Self; 10] = [
        Self::Moved,
        Self::Misspelt,
        Self::Alias,
        Self::Folder,
        Self::Hidden,
        Self::Symlink,
        Self::MachinePath,
        Self::Heading,
        Self::Block,
        Self::Missing,
    ];

    /// The word for it in answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Misspelt => "misspelt",
            Self::Alias => "alias",
            Self::Folder => "folder",
            Self::Hidden => "hidden",
            Self::Symlink => "symlink",
            Self::MachinePath => "machine-path",
            Self::Heading => "heading",
            Self::Block => "block",
            Self::Missing => "missing",
        }
    }
}

/// Links that lead nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Them, by cause, then by place.
    pub links: Vec<BrokenLink>,
    /// How many there are of each cause, shown or not.
    pub causes: BTreeMap<Cause, usize>,
    /// How many there are, shown or not.
    pub total: usize,
}

/// A link that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenLink {
    /// Why.
    pub cause: Cause,
    /// The link.
    pub reference: Reference,
    /// The file that is probably meant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub meant: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
}

/// All links that lead nowhere. `symlinks` are the paths in the vault that are not followed.
pub fn broken(view: &View<'_>, symlinks: &[String], limit: usize) -> Broken {
    let finder = Finder::of(view.graph, symlinks);
    let mut all: Vec<(Cause, &Edge, Verdict)> = Vec::new();
    // The same wrong name is mostly written many times.
    let mut known: HashMap<(String, String), Verdict> = HashMap::new();
    for (edge, link) in suspects(view) {
        let folder = view.path(edge.from).rsplit_once('/').map_or("", |(folder, _)| folder);
        let verdict = match edge.to {
            Target::File(id) => finder.subpath(id, edge, link, view.path(edge.from)),
            _ => known
                .entry((link.target.clone(), folder.to_owned()))
                .or_insert_with(|| finder.name(link, view.path(edge.from)))
                .for_link(link, &finder, view.path(edge.from)),
        };
        all.push((verdict.cause, edge, verdict));
    }
    all.sort_by_key(|(cause, edge, _)| (*cause, view.path(edge.within), edge.at));
    let mut causes = BTreeMap::new();
    for (cause, ..) in &all {
        *causes.entry(*cause).or_default() += 1;
    }
    let total = all.len();
    all.truncate(limit);
    let references = view.references(all.iter().map(|(_, edge, _)| *edge));
    let links =
        all.into_iter().zip(references).map(|((cause, _, verdict), reference)| BrokenLink {
            cause,
            reference,
            meant: verdict.meant.map(|id| view.path(id).to_owned()),
            fix: verdict.fix,
        });
    Broken { links: links.collect(), causes, total }
}

/// Edges that lead nowhere, with the link as it is written.
fn suspects<'g>(view: &View<'g>) -> Vec<(&'g Edge, &'g Link)> {
    let mut found = Vec::new();
    for id in view.graph.files().all() {
        let links = written_links(view.graph, id);
        // Of the edges that are written in a file those of its links come first, in their order.
        let written = view.graph.outgoing(id).filter(|edge| edge.within == id);
        for (edge, link) in written.zip(links) {
            let bad = matches!(edge.to, Target::Missing(_)) || edge.subpath_found == Some(false);
            if bad && view.sees(edge) {
                found.push((edge, link));
            }
        }
    }
    found
}

#[derive(Debug, Clone)]
struct Verdict {
    cause: Cause,
    meant: Option<FileId>,
    fix: Option<String>,
}

impl Verdict {
    /// The same verdict with what this link would have to say.
    fn for_link(&self, link: &Link, finder: &Finder<'_>, source: &str) -> Self {
        let fix = self.meant.map(|id| {
            let shown = match self.cause {
                Cause::Alias => link.display.as_deref().or(Some(&link.target)),
                _ => link.display.as_deref(),
            };
            finder.written(link, id, link.subpath.as_deref(), shown, source)
        });
        Self { fix, ..self.clone() }
    }
}

struct Finder<'g> {
    graph: &'g Graph,
    folders: HashSet<String>,
    aliases: HashMap<String, FileId>,
    symlinks: HashSet<String>,
    stems: Stems<'g>,
}

impl<'g> Finder<'g> {
    fn of(graph: &'g Graph, symlinks: &[String]) -> Self {
        let mut folders = HashSet::new();
        for id in graph.files().all() {
            let mut path = key(graph.files().path(id));
            while let Some((folder, _)) = path.rsplit_once('/') {
                let folder = folder.to_owned();
                if !folders.insert(folder.clone()) {
                    break;
                }
                path = folder;
            }
        }
        let mut aliases = HashMap::new();
        for (id, note) in graph.notes() {
            for alias in &note.aliases {
                aliases.entry(key(alias)).or_insert(id);
            }
        }
        let symlinks = symlinks.iter().map(|path| key(path)).collect();
        Self { graph, folders, aliases, symlinks, stems: Stems::of(graph.files()) }
    }

    fn path(&self, id: FileId) -> &'g str {
        self.graph.files().path(id)
    }

    /// Why no file has the name of `link`.
    fn name(&self, link: &Link, source: &str) -> Verdict {
        let target = link.target.as_str();
        let plain = key(target.trim_matches('/'));
        let verdict = |cause, meant| Verdict { cause, meant, fix: None };
        let parts = || target.split('/').filter(|part| !matches!(*part, "." | ".."));
        if is_of_a_machine(target) && !self.begins_in_vault(&plain) {
            return verdict(Cause::MachinePath, self.ends_like(target));
        }
        if parts().any(|part| part.starts_with('.')) {
            return verdict(Cause::Hidden, None);
        }
        if self
            .symlinks
            .iter()
            .any(|path| is_end(path, &plain) || is_end(path, &format!("{plain}.md")))
        {
            return verdict(Cause::Symlink, None);
        }
        if let Some(id) = self.aliases.get(&key(target)) {
            return verdict(Cause::Alias, Some(*id));
        }
        let name = name_of(target.trim_end_matches('/'));
        if let Some(id) =
            self.graph.files().candidates(name, source).first().filter(|_| target != name)
        {
            return verdict(Cause::Moved, Some(*id));
        }
        if self.folders.iter().any(|folder| is_end(folder, &plain)) {
            let inside =
                self.graph.files().resolve(&format!("{plain}/{}", name_of(&plain)), source);
            return verdict(Cause::Folder, inside);
        }
        match self.stems.alike(name).first() {
            Some(id) => verdict(Cause::Misspelt, Some(*id)),
            None => verdict(Cause::Missing, None),
        }
    }

    fn begins_in_vault(&self, plain: &str) -> bool {
        plain.split_once('/').is_some_and(|(first, _)| self.folders.contains(first))
    }

    /// The file whose path is the longest end of a path of a machine.
    fn ends_like(&self, target: &str) -> Option<FileId> {
        let mut rest = target.trim_start_matches(['/', '~']);
        loop {
            if let Some(id) = self.graph.files().resolve(&format!("/{rest}"), "") {
                return Some(id);
            }
            rest = rest.split_once('/')?.1;
        }
    }

    /// Which heading or block is meant.
    fn subpath(&self, id: FileId, edge: &Edge, link: &Link, source: &str) -> Verdict {
        let subpath = edge.subpath.as_deref().unwrap_or_default();
        let note = self.graph.note(id);
        let names = |of: &[String], wanted: &str| {
            let wanted = key(wanted);
            let plain = bare(&wanted);
            let near = of.iter().filter_map(|name| {
                // Other programs write a heading in small letters, with `-` for blanks.
                if !plain.is_empty() && bare(name) == plain {
                    return Some((0, name.clone()));
                }
                Some((edits(&key(name), &wanted, slips(&wanted).max(1))?, name.clone()))
            });
            near.min().map(|(_, name)| name)
        };
        let (cause, near) = match subpath.strip_prefix('^') {
            Some(block) => {
                let blocks: Option<Vec<String>> =
                    note.map(|n| n.blocks.iter().map(|b| b.name.clone()).collect());
                let near = names(&blocks.unwrap_or_default(), block);
                (Cause::Block, near.map(|name| format!("^{name}")))
            }
            None if subpath.starts_with("[^") => (Cause::Block, None),
            None => {
                let last = subpath.rsplit('#').next().unwrap_or_default();
                let all: Option<Vec<String>> =
                    note.map(|n| n.headings.iter().map(|h| h.text.clone()).collect());
                (Cause::Heading, names(&all.unwrap_or_default(), last))
            }
        };
        let display = link.display.as_deref();
        let fix = near.map(|near| self.written(link, id, Some(&near), display, source));
        Verdict { cause, meant: Some(id), fix }
    }

    /// A link to `id`, written as `link` is.
    fn written(
        &self,
        link: &Link,
        id: FileId,
        subpath: Option<&str>,
        display: Option<&str>,
        source: &str,
    ) -> String {
        let target = match link.target.is_empty() {
            true => String::new(),
            false => self.shortest(id, source),
        };
        let subpath = subpath.map(|part| format!("#{part}")).unwrap_or_default();
        let mark = if link.embed && !matches!(link.form, LinkForm::CanvasFile) { "!" } else { "" };
        match &link.form {
            LinkForm::Markdown => {
                let path = match target.is_empty() {
                    true => String::new(),
                    false => self.path(id).to_owned(),
                };
                let address = format!("{path}{subpath}").replace('%', "%25").replace(' ', "%20");
                format!("{mark}[{}]({address})", display.unwrap_or(stem(self.path(id))))
            }
            LinkForm::CanvasFile | LinkForm::CanvasGroup => self.path(id).to_owned(),
            _ => {
                let shown = display.map(|text| format!("|{text}")).unwrap_or_default();
                format!("{mark}[[{target}{subpath}{shown}]]")
            }
        }
    }

    /// The shortest text that leads to `id` from `source`.
    fn shortest(&self, id: FileId, source: &str) -> String {
        let path = self.path(id);
        let whole = path.len() - name_of(path).len() + stem(path).len();
        let mut from = name_of(path).as_ptr() as usize - path.as_ptr() as usize;
        loop {
            let text = &path[from..whole];
            if self.graph.files().resolve(text, source) == Some(id) || from == 0 {
                return text.to_owned();
            }
            from = path[..from - 1].rfind('/').map_or(0, |at| at + 1);
        }
    }
}

/// Whether `end` is the last parts of `path`.
fn is_end(path: &str, end: &str) -> bool {
    !end.is_empty()
        && path.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Whether a target is a path from the top of a machine's file system.
fn is_of_a_machine(target: &str) -> bool {
    let drive = target.as_bytes();
    let has_drive =
        drive.len() > 2 && drive[0].is_ascii_alphabetic() && drive[1] == b':' && drive[2] == b'/';
    has_drive || target.starts_with("~/") || target.starts_with('/') && target[1..].contains('/')
}

#[cfg(test)]
mod tests {
    use super::super::sketch::Sketch;
    use super::*;

    fn shown(files: &[(&str, &str)], symlinks: &[&str]) -> Vec<String> {
        let vault = Sketch::of(files);
        let symlinks: Vec<String> = symlinks.iter().map(|s| (*s).to_owned()).collect();
        let all = broken(&vault.view(), &symlinks, 99);
        assert_eq!(all.causes.values().sum::<usize>(), all.total);
        let fix = |l: &BrokenLink| l.fix.clone().unwrap_or("-".to_owned());
        all.links.iter().map(|l| format!("{} {}", l.cause.word(), fix(l))).collect()
    }

    #[test]
    fn every_cause_is_told_with_what_to_write() {
        let text = "[[old/plan]] [[Raodmap]] [[AI]] [[docs]] [[.obsidian/app.json]] [[linked]]\n\
                    [x](/Users/me/vault/docs/goal.md) [[goal#Ends]] [[goal#^blok]] [[nothing alike]]\n\
                    ![[old/plan#H|p]] [t](old/plan.md) [[goal]] [[goal#Ende]]";
        let files = [
            ("a.md", text),
            ("new/plan.md", ""),
            ("docs/goal.md", "# Ende\ntext ^block\n"),
            ("roadmap.md", "---\naliases: [AI]\n---\n"),
        ];
        assert_eq!(
            shown(&files, &["linked.md"]),
            [
                "moved [[plan]]",
                "moved ![[plan#H|p]]",
                "moved [t](new/plan.md)",
                "misspelt [[roadmap]]",
                "alias [[roadmap|AI]]",
                "folder -",
                "hidden -",
                "symlink -",
                "machine-path [x](docs/goal.md)",
                "heading [[goal#Ende]]",
                "block [[goal#^block]]",
                "missing -",
            ]
        );
    }

    #[test]
    fn a_fix_is_as_long_as_it_must_be_and_the_same_link_is_told_each_time() {
        let files = [
            ("a.md", "[[Ntoes]] [[Ntoes|n]]"),
            ("notes.md", ""),
            ("z/notes.md", ""),
            ("b.md", "[[q/t]]"),
            ("x/t.md", ""),
        ];
        assert_eq!(
            shown(&files, &[]),
            ["moved [[t]]", "misspelt [[notes]]", "misspelt [[notes|n]]"]
        );
    }

    #[test]
    fn an_arrow_that_a_canvas_draws_from_a_note_is_none_of_its_links() {
        let canvas = r##"{"nodes":[{"id":"1","file":"z.md"},{"id":"2","file":"y.md"}],"edges":[{"id":"e","fromNode":"1","toNode":"2"}]}"##;
        let files = [("a.canvas", canvas), ("y.md", ""), ("z.md", "[[y]] [[y/none|shown]] [[y]]")];
        assert_eq!(shown(&files, &[]), ["missing -"]);
        let vault = Sketch::of(&files);
        assert_eq!(broken(&vault.view(), &[], 9).links[0].reference.to.name(), "y/none");
    }

    #[test]
    fn a_link_in_itself_is_looked_at_too() {
        let files = [("a.md", "# Hed\n[[#Head]] [[#nothing]]")];
        assert_eq!(shown(&files, &[]), ["heading [[#Hed]]", "heading -"]);
        let anchor = [("a.md", "# 1. The Start\n[there](a.md#1-the-start)")];
        assert_eq!(shown(&anchor, &[]), ["heading [there](a.md#1.%20The%20Start)"]);
    }
}
