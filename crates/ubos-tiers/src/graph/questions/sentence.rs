//! The sentence in which a link stands.

use crate::graph::note::Position;

/// How far a sentence is looked for on either side of a link, in bytes.
const MAX_LOOK: usize = 1500;
/// Longest sentence that is shown, in characters.
const MAX_SHOWN: usize = 280;

/// A text with the beginnings of its lines.
#[derive(Debug)]
pub(super) struct Lines {
    text: String,
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }
}

/// The line of a property, which is no sentence of anybody.
pub(super) fn line(lines: &Lines, at: Position) -> Option<String> {
    let start = *lines.starts.get(at.line.checked_sub(1)? as usize)?;
    let line = lines.text[start..].lines().next()?.trim();
    let shown: String = line.chars().take(MAX_SHOWN).collect();
    (!shown.is_empty()).then_some(shown)
}

/// On longer lines columns are counted in bytes.
const LONG_LINE: usize = 4096;

/// The sentence around the bytes `span`, on one line; what has no span (a tag, an arrow) is found by
/// its line. `None` where there are no words.
pub(super) fn around(lines: &Lines, at: Position, span: (u32, u32)) -> Option<String> {
    let text = lines.text.as_str();
    let (start, end) = place(lines, at, span)?;
    let low = text.ceil_char_boundary(start.saturating_sub(MAX_LOOK));
    let high = text.floor_char_boundary(end.saturating_add(MAX_LOOK).min(text.len()));
    let from = beginning(&text[low..start]).map_or(low, |at| low + at);
    let line = lines.starts.get(at.line.saturating_sub(1) as usize).map(|start| &text[*start..]);
    let to = match line.is_some_and(is_heading) {
        true => text[end..high].find('\n').map_or(high, |at| end + at),
        false => ending(&text[end..high]).map_or(high, |at| end + at),
    };
    let (before, inside, after) = (&text[from..start], &text[start..end], &text[end..to]);
    let shown = shorten(before, inside, after);
    (!shown.is_empty()).then_some(shown)
}

/// The bytes that are meant.
fn place(lines: &Lines, at: Position, span: (u32, u32)) -> Option<(usize, usize)> {
    let (start, end) = (span.0 as usize, span.1 as usize);
    let whole =
        |start: usize, end: usize| lines.text.get(start..end).is_some().then_some((start, end));
    // A tag's span counts from the tag.
    if start > 0 && start < end {
        return whole(start, end);
    }
    let line = *lines.starts.get(at.line.checked_sub(1)? as usize)?;
    let rest = &lines.text[line..];
    let column = at.column.saturating_sub(1) as usize;
    let ahead = match column > LONG_LINE {
        true => rest.floor_char_boundary(column),
        false => rest.char_indices().nth(column).map_or(rest.len(), |(ahead, _)| ahead),
    };
    whole(line + ahead, line + ahead + end - start)
}

/// Where the sentence begins that `before` ends in.
fn beginning(before: &str) -> Option<usize> {
    let mut found = None;
    let mut offset = 0;
    for line in before.split_inclusive('\n') {
        let content = line.trim_end();
        let lead = lead_of(content);
        let stands_alone = content.trim().is_empty()
            || line.trim() == "---"
            || is_heading(line) && line.ends_with('\n');
        if stands_alone {
            found = Some(offset + line.len());
        } else if lead > 0 {
            found = Some(offset + lead);
        }
        let sentence = line.char_indices().zip(line.chars().skip(1)).filter(|((_, c), next)| {
            matches!(c, '.' | '!' | '?') && next.is_whitespace() && *next != '\n'
        });
        if let Some(((at, _), _)) = sentence.last() {
            found = Some(offset + at + 1);
        }
        offset += line.len();
    }
    found
}

fn is_heading(line: &str) -> bool {
    let marks = line.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&marks) && line[marks..].starts_with(' ')
}

