//! A canvas: cards and the arrows between them, as JSON.
//!
//! Cards that show a file, backgrounds of groups and what stands in cards of text are links of the
//! canvas. Arrows are not, for Obsidian; here they are edges of their own kind, which can be left out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::note::{self, Link, LinkForm, Position, Tag, linkpath};

/// Most cards and arrows that are read.
const MAX_ITEMS: usize = 100_000;

/// What a canvas says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Canvas {
    /// Links, in the order of the cards.
    pub links: Vec<Link>,
    /// Tags in cards of text.
    pub tags: Vec<Tag>,
    /// Arrows between cards that show files.
    pub arrows: Vec<Arrow>,
    /// Words in cards of text.
    pub words: u32,
}

/// An arrow between two cards that show files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrow {
    /// The file it begins at, as the card names it.
    pub from: String,
    /// The file it leads to.
    pub to: String,
    /// What is written on it.
    pub label: Option<String>,
    /// Where in the file it stands.
    pub at: Position,
}

/// Reads a canvas.
///
/// # Errors
/// What is wrong with it, with its line.
pub fn parse(bytes: &[u8]) -> Result<Canvas, (u32, String)> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if text.trim().is_empty() {
        return Ok(Canvas::default());
    }
    let value: Value = serde_json::from_str(text)
        .map_err(|e| (u32::try_from(e.line()).unwrap_or(u32::MAX), e.to_string()))?;
    let Value::Object(object) = value else {
        return Err((1, "a canvas is an object with `nodes` and `edges`".to_owned()));
    };
    let list = |name: &str| object.get(name).and_then(Value::as_array).map_or(&[][..], |all| all);
    let mut canvas = Canvas::default();
    let mut finder = Finder { text, from: 0 };
    let mut files = std::collections::HashMap::new();
    for node in list("nodes").iter().take(MAX_ITEMS) {
        card(node, &mut finder, &mut canvas);
        if let (Some(id), Some(file)) = (field(node, "id"), field(node, "file")) {
            files.insert(id.to_owned(), file.to_owned());
        }
    }
    finder.from = 0;
    for edge in list("edges").iter().take(MAX_ITEMS) {
        let end = |name: &str| field(edge, name).and_then(|id| files.get(id)).cloned();
        if let (Some(from), Some(to)) = (end("fromNode"), end("toNode")) {
            let label = field(edge, "label").map(str::to_owned);
            let (at, _) = finder.find(field(edge, "id").unwrap_or_default());
            canvas.arrows.push(Arrow { from, to, label, at });
        }
    }
    Ok(canvas)
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// The links of one card.
fn card(node: &Value, finder: &mut Finder<'_>, canvas: &mut Canvas) {
    let files = [
        ("file", LinkForm::CanvasFile, field(node, "subpath")),
        ("background", LinkForm::CanvasGroup, None),
    ];
    for (name, form, subpath) in files {
        let Some(path) = field(node, name).filter(|path| !path.is_empty()) else { continue };
        let (at, span) = finder.find(path);
        canvas.links.push(Link {
            target: linkpath(path),
            subpath: subpath.map(|text| text.trim_start_matches('#').to_owned()),
            display: None,
            embed: true,
            form,
            at,
            span,
        });
    }
    if let Some(text) = field(node, "text") {
        let (at, span) = finder.find(field(node, "id").unwrap_or_default());
        let read = note::parse_card(text);
        canvas.words = canvas.words.saturating_add(read.words);
        canvas.tags.extend(read.tags.into_iter().map(|tag| Tag { at, ..tag }));
        let links = read.links.into_iter();
        canvas.links.extend(links.map(|link| Link {
            form: LinkForm::CanvasText,
            at,
            span,
            ..link
        }));
    }
}

/// Where a text stands in the file: texts are looked for in their order, as they are mostly written.
struct Finder<'a> {
    text: &'a str,
    from: usize,
}

/// How far a text is looked for, in bytes.
const MAX_LOOK: usize = 64 << 10;

impl Finder<'_> {
    fn find(&mut self, part: &str) -> (Position, (u32, u32)) {
        let end = self.text.floor_char_boundary(self.from.saturating_add(MAX_LOOK));
        let quoted = serde_json::to_string(part).unwrap_or_default();
        let found = self.text[self.from..end].find(&quoted).map(|at| at + self.from + 1);
        let Some(start) = found.filter(|_| !part.is_empty()) else {
            return (Position { line: 1, column: 1 }, (0, 0));
        };
        self.from = start;
        let before = &self.text[..start];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let span = (count(start), count(start + quoted.len() - 2));
        (Position { line: count(line), column: count(column) }, span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANVAS: &str = r##"{
	"nodes":[
		{"id":"a1","type":"file","file":"docs/plan.md","subpath":"#Goals","x":0,"y":0},
		{"id":"b2","type":"text","text":"see [[ROADMAP]] and ![[p.png]] #idea"},
		{"id":"c3","type":"group","label":"g","background":"img/bg.png"},
		{"id":"d4","type":"file","file":"missing.md"},
		{"id":"e5","type":"link","url":"https://example.org"}
	],
	"edges":[
		{"id":"f6","fromNode":"a1","toNode":"d4","label":"leads to"},
		{"id":"g7","fromNode":"a1","toNode":"b2"}
	]
}"##;

    #[test]
    fn cards_are_links_and_arrows_join_files() {
        let canvas = parse(CANVAS.as_bytes()).unwrap();
        let links: Vec<(&str, &LinkForm, u32)> =
            canvas.links.iter().map(|l| (l.target.as_str(), &l.form, l.at.line)).collect();
        assert_eq!(
            links,
            [
                ("docs/plan.md", &LinkForm::CanvasFile, 3),
                ("ROADMAP", &LinkForm::CanvasText, 4),
                ("p.png", &LinkForm::CanvasText, 4),
                ("img/bg.png", &LinkForm::CanvasGroup, 5),
                ("missing.md", &LinkForm::CanvasFile, 6),
            ]
        );
        assert_eq!(canvas.links[0].subpath.as_deref(), Some("Goals"));
        assert_eq!(canvas.tags[0].name, "idea");
        assert_eq!(canvas.arrows.len(), 1);
        let Arrow { from, to, label, at } = &canvas.arrows[0];
        assert_eq!((from.as_str(), to.as_str(), at.line), ("docs/plan.md", "missing.md", 10));
        assert_eq!(label.as_deref(), Some("leads to"));
    }

    #[test]
    fn an_empty_one_is_empty_and_a_broken_one_says_where() {
        assert_eq!(parse(b"").unwrap(), Canvas::default());
        assert_eq!(parse(b"{}").unwrap(), Canvas::default());
        assert_eq!(parse(b"{\"nodes\": [\n{\"id\":").unwrap_err().0, 2);
        assert!(parse(b"[]").unwrap_err().1.contains("nodes"));
        assert!(parse(&[b'['; 100_000]).is_err());
    }
}
