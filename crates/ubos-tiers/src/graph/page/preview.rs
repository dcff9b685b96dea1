//! The beginning of a note, for a look at it without opening it.

/// Previews are at most this long, in characters.
const MAX_CHARACTERS: usize = 400;
/// All previews of a page together, in bytes.
const MAX_BYTES: usize = 3 << 20;

/// How many bytes each of so many notes may have.
pub(super) fn share(notes: usize) -> usize {
    (MAX_BYTES / notes.max(1)).min(MAX_CHARACTERS * 4)
}

/// The first words of a note after its properties: as they are written, whole lines where possible.
pub(super) fn preview(text: &str, share: usize) -> String {
    let body = body(text).trim_start();
    let end = body.char_indices().nth(MAX_CHARACTERS).map_or(body.len(), |(at, _)| at);
    let end = body.floor_char_boundary(end.min(share));
    let cut = body[..end].trim_end();
    if end == body.len() || cut.is_empty() { cut.to_owned() } else { format!("{cut}…") }
}

/// What follows the front matter.
fn body(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(first) = text.split_inclusive('\n').next().filter(|line| line.trim_end() == "---")
    else {
        return text;
    };
    let mut at = first.len();
    for line in text[at..].split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "---" {
            return &text[at..];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_left_out_and_the_rest_is_cut() {
        assert_eq!(preview("---\ntags: a\n---\n\n# T\nbody\n", 1000), "# T\nbody");
        assert_eq!(preview("\u{feff}---\r\na: 1\r\n---\r\nx", 1000), "x");
        assert_eq!(preview("---\nnever closed", 1000), "---\nnever closed");
        assert_eq!(preview("a --- b", 1000), "a --- b");
        assert_eq!(preview(&"ä".repeat(1000), 5), "ää…");
        assert_eq!(preview(&"a".repeat(1000), 10_000).chars().count(), MAX_CHARACTERS + 1);
        assert_eq!(preview("äöü", 0), "");
    }

    #[test]
    fn all_previews_together_have_a_bound() {
        for notes in [0, 1, 100, 5_000, 1_000_000, 100_000_000] {
            assert!(share(notes).saturating_mul(notes) <= MAX_BYTES);
        }
        assert!(share(5_000) > MAX_CHARACTERS);
    }
}
