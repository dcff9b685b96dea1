//! Questions as values: what the command line, an agent and the other territory ask alike, and the
//! answers they get.
//!
//! A request is plain JSON, `{"ask": {"question": "links", "note": "plan"}, "limit": 20}`; so is an
//! answer, `{"question": "links", …}` with the fields of the answer's own type.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::model::Graph;
use super::past::{Former, PastError};
use super::questions::broken::{Broken, broken};
use super::questions::central::{Central, Measure, central};
use super::questions::clusters::{Clusters, Method, clusters};
use super::questions::diff::{Diff, diff};
use super::questions::export::{Format, export};
use super::questions::impact::{Impact, impact};
use super::questions::links::{Links, backlinks, links};
use super::questions::name::{self, Unnamed};
use super::questions::neighbours::{Direction, Neighbours, neighbours};
use super::questions::orphans::{Orphans, orphans};
use super::questions::paths::{Paths, paths};
use super::questions::query::{Found, QueryError, query};
use super::questions::similar::{Likeness, Similar, similar};
use super::questions::stats::{Stats, stats};
use super::questions::tags::{Tags, tags};
use super::questions::{Kinds, View};
use super::search::{Search, SearchError, search};

/// A question and how it is to be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The question.
    pub ask: Question,
    /// Whether guessed connections count: mentions and copies.
    #[serde(default)]
    pub soft: bool,
    /// Whether only what Obsidian itself counts does.
    #[serde(default)]
    pub parity: bool,
    /// Most rows of each list; totals count all.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// What is asked. Notes are named by path, title or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// The vault in numbers.
    Stats {},
    /// What a note refers to.
    Links {
        /// The note.
        note: String,
        /// Which kinds; empty: all.
        #[serde(default)]
        kinds: Kinds,
    },
    /// What refers to a note.
    Backlinks {
        /// The note.
        note: String,
        /// Which kinds; empty: all.
        #[serde(default)]
        kinds: Kinds,
    },
    /// What is around a note.
    Neighbours {
        /// The note.
        note: String,
        /// Most steps.
        #[serde(default = "one")]
        depth: u32,
        /// Along which way.
        #[serde(default)]
        direction: Direction,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// Why two notes are connected.
    Path {
        /// One note.
        from: String,
        /// The other.
        to: String,
        /// How many chains.
        #[serde(default = "three")]
        count: usize,
        /// Whether references count only forwards.
        #[serde(default)]
        directed: bool,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// What hangs on a note.
    Impact {
        /// The note.
        note: String,
        /// Most steps.
        #[serde(default = "ten")]
        depth: u32,
        /// Another path for it; without one, its deletion is asked about.
        #[serde(default)]
        rename: Option<String>,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// Links that lead nowhere.
    Broken {},
    /// Files that nothing leads to, or that lead nowhere.
    Orphans {},
    /// Tags, or where one is used.
    Tags {
        /// The tag.
        #[serde(default)]
        tag: Option<String>,
    },
    /// Full text.
    Search {
        /// In Obsidian's language.
        query: String,
        /// Most lines of each file.
        #[serde(default = "some")]
        snippets: usize,
    },
    /// What is like a note.
    Similar {
        /// The note.
        note: String,
        /// What it is measured by.
        #[serde(default)]
        by: Likeness,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// What matters most.
    Central {
        /// What it is measured by.
        #[serde(default)]
        by: Measure,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// What belongs together.
    Clusters {
        /// How it is found.
        #[serde(default)]
        method: Method,
        /// For the order in which labels spread.
        #[serde(default)]
        seed: u64,
        /// Which kinds; empty: all but tags.
        #[serde(default)]
        kinds: Kinds,
    },
    /// Notes by their properties.
    Query {
        /// In the language of `questions::query`.
        query: String,
    },
    /// How the graph changed.
    Diff {
        /// Since when: a time, a run of the sync or a commit.
        since: String,
    },
    /// The graph for other programs.
    Export {
        /// In which form.
        #[serde(default)]
        format: Format,
    },
    /// The text of a note.
    Read {
        /// The note.
        note: String,
        /// First line, from 1.
        #[serde(default = "first")]
        from: u32,
    },
}

fn one() -> u32 {
    1
}

fn first() -> u32 {
    1
}

fn three() -> usize {
    3
}

fn some() -> usize {
    3
}

fn ten() -> u32 {
    10
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Question::Stats`].
    Stats(Stats),
    /// To [`Question::Links`].
    Links(Links),
    /// To [`Question::Backlinks`].
    Backlinks(Links),
    /// To [`Question::Neighbours`].
    Neighbours(Neighbours),
    /// To [`Question::Path`].
    Path(Paths),
    /// To [`Question::Impact`].
    Impact(Impact),
    /// To [`Question::Broken`].
    Broken(Broken),
    /// To [`Question::Orphans`].
    Orphans(Orphans),
    /// To [`Question::Tags`].
    Tags(Tags),
    /// To [`Question::Search`].
    Search(Search),
    /// To [`Question::Similar`].
    Similar(Similar),
    /// To [`Question::Central`].
    Central(Central),
    /// To [`Question::Clusters`].
    Clusters(Clusters),
    /// To [`Question::Query`].
    Query(Found),
    /// To [`Question::Diff`].
    Diff(Box<Diff>),
    /// To [`Question::Export`].
    Export(Exported),
    /// To [`Question::Read`].
    Read(Passage),
}

/// The graph for other programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// In which form.
    pub format: Format,
    /// The document.
    pub text: String,
}

/// The text of a note, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// The note.
    pub note: String,
    /// The first line of the text, from 1.
    pub from: u32,
    /// Lines of the whole note.
    pub lines: u32,
    /// The text.
    pub text: String,
    /// The line to go on from, if the rest did not fit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<u32>,
}

/// Longest part of a note that is given at once, in bytes.
pub const MOST_READ: usize = 128 << 10;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A note is named that is none, or one of several.
    #[error(transparent)]
    Unnamed(#[from] Unnamed),
    /// A search that is not understood.
    #[error("the search is not understood: {0}")]
    Search(#[from] SearchError),
    /// A query that is not understood.
    #[error("the query is not understood: {0}")]
    Query(#[from] QueryError),
    /// A file that is no text, or cannot be read.
    #[error("`{0}` cannot be read as a note")]
    Unreadable(String),
    /// A former state that is not known.
    #[error(transparent)]
    Past(#[from] PastError),
}

/// What a question may need beside the graph.
pub struct Beside<'a> {
    /// Symbolic links in the vault, which are not followed.
    pub symlinks: &'a [String],
    /// Former states of the vault.
    pub past: &'a dyn Fn(&str) -> Result<Former, PastError>,
}

/// Answers a question of what `view` shows.
///
/// # Errors
/// If a name means no note, or a query is not understood.
pub fn answer(
    view: &View<'_>,
    beside: &Beside<'_>,
    request: &Request,
    today: Date,
) -> Result<Answer, AskError> {
    let limit = request.limit.unwrap_or(usize::MAX);
    let file = |name: &str| name::file(view.graph, name);
    Ok(match &request.ask {
        Question::Stats {} => Answer::Stats(stats(view)),
        Question::Links { note, kinds } => Answer::Links(links(view, file(note)?, kinds, limit)),
        Question::Backlinks { note, kinds } => {
            Answer::Backlinks(backlinks(view, file(note)?, kinds, limit))
        }
        Question::Neighbours { note, depth, direction, kinds } => {
            Answer::Neighbours(neighbours(view, file(note)?, *depth, *direction, kinds, limit))
        }
        Question::Path { from, to, count, directed, kinds } => {
            Answer::Path(paths(view, file(from)?, file(to)?, *count, *directed, kinds))
        }
        Question::Impact { note, depth, rename, kinds } => {
            let id = file(note)?;
            let renamed = rename.as_deref().map(|name| new_path(view.graph, note, name));
            Answer::Impact(impact(view, id, *depth, kinds, renamed.transpose()?.as_deref(), limit))
        }
        Question::Broken {} => Answer::Broken(broken(view, beside.symlinks, limit)),
        Question::Orphans {} => Answer::Orphans(orphans(view, limit)),
        Question::Tags { tag } => Answer::Tags(tags(view, tag.as_deref(), limit)),
        Question::Search { query, snippets } => {
            Answer::Search(search(view, query, limit, *snippets)?)
        }
        Question::Similar { note, by, kinds } => {
            Answer::Similar(similar(view, file(note)?, *by, kinds, limit))
        }
        Question::Central { by, kinds } => Answer::Central(central(view, *by, kinds, limit)),
        Question::Clusters { method, seed, kinds } => {
            Answer::Clusters(clusters(view, *method, *seed, kinds, limit))
        }
        Question::Query { query: text } => Answer::Query(query(view, text, today, limit)?),
        Question::Diff { since } => {
            let former = (beside.past)(since)?;
            let mut diff = diff(&former.graph, view.graph, view.parity);
            diff.since = Some(former.state);
            Answer::Diff(Box::new(diff.limited(limit)))
        }
        Question::Export { format } => {
            Answer::Export(Exported { format: *format, text: export(view, *format) })
        }
        Question::Read { note, from } => Answer::Read(read(view, note, *from)?),
    })
}

/// The path that a file would have under a new name: with a name alone it stays in its folder, and
/// without an extension it keeps its own.
fn new_path(graph: &Graph, note: &str, name: &str) -> Result<String, Unnamed> {
    let old = graph.files().path(name::file(graph, note)?);
    let name = name.trim().trim_start_matches("./").trim_start_matches('/');
    let (folder, file) = old.rsplit_once('/').map_or(("", old), |(folder, file)| (folder, file));
    let mut path = match name.contains('/') || folder.is_empty() {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    };
    let has_end = path.rsplit('/').next().is_some_and(|last| last.contains('.'));
    if let Some((_, end)) = file.rsplit_once('.').filter(|_| !has_end) {
        path.push_str(&format!(".{end}"));
    }
    Ok(path)
}

fn read(view: &View<'_>, note: &str, from: u32) -> Result<Passage, AskError> {
    let id = name::file(view.graph, note)?;
    let path = view.path(id);
    let unreadable = || AskError::Unreadable(path.to_owned());
    if !super::tree::is_read(path) {
        return Err(unreadable());
    }
    let text = view.texts.text(path).ok_or_else(unreadable)?;
    let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    let from = from.max(1);
    let mut passage =
        Passage { note: path.to_owned(), from, lines, text: String::new(), next: None };
    for (number, line) in (1..).zip(text.split_inclusive('\n')).skip(from as usize - 1) {
        if passage.text.len() + line.len() > MOST_READ {
            if passage.text.is_empty() {
                // A line that is too long for itself is cut.
                passage.text.push_str(&line[..line.floor_char_boundary(MOST_READ)]);
                passage.next = (number < lines).then_some(number + 1);
            } else {
                passage.next = Some(number);
            }
            break;
        }
        passage.text.push_str(line);
    }
    Ok(passage)
}

#[cfg(test)]
mod tests {
    use super::super::questions::sketch::Sketch;
    use super::*;

    fn ask(json: &str) -> Result<Answer, AskError> {
        let vault = Sketch::of(&[
            ("a/one.md", "one\n[[two]]\nthree\n"),
            ("two.md", "[[wish]]"),
            ("p.png", ""),
        ]);
        let request = Request {
            ask: serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}")),
            soft: false,
            parity: false,
            limit: None,
        };
        let past = |since: &str| Ok(Former::sketch(&[("a/one.md", since)]));
        let beside = Beside { symlinks: &[], past: &past };
        answer(&vault.view(), &beside, &request, jiff::civil::date(2026, 1, 1))
    }

    #[test]
    fn every_question_is_asked_and_answered_as_json() {
        let questions = [
            r#"{"question":"stats"}"#,
            r#"{"question":"links","note":"one"}"#,
            r#"{"question":"backlinks","note":"two","kinds":["link","embed"]}"#,
            r#"{"question":"neighbours","note":"one","depth":2,"direction":"in"}"#,
            r#"{"question":"path","from":"one","to":"two"}"#,
            r#"{"question":"impact","note":"two","rename":"three"}"#,
            r#"{"question":"broken"}"#,
            r#"{"question":"orphans"}"#,
            r#"{"question":"tags","tag":"x"}"#,
            r#"{"question":"search","query":"three"}"#,
            r#"{"question":"similar","note":"one","by":"adamic-adar"}"#,
            r#"{"question":"central","by":"betweenness"}"#,
            r#"{"question":"clusters","method":"labels","seed":4}"#,
            r#"{"question":"query","query":"words > 1"}"#,
            r#"{"question":"diff","since":"2h"}"#,
            r#"{"question":"export","format":"dot"}"#,
            r#"{"question":"read","note":"one","from":2}"#,
        ];
        for question in questions {
            let answer = ask(question).unwrap_or_else(|e| panic!("{question}: {e}"));
            let json = serde_json::to_value(&answer).unwrap();
            let asked: serde_json::Value = serde_json::from_str(question).unwrap();
            assert_eq!(json["question"], asked["question"]);
            // Answers of the other territory are shown as one's own.
            assert_eq!(serde_json::from_value::<Answer>(json).unwrap(), answer, "{question}");
        }
        assert!(serde_json::from_str::<Question>(r#"{"question":"links","nota":"x"}"#).is_err());
    }

    #[test]
    fn a_new_name_stays_in_its_folder_and_keeps_its_extension() {
        let renamed = |name: &str| {
            let json = format!(r#"{{"question":"impact","note":"one","rename":"{name}"}}"#);
            match ask(&json) {
                Ok(Answer::Impact(impact)) => impact.renamed.unwrap(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(renamed("wish"), "a/wish.md");
        assert_eq!(renamed("b/wish.md"), "b/wish.md");
        assert_eq!(renamed("/wish"), "a/wish.md");
    }

    #[test]
    fn a_passage_is_bounded_and_says_where_to_go_on() {
        let long = "line of text\n".repeat(20_000);
        let wide = format!("{}\nend\n", "é".repeat(MOST_READ));
        let vault = Sketch::of(&[("long.md", &long), ("wide.md", &wide), ("p.png", "x")]);
        let view = vault.view();
        let first = read(&view, "long", 1).unwrap();
        assert!(first.text.len() <= MOST_READ && first.lines == 20_000);
        let second = read(&view, "long", first.next.unwrap()).unwrap();
        assert!(second.next.is_none_or(|next| next > first.next.unwrap()));
        let cut = read(&view, "wide", 1).unwrap();
        assert_eq!((cut.text.len(), cut.next), (MOST_READ, Some(2)));
        assert_eq!(read(&view, "wide", 2).unwrap().text, "end\n");
        assert_eq!(read(&view, "wide", 9).unwrap().text, "");
        assert!(matches!(read(&view, "p.png", 1), Err(AskError::Unreadable(_))));
    }
}
