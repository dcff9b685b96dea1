//! The text of a search as a value.

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::super::note::key;

/// Deepest nesting.
const MAX_DEPTH: usize = 48;
/// Longest query, in bytes.
const MAX_LENGTH: usize = 16 << 10;
/// Most memory of a compiled regular expression, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// What cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct SearchError {
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// Which tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tasks {
    All,
    Open,
    Done,
}

/// A number or date that a property is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Than {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A text that is looked for, in whatever case and as it is written.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub written: String,
    pub key: String,
    pub case: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Text(Term),
    Regex(Regex),
    Path(Box<Node>),
    File(Box<Node>),
    Content(Box<Node>),
    Tag(Box<Node>),
    Line(Box<Node>),
    Block(Box<Node>),
    Section(Box<Node>),
    Task(Tasks, Box<Node>),
    /// A property: its name, and what its value must be.
    Property(Box<Node>, Option<Value>),
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Compared(Than, String),
    Matches(Box<Node>),
}

impl Node {
    /// Whether the text of a file can matter.
    pub(super) fn needs_text(&self) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(Self::needs_text),
            Self::Not(inner) => inner.needs_text(),
            Self::Path(_) | Self::File(_) | Self::Tag(_) | Self::Property(..) | Self::Task(..) => {
                false
            }
            _ => true,
        }
    }
}

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Node, SearchError> {
    if text.len() > MAX_LENGTH {
        let message = format!("a query has at most {MAX_LENGTH} bytes");
        return Err(SearchError { column: 1, message });
    }
    let chars: Vec<char> = text.chars().collect();
    let mut parser = Parser { chars: &chars, at: 0, depth: 0 };
    let node = parser.any(false, Ends::Text)?;
    match parser.peek() {
        None => Ok(node),
        Some(')') => Err(parser.wrong(parser.at, "this `)` closes nothing")),
        Some(_) => Err(parser.wrong(parser.at, "this is not understood")),
    }
}

/// What ends an expression.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Text,
    Bracket,
    Property,
}

