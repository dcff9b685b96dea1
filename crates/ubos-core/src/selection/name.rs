//! One component of a pattern, matched against one name.
//!
//! Names are bytes; a name that is not UTF-8 still matches `*`, and each of its bad bytes counts
//! as one character. Both pattern and name are compared in Unicode form C: the two machines may
//! spell the same name in different forms, and a path must not be selected on one side only.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::pattern::PatternError;

/// A compiled component. Most are one of the first four and need no search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NamePattern {
    /// `*`
    Any,
    /// `name`
    Literal(Box<[u8]>),
    /// `name*`
    Prefix(Box<[u8]>),
    /// `*name`
    Suffix(Box<[u8]>),
    /// Anything else.
    Glob(Box<[Token]>),
}

/// One step of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Char(char),
    AnyChar,
    Star,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// The form in which names are compared: Unicode form C and, if `fold_case`, small letters.
/// What is not UTF-8 stays as it is.
pub(crate) fn normal_name(name: &[u8], fold_case: bool) -> Cow<'_, [u8]> {
    if name.is_ascii() {
        return if fold_case && name.iter().any(u8::is_ascii_uppercase) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        };
    }
    let Ok(text) = std::str::from_utf8(name) else {
        return Cow::Borrowed(name);
    };
    if fold_case {
        Cow::Owned(folded(text).into_bytes())
    } else if is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(text.nfc().collect::<String>().into_bytes())
    }
}

/// `text` in small letters, in form C. Letter by letter, so that a part of a name is folded as it
/// is within the whole.
pub(super) fn folded(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

impl NamePattern {
    /// Compiles one component, which is already in the form of [`normal_name`].
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        Ok(Self::from_tokens(tokens(text)?))
    }

    fn from_tokens(tokens: Vec<Token>) -> Self {
        let literal = |tokens: &[Token]| -> Option<Box<[u8]>> {
            let chars = tokens.iter().map(|t| match t {
                Token::Char(c) => Some(*c),
                _ => None,
            });
            chars.collect::<Option<String>>().map(|text| text.into_bytes().into())
        };
        match &tokens[..] {
            [Token::Star] => return Self::Any,
            [Token::Star, rest @ ..] => {
                if let Some(suffix) = literal(rest) {
                    return Self::Suffix(suffix);
                }
            }
            [rest @ .., Token::Star] => {
                if let Some(prefix) = literal(rest) {
                    return Self::Prefix(prefix);
                }
            }
            all => {
                if let Some(name) = literal(all) {
                    return Self::Literal(name);
                }
            }
        }
        Self::Glob(tokens.into())
    }

    /// Whether it matches the whole of `name`, given in the form of [`normal_name`].
    pub(crate) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Literal(text) => name == &text[..],
            Self::Prefix(text) => name.starts_with(text),
            Self::Suffix(text) => name.ends_with(text),
            Self::Glob(tokens) => glob_matches(tokens, name),
        }
    }
}

/// Goes back to the latest `*` only: within one component that is enough, and the work stays
/// below the product of both lengths whatever the pattern.
fn glob_matches(tokens: &[Token], name: &[u8]) -> bool {
    let (mut at, mut pos) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while pos < name.len() || at < tokens.len() {
        let (found, width) = next_char(&name[pos..]);
        match tokens.get(at) {
            Some(Token::Star) => {
                at += 1;
                retry = Some((at, pos));
                continue;
            }
            Some(token) if width > 0 && token.accepts(found) => {
                at += 1;
                pos += width;
                continue;
            }
            _ => {}
        }
        let Some((star, from)) = retry else {
            return false;
        };
        let (_, width) = next_char(&name[from..]);
        if width == 0 {
            return false;
        }
        (at, pos) = (star, from + width);
        retry = Some((star, pos));
    }
    true
}

impl Token {
    /// Whether one character, or a byte that belongs to none, is taken.
    fn accepts(&self, found: Option<char>) -> bool {
        match (self, found) {
            (Token::Char(c), found) => found == Some(*c),
            (Token::AnyChar | Token::Star, _) => true,
            (Token::Class { negated, ranges }, Some(c)) => {
                ranges.iter().any(|&(low, high)| low <= c && c <= high) != *negated
            }
            (Token::Class { negated, .. }, None) => *negated,
        }
    }
}

