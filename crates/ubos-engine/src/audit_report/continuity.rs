//! Whether each change continues the one before: what it found at a path must be what the last
//! change left there, unless the log says why it is something else.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A change that does not continue the one before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Break {
    /// Number of its record.
    pub seq: u64,
    /// The path.
    pub path: String,
}

struct Change {
    seq: u64,
    path: String,
    from: Option<String>,
    before: Value,
    after: Value,
    free: bool,
}

/// A mark without the executable bit: a change of it alone does not stop a deletion or an update.
fn content(mark: &Value) -> Option<&str> {
    mark.as_str().map(|text| text.strip_suffix("+x").unwrap_or(text))
}

/// Follows what both sides agreed on, path by path.
#[derive(Default)]
pub(super) struct Continuity {
    /// What a path holds, after which change; nothing where that is not on record.
    known: BTreeMap<String, (Value, Option<Value>)>,
    run: String,
    announced: Vec<Change>,
    pub(super) breaks: Vec<Break>,
}

impl Continuity {
    /// The next record.
    pub(super) fn see(&mut self, record: &Map<String, Value>, seq: u64) {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let value = |key: &str| record.get(key).cloned().unwrap_or(Value::Null);
        let run = text("run");
        if run != self.run {
            self.cut_off();
            run.clone_into(&mut self.run);
        }
        match text("event") {
            "change" => self.announced.push(Change {
                seq,
                path: text("path").to_owned(),
                from: record.get("from").and_then(Value::as_str).map(str::to_owned),
                before: value("before"),
                after: value("after"),
                // These replace something that this side alone held, and say so.
                free: ["resolved", "reappears", "refilled", "mode-changed"]
                    .contains(&text("reason")),
            }),
            "skipped" | "held" => self.announced.retain(|change| change.path != text("path")),
            "agreed" => match record.get("path") {
                Some(_) => self.set(text("path").to_owned(), value("after"), None),
                None => self.known.clear(),
            },
            "restored" | "edited" => {
                self.known.remove(text("path"));
                self.known.remove(text("from"));
            }
            // From here on the memory of the pair is another one.
            "recovered" | "state-healed" | "memory-dropped" => self.known.clear(),
            "run" => {
                for change in std::mem::take(&mut self.announced) {
                    self.carry_out(change);
                }
            }
            "run-failed" | "peer-lost" => self.cut_off(),
            _ => {}
        }
    }

    /// What a run announced that did not end may have happened or not.
    fn cut_off(&mut self) {
        for change in std::mem::take(&mut self.announced) {
            self.known.remove(&change.path);
            change.from.iter().for_each(|from| drop(self.known.remove(from)));
        }
    }

    fn set(&mut self, path: String, after: Value, before: Option<Value>) {
        self.known.insert(path, (after, before));
    }

    fn carry_out(&mut self, change: Change) {
        let Change { seq, path, from, before, after, free } = change;
        let found_at = from.as_ref().unwrap_or(&path);
        let continues = match self.known.get(found_at) {
            None => true,
            // The same thing over again: it was announced once more because it was held back.
            Some((_, Some(earlier))) if content(earlier) == content(&before) => true,
            Some((holds, _)) => content(holds) == content(&before),
        };
        // What found nothing replaced nothing: the copy of a one-way area had been deleted there.
        if !continues && !free && !before.is_null() {
            self.breaks.push(Break { seq, path: found_at.clone() });
        }
        if let Some(from) = from {
            self.move_below(&from, &path);
            self.set(from, Value::Null, None);
        }
        self.set(path, after, Some(before));
    }

    /// What is known below a folder that is moved goes with it.
    fn move_below(&mut self, from: &str, to: &str) {
        let prefix = format!("{from}/");
        let below: Vec<String> = self
            .known
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for old in below {
            if let Some(holds) = self.known.remove(&old) {
                self.known.insert(format!("{to}/{}", &old[prefix.len()..]), holds);
            }
        }
    }
}
