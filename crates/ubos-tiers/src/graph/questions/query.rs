//! Notes by their properties: `status = active and folder = missions sort by date desc`.
//!
//! A query is a condition, what to sort by, what to show and how many; each part may be left out.
//!
//! ```text
//! condition  = field OP value | field exists | field contains value | field in (value, …)
//!            | not condition | condition and condition | condition or condition | ( condition )
//! OP         = =  !=  <  <=  >  >=
//! value      = word | "text" | number | date | true | false | null | today | today-7d | today+2w
//! tail       = sort by field [asc|desc], …   show field, …   limit N
//! ```
//!
//! A field is a property (in whatever case, `a.b` for what is below) or, where no property has that
//! name, one of: `path`, `name`, `folder` (equal also to folders above), `tag` (equal also to tags
//! above), `alias`, `size`, `words`, `tasks`, `open`, `links`, `backlinks`, `modified`. A list equals a
//! value if one of its items does. What a note does not have equals nothing but `null`.

mod compare;
mod parse;

use std::cmp::Ordering;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::View;
use super::tags::is_below;
use crate::graph::files::FileId;
use crate::graph::model::Target;
use crate::graph::note::{Note, key};
use compare::{order, same};
pub use parse::QueryError;
use parse::{Condition, Op, Parsed};

/// Notes that a query finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The query.
    pub query: String,
    /// The fields that are shown.
    pub columns: Vec<String>,
    /// The notes, in the order that was asked for, else by path.
    pub rows: Vec<Row>,
    /// How many there are, shown or not.
    pub total: usize,
}

/// One note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its path.
    pub path: String,
    /// Its fields that are shown.
    pub fields: Map<String, Value>,
}

/// The notes that `text` asks for, on the day `today`.
///
/// # Errors
/// What cannot be understood, with its column.
pub fn query(view: &View<'_>, text: &str, today: Date, limit: usize) -> Result<Found, QueryError> {
    let parsed = parse::parse(text, today)?;
    let looker = Looker { view };
    let holds = |(id, note): &(FileId, &Note)| {
        parsed.condition.as_ref().is_none_or(|condition| looker.holds(condition, *id, note))
    };
    let mut notes: Vec<(FileId, &Note)> = view.graph.notes().filter(holds).collect();
    notes.sort_by(|a, b| looker.sorted(&parsed, *a, *b));
    let total = notes.len();
    notes.truncate(limit.min(parsed.limit.unwrap_or(usize::MAX)));
    let columns = parsed.columns();
    let rows = notes.into_iter().map(|(id, note)| {
        let field = |name: &String| Some((name.clone(), looker.field(name, id, note)?));
        Row { path: view.path(id).to_owned(), fields: columns.iter().filter_map(field).collect() }
    });
    Ok(Found { query: text.to_owned(), rows: rows.collect(), columns, total })
}

struct Looker<'v> {
    view: &'v View<'v>,
}

