//! Settings as Obsidian writes them: JSON whose keys, order and numbers belong to somebody else.
//!
//! One key is changed at a time, in the text itself: what nobody asked to change stays as it is, byte
//! for byte. A new file looks like one of Obsidian's: two blanks for each step, no newline at its end.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use ubos_core::merge::written;

/// Why a text is not settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Torn {
    /// Its line, from 1.
    pub line: u32,
    /// What is wrong.
    pub why: String,
}

/// A value that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyChange {
    /// The key; of an element that was added to a list, the list's key, or nothing if the file is
    /// one list.
    pub key: String,
    /// What stood there, on one line; nothing where there was none.
    pub before: Option<String>,
    /// What stands there now.
    pub after: String,
    /// Whether it was added to a list.
    pub element: bool,
}

/// What a file of settings is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{…}`.
    Object,
    /// `[…]`.
    List,
}

/// A file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    text: String,
    form: Form,
    changes: Vec<KeyChange>,
}

impl Settings {
    /// A file that is not there yet.
    pub fn new(form: Form) -> Self {
        let text = match form {
            Form::Object => "{}",
            Form::List => "[]",
        };
        Self { text: text.to_owned(), form, changes: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it does not parse, or is neither an object nor a list.
    pub fn parse(bytes: &[u8]) -> Result<Self, Torn> {
        let value: Value = serde_json::from_slice(bytes).map_err(|e| {
            let line = u32::try_from(e.line()).unwrap_or(u32::MAX).max(1);
            Torn { line, why: e.to_string() }
        })?;
        let form = match value {
            Value::Object(_) => Form::Object,
            Value::Array(_) => Form::List,
            _ => return Err(Torn { line: 1, why: "neither an object nor a list".to_owned() }),
        };
        let text = String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { text, form, changes: Vec::new() })
    }

    /// What it is.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What stands under a key; of one that occurs twice the last, as for Obsidian.
    pub fn value(&self, key: &str) -> Option<Value> {
        let member = self.member(key)?;
        serde_json::from_str(&self.text[member.value]).ok()
    }

    /// The elements of the list under `key`, or of the file where that is one list.
    pub fn list(&self, key: Option<&str>) -> Vec<Value> {
        let Some(range) = self.list_range(key) else { return Vec::new() };
        let all = elements(&self.text, range).unwrap_or_default();
        all.into_iter().filter_map(|at| serde_json::from_str(&self.text[at]).ok()).collect()
    }

    /// Sets a key, unless it has that value.
    pub fn set(&mut self, key: &str, value: &impl Serialize) {
        let wanted = serde_json::to_value(value).unwrap_or_default();
        match self.member(key) {
            Some(_) if self.value(key).as_ref() == Some(&wanted) => {}
            Some(member) => {
                let step = self.indent_of(member.key.start);
                let written = self.written(value, &step);
                self.note(key, Some(self.text[member.value.clone()].to_owned()), value, false);
                self.text.replace_range(member.value, &written);
            }
            None => {
                self.note(key, None, value, false);
                self.add_member(key, value);
            }
        }
    }

    /// Sets a key that is not there.
    pub fn seed(&mut self, key: &str, value: &impl Serialize) {
        if self.member(key).is_none() {
            self.set(key, value);
        }
    }

    /// Adds an element at the end of the list under `key` (made if there is none), or of the file where
    /// that is one list. What is there already is not added again.
    pub fn push(&mut self, key: Option<&str>, item: &impl Serialize) {
        let wanted = serde_json::to_value(item).unwrap_or_default();
        match (self.list_range(key), key) {
            (Some(range), _) => {
                if self.list(key).contains(&wanted) {
                    return;
                }
                self.note(key.unwrap_or_default(), None, item, true);
                self.add_element(range, item);
            }
            (None, Some(key)) => self.set(key, &[item]),
            (None, None) => {}
        }
    }

    /// What was changed since it was read.
    pub fn changes(&self) -> &[KeyChange] {
        &self.changes
    }

    /// The file as it is to be written, with what was changed.
    pub fn into_parts(self) -> (Vec<u8>, Vec<KeyChange>) {
        (self.text.into_bytes(), self.changes)
    }

    fn note(&mut self, key: &str, before: Option<String>, after: &impl Serialize, element: bool) {
        let plain = |text: String| match serde_json::from_str::<&RawValue>(&text) {
            Ok(_) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Err(_) => text,
        };
        let after = serde_json::to_string(after).unwrap_or_default();
        let (key, before) = (key.to_owned(), before.map(plain));
        self.changes.push(KeyChange { key, before, after, element });
    }

    /// The whole value, without what stands around it.
    fn root(&self) -> Range<usize> {
        let blank = |c: char| c.is_ascii_whitespace();
        let start = self.text.len() - self.text.trim_start_matches(blank).len();
        start..self.text.trim_end_matches(blank).len()
    }

    fn member(&self, key: &str) -> Option<Member> {
        let all = members(&self.text, self.root())?;
        all.into_iter().rfind(|member| member.name == key)
    }

    fn list_range(&self, key: Option<&str>) -> Option<Range<usize>> {
        let range = match key {
            Some(key) => self.member(key)?.value,
            None => self.root(),
        };
        self.text[range.clone()].starts_with('[').then_some(range)
    }

    /// How its lines end.
    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The blanks before `at`, if nothing else stands before it in its line.
    fn indent_of(&self, at: usize) -> Indent {
        let line = self.text[..at].rfind('\n').map(|newline| newline + 1);
        match line {
            Some(start) if self.text[start..at].chars().all(|c| c == ' ' || c == '\t') => {
                Indent::Lines(self.text[start..at].to_owned())
            }
            _ => Indent::None,
        }
    }

    /// How the elements of what begins at `open` are indented, if it had some.
    fn below(&self, open: usize) -> Indent {
        let line = self.text[..open].rfind('\n').map_or(0, |newline| newline + 1);
        let rest = &self.text[line..open];
        let blanks = &rest[..rest.len() - rest.trim_start_matches([' ', '\t']).len()];
        let is_compact = self.text.len() > 2 && !self.text.trim_end().contains('\n');
        if is_compact { Indent::None } else { Indent::Lines(format!("{blanks}{}", self.step())) }
    }

    /// One step of indentation: that of the first key.
    fn step(&self) -> String {
        let first = members(&self.text, self.root()).and_then(|all| all.into_iter().next());
        match first.map(|member| self.indent_of(member.key.start)) {
            Some(Indent::Lines(blanks)) if !blanks.is_empty() => blanks,
            _ => "  ".to_owned(),
        }
    }

    fn written(&self, value: &impl Serialize, indent: &Indent) -> String {
        let Indent::Lines(blanks) = indent else {
            return serde_json::to_string(value).unwrap_or_default();
        };
        let step = self.step();
        let mut bytes = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(step.as_bytes());
        let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
        if value.serialize(&mut serializer).is_err() {
            return "null".to_owned();
        }
        String::from_utf8_lossy(&bytes).replace('\n', &format!("{}{blanks}", self.newline()))
    }

    fn add_member(&mut self, key: &str, value: &impl Serialize) {
        let root = self.root();
        let all = members(&self.text, root.clone()).unwrap_or_default();
        let indent = match all.first() {
            Some(first) => self.indent_of(first.key.start),
            None => self.below(root.start),
        };
        let colon = match (&indent, all.first()) {
            (Indent::Lines(_), _) => ": ",
            (Indent::None, Some(first)) => {
                let between = &self.text[first.key.end..first.value.start];
                if between.ends_with(' ') { ": " } else { ":" }
            }
            (Indent::None, None) => ":",
        };
        let name = serde_json::to_string(key).unwrap_or_default();
        let part = format!("{name}{colon}{}", self.written(value, &indent));
        self.append(&root, all.last().map(|member| member.value.end), &part, &indent);
    }

    fn add_element(&mut self, list: Range<usize>, item: &impl Serialize) {
        let all = elements(&self.text, list.clone()).unwrap_or_default();
        let indent = match all.first() {
            Some(first) => self.indent_of(first.start),
            None => self.below(list.start),
        };
        let part = self.written(item, &indent);
        self.append(&list, all.last().map(|last| last.end), &part, &indent);
    }

    /// Adds a part behind `last`, or as the only one of what stands at `range`.
    fn append(&mut self, range: &Range<usize>, last: Option<usize>, part: &str, indent: &Indent) {
        match (last, indent) {
            (Some(last), Indent::Lines(blanks)) => {
                let newline = self.newline();
                self.text.insert_str(last, &format!(",{newline}{blanks}{part}"));
            }
            (Some(last), Indent::None) => self.text.insert_str(last, &format!(", {part}")),
            (None, Indent::Lines(blanks)) => {
                let outer = blanks.strip_suffix(self.step().as_str()).unwrap_or_default();
                let newline = self.newline();
                let inside = format!("{newline}{blanks}{part}{newline}{outer}");
                self.text.replace_range(range.start + 1..range.end - 1, &inside);
            }
            (None, Indent::None) => self.text.replace_range(range.start + 1..range.end - 1, part),
        }
    }
}

/// Whether parts have lines of their own, and what stands before them.
enum Indent {
    Lines(String),
    None,
}

/// A member of an object: its name, and where key and value stand.
struct Member {
    name: String,
    key: Range<usize>,
    value: Range<usize>,
}

/// Where a part of `text` stands in it.
fn place(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr() as usize - text.as_ptr() as usize;
    start..start + part.len()
}

fn members(text: &str, range: Range<usize>) -> Option<Vec<Member>> {
    let member = |(key, value): (&str, &str)| {
        let name = serde_json::from_str(key).ok()?;
        Some(Member { name, key: place(text, key), value: place(text, value) })
    };
    written::members(&text[range])?.into_iter().map(member).collect()
}

fn elements(text: &str, range: Range<usize>) -> Option<Vec<Range<usize>>> {
    let found = written::elements(&text[range])?;
    Some(found.into_iter().map(|element| place(text, element)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn settings(text: &str) -> Settings {
        Settings::parse(text.as_bytes()).unwrap()
    }

    fn text(settings: Settings) -> String {
        String::from_utf8(settings.into_parts().0).unwrap()
    }

    #[test]
    fn lines_end_as_they_did() {
        let mut app = settings("{\r\n  \"a\": [\r\n    1\r\n  ]\r\n}\r\n");
        app.set("b", &["x"]);
        app.push(Some("a"), &2);
        let text = String::from_utf8(app.into_parts().0).unwrap();
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
    }

    #[test]
    fn what_nobody_asked_to_change_stays_as_it_is() {
        let before = "{\n  \"zeta\": 1.50,\n  \"centerStrength\": 0.518713248970312,\n  \
                      \"unknown\": {\"a\":[1e3, 2]},\n  \"showTags\": false\n}\n";
        let mut all = settings(before);
        all.set("showTags", &true);
        all.set("zeta", &1.5);
        all.seed("showTags", &false);
        all.seed("scale", &1);
        let expected = before.replace("false\n", "true,\n  \"scale\": 1\n");
        assert_eq!(all.changes().len(), 2);
        assert_eq!(all.changes()[0].before.as_deref(), Some("false"));
        assert_eq!(text(all), expected);
    }

    #[test]
    fn a_new_file_looks_like_one_of_obsidians() {
        let mut all = Settings::new(Form::Object);
        all.set("a", &true);
        all.push(Some("list"), &"x");
        all.push(Some("list"), &"y");
        all.push(Some("list"), &"x");
        let expected = "{\n  \"a\": true,\n  \"list\": [\n    \"x\",\n    \"y\"\n  ]\n}";
        assert_eq!(text(all), expected);
        let mut list = Settings::new(Form::List);
        list.push(None, &"dataview");
        assert_eq!(text(list), "[\n  \"dataview\"\n]");
        assert_eq!(text(Settings::new(Form::Object)), "{}");
    }

    #[test]
    fn the_files_own_style_is_taken_over() {
        let mut tabs = settings("{\n\t\"a\": 1\n}");
        tabs.set("b", &serde_json::json!({"c": [1]}));
        assert_eq!(text(tabs), "{\n\t\"a\": 1,\n\t\"b\": {\n\t\t\"c\": [\n\t\t\t1\n\t\t]\n\t}\n}");
        let mut one_line = settings("{\"a\":1,\"l\":[]}");
        one_line.set("b", &2);
        one_line.push(Some("l"), &"x");
        assert_eq!(text(one_line), "{\"a\":1,\"l\":[\"x\"], \"b\":2}");
        let mut empty_list = settings("{\n  \"l\": []\n}");
        empty_list.push(Some("l"), &1);
        assert_eq!(text(empty_list), "{\n  \"l\": [\n    1\n  ]\n}");
    }

    #[test]
    fn of_a_key_that_occurs_twice_the_last_counts() {
        let mut twice = settings("{\"a\": 1, \"a\": 2}");
        assert_eq!(twice.value("a"), Some(2.into()));
        twice.set("a", &3);
        assert_eq!(text(twice), "{\"a\": 1, \"a\": 3}");
    }

    #[test]
    fn what_does_not_parse_says_where() {
        assert_eq!(Settings::parse(b"{\n\"a\": tru").unwrap_err().line, 2);
        assert_eq!(Settings::parse(b"").unwrap_err().line, 1);
        assert!(Settings::parse(b"7").unwrap_err().why.contains("neither"));
        assert!(Settings::parse(b"\xff{}").is_err());
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("1.50"),
            Just("-0.518713248970312e3"),
            Just("\"a\\\"{[,\\u00e9\""),
            Just("null"),
            Just("[ ]"),
        ];
        leaf.prop_map(str::to_owned).prop_recursive(3, 12, 4, |inner| {
            let list = proptest::collection::vec(inner.clone(), 0..4);
            let members = proptest::collection::vec(("[a-d]", inner), 0..4);
            let list = list.prop_map(|items| format!("[{}]", items.join(",\n ")));
            let object = members.prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
                format!("{{{}}}", members.join(" , "))
            });
            prop_oneof![list, object]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 500,
            rng_seed: RngSeed::Fixed(11),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn an_edit_changes_one_value_and_no_other_byte_of_the_rest(
            names in proptest::collection::hash_set("[a-f]", 0..5),
            values in proptest::collection::vec(value(), 5),
            lines in any::<bool>(),
            key in "[a-h]",
        ) {
            let comma = if lines { ",\n\t" } else { "," };
            let given: Vec<(String, String)> = names.into_iter().zip(values).collect();
            let members: Vec<String> =
                given.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            let before = format!("{{{}{}}}\n", if lines { "\n\t" } else { "" }, members.join(comma));
            let mut all = settings(&before);
            all.set(&key, &"new");
            all.push(Some("list"), &1);
            all.push(Some("list"), &1);
            let after = text(all);
            let read: Value = serde_json::from_str(&after).unwrap();
            prop_assert_eq!(&read[&key], "new");
            prop_assert_eq!(&read["list"], &serde_json::json!([1]));
            for (_, member) in given.iter().zip(&members).filter(|((name, _), _)| *name != key) {
                prop_assert!(after.contains(member.as_str()), "{} lacks {}", after, member);
            }
        }
    }

    #[test]
    fn keys_with_escapes_are_found_by_what_they_mean() {
        let mut all = settings("{\"a\\u0062\": 1}");
        all.set("ab", &2);
        assert_eq!(text(all), "{\"a\\u0062\": 2}");
    }
}
