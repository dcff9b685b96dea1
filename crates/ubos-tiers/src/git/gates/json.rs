//! Reads JSON for its form: whether it is whole, where it breaks, and which texts stand under which
//! keys. Nothing is built in memory and nothing recurses, so that neither size nor depth can hurt.

/// How much is let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::git) enum Grammar {
    /// RFC 8259.
    Strict,
    /// Also comments and a comma after the last item, as editors' settings have them.
    Settings,
}

/// Where and why it is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::git) struct Broken {
    /// The offset of the first byte that is wrong.
    pub(in crate::git) offset: usize,
    /// In words.
    pub(in crate::git) why: &'static str,
}

/// What is met on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::git) enum Met<'a> {
    /// An object or list begins.
    Open,
    /// It ends.
    Close,
    /// The key of what follows, without its quotes, escapes as written.
    Key(&'a [u8]),
    /// A text, likewise, and its offset.
    Text(&'a [u8], usize),
    /// A number, `true`, `false` or `null`.
    Other,
}

/// Reads one JSON value with white space around it.
///
/// # Errors
/// Where it breaks.
pub(in crate::git) fn read<'a>(
    text: &'a [u8],
    grammar: Grammar,
    mut meet: impl FnMut(Met<'a>),
) -> Result<(), Broken> {
    let mut reader = Reader { text, at: 0, grammar };
    // Windows editors write one.
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.at = 3;
    }
    let mut open: Vec<Inside> = Vec::new();
    let mut next = Next::Value;
    loop {
        reader.skip()?;
        if reader.at == text.len() && next == Next::Comma && open.is_empty() {
            return Ok(());
        }
        let Some(&byte) = text.get(reader.at) else { return Err(reader.broken("ends too soon")) };
        let inside = open.last().copied();
        next = match (next, byte) {
            (Next::Comma, b',') if inside.is_some() => {
                reader.at += 1;
                let item = if inside == Some(Inside::Object) { Next::Key } else { Next::Value };
                match (grammar, item) {
                    (Grammar::Strict, item) => item,
                    (Grammar::Settings, Next::Key) => Next::FirstKey,
                    (Grammar::Settings, _) => Next::FirstValue,
                }
            }
            (Next::Comma | Next::FirstKey, b'}') if inside == Some(Inside::Object) => {
                reader.close(&mut open, &mut meet)
            }
            (Next::Comma | Next::FirstValue, b']') if inside == Some(Inside::List) => {
                reader.close(&mut open, &mut meet)
            }
            (Next::Comma, _) if inside.is_none() => {
                return Err(reader.broken("goes on after its end"));
            }
            (Next::Comma, _) => return Err(reader.broken("lacks a comma")),
            (Next::Key | Next::FirstKey, b'"') => {
                meet(Met::Key(reader.string()?));
                Next::Colon
            }
            (Next::Key | Next::FirstKey, _) => return Err(reader.broken("lacks a key in quotes")),
            (Next::Colon, b':') => {
                reader.at += 1;
                Next::Value
            }
            (Next::Colon, _) => return Err(reader.broken("lacks a colon")),
            (Next::Value | Next::FirstValue, b'{' | b'[') => {
                reader.at += 1;
                meet(Met::Open);
                open.push(if byte == b'{' { Inside::Object } else { Inside::List });
                if byte == b'{' { Next::FirstKey } else { Next::FirstValue }
            }
            (Next::Value | Next::FirstValue, b'"') => {
                let offset = reader.at;
                meet(Met::Text(reader.string()?, offset));
                Next::Comma
            }
            (Next::Value | Next::FirstValue, _) => {
                reader.plain()?;
                meet(Met::Other);
                Next::Comma
            }
        };
    }
}

/// The line, from 1, of an offset.
pub(in crate::git) fn line_of(text: &[u8], offset: usize) -> u32 {
    let before = &text[..offset.min(text.len())];
    let breaks = before.iter().filter(|&&byte| byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Object,
    List,
}

/// What must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    /// A value or the list's end.
    FirstValue,
    Key,
    /// A key or the object's end.
    FirstKey,
    Colon,
    /// A comma, or the end of what is open.
    Comma,
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    grammar: Grammar,
}

