//! What Obsidian adds to CommonMark: `[[links]]`, `![[embeds]]`, `#tags`, `^blocks`.

use super::mask::Mask;
use super::spelling::{linkpath, split_subpath};
use super::{Anchor, Link, LinkForm, Note, Places, Tag, count};

/// Reads them from the body of a note, which begins at `body`, past what is masked.
pub(super) fn read(text: &str, body: usize, mask: &Mask, places: &Places<'_>, note: &mut Note) {
    let bytes = text.as_bytes();
    let mut at = body;
    let mut found = Vec::new();
    while at < bytes.len() {
        if let Some(end) = mask.end_of(at) {
            at = end;
            continue;
        }
        at = match bytes[at] {
            b'[' if bytes.get(at + 1) == Some(&b'[') && !is_escaped(bytes, at) => {
                match wikilink(text, at, mask) {
                    Some((link, end)) => {
                        let mut link = link;
                        link.at = places.at(link.span.0 as usize);
                        found.push(link);
                        end
                    }
                    None => at + 1,
                }
            }
            b'#' if may_begin_tag(text, body, at) => match tag_end(text, at + 1) {
                Some(end) => {
                    let name = text[at + 1..end].to_owned();
                    note.tags.push(Tag { name, at: places.at(at), from_properties: false });
                    end
                }
                None => at + 1,
            },
            b':' if bytes[at..].starts_with(b"://") => address_end(bytes, at),
            b'^' => block(text, at, places, note),
            _ => at + 1,
        };
    }
    note.links.extend(found);
    // Those of the front matter came first, the rest in two passes.
    note.links
        .sort_by_key(|link| (!matches!(link.form, LinkForm::FrontMatter { .. }), link.span.0));
}

/// The text of a link at `[[`, and where it ends.
fn wikilink(text: &str, at: usize, mask: &Mask) -> Option<(Link, usize)> {
    let inner = inner(&text[at + 2..])?;
    if inner.trim().is_empty() {
        return None;
    }
    let end = at + 2 + inner.len() + 2;
    if mask.touches(&(at..end)) {
        return None;
    }
    let embed = at > 0 && text.as_bytes()[at - 1] == b'!' && !is_escaped(text.as_bytes(), at - 1);
    let start = if embed { at - 1 } else { at };
    let (linktext, display) = split_display(inner);
    let (path, subpath) = split_subpath(linktext);
    let link = Link {
        target: linkpath(path),
        subpath: subpath.map(str::to_owned),
        display: display.map(str::to_owned),
        embed,
        form: LinkForm::Wiki,
        at: super::Position::default(),
        span: (count(start), count(end)),
    };
    Some((link, end))
}

/// Longest text between brackets, in bytes: the looks ahead of a million openings stay few.
const MAX_INNER: usize = 4096;

/// What stands before the next `]]` on the same line. A later opening takes the ending for itself.
fn inner(rest: &str) -> Option<&str> {
    let near = &rest.as_bytes()[..rest.len().min(MAX_INNER)];
    let ends = |two: &[u8]| two == b"]]" || two == b"[[" || two[0] == b'\n';
    let mut end = near.windows(2).position(ends)?;
    // Of three opening brackets the last two count; the third closing one ends a footnote's name.
    if near[end] != b']' || near.first() == Some(&b'[') {
        return None;
    }
    if near.get(end + 2) == Some(&b']') && near[..end].contains(&b'[') {
        end += 1;
    }
    Some(&rest[..end])
}

/// Cuts what stands between the brackets at its first `|`, in a table `\|`. What begins with one is
/// all link.
pub(super) fn split_display(inner: &str) -> (&str, Option<&str>) {
    match inner.split_once('|') {
        Some(("", _)) | None => (inner, None),
        Some((target, display)) => (target.strip_suffix('\\').unwrap_or(target), Some(display)),
    }
}

/// Whether an odd number of backslashes stands before `at`.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Whether a `#` at `at` may begin a tag: not behind what could belong to a word, to another mark or
/// to an HTML entity.
fn may_begin_tag(text: &str, body: usize, at: usize) -> bool {
    let before = text[body..at].chars().next_back();
    let escaped = is_escaped(text.as_bytes(), at);
    !escaped && before.is_none_or(|c| c != '#' && c != '&' && (c.is_whitespace() || !in_tag(c)))
}

/// The end of the tag whose name begins at `from`.
fn tag_end(text: &str, from: usize) -> Option<usize> {
    let name = &text[from..];
    let length = name.find(|c| !in_tag(c)).unwrap_or(name.len());
    is_tag(&name[..length]).then_some(from + length)
}

/// Whether `name` can be a tag: not empty, not all digits, no character that ends one.
pub(super) fn is_tag(name: &str) -> bool {
    !name.is_empty() && name.chars().all(in_tag) && !name.chars().all(|c| c.is_ascii_digit())
}

/// Whether a character can be part of a tag.
fn in_tag(c: char) -> bool {
    const ENDS: &str = "'!\"#$%&()*+,.:;<=>?@^`{|}~[]\\";
    !c.is_whitespace()
        && !ENDS.contains(c)
        && !('\u{2000}'..='\u{206f}').contains(&c)
        && !('\u{2e00}'..='\u{2e7f}').contains(&c)
}

/// The end of an address that goes on at `://`.
fn address_end(bytes: &[u8], at: usize) -> usize {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'<' | b'>' | b')' | b']');
    bytes[at..].iter().position(ends).map_or(bytes.len(), |length| at + length)
}

/// A name of a block (`^name` at the end of a line, behind a blank or alone). Returns where to go on.
fn block(text: &str, at: usize, places: &Places<'_>, note: &mut Note) -> usize {
    let bytes = text.as_bytes();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let length = bytes[at + 1..].iter().take_while(|byte| is_name(byte)).count();
    let end = at + 1 + length;
    let behind_blank = at == 0 || bytes[at - 1].is_ascii_whitespace();
    let mut behind = bytes[end..].iter().skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
    let ends_line = matches!(behind.next(), None | Some(b'\n'));
    if length > 0 && behind_blank && ends_line {
        note.blocks.push(Anchor { name: text[at + 1..end].to_owned(), at: places.at(at) });
    }
    end
}
