//! The front matter of a note: YAML between two lines `---` at its very beginning.

use serde_json::{Map, Value};

use super::spelling::{decode, is_external, linkpath, split_subpath};
use super::wiki::is_tag;
use super::{Link, LinkForm, Note, Places, PropertyError, Tag, count};

/// Longest front matter that is read, in bytes.
const MAX_YAML: usize = 1 << 20;
/// Deepest nesting in it.
const MAX_DEPTH: usize = 32;
/// Most values in it: an alias can stand for many.
const MAX_NODES: usize = 50_000;

/// How far a value's text is looked for, in bytes.
const MAX_LOOK: usize = 16 << 10;

/// The front matter, if there is one, and the offset at which the body begins.
pub(super) fn split(text: &str) -> (Option<std::ops::Range<usize>>, usize) {
    let is_fence = |line: &str| line.trim_end_matches(['\n', '\r', ' ', '\t']) == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else { return (None, 0) };
    let start = first.len();
    let mut at = start;
    for line in lines {
        if is_fence(line) {
            return (Some(start..at), at + line.len());
        }
        at += line.len();
    }
    (None, 0)
}

/// Reads the properties at `yaml` in `text` into `note`.
pub(super) fn read(yaml: std::ops::Range<usize>, text: &str, places: &Places<'_>, note: &mut Note) {
    let start = yaml.start;
    let source = &text[yaml];
    match values(source) {
        Ok(map) => {
            let mut finder = Finder { source, start, places, from: 0 };
            for (key, value) in &map {
                gather(key, value, &mut finder, note);
            }
            note.properties = map;
        }
        Err((line, message)) => {
            let first = places.at(start).line;
            note.property_error = Some(PropertyError { line: first + line - 1, message });
        }
    }
}

/// The properties, or the line (from 1) and what is wrong with it.
fn values(source: &str) -> Result<Map<String, Value>, (u32, String)> {
    if source.len() > MAX_YAML {
        return Err((1, format!("longer than {MAX_YAML} bytes")));
    }
    if source.trim().is_empty() {
        return Ok(Map::new());
    }
    let budget = serde_saphyr::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES };
    let options = serde_saphyr::options! {
        budget: budget,
        strict_booleans: true,
        with_snippet: false,
    };
    let read: Result<Value, _> = serde_saphyr::from_str_with_options(source, options);
    match read {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err((1, "these are no properties: each needs a name and a colon".to_owned())),
        Err(error) => {
            let line = error.location().map_or(1, |at| u32::try_from(at.line()).unwrap_or(1));
            let message = error.to_string();
            let message = message.lines().next().unwrap_or_default();
            // What stands behind it is advice to programmers.
            let message = message.split(", set ").next().unwrap_or(message);
            Err((line.max(1), message.to_owned()))
        }
    }
}

/// Where the text of a value stands: they are looked for in their order.
struct Finder<'a> {
    source: &'a str,
    start: usize,
    places: &'a Places<'a>,
    from: usize,
}

impl Finder<'_> {
    /// The bytes of `text` in the note, or of the front matter's beginning.
    fn find(&mut self, text: &str) -> (usize, usize) {
        let near = |from: usize| {
            let end = self.source.floor_char_boundary(from.saturating_add(MAX_LOOK));
            self.source[from..end].find(text).map(|at| at + from)
        };
        match near(self.from).or_else(|| near(0)) {
            Some(at) => {
                self.from = at;
                (self.start + at, self.start + at + text.len())
            }
            None => (self.start, self.start),
        }
    }
}

/// Takes links, tags and other names from one property.
fn gather(key: &str, value: &Value, finder: &mut Finder<'_>, note: &mut Note) {
    match key.to_lowercase().as_str() {
        "tags" => {
            for text in texts(value) {
                for name in text.split(',').map(|name| name.trim().trim_start_matches('#')) {
                    // Whatever has a blank in it is no tag.
                    if is_tag(name) {
                        let (at, _) = finder.find(name);
                        let at = finder.places.at(at);
                        note.tags.push(Tag { name: name.to_owned(), at, from_properties: true });
                    }
                }
            }
        }
        "aliases" | "alias" => {
            let names = texts(value).into_iter().map(str::trim).filter(|name| !name.is_empty());
            note.aliases.extend(names.map(str::to_owned));
        }
        _ => {}
    }
    links(key, value, 0, finder, note);
}

/// The texts of a property: one, or those of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The links in a property: whole texts that are one, also in lists and below.
fn links(key: &str, value: &Value, depth: usize, finder: &mut Finder<'_>, note: &mut Note) {
    match value {
        Value::String(text) => {
            if let Some((linktext, display, embed)) = whole_link(text.trim()) {
                let (from, to) = finder.find(text.trim());
                let (path, subpath) = split_subpath(&linktext);
                note.links.push(Link {
                    target: linkpath(path),
                    subpath: subpath.map(str::to_owned),
                    display,
                    embed,
                    form: LinkForm::FrontMatter { key: key.to_owned() },
                    at: finder.places.at(from),
                    span: (count(from), count(to)),
                });
            }
        }
        Value::Array(items) if depth < MAX_DEPTH => {
            items.iter().for_each(|item| links(key, item, depth + 1, finder, note));
        }
        Value::Object(map) if depth < MAX_DEPTH => {
            for (name, item) in map {
                links(&format!("{key}.{name}"), item, depth + 1, finder, note);
            }
        }
        _ => {}
    }
}

/// The link that `text` is as a whole: its linktext, what is shown, whether it embeds.
fn whole_link(text: &str) -> Option<(String, Option<String>, bool)> {
    let (embed, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if let Some(inner) = text.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]")) {
        if inner.trim().is_empty() || inner.contains("]]") || inner.contains("[[") {
            return None;
        }
        let (target, display) = super::wiki::split_display(inner);
        return Some((target.to_owned(), display.map(str::to_owned), embed));
    }
    let (shown, rest) = text.strip_prefix('[')?.split_once("](")?;
    let destination = rest.strip_suffix(')')?;
    let destination =
        destination.strip_prefix('<').and_then(|d| d.strip_suffix('>')).unwrap_or(destination);
    let plain = !destination.is_empty() && !destination.contains([')', '\n']);
    (plain && !is_external(destination))
        .then(|| (decode(destination), Some(shown.to_owned()), embed))
}