/// The first character and its length in bytes; a bad byte is no character, of length 1; at the
/// end the length is 0.
fn next_char(bytes: &[u8]) -> (Option<char>, usize) {
    match bytes.first() {
        None => (None, 0),
        Some(&b) if b.is_ascii() => (Some(char::from(b)), 1),
        Some(_) => {
            let window = &bytes[..bytes.len().min(4)];
            let valid = match std::str::from_utf8(window) {
                Ok(text) => text,
                Err(error) => {
                    std::str::from_utf8(&window[..error.valid_up_to()]).expect("valid up to there")
                }
            };
            match valid.chars().next() {
                Some(c) => (Some(c), c.len_utf8()),
                None => (None, 1),
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, PatternError> {
    let mut found = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => found.push(Token::Char(rest.next().ok_or(PatternError::TrailingBackslash)?)),
            '?' => found.push(Token::AnyChar),
            // Several stars in one component mean the same as one.
            '*' if found.last() == Some(&Token::Star) => {}
            '*' => found.push(Token::Star),
            '[' => {
                let (class, after) = class(rest.as_str())?;
                found.push(class);
                rest = after.chars();
            }
            c => found.push(Token::Char(c)),
        }
    }
    Ok(found)
}

/// Reads a class after its `[`; returns what follows its `]`.
fn class(text: &str) -> Result<(Token, &str), PatternError> {
    let negated = text.starts_with(['!', '^']);
    let mut rest = if negated { &text[1..] } else { text };
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        if !first && let Some(after) = rest.strip_prefix(']') {
            return Ok((Token::Class { negated, ranges }, after));
        }
        first = false;
        if let Some((name, after)) = rest.strip_prefix("[:").and_then(|r| r.split_once(":]")) {
            ranges.extend(named_class(name)?);
            rest = after;
            continue;
        }
        let (low, after) = class_char(rest)?;
        rest = after;
        let upper = rest.strip_prefix('-').filter(|r| !r.starts_with(']'));
        let Some(upper) = upper else {
            ranges.push((low, low));
            continue;
        };
        let (high, after) = class_char(upper)?;
        if low > high {
            return Err(PatternError::BadRange(low, high));
        }
        ranges.push((low, high));
        rest = after;
    }
}

fn class_char(text: &str) -> Result<(char, &str), PatternError> {
    let mut chars = text.chars();
    let found = match chars.next() {
        Some('\\') => chars.next(),
        other => other,
    };
    found.map(|c| (c, chars.as_str())).ok_or(PatternError::UnclosedClass)
}

fn named_class(name: &str) -> Result<Vec<(char, char)>, PatternError> {
    let ranges: &[(char, char)] = match name {
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "digit" => &[('0', '9')],
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "upper" => &[('A', 'Z')],
        "lower" => &[('a', 'z')],
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        "graph" => &[('!', '~')],
        "print" => &[(' ', '~')],
        _ => return Err(PatternError::UnknownClass(name.to_owned())),
    };
    Ok(ranges.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&[u8]], no: &[&[u8]]) {
        let compiled = NamePattern::parse(pattern).unwrap();
        for name in yes {
            assert!(compiled.matches(name), "{pattern} should match {name:?}");
        }
        for name in no {
            assert!(!compiled.matches(name), "{pattern} should not match {name:?}");
        }
    }

    #[test]
    fn stars_and_questions() {
        check("*", &[b"a", b".hidden", b"\xff"], &[]);
        check("*.pyc", &[b"a.pyc", b".pyc", b"\xff.pyc"], &[b"a.py", b"pyc"]);
        check("._*", &[b"._a", b"._"], &[b".a"]);
        check("a*b*c", &[b"abc", b"axbxbxc", b"abcbc"], &[b"ab", b"abcx"]);
        check("a**b", &[b"ab", b"axb"], &[b"a"]);
        check("a?c", &[b"abc", "aéc".as_bytes(), b"a\xffc"], &[b"ac", b"abbc"]);
        check("*?", &[b"a", b"ab"], &[b""]);
        check("?*b*", &[b"ab", b"bb", b"bab"], &[b"b", b"ba"]);
    }

    #[test]
    fn classes() {
        check("[ab]*.md", &[b"a.md", b"bx.md"], &[b"c.md", b".md"]);
        check("x[!a-c]", &[b"xd", b"x\xff", "xé".as_bytes()], &[b"xa", b"x"]);
        check("x[^a]", &[b"xb"], &[b"xa"]);
        check("[]a]", &[b"]", b"a"], &[b"b"]);
        check("[a-]", &[b"a", b"-"], &[b"b"]);
        check("[\\]]", &[b"]"], &[b"\\"]);
        check("[[:digit:]_]x", &[b"1x", b"_x"], &[b"ax"]);
        check("a]", &[b"a]"], &[]);
    }

    #[test]
    fn escapes_and_braces_are_literal() {
        check("\\*", &[b"*"], &[b"a"]);
        check("\\#a", &[b"#a"], &[]);
        check("\\!a", &[b"!a"], &[]);
        check("{a,b}", &[b"{a,b}"], &[b"a"]);
    }

    #[test]
    fn broken_ones_are_errors() {
        assert_eq!(NamePattern::parse("[ab"), Err(PatternError::UnclosedClass));
        assert_eq!(NamePattern::parse("[]"), Err(PatternError::UnclosedClass));
        assert_eq!(NamePattern::parse("[z-a]"), Err(PatternError::BadRange('z', 'a')));
        assert_eq!(NamePattern::parse("a\\"), Err(PatternError::TrailingBackslash));
        assert_eq!(NamePattern::parse("[[:foo:]]"), Err(PatternError::UnknownClass("foo".into())));
    }

    #[test]
    fn common_shapes_need_no_search() {
        let suffix = NamePattern::parse("*.pyc").unwrap();
        assert!(matches!(suffix, NamePattern::Suffix(_)));
        assert!(matches!(NamePattern::parse("a\\*").unwrap(), NamePattern::Literal(_)));
        assert!(matches!(NamePattern::parse("._*").unwrap(), NamePattern::Prefix(_)));
        assert!(matches!(NamePattern::parse("***").unwrap(), NamePattern::Any));
    }

    #[test]
    fn a_hostile_glob_stays_cheap() {
        let glob = NamePattern::parse(&format!("{}b", "*a".repeat(100))).unwrap();
        assert!(!glob.matches(&[b'a'; 255]));
    }

    #[test]
    fn names_are_compared_in_one_form() {
        let decomposed = "Cafe\u{301}".as_bytes();
        assert_eq!(&normal_name(decomposed, false)[..], "Café".as_bytes());
        assert_eq!(&normal_name("CAFÉ".as_bytes(), true)[..], "café".as_bytes());
        assert_eq!(&normal_name(b"A\xff", true)[..], b"A\xff");
        assert!(matches!(normal_name(b"plain", true), Cow::Borrowed(_)));
    }
}
