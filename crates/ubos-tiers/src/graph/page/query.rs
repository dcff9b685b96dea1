//! The queries of colour groups and of the graph's filter: words, phrases, `path:`, `file:`, `tag:`,
//! `content:`, regular expressions, `OR`, a minus, parentheses. A query with an operator that is not
//! among these finds nothing and says so: a wrong colour would be worse than none.

use std::cell::OnceCell;

use regex::{Regex, RegexBuilder};

use crate::graph::note::key;

/// Deeper parentheses are not followed.
const MAX_DEPTH: usize = 32;
/// A compiled regular expression is at most this large, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// What a query looks at.
#[derive(Debug)]
pub(super) struct Subject<'s> {
    path: &'s str,
    tags: &'s [&'s str],
    text: &'s str,
    /// The text in the form in which words are compared, once one is looked for.
    text_key: OnceCell<String>,
}

impl<'s> Subject<'s> {
    /// A file: its path from the vault's root, its tags without `#`, and of a note its text.
    pub(super) fn new(path: &'s str, tags: &'s [&'s str], text: &'s str) -> Self {
        Self { path, tags, text, text_key: OnceCell::new() }
    }
}

/// A query, understood.
#[derive(Debug)]
pub(super) enum Query {
    All(Vec<Query>),
    Any(Vec<Query>),
    Not(Box<Query>),
    In(Field, Needle),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Path or text.
    Anything,
    Path,
    File,
    Tag,
    Content,
}

#[derive(Debug)]
pub(super) enum Needle {
    /// In the form in which names are compared.
    Words(String),
    Pattern(Regex),
}

impl Query {
    /// Understands a query.
    ///
    /// # Errors
    /// What in it is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { rest: text, depth: 0 };
        let query = reader.any(Field::Anything)?;
        if reader.rest.is_empty() { Ok(query) } else { Err("a `)` too many".to_owned()) }
    }

    /// Whether it finds this.
    pub(super) fn finds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.finds(subject)),
            Self::Any(parts) => parts.iter().any(|part| part.finds(subject)),
            Self::Not(part) => !part.finds(subject),
            Self::In(field, needle) => found(*field, needle, subject),
        }
    }
}

fn found(field: Field, needle: &Needle, subject: &Subject<'_>) -> bool {
    let name = subject.path.rsplit('/').next().unwrap_or(subject.path);
    match field {
        Field::Anything => needle.is_in(subject.path) || needle.is_in_text(subject),
        Field::Path => needle.is_in(subject.path),
        Field::File => needle.is_in(name),
        Field::Content => needle.is_in_text(subject),
        Field::Tag => subject.tags.iter().any(|tag| needle.is_tag(tag)),
    }
}

impl Needle {
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Words(words) => key(text).contains(words.as_str()),
            Self::Pattern(pattern) => pattern.is_match(text),
        }
    }

    fn is_in_text(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Words(words) => {
                subject.text_key.get_or_init(|| key(subject.text)).contains(words.as_str())
            }
            Self::Pattern(pattern) => pattern.is_match(subject.text),
        }
    }

    /// Whether it is that tag or one that this is nested in.
    fn is_tag(&self, tag: &str) -> bool {
        match self {
            Self::Words(words) => {
                let (tag, words) = (key(tag), words.trim_start_matches('#'));
                tag.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            Self::Pattern(pattern) => pattern.is_match(tag),
        }
    }
}

struct Reader<'q> {
    rest: &'q str,
    depth: usize,
}

