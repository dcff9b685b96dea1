//! `ubos-sync graph`: what can be asked of the notes and the links between them.

mod backlinks;
mod broken;
mod central;
mod clusters;
mod diff;
mod export;
mod impact;
mod kinds;
mod links;
mod looked;
mod neighbours;
mod open;
mod path;
mod query;
mod search;
mod serve;
mod similar;
mod tags;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::Value;

use ubos_engine::error::EngineError;
use ubos_engine::link;
use ubos_tiers::graph::ask::{Answer, AskError, Question, Request};
use ubos_tiers::graph::desk::{Desk, hint};
use ubos_tiers::graph::parcel;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::graph as render;
use crate::territory;
use crate::ui::Ui;

/// What the other territory is asked for.
pub(crate) const QUESTION: &str = "graph-query";
/// Rows of each list that a person is shown, if nothing else is asked for.
const ROWS: usize = 40;

/// Ask about the notes and the links between them
///
/// The folder is read as an Obsidian vault: links lead where Obsidian would open them. A note is named
/// by its path, its title or a `[[link]]`; where that could mean several, they are listed. Nothing in
/// the folder is changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph stats                       the vault in numbers
  ubos-sync graph backlinks plan              what links to it, and how
  ubos-sync graph path plan roadmap           why the two are connected
  ubos-sync graph impact plan --rename goals  which links a new name would break
  ubos-sync graph broken                      links that lead nowhere
  ubos-sync graph search 'tag:#idea harbour'  full text, in Obsidian's language
  ubos-sync graph query 'status = active sort by date desc'
  ubos-sync graph open                        look at it in the browser
  ubos-sync graph stats --vault ~/Notes       any folder with notes
  ubos-sync graph stats --on balaur           the other territory's")]
pub(crate) struct GraphArgs {
    #[command(flatten)]
    asking: Asking,
    #[command(subcommand)]
    what: What,
}

/// Where and how a question is put.
#[derive(Debug, Args)]
struct Asking {
    /// The vault's top folder (default: the territory's)
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "on")]
    vault: Option<PathBuf>,
    /// Ask the other territory about its own
    #[arg(long, global = true, value_name = "PEER")]
    on: Option<String>,
    /// Count also what is only mentioned: paths, titles and other names of notes; and copies
    #[arg(long, global = true, conflicts_with = "parity")]
    soft: bool,
    /// Count only what Obsidian itself counts
    #[arg(long, global = true)]
    parity: bool,
    /// Most rows of each list; 0 for all (default: 40, with `--json` all)
    #[arg(long, global = true, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The vault in numbers
    Stats,
    /// What a note refers to
    Links(links::LinksArgs),
    /// What refers to a note
    Backlinks(backlinks::BacklinksArgs),
    // No comment of its own: clap then takes that of the arguments, which says more.
    Neighbours(neighbours::NeighboursArgs),
    // As above.
    Path(path::PathArgs),
    // As above.
    Impact(impact::ImpactArgs),
    // As above.
    Broken(broken::BrokenArgs),
    /// Notes that nothing links to, dead ends, isolated notes, unused files
    Orphans,
    // As above.
    Tags(tags::TagsArgs),
    // As above.
    Search(search::SearchArgs),
    // As above.
    Similar(similar::SimilarArgs),
    // As above.
    Central(central::CentralArgs),
    // As above.
    Clusters(clusters::ClustersArgs),
    // As above.
    Query(query::QueryArgs),
    // As above.
    Diff(diff::DiffArgs),
    // As above.
    Export(export::ExportArgs),
    // As above.
    Open(open::OpenArgs),
    // As above.
    Serve(serve::ServeArgs),
}

