//! Keys of plugins' settings that say what stands under them: `apiKey`, `token`, `password`.

use std::ops::Range;

use ubos_core::path::RelPath;

use super::found::{Found, overlaps};
use super::json::{self, Grammar, Met};

const RULE: &str = "plugin-secret";

/// Examines the `data.json` of a plugin: `…/plugins/NAME/data.json`. What it finds is added to
/// `spans`; what stands there already is not told twice.
pub(super) fn examine(
    path: &RelPath,
    content: &[u8],
    found: &mut Found<'_>,
    spans: &mut Vec<Range<usize>>,
) {
    if !is_settings_of_a_plugin(path) {
        return;
    }
    // How deep the reader is, and how deep the thing is that stands under a telling key.
    let (mut depth, mut telling_depth) = (0usize, None);
    let mut key = &b""[..];
    let mut lines = found.lines(content);
    let known = spans.len();
    // What is torn was found as such; what stands before the tear counts.
    let _ = json::read(content, Grammar::Settings, |met| match met {
        Met::Key(name) => key = name,
        Met::Open => {
            if telling_depth.is_none() && tells(key) {
                telling_depth = Some(depth);
            }
            depth += 1;
            key = b"";
        }
        Met::Close => {
            depth -= 1;
            if telling_depth == Some(depth) {
                telling_depth = None;
            }
            key = b"";
        }
        Met::Text(value, offset) => {
            let span = offset..offset + value.len() + 2;
            let is_new = !overlaps(&spans[..known], &span);
            if is_new && (telling_depth.is_some() || tells(key)) && says_something(value) {
                spans.push(span);
                let what = "a value under a key that names a secret, in a plugin's settings";
                found.secret(RULE, path, value, what, lines.at(offset));
            }
        }
        Met::Other => {}
    });
    spans.sort_by_key(|span| span.start);
}

fn is_settings_of_a_plugin(path: &RelPath) -> bool {
    let mut components = path.components().rev();
    components.next() == Some(b"data.json")
        && components.next().is_some()
        && components.next() == Some(b"plugins")
}

/// Endings of keys, in lower case without what joins words.
const TELLING: [&[u8]; 10] = [
    b"apikey",
    b"token",
    b"secret",
    b"password",
    b"passphrase",
    b"passwd",
    b"privatekey",
    b"accesskey",
    b"secretkey",
    b"credential",
];

fn tells(key: &[u8]) -> bool {
    let mut key = key.to_ascii_lowercase();
    key.retain(u8::is_ascii_alphanumeric);
    let key = key.strip_suffix(b"s").unwrap_or(&key);
    TELLING.iter().any(|ending| key.ends_with(ending))
}

/// Whether the value can be a secret: not empty, no mere number (`maxTokens`), no reference to where
/// the secret really is.
fn says_something(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let is_number = value.len() < 10 && value.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    let is_reference = value.starts_with(b"${") || value.starts_with(b"$env:");
    let says_nothing: [&[u8]; 5] = [b"null", b"none", b"true", b"false", b"undefined"];
    !is_number
        && !is_reference
        && !says_nothing.contains(&value)
        && !value.iter().all(|b| matches!(b, b'*' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::gates::allow::AllowList;

    fn lines(path: &str, content: &str) -> Vec<Option<u32>> {
        let allowed = AllowList::default();
        let mut found = Found::new(&allowed);
        examine(&RelPath::new(path).unwrap(), content.as_bytes(), &mut found, &mut Vec::new());
        found.into_findings().into_iter().map(|finding| finding.line).collect()
    }

    const SETTINGS: &str = ".obsidian/plugins/any/data.json";

    #[test]
    fn values_under_telling_keys_are_found_wherever_they_are() {
        for key in
            ["apiKey", "API_KEY", "openAIAPIToken", "couchDB_PASSWORD", "clientSecret", "apiKeys"]
        {
            assert_eq!(lines(SETTINGS, &format!("{{\n\"{key}\": \"v\"}}")), [Some(2)], "{key}");
        }
        let text = "{\"x\": [{\"token\": \"a\"},\n{\"apiKeys\": {\"one\": \"b\", \"two\":\n[\"c\"]}}], \"y\": \"d\"}";
        assert_eq!(lines(SETTINGS, text), [Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_says_nothing_is_none() {
        for text in [
            r#"{"apiKey": "", "token": null, "secret": 5, "password": "***"}"#,
            r#"{"maxTokens": "4096", "tokenizer": "cl100k", "token": "${TOKEN}"}"#,
            r#"{"passwordHint": "the usual", "apiKeyName": "mine"}"#,
        ] {
            assert_eq!(lines(SETTINGS, text), [], "{text}");
        }
        assert_eq!(lines("plugins/data.json", r#"{"token": "a"}"#), []);
        assert_eq!(lines("notes/any/data.json", r#"{"token": "a"}"#), []);
    }
}
