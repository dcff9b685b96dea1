//! Merging settings by key.
//!
//! An object is taken apart into its members; each is decided for itself, objects within objects
//! likewise. Lists of different strings merge as sets, every other value is one thing. What is
//! taken over is taken as it was written, numbers and spaces included; order of keys, indentation
//! and the end of the file are kept as the side that changed them has them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::de::IgnoredAny;

use super::written;
use crate::path::RelPath;

/// Objects within objects are merged to this depth; what lies deeper is one value.
const MAX_DEPTH: usize = 64;

/// What came of a merge by key.
pub(super) enum ByKey {
    /// Both edits fit together.
    Clean(Vec<u8>),
    /// One value was changed differently.
    Clash,
    /// A key stands in it twice.
    Unfit,
}

/// Why there is no merged value.
enum Stop {
    Clash,
    Unfit,
}

/// Whether the name says that it is JSON.
pub(super) fn is_named(path: &RelPath) -> bool {
    let name = path.name().to_ascii_lowercase();
    name.ends_with(b".json") || name.ends_with(b".canvas")
}

/// Whether it is JSON.
pub(super) fn parses(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Which of a file's keys only say how somebody looked at it last: different values of them are no
/// clash, and count as no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passing {
    /// None.
    None,
    /// Those of Obsidian's graph view: how far it is zoomed, which of its panels are open.
    GraphView,
}

impl Passing {
    /// The keys of the file at `path`: the graph view's settings are `graph.json` in a settings folder,
    /// whose name begins with a dot.
    pub(super) fn of(path: &RelPath) -> Self {
        let folder = path.components().rev().nth(1);
        match path.name() == b"graph.json" && folder.is_some_and(|name| name.starts_with(b".")) {
            true => Passing::GraphView,
            false => Passing::None,
        }
    }

    fn contains(self, key: &str, depth: usize) -> bool {
        self == Passing::GraphView
            && depth == 0
            && (matches!(key, "scale" | "close") || key.starts_with("collapse-"))
    }
}

/// Merges three texts that all are JSON.
pub(super) fn merge(base: &[u8], here: &[u8], there: &[u8], passing: Passing) -> ByKey {
    let texts = [base, here, there].map(std::str::from_utf8);
    let [Ok(base), Ok(here), Ok(there)] = texts else { return ByKey::Unfit };
    let [base, here, there] = [base, here, there].map(Framed::of);
    let (before, after) = if (here.before, here.after) == (base.before, base.after) {
        (there.before, there.after)
    } else {
        (here.before, here.after)
    };
    match value(base.inner, here.inner, there.inner, 0, passing) {
        Ok(merged) => {
            let merged = [before, &merged, after].concat().into_bytes();
            debug_assert!(parses(&merged), "a merge by key is JSON again");
            ByKey::Clean(merged)
        }
        Err(Stop::Clash) => ByKey::Clash,
        Err(Stop::Unfit) => ByKey::Unfit,
    }
}

/// A text with the blanks around it.
struct Framed<'t> {
    before: &'t str,
    inner: &'t str,
    after: &'t str,
}

impl<'t> Framed<'t> {
    fn of(text: &'t str) -> Self {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        let start = text.trim_start_matches(blank);
        let inner = start.trim_end_matches(blank);
        Self { before: &text[..text.len() - start.len()], inner, after: &start[inner.len()..] }
    }
}

fn value<'t>(
    base: &'t str,
    here: &'t str,
    there: &'t str,
    depth: usize,
    passing: Passing,
) -> Result<Cow<'t, str>, Stop> {
    let bare = [base, here, there].map(squeezed);
    if bare[1] == bare[2] || bare[2] == bare[0] {
        return Ok(here.into());
    }
    if bare[1] == bare[0] {
        return Ok(there.into());
    }
    let all = |open: char| [base, here, there].iter().all(|text| text.starts_with(open));
    if all('{') && depth < MAX_DEPTH {
        return members(base, here, there, depth, passing).map(Cow::Owned);
    }
    if all('[')
        && let [Some(base), Some(here), Some(there)] = [base, here, there].map(string_set)
    {
        return Ok(Cow::Owned(merged_sets(&base, &here, &there)));
    }
    Err(Stop::Clash)
}