/// Carries it out.
pub(crate) fn run(args: &GraphArgs, global: &Global, ui: &Ui) -> Outcome {
    let asking = &args.asking;
    let question = match &args.what {
        What::Stats => Question::Stats {},
        What::Links(args) => args.question(),
        What::Backlinks(args) => args.question(),
        What::Neighbours(args) => args.question(),
        What::Path(args) => args.question(),
        What::Impact(args) => args.question(),
        What::Broken(args) => args.question(),
        What::Orphans => Question::Orphans {},
        What::Tags(args) => args.question(),
        What::Search(args) => args.question(),
        What::Similar(args) => args.question(),
        What::Central(args) => args.question(),
        What::Clusters(args) => args.question(),
        What::Query(args) => args.question(),
        What::Diff(args) => return diff::run(args, asking, global, ui),
        What::Export(args) => return export::run(args, asking, global, ui),
        What::Open(args) => return open::run(args, asking, global, ui),
        What::Serve(args) => return serve::run(args, asking, global, ui),
    };
    let answer = asking.ask(question, global, ui)?;
    asking.show(&answer, ui)
}

impl Asking {
    /// The answer of this machine or of the other territory.
    fn ask(&self, ask: Question, global: &Global, ui: &Ui) -> Result<Answer, Failure> {
        let limit = self.rows(ui);
        let request = Request { ask, soft: self.soft, parity: self.parity, limit };
        match &self.on {
            Some(peer) => over_there(peer, &request, global),
            None => {
                let mut desk = self.desk(global)?;
                desk.refresh()?;
                desk.answer(&request, today()).map_err(|e| match &e {
                    AskError::Past(past) if !past.is_usage => {
                        EngineError::Damaged { what: "the backup".to_owned(), why: e.to_string() }
                            .into()
                    }
                    _ => Failure::usage(e.to_string(), hint(&e)),
                })
            }
        }
    }

    /// Most rows of each list.
    fn rows(&self, ui: &Ui) -> Option<usize> {
        let usual = if ui.json() { None } else { Some(ROWS) };
        self.limit.map_or(usual, |rows| Some(rows).filter(|rows| *rows > 0))
    }

    /// The vault on this machine.
    fn desk(&self, global: &Global) -> Result<Desk, Failure> {
        Ok(Desk::at(&self.folder(global)?))
    }

    fn folder(&self, global: &Global) -> Result<PathBuf, Failure> {
        territory::vault(self.vault.as_deref(), global)
    }

    /// Shows an answer, to a person or as JSON.
    fn show(&self, answer: &Answer, ui: &Ui) -> Outcome {
        if ui.json() {
            ui.document(&document(answer, self.on.as_deref()))?;
        } else {
            ui.page(&render::answer(answer, ui))?;
        }
        Ok(0)
    }
}

/// An answer as the versioned document.
fn document(answer: &Answer, on: Option<&str>) -> Value {
    let mut document = serde_json::Map::new();
    document.insert("schema".into(), 1.into());
    if let Some(on) = on {
        document.insert("on".into(), on.into());
    }
    if let Ok(Value::Object(fields)) = serde_json::to_value(answer) {
        document.extend(fields);
    }
    document.insert("exit".into(), 0.into());
    document.into()
}

fn over_there(peer: &str, request: &Request, global: &Global) -> Result<Answer, Failure> {
    let (_, config) = territory::open(global)?;
    let (name, peer) = config.peer(Some(peer))?;
    let body = serde_json::to_vec(request)
        .map_err(|e| EngineError::config(format!("the question cannot be put: {e}")))?;
    let program = super::program()?;
    let answer = link::ask::ask((name, peer), (&program, super::BUILD), QUESTION, &body)?;
    let unknown = |why: &str| {
        Failure::Engine(EngineError::Config {
            message: format!("the answer of {name} is not understood: {why}"),
            hint: Some("install the same version of ubos-sync on both machines".into()),
        })
    };
    let answer = parcel::unpack(answer).ok_or_else(|| unknown("it is damaged"))?;
    serde_json::from_slice(&answer).map_err(|e| unknown(&e.to_string()))
}

/// The day on this machine's clock.
pub(crate) fn today() -> Date {
    jiff::Zoned::now().date()
}
