//! One gitignore pattern, taken apart into components.
//!
//! A pattern is matched component by component while a walk descends, so it is kept as a list of
//! segments rather than as an expression over whole paths.

use unicode_normalization::UnicodeNormalization;

use super::name::{NamePattern, folded};
use crate::path::RelPath;

/// Where a pattern without an inner `/` applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchoring {
    /// At the root only (the to and from manifests).
    Root,
    /// In every folder (gitignore, the exclude manifest).
    AnyDepth,
}

/// Why a line is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing is left besides `!` and `/`.
    #[error("the pattern is empty")]
    Empty,
    /// A component is `.` or `..`.
    #[error("`.` and `..` are not allowed in a pattern")]
    Dots,
    /// Two slashes in a row.
    #[error("two slashes in a row match nothing")]
    EmptyComponent,
    /// A `[` whose `]` is missing in the same component.
    #[error("a `[` is never closed")]
    UnclosedClass,
    /// A range such as `[z-a]`.
    #[error("the range {0}-{1} runs backwards")]
    BadRange(char, char),
    /// A class such as `[[:foo:]]`.
    #[error("there is no class [:{0}:]")]
    UnknownClass(String),
    /// A backslash with nothing behind it in its component.
    #[error("a backslash escapes nothing")]
    TrailingBackslash,
    /// A NUL character.
    #[error("the pattern contains a NUL character")]
    Nul,
}

impl PatternError {
    /// How to mend the line.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Empty => "to name everything write *",
            Self::Dots => "patterns start at the root: write docs/, not ./docs/ or ../docs/",
            Self::EmptyComponent => "write a/b, or a/**/b for any folders between",
            Self::UnclosedClass => "for a real bracket write \\[",
            Self::TrailingBackslash => "for a real backslash write \\\\",
            Self::BadRange(..) | Self::UnknownClass(_) | Self::Nul => return None,
        };
        Some(hint.to_owned())
    }
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    negated: bool,
    dir_only: bool,
    literal_prefix: usize,
    core: String,
    segments: Box<[Segment]>,
}

/// One component of a [`Pattern`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// `**`: any number of folders, also none. Never the last one, never twice in a row.
    AnyDepth,
    /// One name.
    Name(NamePattern),
}

impl Pattern {
    /// Compiles one line of a manifest. `fold_case`: letters of either case are the same.
    ///
    /// # Errors
    /// Any [`PatternError`]. What git would accept and never match is an error here: a line that
    /// can match nothing is a mistake, and in a list of what to sync a costly one.
    pub fn parse(text: &str, anchoring: Anchoring, fold_case: bool) -> Result<Self, PatternError> {
        if text.contains('\0') {
            return Err(PatternError::Nul);
        }
        let normal = normal_text(text, fold_case);
        let (negated, rest) = strip(&normal, |t| t.strip_prefix('!'));
        let (rooted, rest) = strip(rest, |t| t.strip_prefix('/'));
        let literal_prefix = literal_prefix(rest);
        let (dir_only, core) = strip(rest, |t| t.strip_suffix('/'));
        if core.is_empty() {
            return Err(PatternError::Empty);
        }
        let anchored = rooted || core.contains('/') || anchoring == Anchoring::Root;
        let segments = segments(core, anchored)?;
        Ok(Self { negated, dir_only, literal_prefix, core: core.to_owned(), segments })
    }

    /// Whether it begins with `!` and takes back.
    pub fn is_negated(&self) -> bool {
        self.negated
    }

    /// Whether it ends in `/` and names folders only.
    pub fn is_dir_only(&self) -> bool {
        self.dir_only
    }

    /// How many characters stand before the first wildcard; a `/` at the end counts, one at the
    /// start does not. Of two matching lines the one with more of them wins.
    pub fn literal_prefix(&self) -> usize {
        self.literal_prefix
    }

    /// Whether both name the same paths by the same words, whatever slash they begin or end with.
    pub fn same_words(&self, other: &Pattern) -> bool {
        self.core == other.core
    }

    /// Whether it matches every file and folder of the root, and so all below them.
    pub(crate) fn matches_everything(&self) -> bool {
        let all = matches!(
            &self.segments[..],
            [Segment::Name(NamePattern::Any)]
                | [Segment::AnyDepth, Segment::Name(NamePattern::Any)]
        );
        all && !self.negated && !self.dir_only
    }