/// The text without the blanks between its parts.
fn squeezed(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        if quoted {
            (quoted, escaped) = (escaped || *c != '"', !escaped && *c == '\\');
            return true;
        }
        quoted = *c == '"';
        !c.is_ascii_whitespace()
    };
    text.chars().filter(keep).collect()
}

fn members(
    base: &str,
    here: &str,
    there: &str,
    depth: usize,
    passing: Passing,
) -> Result<String, Stop> {
    let [Some(base), Some(here), Some(there)] = [base, here, there].map(object) else {
        return Err(Stop::Unfit);
    };
    let [in_base, in_here, in_there] = [&base, &here, &there].map(Parts::by_name);
    let mut parts: Vec<(&str, Cow<'_, str>)> = Vec::new();
    for name in order(&base, &here, &there) {
        let [base, here, there] = [&in_base, &in_here, &in_there].map(|of| of.get(name).copied());
        let member = match member(base, here, there, depth, passing) {
            // Without one that was agreed on, either does, but the same from either side.
            Err(Stop::Clash) if passing.contains(name, depth) => {
                base.or(here.min(there)).map(as_written)
            }
            decided => decided?,
        };
        parts.extend(member);
    }
    let style = Style::choose(&base, &here, &there);
    let parts: Vec<String> =
        parts.iter().map(|(key, value)| [key, style.colon, value].concat()).collect();
    Ok(style.write('{', &parts, '}'))
}

/// A member with its value in the merged object; nothing if it is taken out.
type Decided<'t> = Option<(&'t str, Cow<'t, str>)>;

fn as_written<'t>(part: Written<'t>) -> (&'t str, Cow<'t, str>) {
    (part.key, part.value.into())
}

fn member<'t>(
    base: Option<Written<'t>>,
    here: Option<Written<'t>>,
    there: Option<Written<'t>>,
    depth: usize,
    passing: Passing,
) -> Result<Decided<'t>, Stop> {
    let same = |a: Written<'_>, b: Written<'_>| squeezed(a.value) == squeezed(b.value);
    Ok(match (base, here, there) {
        (Some(base), Some(here), Some(there)) => {
            let merged = value(base.value, here.value, there.value, depth + 1, passing)?;
            Some((here.key, merged))
        }
        (None, Some(here), Some(there)) if !same(here, there) => return Err(Stop::Clash),
        (None, Some(new), _) | (None, None, Some(new)) => Some(as_written(new)),
        (Some(base), Some(kept), None) | (Some(base), None, Some(kept)) => {
            if !same(base, kept) {
                return Err(Stop::Clash);
            }
            None
        }
        (_, None, None) => None,
    })
}

/// A list of strings as a set: what either side took out is out, what either put in is in.
fn merged_sets(base: &Parts<'_>, here: &Parts<'_>, there: &Parts<'_>) -> String {
    let [in_base, in_here, in_there] = [base, here, there].map(Parts::by_name);
    let kept = order(base, here, there).into_iter().filter_map(|name| {
        let (here, there) = (in_here.get(name), in_there.get(name));
        let stays = if in_base.contains_key(name) {
            here.is_some() && there.is_some()
        } else {
            here.is_some() || there.is_some()
        };
        here.or(there).filter(|_| stays).map(|part| part.value.to_owned())
    });
    let parts: Vec<String> = kept.collect();
    Style::choose(base, here, there).write('[', &parts, ']')
}

/// Every name of either side: in the order of the side that changed the order, those that only the
/// other has each behind the one it follows there.
fn order<'p>(base: &Parts<'_>, here: &'p Parts<'_>, there: &'p Parts<'_>) -> Vec<&'p str> {
    let names = |parts: &'p Parts<'_>| parts.list.iter().map(|part| part.name.as_str());
    let common = |of: &Parts<'_>, other: &Parts<'_>| -> Vec<String> {
        let known = other.by_name();
        let names = of.list.iter().map(|part| part.name.clone());
        names.filter(|name| known.contains_key(name.as_str())).collect()
    };
    let moved_here = common(base, here) != common(here, base);
    let (lead, other) = if moved_here { (here, there) } else { (there, here) };
    let leading: HashSet<&str> = names(lead).collect();
    let mut behind: HashMap<Option<&str>, Vec<&str>> = HashMap::new();
    let mut last = None;
    for name in names(other) {
        if leading.contains(name) {
            last = Some(name);
        } else {
            behind.entry(last).or_default().push(name);
        }
    }
    let mut ordered = behind.remove(&None).unwrap_or_default();
    for name in names(lead) {
        ordered.push(name);
        ordered.extend(behind.remove(&Some(name)).unwrap_or_default());
    }
    ordered
}

