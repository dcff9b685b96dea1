//! The text of one manifest, line by line: bytes in, checked lines out.
//!
//! A line is taken as gitignore would: `#` begins a comment, blanks at its end do not count
//! unless a backslash stands before them, blanks at its start do. A byte order mark and line ends
//! of either kind are tolerated. A line that cannot be understood is never skipped.

use super::error::{ManifestError, ManifestErrors};
use super::heading::{self, Reading};
use super::{Direction, Role};
use crate::entry::Digest;
use crate::path::{RelPath, escape_bytes};
use crate::selection::pattern::{Anchoring, Pattern};

/// One manifest, every line of it checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    path: RelPath,
    role: Role,
    lines: Vec<Line>,
    digest: Digest,
}

/// One pattern of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its line in the file, counted from 1.
    pub number: usize,
    /// The pattern as written, without the blanks that do not count.
    pub text: String,
    /// The direction it stands under; `None` in the exclude manifest.
    pub direction: Option<Direction>,
}

impl ManifestFile {
    /// Reads the bytes of the file at `path`.
    ///
    /// # Errors
    /// Every line that is not UTF-8, is an unknown or misplaced heading, or is no valid pattern.
    pub fn parse(path: &RelPath, role: Role, bytes: &[u8]) -> Result<Self, ManifestErrors> {
        let mut direction = role.default_direction();
        let mut lines = Vec::new();
        let mut errors = Vec::new();
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for (i, raw) in text.split(|&b| b == b'\n').enumerate() {
            match read_line(raw, role) {
                Ok(Content::Nothing) => {}
                Ok(Content::Heading(new)) => direction = Some(new),
                Ok(Content::Pattern(text)) => lines.push(Line { number: i + 1, text, direction }),
                Err((reason, hint)) => errors.push(ManifestError {
                    file: path.to_string(),
                    line: Some(i + 1),
                    reason,
                    hint,
                }),
            }
        }
        if errors.is_empty() {
            Ok(Self { path: path.clone(), role, lines, digest: Digest::of(bytes) })
        } else {
            Err(ManifestErrors(errors))
        }
    }

    /// Where the file stands, relative to the root.
    pub fn path(&self) -> &RelPath {
        &self.path
    }

    /// Which of the three it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Its patterns, in order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The hash of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl Role {
    /// How a pattern without an inner `/` is meant in this file.
    pub(crate) fn anchoring(self) -> Anchoring {
        match self {
            Role::To | Role::From => Anchoring::Root,
            Role::Exclude => Anchoring::AnyDepth,
        }
    }
}

enum Content {
    Nothing,
    Heading(Direction),
    Pattern(String),
}

type Complaint = (String, Option<String>);

fn read_line(raw: &[u8], role: Role) -> Result<Content, Complaint> {
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let Ok(line) = std::str::from_utf8(raw) else {
        return Err((
            format!("`{}` is not UTF-8", escape_bytes(raw)),
            Some("save the file as UTF-8".to_owned()),
        ));
    };
    if line.starts_with('#') {
        return Ok(Content::Nothing);
    }
    let line = without_trailing_blanks(line);
    if line.trim_start().is_empty() {
        return Ok(Content::Nothing);
    }
    match heading::read(line) {
        Reading::Heading(_) if role == Role::Exclude => Err((
            format!("the heading `{line}` has no meaning here"),
            Some("what is excluded is excluded in both directions".to_owned()),
        )),
        Reading::Heading(direction) => Ok(Content::Heading(direction)),
        Reading::Wrong(reason, hint) => Err((reason, Some(hint))),
        Reading::Pattern => match Pattern::parse(line, role.anchoring(), false) {
            Ok(_) => Ok(Content::Pattern(line.to_owned())),
            Err(error) => Err((format!("`{line}`: {error}"), error.hint())),
        },
    }
}

/// The line without the blanks at its end, except one that a backslash protects.
fn without_trailing_blanks(line: &str) -> &str {
    let kept = line.trim_end_matches([' ', '\t']);
    let backslashes = kept.bytes().rev().take_while(|&b| b == b'\\').count();
    if backslashes % 2 == 1 && kept.len() < line.len() {
        // Blanks are one byte long.
        &line[..=kept.len()]
    } else {
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(role: Role, bytes: &[u8]) -> Result<ManifestFile, ManifestErrors> {
        ManifestFile::parse(&RelPath::new("config/m.conf").unwrap(), role, bytes)
    }

    fn lines(role: Role, bytes: &[u8]) -> Vec<(usize, String, Option<Direction>)> {
        let file = parse(role, bytes).unwrap();
        file.lines().iter().map(|l| (l.number, l.text.clone(), l.direction)).collect()
    }

    #[test]
    fn headings_direct_the_lines_below_them() {
        use Direction::*;
        let text = b"a\n[push-only]\nb\n\n# c\nd\n[append-only]\ne";
        assert_eq!(
            lines(Role::To, text),
            [
                (1, "a".into(), Some(Bidirectional)),
                (3, "b".into(), Some(PushOnly)),
                (6, "d".into(), Some(PushOnly)),
                (8, "e".into(), Some(AppendOnly)),
            ]
        );
        assert_eq!(lines(Role::From, b"a"), [(1, "a".into(), Some(PullOnly))]);
        assert_eq!(lines(Role::Exclude, b"a"), [(1, "a".into(), None)]);
    }

    #[test]
    fn byte_order_mark_and_foreign_line_ends_are_tolerated() {
        let text = b"\xEF\xBB\xBF[push-only]\r\ndocs/\r\n\r\n# c\r\n";
        assert_eq!(lines(Role::To, text), [(2, "docs/".into(), Some(Direction::PushOnly))]);
    }

    #[test]
    fn trailing_blanks_count_only_when_escaped() {
        for (line, kept) in [
            ("a  ", "a"),
            ("a\t ", "a"),
            ("a\\ ", "a\\ "),
            ("a\\   ", "a\\ "),
            ("a\\\\  ", "a\\\\"),
            (" a", " a"),
        ] {
            assert_eq!(without_trailing_blanks(line), kept, "{line:?}");
        }
        assert!(lines(Role::To, b"   \n\t\n").is_empty());
    }

    #[test]
    fn all_errors_are_collected_with_their_lines() {
        let text = b"[bidrectional]\nok\n../x\n\xff\n[ab\n[z-a]x\na//b\n./c\n!\nx\\";
        let errors = parse(Role::To, text).unwrap_err().0;
        let numbers: Vec<_> = errors.iter().map(|e| e.line.unwrap()).collect();
        assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(errors[0].hint.as_deref(), Some("did you mean [bidirectional]?"));
        assert_eq!(
            errors[0].to_string(),
            "config/m.conf, line 1: `[bidrectional]` is no heading (did you mean [bidirectional]?)"
        );
        assert!(errors[2].reason.contains("\\xff"), "{}", errors[2]);
    }

    #[test]
    fn the_exclude_manifest_has_no_headings() {
        let errors = parse(Role::Exclude, b"[push-only]\n*.tmp").unwrap_err();
        assert_eq!(errors.0.len(), 1);
        assert_eq!(errors.0[0].line, Some(1));
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        assert_eq!(parse(Role::To, b"a\r\n").unwrap().digest(), Digest::of(b"a\r\n"));
    }
}