impl<'a> Reader<'a> {
    fn broken(&self, why: &'static str) -> Broken {
        Broken { offset: self.at, why }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn close(&mut self, open: &mut Vec<Inside>, meet: &mut impl FnMut(Met<'a>)) -> Next {
        self.at += 1;
        open.pop();
        meet(Met::Close);
        Next::Comma
    }

    /// Passes over white space, and comments where they may be.
    fn skip(&mut self) -> Result<(), Broken> {
        loop {
            let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
            self.at += self.rest().iter().take_while(blank).count();
            if self.grammar == Grammar::Strict {
                return Ok(());
            }
            if self.rest().starts_with(b"//") {
                self.at += self.rest().iter().take_while(|&&b| b != b'\n').count();
            } else if self.rest().starts_with(b"/*") {
                let inner = &self.rest()[2..];
                let end = inner.windows(2).position(|pair| pair == b"*/");
                let Some(end) = end else { return Err(self.broken("has a comment without end")) };
                self.at += 2 + end + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// A text in quotes, at which the reader stands.
    fn string(&mut self) -> Result<&'a [u8], Broken> {
        let start = self.at + 1;
        self.at = start;
        loop {
            let plain = |&&b: &&u8| b != b'"' && b != b'\\' && b >= 0x20;
            self.at += self.rest().iter().take_while(plain).count();
            match self.rest() {
                [] => return Err(self.broken("ends inside a text")),
                [b'"', ..] => {
                    self.at += 1;
                    return Ok(&self.text[start..self.at - 1]);
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.at += 2,
                [b'\\', b'u', a, b, c, d, ..]
                    if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) =>
                {
                    self.at += 6;
                }
                [b'\\', ..] => return Err(self.broken("has a wrong escape in a text")),
                _ => return Err(self.broken("has a raw control character in a text")),
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn plain(&mut self) -> Result<(), Broken> {
        let words: [&[u8]; 3] = [b"true", b"false", b"null"];
        if let Some(word) = words.iter().find(|word| self.rest().starts_with(word)) {
            self.at += word.len();
            return Ok(());
        }
        self.number()
    }

    fn number(&mut self) -> Result<(), Broken> {
        let start = self.at;
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        let leading_zero = self.rest().first() == Some(&b'0');
        let digits = self.digits();
        let mut whole = digits > 0 && !(leading_zero && digits > 1);
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            whole &= self.digits() > 0;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            whole &= self.digits() > 0;
        }
        if whole {
            return Ok(());
        }
        self.at = start;
        Err(self.broken("has something that is no value"))
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str, grammar: Grammar) -> bool {
        read(text.as_bytes(), grammar, |_| ()).is_ok()
    }

    const SAMPLE: &str =
        r#"{"a": [1, -2.5e+3, true, null], "b\"": {"c": "\u00e9\n", "d": []}, "e": {}}"#;

    #[test]
    fn what_is_cut_anywhere_is_broken() {
        assert!(whole(SAMPLE, Grammar::Strict));
        for end in 0..SAMPLE.len() {
            assert!(!whole(&SAMPLE[..end], Grammar::Settings), "{}", &SAMPLE[..end]);
        }
    }

    #[test]
    fn settings_may_have_comments_and_a_last_comma() {
        let text = "// c\n{\"a\": [1, 2,], /* x */ \"b\": 1,\n}\n";
        assert!(whole(text, Grammar::Settings) && !whole(text, Grammar::Strict));
        for text in ["[,]", "{,}", "[1,,2]", "{\"a\":,}", "/* ", "[1]/"] {
            assert!(!whole(text, Grammar::Settings), "{text}");
        }
    }

    #[test]
    fn the_strict_grammar_is_that_of_another_reader() {
        // Every single change of one byte, judged by both.
        let odd = b"\"\\{}[]:,0-.eE+ntfu/ \n\x01x";
        for at in 0..SAMPLE.len() {
            for &byte in odd {
                let mut text = SAMPLE.as_bytes().to_vec();
                text[at] = byte;
                let theirs = serde_json::from_slice::<serde_json::Value>(&text).is_ok();
                let ours = read(&text, Grammar::Strict, |_| ()).is_ok();
                assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(&text));
            }
        }
        for text in ["00", "01", "-", "1.", ".5", "1e", "+1", "nul", "", " ", "1 2", "\u{feff}1"] {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(
                whole(text, Grammar::Strict),
                theirs || text.starts_with('\u{feff}'),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_does_not_hurt() {
        let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
        assert!(whole(&deep, Grammar::Strict));
    }

    #[test]
    fn keys_and_texts_are_met_with_their_places() {
        let text = br#"{"k": {"x": "v"}}"#;
        let mut met = Vec::new();
        read(text, Grammar::Strict, |item| met.push(item)).unwrap();
        let (open, close) = (Met::Open, Met::Close);
        assert_eq!(
            met,
            [open, Met::Key(b"k"), open, Met::Key(b"x"), Met::Text(b"v", 12), close, close]
        );
        assert_eq!(line_of(b"a\nb\nc", 4), 3);
    }
}
