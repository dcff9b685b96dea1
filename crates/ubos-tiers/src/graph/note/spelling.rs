//! How names are compared and links decoded.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A name or path as it is looked up: composed, in lower case.
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    if is_nfc(text) { text.to_lowercase() } else { text.nfc().collect::<String>().to_lowercase() }
}

/// [`key`], into a text that is used again.
pub fn key_into(text: &str, key_of: &mut String) {
    key_of.clear();
    if text.is_ascii() {
        key_of.push_str(text);
        key_of.make_ascii_lowercase();
    } else {
        key_of.push_str(&key(text));
    }
}

/// The text of a link as a path: no-break spaces are spaces, composed, without blanks around it.
pub fn linkpath(text: &str) -> String {
    let text = text.replace('\u{a0}', " ");
    let text: String = if is_nfc(&text) { text } else { text.nfc().collect() };
    text.trim().replace('\\', "/")
}

/// Cuts the text of a link at its first `#`.
pub fn split_subpath(text: &str) -> (&str, Option<&str>) {
    match text.split_once('#') {
        Some((path, subpath)) => (path, Some(subpath)),
        None => (text, None),
    }
}

/// Decodes `%20` and the like. A text with an escape that is none, or that makes no UTF-8, stays as it
/// is.
pub(super) fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit())) {
            Some(two) => bytes.push(u8::from_str_radix(two, 16).expect("two hexadecimal digits")),
            None => return text.to_owned(),
        }
        rest = &tail[2..];
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Whether a destination leads out of the vault: it begins with a scheme.
pub(super) fn is_external(destination: &str) -> bool {
    let Some((scheme, _)) = destination.split_once(':') else { return false };
    let mut bytes = scheme.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'.' | b'-'))
}