impl Looker<'_> {
    fn holds(&self, condition: &Condition, id: FileId, note: &Note) -> bool {
        match condition {
            Condition::Not(inner) => !self.holds(inner, id, note),
            Condition::All(all) => all.iter().all(|one| self.holds(one, id, note)),
            Condition::Any(any) => any.iter().any(|one| self.holds(one, id, note)),
            // A note without tags has a list of none.
            Condition::Exists(field) => self.field(field, id, note).is_some_and(|value| {
                !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
            }),
            Condition::In(field, values) => {
                values.iter().any(|value| self.compares(field, Op::Equal, value, id, note))
            }
            Condition::Compare(field, Op::Unequal, value) => {
                !self.compares(field, Op::Equal, value, id, note)
            }
            Condition::Compare(field, op, value) => self.compares(field, *op, value, id, note),
        }
    }

    fn compares(&self, field: &str, op: Op, wanted: &Value, id: FileId, note: &Note) -> bool {
        let Some(value) = self.field(field, id, note) else {
            return op == Op::Equal && wanted.is_null();
        };
        let is_property = property(note, field).is_some();
        let one = |value: &Value| match op {
            Op::Equal if is_property && !is_tags(field) => same(value, wanted),
            Op::Equal => equals_built_in(field, value, wanted),
            Op::Contains => contains(value, wanted),
            Op::Less => order(value, wanted) == Some(Ordering::Less),
            Op::Greater => order(value, wanted) == Some(Ordering::Greater),
            Op::LessEqual => order(value, wanted).is_some_and(Ordering::is_le),
            Op::GreaterEqual => order(value, wanted).is_some_and(Ordering::is_ge),
            Op::Unequal => false,
        };
        match &value {
            Value::Array(items) if op == Op::Contains => {
                items.iter().any(|item| same(item, wanted) || is_tags(field) && one(item))
            }
            Value::Array(items) => items.iter().any(one),
            value => one(value),
        }
    }

    /// What a note has in a field: its property, else what is known of every note.
    fn field(&self, name: &str, id: FileId, note: &Note) -> Option<Value> {
        if is_tags(name) {
            return Some(note.tags.iter().map(|tag| Value::from(tag.name.clone())).collect());
        }
        if let Some(value) = property(note, name) {
            return Some(value.clone());
        }
        let path = self.view.path(id);
        let source = self.view.graph.source(id)?;
        let count = |edges: usize| Value::from(edges);
        Some(match key(name).as_str() {
            "path" | "file" => path.into(),
            "name" | "title" => self.view.graph.title(id).into(),
            "folder" => path.rsplit_once('/').map_or("", |(folder, _)| folder).into(),
            "alias" | "aliases" => {
                note.aliases.iter().map(|alias| Value::from(alias.as_str())).collect()
            }
            "size" => source.size.into(),
            "words" => note.words.into(),
            "tasks" => note.tasks.len().into(),
            "open" => count(note.tasks.iter().filter(|task| task.mark == ' ').count()),
            "links" => count(self.view.graph.outgoing(id).filter(|e| self.view.joins(e)).count()),
            "backlinks" => {
                let all = self.view.graph.incoming(Target::File(id));
                count(all.filter(|edge| self.view.joins(edge)).count())
            }
            "modified" => {
                jiff::Timestamp::from_nanosecond(source.mtime.into()).ok()?.to_string().into()
            }
            _ => return None,
        })
    }

    fn sorted(&self, parsed: &Parsed, a: (FileId, &Note), b: (FileId, &Note)) -> Ordering {
        for (field, falling) in &parsed.sort {
            let values = (self.field(field, a.0, a.1), self.field(field, b.0, b.1));
            let ordered = match values {
                // What has no value comes last, whichever way.
                (None | Some(Value::Null), None | Some(Value::Null)) => Ordering::Equal,
                (None | Some(Value::Null), _) => return Ordering::Greater,
                (_, None | Some(Value::Null)) => return Ordering::Less,
                (Some(a), Some(b)) => {
                    order(&a, &b).unwrap_or_else(|| a.to_string().cmp(&b.to_string()))
                }
            };
            let ordered = if *falling { ordered.reverse() } else { ordered };
            if ordered.is_ne() {
                return ordered;
            }
        }
        self.view.path(a.0).cmp(self.view.path(b.0))
    }
}

fn is_tags(field: &str) -> bool {
    matches!(key(field).as_str(), "tag" | "tags")
}

fn equals_built_in(field: &str, value: &Value, wanted: &Value) -> bool {
    match (key(field).as_str(), value.as_str(), wanted.as_str()) {
        ("tag" | "tags", Some(tag), Some(top)) => {
            is_below(&key(tag), &key(top.trim_start_matches('#')))
        }
        ("folder", Some(folder), Some(top)) => {
            let top = key(top.trim_matches('/'));
            top.is_empty() && folder.is_empty() || !top.is_empty() && is_below(&key(folder), &top)
        }
        _ => same(value, wanted),
    }
}

fn contains(value: &Value, wanted: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => key(text),
        other => other.to_string(),
    };
    !matches!(value, Value::Null | Value::Object(_)) && text(value).contains(&text(wanted))
}

/// The property of that name, in whatever case; `a.b` is `b` in `a`.
fn property<'n>(note: &'n Note, name: &str) -> Option<&'n Value> {
    find(&note.properties, name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        let mut map = find(&note.properties, first)?.as_object()?;
        let mut parts = rest.split('.').peekable();
        loop {
            let value = find(map, parts.next()?)?;
            if parts.peek().is_none() {
                return Some(value);
            }
            map = value.as_object()?;
        }
    })
}

fn find<'m>(map: &'m Map<String, Value>, name: &str) -> Option<&'m Value> {
    map.get(name).or_else(|| {
        let wanted = key(name);
        map.iter().find(|(name, _)| key(name) == wanted).map(|(_, value)| value)
    })
}

#[cfg(test)]
mod tests;
