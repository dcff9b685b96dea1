//! Whether YAML can be read. Nothing is made of it, and nothing is ever written back.

use serde::de::IgnoredAny;

use ubos_core::path::RelPath;

use super::fault::{self, Fault};

/// Most characters of what the reader says.
const MAX_WORDS: usize = 160;

/// What is wrong with the YAML in `text`, all documents of it, which begins `lines_before` lines into
/// the file: 0 for a file of its own.
pub(super) fn examine(path: &RelPath, text: &[u8], lines_before: u32) -> Option<Fault> {
    let in_front = lines_before > 0;
    let Ok(text) = std::str::from_utf8(text) else {
        return Some(fault::not_yaml(path, None, in_front, "it is not UTF-8"));
    };
    // The reader bounds depth, aliases and the number of events by itself.
    let options = serde_saphyr::Options::default();
    let error = serde_saphyr::from_multiple_with_options::<IgnoredAny>(text, options).err()?;
    let line = error.location().and_then(|location| u32::try_from(location.line()).ok());
    // Without the piece of the file that it would show: there may be a secret in it.
    let words = error.without_snippet().to_string();
    let words: String = words.lines().next().unwrap_or_default().chars().take(MAX_WORDS).collect();
    Some(fault::not_yaml(path, line.map(|line| line + lines_before), in_front, &words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Option<Option<u32>> {
        let path = RelPath::new("a.yml").unwrap();
        examine(&path, text.as_bytes(), 0).map(|fault| fault.line)
    }

    #[test]
    fn what_reads_as_yaml_passes() {
        for text in [
            "",
            "# nothing\n",
            "a: 1\nb: [x, 'y']\n",
            "---\na: 1\n---\nb: 2\n",
            "a: &x {b: 1}\nc: *x\n",
            "!Ref a\n",
            "tags: [a, b]\ndate: 2026-11-22\ntitle: \"a: b\"\n",
            "on:\n  push:\n    branches: ['**']\n",
            "key: |\n  text\n  more\n",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn what_does_not_is_named_by_its_line() {
        assert_eq!(line("a: 1\nb: c: d\n"), Some(Some(2)));
        assert_eq!(line("a: 1\na: 2\n"), Some(Some(2)));
        assert!(line("a: [1\nb: 2\n").is_some());
        assert!(line("a: \"x\n").is_some());
        assert!(line("a:\n\tb: 1\n").is_some());
        assert!(line(&"[".repeat(100_000)).is_some(), "depth is bounded");
    }

    #[test]
    fn a_message_is_one_line_without_the_text() {
        let path = RelPath::new("a.yml").unwrap();
        let fault = examine(&path, b"password: hunter2\nb: [1\nc: }\n", 0).unwrap();
        assert!(!fault.what.contains('\n') && !fault.what.contains("hunter2"), "{}", fault.what);
    }
}
