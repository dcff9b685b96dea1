//! What a snapshot says of itself: the subject tells what changed in words, trailers carry what
//! programs ask for. Pure.

use ubos_core::path::{RelPath, escape_bytes};

use super::Phase;

/// About how many columns a subject may take.
const SUBJECT: usize = 72;
/// Most paths that are listed in the body.
const LISTED: usize = 40;

/// Paths that a commit changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// That are new.
    pub added: Vec<RelPath>,
    /// Whose content, mode or kind is another.
    pub updated: Vec<RelPath>,
    /// That are gone.
    pub deleted: Vec<RelPath>,
}

impl Paths {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.updated.is_empty() && self.deleted.is_empty()
    }

    fn groups(&self) -> [(&'static str, &[RelPath]); 3] {
        [("updated", &self.updated), ("new", &self.added), ("deleted", &self.deleted)]
    }
}

/// What a message is made of.
#[derive(Debug)]
pub struct Words<'a> {
    /// When it was made.
    pub phase: Phase,
    /// The territory whose files these are, if it is not the one that makes the snapshot.
    pub from: Option<&'a str>,
    /// Words about the run.
    pub what: Option<&'a str>,
    /// What the commit changes.
    pub paths: &'a Paths,
    /// Trailers: name and value.
    pub trailers: &'a [(&'static str, String)],
}

/// The message.
pub fn message(words: &Words<'_>) -> String {
    let mut text = subject(words);
    text.push_str("\n\n");
    if let Some(what) = words.what.map(one_line).filter(|what| !what.is_empty()) {
        text.push_str(&format!("{what}\n\n"));
    }
    text.push_str(&listing(words.paths));
    text.push_str(&trailers(words.trailers));
    text
}

/// The last paragraph of a message.
pub fn trailers(trailers: &[(&'static str, String)]) -> String {
    trailers.iter().map(|(name, value)| format!("{name}: {}\n", one_line(value))).collect()
}

fn subject(words: &Words<'_>) -> String {
    let when = match words.phase {
        Phase::Pre => "before sync: ",
        Phase::Post => "sync: ",
        Phase::Asked => "",
    };
    let from = words.from.map(|from| format!("from {}: ", one_line(from))).unwrap_or_default();
    let counts: Vec<String> = words
        .paths
        .groups()
        .iter()
        .filter(|(_, paths)| !paths.is_empty())
        .map(|(word, paths)| format!("{} {word}", paths.len()))
        .collect();
    let mut text = format!("{when}{from}{}: ", counts.join(", "));
    let all: Vec<&RelPath> = words.paths.groups().iter().flat_map(|(_, paths)| *paths).collect();
    for (index, path) in all.iter().enumerate() {
        let name = shown(path);
        let separator = if index == 0 { "" } else { ", " };
        let fits = text.chars().count() + separator.len() + name.chars().count() <= SUBJECT;
        if index > 0 && !fits {
            text.push_str(", …");
            break;
        }
        text.push_str(separator);
        text.push_str(&shortened(&name));
    }
    text
}

/// The paths, one a line.
fn listing(paths: &Paths) -> String {
    let rows = paths.groups().into_iter().flat_map(|(word, paths)| {
        paths.iter().map(move |path| format!("- {word} {}\n", shown(path)))
    });
    let mut text: String = rows.clone().take(LISTED).collect();
    let more = rows.count().saturating_sub(LISTED);
    if more > 0 {
        text.push_str(&format!("- and {more} more\n"));
    }
    text.push('\n');
    text
}

/// A path on one line.
fn shown(path: &RelPath) -> String {
    one_line(&escape_bytes(path.as_bytes()))
}

/// Without what would begin another line, so that no name can pass for a trailer.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\u{2028}' | '\u{2029}' => line.push(' '),
            c if c.is_control() => line.push_str(&format!("\\x{:02x}", c as u32)),
            c => line.push(c),
        }
    }
    line
}

/// The end of a path that is too long for a subject.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= SUBJECT {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count - SUBJECT + 1).collect();
    format!("…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<RelPath> {
        names.iter().map(|name| RelPath::new(*name).unwrap()).collect()
    }

    fn made(phase: Phase, from: Option<&str>, what: Option<&str>, paths: &Paths) -> String {
        let trailers = [("Ubos-Run", "r1".to_owned()), ("Ubos-Gaps", "0".to_owned())];
        message(&Words { phase, from, what, paths, trailers: &trailers })
    }

    #[test]
    fn the_subject_says_what_changed() {
        let changed = Paths {
            added: paths(&["docs/new.md"]),
            updated: paths(&["docs/a.md", "docs/b.md"]),
            deleted: paths(&["x"]),
        };
        let text = made(Phase::Pre, None, Some("3 changes wait for balaur"), &changed);
        let expected = "before sync: 2 updated, 1 new, 1 deleted: docs/a.md, docs/b.md, …\n\n\
            3 changes wait for balaur\n\n\
            - updated docs/a.md\n- updated docs/b.md\n- new docs/new.md\n- deleted x\n\n\
            Ubos-Run: r1\nUbos-Gaps: 0\n";
        assert_eq!(text, expected);
        let text = made(Phase::Post, Some("balaur"), None, &changed);
        assert!(text.starts_with("sync: from balaur: 2 updated, "), "{text}");
    }

    #[test]
    fn no_name_passes_for_a_line_of_its_own() {
        let changed = Paths { added: paths(&["a\n\nUbos-Run: forged\nb"]), ..Paths::default() };
        let text = made(Phase::Asked, None, Some("x\nUbos-Phase: pre"), &changed);
        assert_eq!(crate::git::commit::trailer_of(&text, "Ubos-Run"), Some("r1"));
        assert!(!text.lines().any(|line| line.starts_with("Ubos-Phase")), "{text}");
    }

    #[test]
    fn many_paths_and_long_ones_stay_readable() {
        let names: Vec<String> = (0..100).map(|n| format!("notes/{n}.md")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let many = Paths { added: paths(&names), ..Paths::default() };
        let text = made(Phase::Asked, None, None, &many);
        assert!(text.lines().next().unwrap().chars().count() <= SUBJECT + 3, "{text}");
        assert!(text.contains("- and 60 more\n"), "{text}");
        let long = "ă".repeat(120);
        let one = Paths { updated: paths(&[&long]), ..Paths::default() };
        let first = made(Phase::Asked, None, None, &one).lines().next().unwrap().to_owned();
        assert!(first.starts_with("1 updated: …ăă") && first.chars().count() < 90, "{first}");
    }
}