    /// Whether no wildcard stands in it, so that it names one path.
    pub fn is_literal(&self) -> bool {
        self.segments.iter().all(|s| matches!(s, Segment::Name(NamePattern::Literal(_))))
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The single name of a pattern that applies in every folder.
    pub(crate) fn floating_name(&self) -> Option<&NamePattern> {
        match &self.segments[..] {
            [Segment::AnyDepth, Segment::Name(name)] => Some(name),
            _ => None,
        }
    }
}

/// The line of a manifest that names exactly `path`; `None` where no line can, since it is not UTF-8 or
/// has a line break in it.
pub fn line_for(path: &RelPath) -> Option<String> {
    let text = std::str::from_utf8(path.as_bytes()).ok()?;
    if text.contains(['\n', '\r', '\0']) {
        return None;
    }
    let mut line = String::from("/");
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    // A blank at the end of a line counts only behind a backslash.
    if line.ends_with([' ', '\t']) {
        line.insert(line.len() - 1, '\\');
    }
    Some(line)
}

fn normal_text(text: &str, fold_case: bool) -> String {
    if fold_case {
        // Names are compared in small letters, so a class of capitals means the small ones.
        folded(text).replace("[:upper:]", "[:lower:]")
    } else {
        text.nfc().collect()
    }
}

fn strip<'a>(text: &'a str, by: impl Fn(&'a str) -> Option<&'a str>) -> (bool, &'a str) {
    match by(text) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

fn segments(core: &str, anchored: bool) -> Result<Box<[Segment]>, PatternError> {
    let mut found = Vec::new();
    if !anchored {
        found.push(Segment::AnyDepth);
    }
    for part in core.split('/') {
        match part {
            "" => return Err(PatternError::EmptyComponent),
            "." | ".." => return Err(PatternError::Dots),
            "**" if found.last() == Some(&Segment::AnyDepth) => {}
            "**" => found.push(Segment::AnyDepth),
            name => found.push(Segment::Name(NamePattern::parse(name)?)),
        }
    }
    // `a/**` is whatever lies in `a`, not `a` itself.
    if found.last() == Some(&Segment::AnyDepth) {
        found.push(Segment::Name(NamePattern::Any));
    }
    Ok(found.into())
}

fn literal_prefix(text: &str) -> usize {
    let mut count = 0;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' => break,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Pattern, PatternError> {
        Pattern::parse(text, Anchoring::AnyDepth, false)
    }

    #[test]
    fn literal_prefixes_end_at_the_first_wildcard() {
        for (text, length) in [
            ("docs/", 5),
            ("/docs", 4),
            ("!docs/*.md", 5),
            ("*", 0),
            ("a\\*b?", 3),
            ("[ab]", 0),
            ("a/**", 2),
        ] {
            assert_eq!(parse(text).unwrap().literal_prefix(), length, "{text}");
        }
    }

    #[test]
    fn only_patterns_without_a_slash_float() {
        assert!(parse("*.pyc").unwrap().floating_name().is_some());
        assert!(parse("build/").unwrap().floating_name().is_some());
        assert!(parse("**/x").unwrap().floating_name().is_some());
        assert!(parse("/x").unwrap().floating_name().is_none());
        assert!(parse("a/x").unwrap().floating_name().is_none());
        let rooted = Pattern::parse("x", Anchoring::Root, false).unwrap();
        assert!(rooted.floating_name().is_none());
    }

    #[test]
    fn what_can_match_nothing_is_an_error() {
        for (text, error) in [
            ("/", PatternError::Empty),
            ("!", PatternError::Empty),
            ("!/", PatternError::Empty),
            ("a/../b", PatternError::Dots),
            ("./a", PatternError::Dots),
            ("a//b", PatternError::EmptyComponent),
            ("a/[b/c]", PatternError::UnclosedClass),
            ("a\\/b", PatternError::TrailingBackslash),
            ("a\0", PatternError::Nul),
        ] {
            assert_eq!(parse(text), Err(error), "{text:?}");
        }
        assert!(parse("a/...").is_ok());
    }

    #[test]
    fn the_line_for_a_path_names_that_path_alone() {
        for (path, line) in [
            ("a/b c.md", "/a/b c.md"),
            ("!#[x]*?", "/!#\\[x\\]\\*\\?"),
            ("back\\slash", "/back\\\\slash"),
            ("blank ", "/blank\\ "),
        ] {
            let path = RelPath::new(path).unwrap();
            assert_eq!(line_for(&path).as_deref(), Some(line));
            assert!(parse(line).unwrap().is_literal(), "{line}");
        }
        assert_eq!(line_for(&RelPath::new("two\nlines").unwrap()), None);
        assert_eq!(line_for(&RelPath::new(&b"caf\xe9"[..]).unwrap()), None);
    }

    #[test]
    fn the_same_words_are_the_same_pattern() {
        let same = |a: &str, b: &str| parse(a).unwrap().same_words(&parse(b).unwrap());
        assert!(same("docs/", "/docs"));
        assert!(same("Cafe\u{301}", "Café"));
        assert!(!same("docs", "docs/*"));
    }
}
