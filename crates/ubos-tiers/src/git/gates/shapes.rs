//! Forms of secrets that are more than a beginning and a run of letters. Each is given the text and
//! where the beginning starts and ends, looks at a bounded number of bytes, and returns the span.

use std::ops::Range;

use super::rules::{Letters, stands_alone};
use super::{entropy, stops};

/// Most letters of the line that begins a key.
const MAX_TITLE: usize = 48;
/// How far after that line the key itself must have begun.
const KEY_WITHIN: usize = 600;
/// Letters in a row that are taken for a part of a key.
const KEY_RUN: usize = 40;
/// Most letters of the name before a password in an address, and of the password.
const MAX_LOGIN: usize = 64;
/// Most letters of a part of a web token.
const MAX_PART: usize = 8192;

/// A block `-----BEGIN … PRIVATE KEY-----` with something in it, also with its line ends written as
/// `\n`.
pub(super) fn private_key(content: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let rest = &content[end..];
    let title = &rest[..rest.len().min(MAX_TITLE)];
    let title_end = title.windows(5).position(|dashes| dashes == b"-----")?;
    let title = &title[..title_end];
    if !title.ends_with(b"PRIVATE KEY") && !title.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body = &rest[title_end + 5..];
    let body = &body[..body.len().min(KEY_WITHIN)];
    let mut run = 0;
    for (at, byte) in body.iter().enumerate() {
        // The end of the block, or the beginning of another.
        if body[at..].starts_with(b"-----") {
            return None;
        }
        let is_letter = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        run = if is_letter { run + 1 } else { 0 };
        if run == KEY_RUN {
            let body_start = end + title_end + 5;
            let letters = &body[at + 1 - KEY_RUN..=at];
            let is_random = entropy::bits(letters) >= 3.0 && !stops::is_placeholder(letters);
            return is_random.then_some(start..body_start + at + 1);
        }
    }
    None
}

/// `123456789:AA…`: the number of a bot, and 33 letters after the `AA`.
pub(super) fn telegram(content: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
    let before = &content[..start];
    let digits = before.iter().rev().take(11).take_while(|b| b.is_ascii_digit()).count();
    let number = start - digits;
    let alone = stands_alone(content, number) || before[..number].ends_with(b"bot");
    let run = content[end..].iter().take(34).take_while(|&&b| Letters::Dashed.has(b)).count();
    let body = &content[end..end + run];
    let is_token = (8..=10).contains(&digits) && alone && run == 33 && entropy::bits(body) >= 3.0;
    (is_token && !stops::is_placeholder(body)).then_some(number..end + run)
}

/// Three parts with dots between them, the first two of which are JSON objects in base64.
pub(super) fn jwt(content: &[u8], start: usize, _end: usize) -> Option<Range<usize>> {
    if !stands_alone(content, start) {
        return None;
    }
    let part = |from: usize| {
        let rest = content.get(from..).unwrap_or_default();
        from + rest.iter().take(MAX_PART).take_while(|&&b| Letters::Dashed.has(b)).count()
    };
    let head = part(start);
    let body = head + 1;
    if head - start < 12 || content.get(head) != Some(&b'.') {
        return None;
    }
    let body_end = part(body);
    let signature = body_end + 1;
    if !content[body..].starts_with(b"eyJ") || content.get(body_end) != Some(&b'.') {
        return None;
    }
    let end = part(signature);
    let is_token = body_end - body >= 10
        && end - signature >= 20
        && entropy::bits(&content[signature..end]) >= 3.5;
    is_token.then_some(start..end)
}

/// `://name:password@host` with a password that nobody would write for a sample.
pub(super) fn url_password(content: &[u8], _start: usize, end: usize) -> Option<Range<usize>> {
    let run = |from: usize, stops: &[u8]| {
        let rest = content.get(from..).unwrap_or_default();
        let ends = |b: &u8| b.is_ascii_whitespace() || b"/@\"'`<>()[]{}|\\".contains(b);
        from + rest
            .iter()
            .take(MAX_LOGIN + 1)
            .take_while(|b| !ends(b) && !stops.contains(b))
            .count()
    };
    let name_end = run(end, b":");
    if name_end - end > MAX_LOGIN || content.get(name_end) != Some(&b':') {
        return None;
    }
    let start = name_end + 1;
    let end = run(start, b"");
    let password = &content[start..end];
    let has = |is: fn(&u8) -> bool| password.iter().any(is);
    let is_secret = (10..=MAX_LOGIN).contains(&password.len())
        && content.get(end) == Some(&b'@')
        && content.get(end + 1).is_some_and(u8::is_ascii_alphanumeric)
        && has(u8::is_ascii_digit)
        && has(u8::is_ascii_alphabetic)
        && entropy::bits(password) >= 3.0
        && !stops::is_placeholder(password);
    is_secret.then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_one_only_if_it_is_random() {
        let found = |text: &str| {
            let end = text.find("://").unwrap() + 3;
            url_password(text.as_bytes(), end - 3, end).map(|span| text[span].to_owned())
        };
        let password = ["k7Qw9z", "T4mR2x"].concat();
        let real = format!("at postgres://bob:{password}@db.example.org:5432/notes?x=1");
        assert_eq!(found(&real), Some(password.clone()));
        for none in [
            "http://host:8080/path@v1.2.3",
            "ssh://git@host/repo.git",
            "https://user:password@host/",
            "https://user:${TOKEN_12345}@host/",
            "https://user:pass1234@host/",
            "redis://:@localhost",
        ] {
            assert_eq!(found(none), None, "{none}");
        }
        assert_eq!(found(&real.replace('@', " ")), None);
    }
}
