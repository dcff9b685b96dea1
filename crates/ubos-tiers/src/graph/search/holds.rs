//! Whether a query holds of a file.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;

use serde_json::Value as Json;

use super::super::note::{Note, key};
use super::super::questions::tags::is_below;
use super::Document;
use super::parse::{Node, Tasks, Term, Than, Value};

/// Whether `node` holds of a file: words are looked for in its text and its name.
pub(super) fn document(node: &Node, document: &Document<'_>) -> bool {
    let name = Text::of(name_of(document.path));
    let content = Text::of(document.text.unwrap_or_default());
    let looker = Looker { document, content: &content };
    looker.holds(node, &[&name, &content])
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A text and, once it was needed, the same in lower case.
pub(super) struct Text<'a> {
    written: Cow<'a, str>,
    key: OnceCell<String>,
}

impl<'a> Text<'a> {
    pub(super) fn of(written: impl Into<Cow<'a, str>>) -> Self {
        Self { written: written.into(), key: OnceCell::new() }
    }

    fn has(&self, term: &Term) -> bool {
        match term.case {
            true => self.written.contains(&term.written),
            false => self.key.get_or_init(|| key(&self.written)).contains(&term.key),
        }
    }
}

struct Looker<'d> {
    document: &'d Document<'d>,
    content: &'d Text<'d>,
}

impl Looker<'_> {
    /// Whether `node` holds, where words are looked for in `texts`.
    fn holds(&self, node: &Node, texts: &[&Text<'_>]) -> bool {
        match node {
            Node::All(all) => all.iter().all(|one| self.holds(one, texts)),
            Node::Any(any) => any.iter().any(|one| self.holds(one, texts)),
            Node::Not(inner) => !self.holds(inner, texts),
            Node::Text(term) => texts.iter().any(|text| text.has(term)),
            Node::Regex(regex) => texts.iter().any(|text| regex.is_match(&text.written)),
            Node::Path(inner) => self.holds(inner, &[&Text::of(self.document.path)]),
            Node::File(inner) => self.holds(inner, &[&Text::of(name_of(self.document.path))]),
            Node::Content(inner) => self.holds(inner, &[self.content]),
            Node::Tag(inner) => self.tag(inner),
            Node::Line(inner) => {
                self.content.written.lines().any(|line| self.holds(inner, &[&Text::of(line)]))
            }
            Node::Block(inner) => {
                blocks(&self.content.written).any(|block| self.holds(inner, &[&Text::of(block)]))
            }
            Node::Section(inner) => self.section(inner),
            Node::Task(which, inner) => self.task(*which, inner),
            Node::Property(name, value) => self.property(name, value.as_ref()),
        }
    }

    /// Tags are compared whole, or with what is above them.
    fn tag(&self, node: &Node) -> bool {
        let tags = || self.document.note.map(|note| &note.tags[..]).unwrap_or_default().iter();
        match node {
            Node::All(all) => all.iter().all(|one| self.tag(one)),
            Node::Any(any) => any.iter().any(|one| self.tag(one)),
            Node::Not(inner) => !self.tag(inner),
            Node::Text(term) => {
                let wanted =
                    |text: &str| text.trim_start_matches('#').trim_end_matches('/').to_owned();
                match term.case {
                    true => tags().any(|tag| is_below(&tag.name, &wanted(&term.written))),
                    false => tags().any(|tag| is_below(&key(&tag.name), &wanted(&term.key))),
                }
            }
            Node::Regex(regex) => tags().any(|tag| regex.is_match(&tag.name)),
            _ => false,
        }
    }

    /// The part of a note from one heading to the next.
    fn section(&self, node: &Node) -> bool {
        let headings = self.document.note.map(|note| &note.headings[..]).unwrap_or_default();
        let mut starts = headings.iter().map(|heading| heading.at.line).peekable();
        let mut from = 0;
        let mut offset = 0;
        let text: &str = &self.content.written;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            if starts.next_if(|start| *start <= number).is_some() && offset > from {
                if self.holds(node, &[&Text::of(&text[from..offset])]) {
                    return true;
                }
                from = offset;
            }
            offset += line.len();
        }
        self.holds(node, &[&Text::of(&text[from..])])
    }

    fn task(&self, which: Tasks, node: &Node) -> bool {
        let tasks = self.document.note.map(|note| &note.tasks[..]).unwrap_or_default();
        let wanted = |mark: char| match which {
            Tasks::All => true,
            Tasks::Open => mark == ' ',
            Tasks::Done => matches!(mark, 'x' | 'X'),
        };
        tasks
            .iter()
            .filter(|task| wanted(task.mark))
            .any(|task| self.holds(node, &[&Text::of(task.text.as_str())]))
    }

    fn property(&self, name: &Node, value: Option<&Value>) -> bool {
        let Some(note) = self.document.note else { return false };
        let named = |property: &str| match name {
            Node::Text(term) if term.case => property == term.written,
            Node::Text(term) => key(property) == term.key,
            node => self.holds(node, &[&Text::of(property)]),
        };
        let mut found = note.properties.iter().filter(|(name, _)| named(name)).peekable();
        match value {
            None => found.peek().is_some(),
            Some(Value::Null) => found.any(|(_, value)| is_empty(value)),
            Some(Value::Compared(than, wanted)) => found
                .any(|(_, value)| items(value).iter().any(|item| compares(item, *than, wanted))),
            Some(Value::Matches(node)) => found.any(|(name, value)| {
                // Tags of the front matter match as tags do.
                let of_tags = key(name) == "tags" && self.of_tags(node, note);
                of_tags
                    || items(value).iter().any(|item| self.holds(node, &[&Text::of(shown(item))]))
            }),
        }
    }

    fn of_tags(&self, node: &Node, note: &Note) -> bool {
        note.tags.iter().any(|tag| tag.from_properties)
            && matches!(node, Node::Text(_))
            && self.tag(node)
    }
}

fn is_empty(value: &Json) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn items(value: &Json) -> Vec<&Json> {
    match value {
        Json::Array(items) => items.iter().collect(),
        Json::Null => Vec::new(),
        value => vec![value],
    }
}

fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn compares(value: &Json, than: Than, wanted: &str) -> bool {
    let value = shown(value);
    let numbers = value.trim().parse::<f64>().ok().zip(wanted.parse::<f64>().ok());
    let ordered = match numbers {
        Some((value, wanted)) => value.partial_cmp(&wanted),
        // Dates as they are written sort as texts.
        None => Some(key(&value).cmp(&key(wanted))),
    };
    ordered.is_some_and(|ordered| match than {
        Than::Less => ordered == Ordering::Less,
        Than::LessEqual => ordered != Ordering::Greater,
        Than::Greater => ordered == Ordering::Greater,
        Than::GreaterEqual => ordered != Ordering::Less,
    })
}

/// Paragraphs, and items of lists each for itself.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(['\n', '\r']);
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            let item = line.trim_start();
            let begins = ["- ", "* ", "+ ", "#"].iter().any(|mark| item.starts_with(mark));
            if end > 0 && (item.is_empty() || begins) {
                break;
            }
            end += line.len();
        }
        let (block, tail) = rest.split_at(end);
        rest = tail;
        Some(block)
    })
}
