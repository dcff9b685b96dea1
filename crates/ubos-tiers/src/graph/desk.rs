//! Where questions are put: a vault with its index and the graphs made from it, fresh each time it is
//! asked.

use std::path::Path;

use jiff::civil::Date;

use ubos_engine::agent::message::MOST_ASKED;
use ubos_engine::error::EngineError;
use ubos_engine::state::PRIVATE;

use super::ask::{self, Answer, AskError, Beside, Request};
use super::index::{Index, Refreshed};
use super::model::Graph;
use super::page;
use super::questions::View;
use super::soft;
use super::{parcel, past};

/// Where a territory keeps what is known of its vault, in its private folder.
pub const KEPT: &str = "state/graph";

/// A vault that can be asked.
#[derive(Debug)]
pub struct Desk {
    index: Index,
    /// The graph with soft edges, if it was asked for since something changed.
    soft: Option<Graph>,
}

impl Desk {
    /// The vault at `folder`. In a territory what is known of it is kept there; of any other folder
    /// nothing is kept.
    pub fn at(folder: &Path) -> Self {
        let private = folder.join(PRIVATE);
        let kept = private.is_dir().then(|| private.join(KEPT));
        Self { index: Index::open(folder, kept.as_deref()), soft: None }
    }

    /// Looks at every file, reads what changed and keeps what it learns. What cannot be kept costs only
    /// time the next time.
    ///
    /// # Errors
    /// If the vault's folder cannot be opened.
    pub fn refresh(&mut self) -> Result<Refreshed, EngineError> {
        let excluded = self.index.excluded().clone();
        let refreshed = self.index.refresh()?;
        if refreshed.is_news() || excluded != *self.index.excluded() {
            self.soft = None;
        }
        let _ = self.index.save();
        Ok(refreshed)
    }

    /// Answers a question of the vault as it was looked at last.
    ///
    /// # Errors
    /// If a name means no note, a query is not understood, or a former state is not known.
    pub fn answer(&mut self, request: &Request, today: Date) -> Result<Answer, AskError> {
        self.make(request.soft);
        let symlinks: Vec<String> = self.index.links().iter().map(ToString::to_string).collect();
        let view = self.view(request.soft, request.parity);
        let past = |since: &str| past::open(&self.index, since);
        ask::answer(&view, &Beside { symlinks: &symlinks, past: &past }, request, today)
    }

    /// The graph, with soft edges or without.
    pub fn graph(&mut self, with_soft: bool) -> &Graph {
        self.make(with_soft);
        self.made(with_soft)
    }

    /// The page for people, of the vault as it was looked at last.
    pub fn page(&mut self, with_soft: bool, parity: bool) -> String {
        self.make(with_soft);
        page::of(&self.index, &self.view(with_soft, parity))
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    fn make(&mut self, with_soft: bool) {
        if with_soft && self.soft.is_none() {
            let mut graph = self.index.graph().clone();
            soft::join(&mut graph, &self.index);
            self.soft = Some(graph);
        }
    }

    fn made(&self, with_soft: bool) -> &Graph {
        match with_soft {
            true => self.soft.as_ref().expect("the graph was made before it is looked at"),
            false => self.index.graph(),
        }
    }

    fn view(&self, with_soft: bool, parity: bool) -> View<'_> {
        View { graph: self.made(with_soft), texts: &self.index, parity }
    }
}

/// Answers the other territory, which asks in JSON about the vault at `root`: the bytes of a
/// [`Request`] become those of an [`Answer`], which [`parcel::unpack`] takes out.
///
/// # Errors
/// If the request is none, or has no answer.
pub fn answer(root: &Path, request: &[u8], today: Date) -> Result<Vec<u8>, EngineError> {
    let config =
        |message: String, hint: &str| EngineError::Config { message, hint: Some(hint.to_owned()) };
    let request: Request = serde_json::from_slice(request).map_err(|e| {
        config(
            format!("the question is not understood: {e}"),
            "install the same version of ubos-sync on both machines",
        )
    })?;
    let mut desk = Desk::at(root);
    desk.refresh()?;
    let answer = desk.answer(&request, today);
    let answer = answer.map_err(|e| match &e {
        AskError::Past(past) if !past.is_usage => {
            EngineError::Damaged { what: "the backup".to_owned(), why: e.to_string() }
        }
        _ => config(e.to_string(), hint(&e)),
    })?;
    let less = "ask for less with `--limit`, or ask on that machine itself";
    let json = serde_json::to_vec(&answer).map_err(|e| config(e.to_string(), less))?;
    let packed = parcel::pack(json);
    match packed.len() {
        0..=MOST_ASKED => Ok(packed),
        long => {
            Err(config(format!("the answer is too long for the connection: {long} bytes"), less))
        }
    }
}