/// Bytes of the mark that begins a line of its own: a heading, an item, a quote, a row.
fn lead_of(line: &str) -> usize {
    let rest = line.trim_start_matches([' ', '\t', '>']);
    let indent = line.len() - rest.len();
    let marks = rest.trim_start_matches('#');
    if marks.len() < rest.len() && marks.starts_with(' ') {
        return indent + rest.len() - marks.len();
    }
    for mark in ["- [ ] ", "- [x] ", "- ", "* ", "+ ", "| "] {
        if rest.starts_with(mark) {
            return indent + mark.len();
        }
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = digits > 0 && rest[digits..].starts_with(". ");
    if number {
        indent + digits + 2
    } else if line.starts_with('>') {
        indent
    } else {
        0
    }
}

/// Where the sentence ends that `after` begins in.
fn ending(after: &str) -> Option<usize> {
    let mut offset = 0;
    for (number, line) in after.split_inclusive('\n').enumerate() {
        if number > 0 && (line.trim().is_empty() || lead_of(line) > 0 || line.trim() == "---") {
            return Some(offset);
        }
        let mut chars = line.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let ends = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
            if matches!(c, '.' | '!' | '?') && ends {
                return Some(offset + at + c.len_utf8());
            }
        }
        offset += line.len();
        if !line.ends_with('\n') {
            return Some(offset);
        }
    }
    None
}

/// The three parts on one line, cut at both ends where they are too long.
fn shorten(before: &str, inside: &str, after: &str) -> String {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let whole = flat(&format!("{before}{inside}{after}"));
    if whole.chars().count() <= MAX_SHOWN {
        return whole;
    }
    let blank = |is_blank: bool| if is_blank { " " } else { "" };
    let gaps = [
        blank(before.ends_with(char::is_whitespace)),
        blank(after.starts_with(char::is_whitespace)),
    ];
    let (before, inside, after) = (flat(before), flat(inside), flat(after));
    let room = MAX_SHOWN.saturating_sub(inside.chars().count()) / 2;
    let head: String = match before.chars().count().checked_sub(room) {
        None | Some(0) => before.clone(),
        Some(cut) => format!("…{}", before.chars().skip(cut).collect::<String>()),
    };
    let tail: String = match after.chars().count() > room {
        false => after.clone(),
        true => format!("{}…", after.chars().take(room).collect::<String>()),
    };
    let inside: String = inside.chars().take(MAX_SHOWN).collect();
    let shown = format!("{head}{}{inside}{}{tail}", gaps[0], gaps[1]);
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::note;

    fn shown(text: &str) -> String {
        let note = note::parse(text.as_bytes());
        let link = &note.links[0];
        around(&Lines::of(text.to_owned()), link.at, link.span).unwrap()
    }

    #[test]
    fn a_sentence_ends_where_the_writer_ended_it() {
        assert_eq!(shown("One. Two goes to [[x]] here! Three."), "Two goes to [[x]] here!");
        assert_eq!(shown("First\nline of [[x]] and\nmore. Next"), "First line of [[x]] and more.");
        assert_eq!(shown("# Head\n\n- item with [[x]]\n- another"), "item with [[x]]");
        assert_eq!(shown("## About [[x]]\ntext"), "About [[x]]");
        assert_eq!(shown("[[x]]"), "[[x]]");
        assert_eq!(shown("above\n\n> quoted [[x]]\n\nbelow"), "quoted [[x]]");
        assert_eq!(shown("# Head\nAfter [[x]] it"), "After [[x]] it");
        let property = Lines::of("---\na: b\nup: \"[[x]]\"\n---\n".to_owned());
        let at = Position { line: 3, column: 5 };
        assert_eq!(line(&property, at).as_deref(), Some("up: \"[[x]]\""));
    }

    #[test]
    fn a_long_one_is_cut_around_the_link() {
        let text = format!("{} [[x]] {}", "before ".repeat(100), "after ".repeat(100));
        let shown = shown(&text);
        assert!(shown.contains(" [[x]] ") && shown.starts_with('…') && shown.ends_with('…'));
        assert!(shown.chars().count() <= MAX_SHOWN + 6, "{}", shown.chars().count());
    }

    #[test]
    fn nothing_is_put_between_what_is_written_together() {
        let text = format!("{} ([[x]]), {}", "before ".repeat(100), "after ".repeat(100));
        assert!(shown(&text).contains("before ([[x]]), after"), "{}", shown(&text));
    }

    #[test]
    fn a_tag_is_found_by_its_line() {
        let text = "one\ntwo is #tagged. Three";
        let note = note::parse(text.as_bytes());
        assert_eq!(
            around(&Lines::of(text.to_owned()), note.tags[0].at, (0, 6)).unwrap(),
            "one two is #tagged."
        );
    }
}
