//! Secrets that are known by their name: `password = "…"`, `api_key: …`, where what is assigned looks
//! random.
//!
//! Names of secrets stand in prose, in code and in lists of fields; so all of this must come together:
//! a name that ends with what it is, an assignment, a value of letters without a space, enough
//! entropy, digits and letters in turn, and nothing that marks a stand-in. Every step looks at a
//! bounded number of bytes.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use ubos_core::path::RelPath;

use super::found::{Found, overlaps};
use super::{entropy, stops};

const RULE: &str = "assigned-secret";
/// Least entropy of a value, in bits a letter.
const ENTROPY: f64 = 3.5;
/// Letters of a name beside the telling word, on either side.
const MAX_NAME: usize = 40;
/// Letters of a value.
const MAX_VALUE: usize = 200;
const MIN_QUOTED: usize = 12;
const MIN_BARE: usize = 20;

/// Words that tell; in names of any case, with any joint.
const TELLING: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "access-key",
    "accesskey",
    "private_key",
    "privatekey",
];

/// Parts of names of what is no secret itself, in lower case without joints.
const HARMLESS: [&[u8]; 30] = [
    b"tokeni",
    b"tokeno",
    b"secretar",
    b"public",
    b"page",
    b"next",
    b"cursor",
    b"continu",
    b"count",
    b"limit",
    b"type",
    b"url",
    b"uri",
    b"endpoint",
    b"path",
    b"file",
    b"hash",
    b"digest",
    b"sha256",
    b"name",
    b"regex",
    b"pattern",
    b"label",
    b"title",
    b"hint",
    b"error",
    b"message",
    b"description",
    b"version",
    b"length",
];

static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(TELLING)
        .expect("a few short words make an automaton")
});

/// Looks for assignments, except inside `spans`, which other rules have found; these rise.
pub(super) fn examine(
    path: &RelPath,
    content: &[u8],
    found: &mut Found<'_>,
    spans: &[Range<usize>],
) {
    let mut lines = found.lines(content);
    for hit in NAMES.find_iter(content) {
        if found.is_full() {
            return;
        }
        let Some(value) = value(content, hit.start(), hit.end()) else { continue };
        if overlaps(spans, &value) {
            continue;
        }
        let what = "a value that looks random is assigned to the name of a secret";
        found.secret(RULE, path, &content[value], what, lines.at(hit.start()));
    }
}

/// The span of what is assigned to the name around `start..end`, if it is a secret.
fn value(content: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let tail = content[end..].iter().take(MAX_NAME).take_while(is_name).count();
    let after_name = end + tail;
    let quoted = value_start(content, after_name)?;
    let head = content[..start].iter().rev().take(MAX_NAME).take_while(is_name).count();
    if is_harmless(&content[start - head..after_name]) {
        return None;
    }
    let (value_at, quote) = quoted;
    match quote {
        Some(quote) => in_quotes(content, value_at, quote),
        None => bare(content, value_at),
    }
}

fn is_harmless(name: &[u8]) -> bool {
    let mut name = name.to_ascii_lowercase();
    name.retain(u8::is_ascii_alphanumeric);
    HARMLESS.iter().any(|part| stops::contains(&name, part)) || name.ends_with(b"id")
}

/// Where the value begins after the name, and in which quotes it is.
fn value_start(content: &[u8], after_name: usize) -> Option<(usize, Option<u8>)> {
    let mut at = after_name;
    let skip = |at: usize, some: &[u8], most: usize| {
        let rest = &content[at..];
        at + rest.iter().take(most).take_while(|byte| some.contains(byte)).count()
    };
    // The name itself may be in quotes, also in quotes inside quotes.
    at = skip(at, b"\\", 1);
    at = skip(at, b"\"'`]", 2);
    at = skip(at, b" \t", 8);
    let operators: [&[u8]; 4] = [b":=", b"=>", b"=", b":"];
    let operator = operators.iter().find(|operator| content[at..].starts_with(operator))?;
    at += operator.len();
    if content.get(at) == Some(&b'=') {
        return None;
    }
    at = skip(at, b" \t", 8);
    let escaped = skip(at, b"\\", 1);
    match content.get(escaped) {
        Some(quote @ (b'"' | b'\'' | b'`')) => Some((escaped + 1, Some(*quote))),
        Some(_) if escaped == at => Some((at, None)),
        _ => None,
    }
}

fn in_quotes(content: &[u8], start: usize, quote: u8) -> Option<Range<usize>> {
    let rest = &content[start..];
    let is_value = |byte: &&u8| byte.is_ascii_graphic() && **byte != quote && **byte != b'\\';
    let length = rest.iter().take(MAX_VALUE + 1).take_while(is_value).count();
    let closes = matches!(rest.get(length), Some(byte) if *byte == quote || *byte == b'\\');
    let value = &rest[..length];
    let is_secret = (MIN_QUOTED..=MAX_VALUE).contains(&length) && closes && is_random(value, 2);
    is_secret.then_some(start..start + length)
}

fn bare(content: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = &content[start..];
    let is_value = |byte: &&u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'.' | b'~')
    };
    let length = rest.iter().take(MAX_VALUE + 1).take_while(is_value).count();
    let ends = matches!(
        rest.get(length),
        None | Some(
            b'\n' | b'\r' | b' ' | b'\t' | b'&' | b'"' | b'\'' | b'`' | b',' | b';' | b'\\' | b'#'
        )
    );
    let value = &rest[..length];
    let is_secret = (MIN_BARE..=MAX_VALUE).contains(&length) && ends && is_random(value, 3);
    is_secret.then_some(start..start + length)
}

/// Whether the value looks random, with at least `turns` between letters and digits.
fn is_random(value: &[u8], turns: usize) -> bool {
    value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
        && entropy::bits(value) >= ENTROPY
        && entropy::turns(value) >= turns
        && !stops::is_reference(value)
        && !stops::is_name(value)
        && !stops::is_placeholder(value)
}