impl<'q> Reader<'q> {
    fn any(&mut self, field: Field) -> Result<Query, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("parentheses too deep".to_owned());
        }
        let mut alternatives = vec![self.all(field)?];
        while self.takes_or() {
            alternatives.push(self.all(field)?);
        }
        self.depth -= 1;
        Ok(match alternatives.len() {
            1 => alternatives.remove(0),
            _ => Query::Any(alternatives),
        })
    }

    fn all(&mut self, field: Field) -> Result<Query, String> {
        let mut parts = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() || self.rest.starts_with(')') || self.at_or() {
                return Ok(Query::All(parts));
            }
            parts.push(self.one(field)?);
        }
    }

    fn at_or(&self) -> bool {
        let after = self.rest.strip_prefix("OR");
        after.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '(', ')']))
    }

    fn takes_or(&mut self) -> bool {
        let is = self.at_or();
        if is {
            self.rest = &self.rest[2..];
        }
        is
    }

    fn one(&mut self, field: Field) -> Result<Query, String> {
        // A minus or an operator with nothing behind it leaves nothing out.
        if self.rest.is_empty() || self.rest.starts_with(')') {
            return Ok(Query::All(Vec::new()));
        }
        if let Some(rest) = self.rest.strip_prefix('-').filter(|rest| !rest.starts_with(' ')) {
            self.rest = rest;
            if rest.is_empty() || rest.starts_with(')') {
                return self.one(field);
            }
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err("too many minus signs".to_owned());
            }
            let part = self.one(field)?;
            self.depth -= 1;
            return Ok(Query::Not(Box::new(part)));
        }
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let inner = self.any(field)?;
            self.rest = self.rest.trim_start();
            self.rest = self.rest.strip_prefix(')').ok_or("a `)` is missing")?;
            return Ok(inner);
        }
        match self.rest.chars().next() {
            Some('"') => Ok(Query::In(field, self.quoted())),
            Some('/') => Ok(Query::In(field, self.pattern()?)),
            Some('[') => Err("properties are not looked at".to_owned()),
            _ => self.word(field),
        }
    }

    fn word(&mut self, field: Field) -> Result<Query, String> {
        let end = self.rest.find([' ', '\t', '\n', '(', ')', '"', ':']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if let (Some(rest), Field::Anything) = (rest.strip_prefix(':'), field)
            && let Some(field) = operator(word)?
        {
            self.rest = rest.trim_start();
            return self.one(field);
        }
        // Anything else with a colon is a word: a time, a port.
        let end = self.rest.find([' ', '\t', '\n', '(', ')', '"']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Query::In(field, Needle::Words(key(word))))
    }

    fn quoted(&mut self) -> Needle {
        let inner = &self.rest[1..];
        let end = inner.find('"').unwrap_or(inner.len());
        self.rest = inner.get(end + 1..).unwrap_or_default();
        Needle::Words(key(&inner[..end]))
    }

    fn pattern(&mut self) -> Result<Needle, String> {
        let inner = &self.rest[1..];
        let mut escaped = false;
        let end = inner.char_indices().find(|(_, c)| {
            let is_end = *c == '/' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        let Some((end, _)) = end else {
            return Err("a regular expression without its second `/`".to_owned());
        };
        self.rest = &inner[end + 1..];
        // `\/` is how a slash is written between slashes, and no escape that `regex` knows.
        let text = inner[..end].replace("\\/", "/");
        let built = RegexBuilder::new(&text).case_insensitive(true).size_limit(MAX_REGEX).build();
        built.map(Needle::Pattern).map_err(|_| "a regular expression that is not understood".into())
    }
}

/// The field of an operator; `None` if the word is none.
fn operator(word: &str) -> Result<Option<Field>, String> {
    const OTHERS: [&str; 9] = [
        "line",
        "block",
        "section",
        "task",
        "task-todo",
        "task-done",
        "match-case",
        "ignore-case",
        "property",
    ];
    match word {
        "path" => Ok(Some(Field::Path)),
        "file" => Ok(Some(Field::File)),
        "tag" => Ok(Some(Field::Tag)),
        "content" => Ok(Some(Field::Content)),
        _ if OTHERS.contains(&word) => Err(format!("`{word}:` is not looked at")),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: bool) {
        let text = "The brass engine starts at 12:30.";
        let subject = Subject::new("docs/Café/Plan B.md", &["area/Home", "draft"], text);
        assert_eq!(Query::parse(query).unwrap().finds(&subject), expected, "{query}");
    }

    #[test]
    fn words_are_looked_for_in_path_and_text() {
        check("", true);
        check("brass PLAN", true);
        check("brass silver", false);
        check("brass OR silver", true);
        check("\"brass engine\"", true);
        check("\"engine brass\"", false);
        check("12:30", true);
        check("-silver", true);
        check("-(silver OR brass)", false);
        check("/b.a+ss/", true);
    }

    #[test]
    fn operators_look_where_they_say() {
        check("path:docs/", true);
        check("path:\"plan b\"", true);
        check("path:cafe\u{301}", true);
        check("path:brass", false);
        check("path:/^docs\\//", true);
        check("path:/^afé/", false);
        check("file:docs", false);
        check("file:plan", true);
        check("content:plan", false);
        check("tag:#area", true);
        check("tag:area/home", true);
        check("tag:#are", false);
        check("path:(docs plan)", true);
        check("path:(config OR docs) -tag:#draft", false);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for query in
            ["line:(a b)", "[status:done]", "section:x", "(a", "a)", "/a", "/(/", "path:/(?=a)/"]
        {
            assert!(Query::parse(query).is_err(), "{query}");
        }
        for deep in ["(".repeat(100_000), "-".repeat(100_000)] {
            assert!(Query::parse(&deep).is_err());
        }
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for query in
            ["-", "path:", "path:)", "\"", "tag:#", "OR", "OR OR", ":", "a:b:c", "é\"", "-)"]
        {
            let _ = Query::parse(query);
        }
    }
}