/// What to do about a question that has no answer.
pub fn hint(error: &AskError) -> &str {
    use super::questions::name::Unnamed;
    match error {
        AskError::Unnamed(Unnamed::Ambiguous { .. }) => "name it by its path",
        AskError::Unnamed(Unnamed::Unknown { .. }) => {
            "name a note by its path or title; `ubos-sync graph search file:WORD` finds it"
        }
        AskError::Search(_) => "`ubos-sync graph search --help` has the operators",
        AskError::Query(_) => "`ubos-sync graph query --help` has examples",
        AskError::Unreadable(_) => "only notes and canvases are read",
        AskError::Past(past) => &past.hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_desk_sees_what_changed_and_keeps_what_it_knows_in_a_territory() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(PRIVATE)).unwrap();
        fs::write(folder.path().join("a.md"), "[[b]]").unwrap();
        let ask = |desk: &mut Desk, question: &str| {
            let ask = serde_json::from_str(question).unwrap();
            let request = Request { ask, soft: true, parity: false, limit: None };
            desk.refresh().unwrap();
            serde_json::to_value(desk.answer(&request, jiff::civil::date(2026, 1, 1)).unwrap())
                .unwrap()
        };
        let mut desk = Desk::at(folder.path());
        assert_eq!(ask(&mut desk, r#"{"question":"broken"}"#)["total"], 1);
        fs::write(folder.path().join("b.md"), "").unwrap();
        assert_eq!(ask(&mut desk, r#"{"question":"broken"}"#)["total"], 0);
        assert!(folder.path().join(PRIVATE).join(KEPT).join("index").is_file());
        let body = br#"{"ask":{"question":"backlinks","note":"b"}}"#;
        let day = jiff::civil::date(2026, 1, 1);
        let bytes = answer(folder.path(), body, day).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["references"][0]["from"], "a.md");
        for bad in [&b"nonsense"[..], br#"{"ask":{"question":"links","note":"none"}}"#] {
            assert!(matches!(answer(folder.path(), bad, day), Err(EngineError::Config { .. })));
        }
    }

    #[test]
    fn excluded_files_lead_and_are_led_to_and_are_not_shown_first() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("plan.md", "[[old]] by the harbour. The archived one is mentioned.\n");
        write("goal.md", "[[plan]] harbour, harbour and harbour\n");
        write("archive/old.md", "[[plan]] harbour harbour harbour harbour harbour [[lost]]\n");
        write("archive/archived one.md", "harbour of the plan\n");
        let ask = |desk: &mut Desk, question: &str, soft: bool, parity: bool| {
            desk.refresh().unwrap();
            let ask = serde_json::from_str(question).unwrap();
            let request = Request { ask, soft, parity, limit: None };
            let answer = desk.answer(&request, jiff::civil::date(2026, 1, 1)).unwrap();
            serde_json::to_value(answer).unwrap()
        };
        let paths = |value: &serde_json::Value| -> Vec<String> {
            let rows = value.as_array().unwrap().iter();
            rows.map(|row| row["path"].as_str().unwrap().to_owned()).collect()
        };
        let search = r#"{"question":"search","query":"harbour"}"#;
        let mut desk = Desk::at(folder.path());
        assert_eq!(paths(&ask(&mut desk, search, false, false)["hits"])[0], "archive/old.md");
        let mentions = r#"{"question":"links","note":"plan","kinds":["unlinked-mention"]}"#;
        assert_eq!(ask(&mut desk, mentions, true, false)["total"], 1);

        // The setting counts at once, also where nothing else changed.
        write(".obsidian/app.json", r#"{"userIgnoreFilters": ["archive/"]}"#);
        let found = ask(&mut desk, search, false, false);
        assert_eq!(paths(&found["hits"])[..2], ["goal.md", "plan.md"]);
        assert_eq!((&found["total"], &found["hits"][2]["excluded"]), (&4.into(), &true.into()));
        assert_eq!(found["hits"][0].get("excluded"), None);
        assert_eq!(paths(&ask(&mut desk, search, false, true)["hits"]), ["goal.md", "plan.md"]);
        assert_eq!(ask(&mut desk, mentions, true, false)["total"], 0);
        let central = ask(&mut desk, r#"{"question":"central"}"#, false, false);
        assert_eq!(paths(&central["files"]), ["plan.md", "goal.md"]);
        let links = ask(&mut desk, r#"{"question":"backlinks","note":"old"}"#, false, false);
        assert_eq!(links["references"][0]["from"], "plan.md");
        let broken = ask(&mut desk, r#"{"question":"broken"}"#, false, false);
        assert_eq!(
            (&broken["total"], &broken["links"][0]["reference"]["from"]),
            (&1.into(), &"archive/old.md".into())
        );
        assert_eq!(ask(&mut desk, r#"{"question":"stats"}"#, false, false)["excluded"], 2);
        let page = desk.page(false, false);
        assert!(page.contains("goal.md") && !page.contains("archive/old.md"), "it is in the page");
    }

    #[test]
    fn nothing_is_written_into_any_other_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.md"), "[[b]]").unwrap();
        Desk::at(folder.path()).refresh().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