/// A member of an object, or an element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Written<'t> {
    /// The key as it is written; empty in a list.
    key: &'t str,
    /// The value as it is written.
    value: &'t str,
}

#[derive(Debug)]
struct Part<'t> {
    /// What tells it from the others.
    name: String,
    written: Written<'t>,
}

/// An object or a list, taken apart.
#[derive(Debug)]
struct Parts<'t> {
    text: &'t str,
    list: Vec<Part<'t>>,
}

impl<'t> Parts<'t> {
    fn by_name(&self) -> HashMap<&str, Written<'t>> {
        self.list.iter().map(|part| (part.name.as_str(), part.written)).collect()
    }

    /// Nothing if a name occurs twice.
    fn distinct(self) -> Option<Self> {
        (self.by_name().len() == self.list.len()).then_some(self)
    }
}

fn object(text: &str) -> Option<Parts<'_>> {
    let members = written::members(text)?;
    let list = members.into_iter().map(|(key, value)| {
        let name = serde_json::from_str(key).ok()?;
        Some(Part { name, written: Written { key, value } })
    });
    Parts { text, list: list.collect::<Option<_>>()? }.distinct()
}

/// A list of strings that are all different.
fn string_set(text: &str) -> Option<Parts<'_>> {
    let elements = written::elements(text)?;
    let list = elements.into_iter().map(|value| {
        let name = serde_json::from_str(value).ok()?;
        Some(Part { name, written: Written { key: "", value } })
    });
    Parts { text, list: list.collect::<Option<_>>()? }.distinct()
}

/// What stands between the parts of an object or list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Style<'t> {
    open: &'t str,
    colon: &'t str,
    comma: Cow<'t, str>,
    close: &'t str,
}

impl<'t> Style<'t> {
    /// The style of the side that changed it, as far as one can be seen.
    fn choose(base: &Parts<'t>, here: &Parts<'t>, there: &Parts<'t>) -> Self {
        let [base, here, there] = [base, here, there].map(Style::of);
        let plain = Style { open: "", colon: ":", comma: ",".into(), close: "" };
        match (here, there) {
            (Some(here), Some(there)) if base.as_ref() == Some(&here) => there,
            (Some(here), _) => here,
            (None, Some(there)) => there,
            (None, None) => base.unwrap_or(plain),
        }
    }

    fn of(parts: &Parts<'t>) -> Option<Self> {
        let text = parts.text;
        let start = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
        let end = |part: &str| start(part) + part.len();
        let begin = |part: &Part<'t>| match part.written {
            Written { key: "", value } => start(value),
            Written { key, .. } => start(key),
        };
        let first = parts.list.first()?;
        let last = parts.list.last()?.written.value;
        let Written { key, value } = first.written;
        let open = &text[1..begin(first)];
        let colon = if key.is_empty() { "" } else { &text[end(key)..start(value)] };
        let comma = match parts.list.get(1) {
            Some(second) => text[end(value)..begin(second)].into(),
            None if open.contains('\n') => format!(",{open}").into(),
            None if colon.ends_with(' ') || key.is_empty() => ", ".into(),
            None => ",".into(),
        };
        Some(Self { open, colon, comma, close: &text[end(last)..text.len() - 1] })
    }

    fn write(&self, begin: char, parts: &[String], end: char) -> String {
        if parts.is_empty() {
            return format!("{begin}{end}");
        }
        let Self { open, comma, close, .. } = self;
        format!("{begin}{open}{}{close}{end}", parts.join(comma))
    }
}
