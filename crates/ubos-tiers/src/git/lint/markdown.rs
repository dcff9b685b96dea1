//! What stands in Markdown beside the text: front matter and links. A scan by lines, which knows
//! fences, code in backticks, comments of HTML (`<!-- -->`) and of Obsidian (`%% %%`), in all of which
//! a link is none.

use super::targets::Kind;

/// A link to a place inside the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// The line, from 1.
    pub(super) line: u32,
    /// Where it leads, as written, without heading and alias; never empty.
    pub(super) target: String,
    /// How it is written.
    pub(super) kind: Kind,
}

/// What stands between the three dashes of the first line and the next ones.
pub(super) fn front_matter(content: &[u8]) -> Option<&[u8]> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut at = 0;
    let mut start = None;
    for line in content.split_inclusive(|&b| b == b'\n') {
        let is_border = line.trim_ascii_end() == b"---";
        match start {
            None if is_border => start = Some(line.len()),
            None => return None,
            Some(start) if is_border => return Some(&content[start..at]),
            Some(_) => {}
        }
        at += line.len();
    }
    None
}

/// All links that lead into the tree.
pub(super) fn links(content: &[u8]) -> Vec<Link> {
    let text = String::from_utf8_lossy(content);
    let front_lines = match front_matter(content) {
        Some(front) => front.iter().filter(|&&b| b == b'\n').count() + 2,
        None => 0,
    };
    let mut links = Vec::new();
    let mut state = State::default();
    for (number, line) in (1u32..).zip(text.lines()).skip(front_lines) {
        let line = state.plain(line);
        wiki_links(&line, number, &mut links);
        inline_links(&line, number, &mut links);
    }
    links
}

/// What an earlier line has opened.
#[derive(Debug, Default)]
struct State {
    /// The letter of a fence and how many of it.
    fence: Option<(char, usize)>,
    /// The end of a comment.
    comment: Option<&'static str>,
}

impl State {
    /// The line with everything blank in which a link is none.
    fn plain(&mut self, line: &str) -> String {
        if self.comment.is_none() && self.take_fence(line) {
            return String::new();
        }
        let mut plain = String::with_capacity(line.len());
        let mut rest = line;
        while !rest.is_empty() {
            rest = match self.comment {
                Some(end) => match rest.split_once(end) {
                    Some((_, after)) => {
                        self.comment = None;
                        after
                    }
                    None => "",
                },
                None => self.step(rest, &mut plain),
            };
        }
        plain
    }

    /// Whether the line is a fence or inside of one.
    fn take_fence(&mut self, line: &str) -> bool {
        let indented = line.trim_start_matches([' ', '>', '\t']);
        let letter = indented.chars().next().filter(|letter| matches!(letter, '`' | '~'));
        let count =
            letter.map_or(0, |letter| indented.chars().take_while(|c| *c == letter).count());
        match (self.fence, letter) {
            (Some((open, most)), Some(letter)) => {
                let closes = letter == open && count >= most && indented[count..].trim().is_empty();
                if closes {
                    self.fence = None;
                }
                true
            }
            (Some(_), None) => true,
            (None, Some(letter)) if count >= 3 && !indented[count..].contains('`') => {
                self.fence = Some((letter, count));
                true
            }
            (None, _) => false,
        }
    }

    /// Passes over the next piece of text, code or comment; what is text goes to `plain`.
    fn step<'a>(&mut self, rest: &'a str, plain: &mut String) -> &'a str {
        if let Some(after) = rest.strip_prefix("<!--") {
            self.comment = Some("-->");
            return after;
        }
        if let Some(after) = rest.strip_prefix("%%") {
            self.comment = Some("%%");
            return after;
        }
        if rest.starts_with('`') {
            let ticks = rest.bytes().take_while(|b| *b == b'`').count();
            let (mark, after) = rest.split_at(ticks);
            return match closing(after, ticks) {
                Some(end) => {
                    plain.push(' ');
                    &after[end..]
                }
                None => {
                    plain.push_str(mark);
                    after
                }
            };
        }
        let mut letters = rest.chars();
        plain.extend(letters.next());
        if rest.starts_with('\\') {
            plain.extend(letters.next());
        }
        letters.as_str()
    }
}

