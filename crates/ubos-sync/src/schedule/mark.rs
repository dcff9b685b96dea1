//! The first lines of every file that is ours: which territory it belongs to and how it was
//! ordered. By them a file is known again; without them a file is a stranger's and stays.

use std::path::{Path, PathBuf};

use super::interval::Interval;
use super::order::{Mode, Order};

const MAKER: &str = "Made by `ubos-sync schedule install`, which overwrites changes; taken away by `ubos-sync schedule remove`.";
/// How many of a file's first lines may be ours.
const LINES: usize = 12;

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The root of the territory.
    pub root: PathBuf,
    /// The peer's name.
    pub peer: String,
    /// The program that it starts.
    pub program: PathBuf,
    /// Timer or watch.
    pub mode: Mode,
    /// Whether the weekly report belongs to it.
    pub audit: bool,
}

impl Mark {
    /// The mark of an order.
    pub(crate) fn of(order: &Order) -> Self {
        Self {
            root: order.root.clone(),
            peer: order.peer.clone(),
            program: order.program.clone(),
            mode: order.mode,
            audit: order.audit,
        }
    }

    /// The lines, without the signs that make them a comment.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mode = match self.mode {
            Mode::Watch => "watch".to_owned(),
            Mode::Timer(interval) => format!("every {interval}"),
        };
        vec![
            MAKER.to_owned(),
            format!("territory: {}", encode(&self.root)),
            format!("peer: {}", encode(Path::new(&self.peer))),
            format!("program: {}", encode(&self.program)),
            format!("mode: {mode}{}", if self.audit { ", weekly report" } else { "" }),
        ]
    }

    /// Reads the mark of a file; `None` if the file is not ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().take(LINES).map(bare).collect();
        if !lines.contains(&MAKER) {
            return None;
        }
        let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
        let mode = field("mode: ")?;
        let (mode, audit) = match mode.strip_suffix(", weekly report") {
            Some(mode) => (mode, true),
            None => (mode, false),
        };
        Some(Self {
            root: decode(field("territory: ")?)?.into(),
            peer: decode(field("peer: ")?)?,
            program: decode(field("program: ")?)?.into(),
            mode: match mode.strip_prefix("every ") {
                Some(interval) => Mode::Timer(Interval::parse(interval).ok()?),
                None => Mode::Watch,
            },
            audit,
        })
    }
}

/// A line without the signs of a comment.
fn bare(line: &str) -> &str {
    let line = line.strip_prefix("# ").unwrap_or(line);
    line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->")).unwrap_or(line)
}

/// A path in a form that can stand in a comment of XML, where two hyphens must not meet.
fn encode(path: &Path) -> String {
    let mut text = String::new();
    for c in path.to_string_lossy().chars() {
        match c {
            '%' => text.push_str("%25"),
            '-' if text.ends_with('-') => text.push_str("%2D"),
            c => text.push(c),
        }
    }
    text
}

fn decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        match part.get(..2)? {
            "25" => decoded.push('%'),
            "2D" => decoded.push('-'),
            _ => return None,
        }
        decoded.push_str(&part[2..]);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_from_both_kinds_of_comment() {
        for root in ["/srv/janus", "/a -- b/100%/--", "/ü---%2D"] {
            for mode in [Mode::Watch, Mode::Timer(Interval::parse("2h").unwrap())] {
                let mark = Mark {
                    root: root.into(),
                    peer: "balaur".into(),
                    program: "/opt/a b/ubos-sync".into(),
                    mode,
                    audit: root.len() > 10,
                };
                let unit: String = mark.lines().iter().map(|l| format!("# {l}\n")).collect();
                assert_eq!(Mark::read(&unit), Some(mark.clone()), "{unit}");
                let xml: String = mark.lines().iter().map(|l| format!("<!-- {l} -->\n")).collect();
                assert_eq!(Mark::read(&format!("<?xml?>\n{xml}")), Some(mark), "{xml}");
                assert!(!xml.replace("<!--", "").replace("-->", "").contains("--"), "{xml}");
            }
        }
    }

    #[test]
    fn a_file_without_the_mark_is_a_strangers() {
        assert_eq!(Mark::read("# territory: /srv\n# peer: p\n[Unit]\n"), None);
        assert_eq!(Mark::read(""), None);
    }
}