struct Parser<'c> {
    chars: &'c [char],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self, case: bool, ends: Ends) -> Result<Node, SearchError> {
        let mut any = vec![self.all(case, ends)?];
        while self.take_or() {
            let from = self.at;
            let next = self.all(case, ends)?;
            if matches!(&next, Node::All(all) if all.is_empty()) {
                return Err(self.wrong(from, "something must follow `OR`"));
            }
            any.push(next);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Node::Any(any) })
    }

    fn all(&mut self, case: bool, ends: Ends) -> Result<Node, SearchError> {
        let mut all = Vec::new();
        loop {
            self.blanks();
            let done = match self.peek() {
                None | Some(')') => true,
                Some(']') => ends == Ends::Property,
                Some(_) => self.sees_or(),
            };
            if done {
                return Ok(if all.len() == 1 { all.remove(0) } else { Node::All(all) });
            }
            all.push(self.term(case, ends)?);
        }
    }

    fn term(&mut self, case: bool, ends: Ends) -> Result<Node, SearchError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(self.at, "this is nested too deeply"));
        }
        let node = self.term_within(case, ends);
        self.depth -= 1;
        node
    }

    fn term_within(&mut self, case: bool, ends: Ends) -> Result<Node, SearchError> {
        let start = self.at;
        match self.peek() {
            Some('-') if self.chars.get(start + 1).is_some_and(|c| !c.is_whitespace()) => {
                self.at += 1;
                Ok(Node::Not(Box::new(self.term(case, ends)?)))
            }
            Some('(') => {
                self.at += 1;
                let inner = self.any(case, Ends::Bracket)?;
                self.blanks();
                if self.peek() != Some(')') {
                    return Err(self.wrong(start, "this `(` is not closed"));
                }
                self.at += 1;
                Ok(inner)
            }
            Some('"') => {
                let phrase = self.until('"', start, "this phrase has no end")?;
                Ok(text(&phrase, case))
            }
            Some('/') if self.closes('/') => {
                let source = self.until('/', start, "this regular expression has no end")?;
                self.regex(&source, case, start)
            }
            Some('[') if ends != Ends::Property => self.property(case),
            _ => self.word(case, ends),
        }
    }

    fn word(&mut self, case: bool, ends: Ends) -> Result<Node, SearchError> {
        let start = self.at;
        while let Some(c) = self.peek() {
            if c.is_whitespace() || "()\"".contains(c) || c == ']' && ends == Ends::Property {
                break;
            }
            self.at += 1;
            if c == ':' && ends != Ends::Property {
                let name: String = self.chars[start..self.at - 1].iter().collect();
                if let Some(node) = self.operator(&name.to_lowercase(), case, ends, start)? {
                    return Ok(node);
                }
            }
        }
        let word: String = self.chars[start..self.at].iter().collect();
        Ok(text(&word, case))
    }

    /// What stands behind an operator; `None` if there is none of that name.
    fn operator(
        &mut self,
        name: &str,
        case: bool,
        ends: Ends,
        start: usize,
    ) -> Result<Option<Node>, SearchError> {
        let case = match name {
            "match-case" => true,
            "ignore-case" => false,
            _ => case,
        };
        let make: fn(Box<Node>) -> Node = match name {
            "path" => Node::Path,
            "file" => Node::File,
            "content" => Node::Content,
            "tag" => Node::Tag,
            "line" => Node::Line,
            "block" => Node::Block,
            "section" => Node::Section,
            "task" => |inner| Node::Task(Tasks::All, inner),
            "task-todo" => |inner| Node::Task(Tasks::Open, inner),
            "task-done" => |inner| Node::Task(Tasks::Done, inner),
            "match-case" | "ignore-case" => |inner| *inner,
            _ => return Ok(None),
        };
        self.blanks();
        if matches!(self.peek(), None | Some(')')) || self.sees_or() {
            return Err(self.wrong(start, &format!("something must follow `{name}:`")));
        }
        Ok(Some(make(Box::new(self.term(case, ends)?))))
    }

    fn property(&mut self, case: bool) -> Result<Node, SearchError> {
        let start = self.at;
        self.at += 1;
        self.blanks();
        let name = match self.peek() {
            Some('"') => text(&self.until('"', self.at, "this phrase has no end")?, case),
            Some('/') if self.closes('/') => {
                let from = self.at;
                let source = self.until('/', from, "this regular expression has no end")?;
                self.regex(&source, case, from)?
            }
            _ => {
                let from = self.at;
                while self.peek().is_some_and(|c| !":]".contains(c)) {
                    self.at += 1;
                }
                let name: String = self.chars[from..self.at].iter().collect();
                text(name.trim(), case)
            }
        };
        if matches!(&name, Node::Text(term) if term.key.is_empty()) {
            return Err(self.wrong(start, "a property's name is expected in `[ ]`"));
        }
        self.blanks();
        let value = match self.peek() {
            Some(':') => {
                self.at += 1;
                Some(self.value(case, start)?)
            }
            _ => None,
        };
        self.blanks();
        if self.peek() != Some(']') {
            return Err(self.wrong(start, "this `[` is not closed"));
        }
        self.at += 1;
        Ok(Node::Property(Box::new(name), value))
    }

    fn value(&mut self, case: bool, start: usize) -> Result<Value, SearchError> {
        self.blanks();
        let than = match (self.peek(), self.chars.get(self.at + 1)) {
            (Some('<'), Some('=')) => Some((Than::LessEqual, 2)),
            (Some('>'), Some('=')) => Some((Than::GreaterEqual, 2)),
            (Some('<'), _) => Some((Than::Less, 1)),
            (Some('>'), _) => Some((Than::Greater, 1)),
            _ => None,
        };
        if let Some((than, length)) = than {
            self.at += length;
            let from = self.at;
            while self.peek().is_some_and(|c| c != ']') {
                self.at += 1;
            }
            let value: String = self.chars[from..self.at].iter().collect();
            return match value.trim() {
                "" => Err(self.wrong(from, "a number or date is expected")),
                value => Ok(Value::Compared(than, value.to_owned())),
            };
        }
        let node = self.any(case, Ends::Property)?;
        match &node {
            Node::All(all) if all.is_empty() => {
                Err(self.wrong(start, "a value is expected behind `:`"))
            }
            Node::Text(term) if term.key == "null" => Ok(Value::Null),
            _ => Ok(Value::Matches(Box::new(node))),
        }
    }

    fn regex(&self, source: &str, case: bool, start: usize) -> Result<Node, SearchError> {
        let built = RegexBuilder::new(source)
            .case_insensitive(!case)
            .multi_line(true)
            .size_limit(MAX_REGEX)
            .dfa_size_limit(MAX_REGEX)
            .build();
        match built {
            Ok(regex) => Ok(Node::Regex(regex)),
            Err(error) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Err(self.wrong(start, &format!("the regular expression is not understood: {why}")))
            }
        }
    }

    /// What stands between here and `end`, which `\` takes its meaning from.
    fn until(&mut self, end: char, start: usize, unclosed: &str) -> Result<String, SearchError> {
        self.at += 1;
        let mut inner = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if c == end {
                return Ok(inner);
            }
            match self.peek() {
                Some(next) if c == '\\' && next == end => {
                    inner.push(end);
                    self.at += 1;
                }
                Some(next) if c == '\\' => {
                    inner.extend([c, next]);
                    self.at += 1;
                }
                _ => inner.push(c),
            }
        }
        Err(self.wrong(start, unclosed))
    }

    /// Whether what begins here with `mark` is closed by another one.
    fn closes(&self, mark: char) -> bool {
        let mut rest = self.chars[self.at + 1..].iter();
        while let Some(c) = rest.next() {
            match *c {
                '\\' => drop(rest.next()),
                c if c == mark => return true,
                _ => {}
            }
        }
        false
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn sees_or(&self) -> bool {
        let ends = |c: Option<&char>| c.is_none_or(|c| c.is_whitespace() || "()]".contains(*c));
        self.chars[self.at..].starts_with(&['O', 'R']) && ends(self.chars.get(self.at + 2))
    }

    fn take_or(&mut self) -> bool {
        self.blanks();
        let found = self.sees_or();
        self.at += if found { 2 } else { 0 };
        found
    }

    fn wrong(&self, at: usize, message: &str) -> SearchError {
        SearchError { column: at + 1, message: message.to_owned() }
    }
}

fn text(written: &str, case: bool) -> Node {
    Node::Text(Term { written: written.to_owned(), key: key(written), case })
}