/// Where the code ends that `ticks` backticks began.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|b| *b == b'`') {
        let start = at + next;
        let run = bytes[start..].iter().take_while(|b| **b == b'`').count();
        at = start + run;
        if run == ticks {
            return Some(at);
        }
    }
    None
}

/// `[[target#heading|alias]]`.
fn wiki_links(line: &str, number: u32, links: &mut Vec<Link>) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("[[") {
        let Some((inside, next)) = after.split_once("]]") else { return };
        rest = next;
        if before.ends_with('\\') || inside.contains("[[") {
            continue;
        }
        let target = inside.split(['|', '#', '^']).next().unwrap_or_default();
        // In a table the bar has a backslash before it.
        let target = target.trim_end_matches('\\').trim();
        push(links, number, target.to_owned(), Kind::Wiki);
    }
}

/// `[text](target "title")`.
fn inline_links(line: &str, number: u32, links: &mut Vec<Link>) {
    let mut rest = line;
    while let Some((_, after)) = rest.split_once("](") {
        rest = after;
        let Some(target) = destination(after) else { continue };
        let target = target.split(['#', '?']).next().unwrap_or_default();
        if !leads_out(target) {
            push(links, number, decoded(target), Kind::Relative);
        }
    }
}

fn push(links: &mut Vec<Link>, line: u32, target: String, kind: Kind) {
    if !target.is_empty() && !leads_out(&target) {
        links.push(Link { line, target, kind });
    }
}

/// The place named at the beginning of `text`, which follows `](`.
fn destination(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('<') {
        return inside.split_once('>').map(|(target, _)| target);
    }
    let mut depth = 0usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(&text[..at]),
            ')' => depth -= 1,
            ' ' | '\t' => return text[at..].contains(')').then(|| &text[..at]),
            _ => {}
        }
    }
    None
}

/// Whether the target is an address elsewhere: `https:…`, `mailto:…`, `//host`.
fn leads_out(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |text: &str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    target.starts_with("//") || scheme.is_some_and(is_scheme)
}

/// With `%20` and its like as what they stand for.
fn decoded(target: &str) -> String {
    let bytes = target.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let value = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(value.unwrap_or(bytes[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(text: &str) -> Vec<(u32, String)> {
        links(text.as_bytes()).into_iter().map(|link| (link.line, link.target)).collect()
    }

    fn is(text: &str, expected: &[(u32, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(n, t)| (*n, (*t).to_owned())).collect();
        assert_eq!(targets(text), expected, "{text}");
    }

    #[test]
    fn links_of_both_kinds_are_found() {
        is("[[a]] ![[b.png|100]]\n[[c/d#h|x]]", &[(1, "a"), (1, "b.png"), (2, "c/d")]);
        is("| [[a\\|b]] |", &[(1, "a")]);
        is(
            "[x](a.md) ![y](b%20c.png \"t\") [z](<d e.md>)",
            &[(1, "a.md"), (1, "b c.png"), (1, "d e.md")],
        );
        is("[x](a(1).md#h)", &[(1, "a(1).md")]);
        is("---\nlink: \"[[front]]\"\n---\n[[a]]", &[(4, "a")]);
    }

    #[test]
    fn what_is_no_link_into_the_tree_is_passed_over() {
        is("[x](https://a.b) [y](mailto:a@b) [z](#h) [[#h]] [w](//h/x) <https://a>", &[]);
        is("`[[a]]` ``[x](`b`)`` \\[[c]]", &[]);
        is("```md\n[[a]]\n```\n~~~\n[[b]]\n```\n~~~\n[[c]]", &[(8, "c")]);
        is("<!-- [[a]]\n[[b]] --> [[c]] %%[[d]]%% [[e]]", &[(2, "c"), (2, "e")]);
        is("> ```\n> [[a]]\n> ```\n> [[b]]", &[(4, "b")]);
        is("a ` b [[c]]", &[(1, "c")]);
        is("[[ [[ ]] [x]( [[", &[]);
    }

    #[test]
    fn front_matter_is_at_the_top_or_nowhere() {
        assert_eq!(front_matter(b"---\r\na: 1\r\n---\r\nx"), Some(&b"a: 1\r\n"[..]));
        assert_eq!(front_matter(b"---\n---\n"), Some(&b""[..]));
        assert_eq!(front_matter(b"---\na: 1\n"), None);
        assert_eq!(front_matter(b"\n---\na: 1\n---\n"), None);
    }
}
