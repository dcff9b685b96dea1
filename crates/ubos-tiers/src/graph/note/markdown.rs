//! What CommonMark says of a note: code, comments, links `[text](target)`, headings, tasks.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag as Element, TagEnd};

use super::mask::Mask;
use super::spelling::{decode, is_external, linkpath, split_subpath};
use super::{Anchor, Heading, Link, LinkForm, Note, Places, Task, count};

/// Reads the body of a note, which begins at `body`. Returns what must not be looked at for the rest.
pub(super) fn read(text: &str, body: usize, places: &Places<'_>, note: &mut Note) -> Mask {
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_TASKLISTS;
    let mut reader =
        Reader { text, places, note, mask: Mask::default(), open: Vec::new(), heading: None };
    reader.comments(body);
    let parser = Parser::new_ext(&text[body..], options);
    reader.definitions(body, &parser);
    for (event, range) in parser.into_offset_iter() {
        reader.take(event, range.start + body..range.end + body);
    }
    let mut mask = reader.mask;
    mask.settle();
    note.links.retain(|link| {
        let start = link.span.0 as usize;
        link.form != LinkForm::Markdown || !mask.hides(start)
    });
    mask
}

/// A link or image that is being read.
struct Open {
    kind: LinkType,
    destination: String,
    embed: bool,
    range: Range<usize>,
    /// Where what it shows ends.
    inner: usize,
}

struct Reader<'a, 'n> {
    text: &'a str,
    places: &'a Places<'a>,
    note: &'n mut Note,
    mask: Mask,
    open: Vec<Open>,
    heading: Option<(u8, Range<usize>)>,
}

impl Reader<'_, '_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(Element::CodeBlock(_)) | Event::Code(_) => self.hide(range),
            Event::Start(Element::HtmlBlock) | Event::InlineHtml(_) => self.hide_comments(range),
            Event::Start(Element::Link { link_type, dest_url, .. }) => {
                self.begin(link_type, &dest_url, false, range);
            }
            Event::Start(Element::Image { link_type, dest_url, .. }) => {
                self.begin(link_type, &dest_url, true, range);
            }
            Event::End(TagEnd::Link | TagEnd::Image) => self.end(),
            Event::Start(Element::Heading { level, .. }) => {
                self.heading = Some((level_of(level), range));
            }
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::Start(Element::FootnoteDefinition(name)) => {
                let at = self.places.at(range.start);
                self.note.footnotes.push(Anchor { name: name.to_string(), at });
            }
            Event::TaskListMarker(_) => self.task(range),
            Event::Text(_) | Event::SoftBreak | Event::HardBreak => self.inside(range.end),
            _ => {}
        }
    }

    fn hide(&mut self, range: Range<usize>) {
        self.inside(range.end);
        self.mask.add(range);
    }

    /// Whatever is inside an open link moves the end of what it shows.
    fn inside(&mut self, end: usize) {
        if let Some(open) = self.open.last_mut() {
            open.inner = open.inner.max(end);
        }
    }

    fn hide_comments(&mut self, range: Range<usize>) {
        self.inside(range.end);
        let mut from = range.start;
        while let Some(start) = self.text[from..range.end].find("<!--") {
            let start = from + start;
            let end = self.text[start + 4..range.end].find("-->");
            let end = end.map_or(range.end, |at| start + 4 + at + 3);
            self.mask.add(start..end);
            from = end;
        }
    }

    fn begin(&mut self, kind: LinkType, destination: &str, embed: bool, range: Range<usize>) {
        let inner = range.start + 1 + usize::from(embed);
        self.open.push(Open { kind, destination: destination.to_owned(), embed, range, inner });
    }

    fn end(&mut self) {
        let Some(Open { kind, destination, embed, range, inner }) = self.open.pop() else { return };
        self.inside(range.end);
        let opening = range.start + 1 + usize::from(embed);
        // A destination holds neither tags nor links.
        self.mask.add(inner.min(range.end)..range.end);
        if kind != LinkType::Inline || destination.is_empty() || is_external(&destination) {
            return;
        }
        let decoded = decode(&destination);
        let (path, subpath) = split_subpath(&decoded);
        let shown = self.text.get(opening..inner).filter(|shown| !shown.is_empty());
        self.note.links.push(Link {
            target: linkpath(path),
            subpath: subpath.map(str::to_owned),
            display: shown.map(str::to_owned),
            embed,
            form: LinkForm::Markdown,
            at: self.places.at(range.start),
            span: (count(range.start), count(range.end)),
        });
    }

    fn end_heading(&mut self) {
        let Some((level, range)) = self.heading.take() else { return };
        let source = self.text[range.clone()].trim();
        let text = if source.starts_with('#') {
            let text = source.trim_start_matches('#').trim_start();
            let open = text.trim_end_matches('#');
            // Closing marks count as such only behind a blank.
            if open.is_empty() || open.ends_with([' ', '\t']) { open.trim_end() } else { text }
        } else {
            source.rsplit_once('\n').map_or(source, |(text, _)| text.trim_end())
        };
        let at = self.places.at(range.start);
        self.note.headings.push(Heading { level, text: text.to_owned(), at });
    }

    fn task(&mut self, range: Range<usize>) {
        let line_end =
            self.text[range.end..].find('\n').map_or(self.text.len(), |at| range.end + at);
        let mark =
            self.text[range.clone()].chars().find(|c| !matches!(c, '[' | ']')).unwrap_or(' ');
        let text = self.text[range.end..line_end].trim().to_owned();
        self.note.tasks.push(Task { mark, text, at: self.places.at(range.start) });
    }

    /// Hides `[label]: destination "title"`: neither a tag nor a link, but what a label stands for.
    fn definitions(&mut self, body: usize, parser: &Parser<'_>) {
        for (_, definition) in parser.reference_definitions().iter() {
            let range = definition.span.start + body..definition.span.end + body;
            // A person who writes `[later]: [[note]]` means the note.
            if !self.text[range.clone()].contains("[[") {
                self.mask.add(range);
            }
        }
    }

    /// Hides blocks between two `%%`, of which the first begins a line. In the middle of a line they
    /// hide nothing.
    fn comments(&mut self, body: usize) {
        let mut from = body;
        while let Some(start) = self.comment_start(from) {
            let end =
                self.text[start + 2..].find("%%").map_or(self.text.len(), |at| start + 2 + at + 2);
            self.mask.add(start..end);
            from = end;
        }
    }

    /// The next `%%` at the beginning of a line that is not in a fence.
    fn comment_start(&self, from: usize) -> Option<usize> {
        let mut fence: Option<(char, usize)> = None;
        let mut at = from;
        for line in self.text[from..].split_inclusive('\n') {
            let trimmed = line.trim_start_matches([' ', '\t', '>']);
            let first = trimmed.chars().next().unwrap_or(' ');
            let run = trimmed.chars().take_while(|c| *c == first).count();
            match fence {
                Some((mark, length)) => {
                    let closes = first == mark && run >= length;
                    fence = fence.filter(|_| !closes || !trimmed[run..].trim().is_empty());
                }
                None if matches!(first, '`' | '~') && run >= 3 => fence = Some((first, run)),
                // What stands behind the end of a former comment does not begin a line.
                None if trimmed.starts_with("%%") && self.begins_line(at) => {
                    return Some(at + line.len() - trimmed.len());
                }
                None => {}
            }
            at += line.len();
        }
        None
    }

    fn begins_line(&self, at: usize) -> bool {
        at == 0 || self.text.as_bytes()[at - 1] == b'\n'
    }
}

fn level_of(level: HeadingLevel) -> u8 {
    level as u8
}

impl Mask {
    /// Whether a link that begins at `offset` is hidden.
    fn hides(&self, offset: usize) -> bool {
        self.end_of(offset).is_some()
    }
}
