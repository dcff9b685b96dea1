//! `ubos-sync graph`: what the links of a vault's notes come to.

mod export;
mod open;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use ubos_engine::state::PRIVATE;
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::model::Graph;
use ubos_tiers::graph::page;

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::territory;
use crate::ui::Ui;

/// Ask the graph of the vault's notes and links
///
/// The vault is the territory, or any other folder with notes. Links lead where Obsidian takes them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync graph open                        look at it in the browser
  ubos-sync graph export --html orrery.html   the same as one file that needs no network")]
pub(crate) struct GraphArgs {
    #[command(subcommand)]
    command: GraphCommand,
}

#[derive(Debug, Subcommand)]
enum GraphCommand {
    /// Write the graph for other programs, or as a page for people
    Export(export::ExportArgs),
    /// Look at the graph in the browser
    Open(open::OpenArgs),
}

/// Which vault is asked.
#[derive(Debug, Args)]
struct VaultArgs {
    /// The vault's top folder, where it is not the territory's
    #[arg(long, value_name = "DIR")]
    vault: Option<PathBuf>,
}

/// Does what is asked.
pub(crate) fn run(args: &GraphArgs, global: &Global, ui: &Ui) -> Outcome {
    match &args.command {
        GraphCommand::Export(args) => export::run(args, global, ui),
        GraphCommand::Open(args) => open::run(args, global, ui),
    }
}

impl VaultArgs {
    /// The vault's top folder: the one that is named, else the territory, else the folder with Obsidian's
    /// settings that the working directory lies in.
    fn folder(&self, global: &Global) -> Result<PathBuf, Failure> {
        if let Some(vault) = self.vault.as_ref().or(global.root.as_ref()) {
            return Ok(vault.clone());
        }
        territory::root(global).or_else(|error| {
            let here = std::env::current_dir().unwrap_or_default();
            let found = here.ancestors().find(|folder| folder.join(".obsidian").is_dir());
            found.map(Path::to_owned).ok_or_else(|| error.into())
        })
    }
}

/// A vault that was looked at.
struct Looked {
    index: Index,
    graph: Graph,
    /// Where a territory keeps what it knows of its graph.
    folder: Option<PathBuf>,
}

impl Looked {
    fn at(args: &VaultArgs, global: &Global) -> Result<Self, Failure> {
        let vault = args.folder(global)?;
        let private = vault.join(PRIVATE);
        let folder = private.is_dir().then(|| private.join("state").join("graph"));
        let mut index = Index::open(&vault, folder.as_deref());
        index.refresh()?;
        index.save()?;
        let graph = index.graph();
        Ok(Self { index, graph, folder })
    }

    /// The page for people.
    fn page(&self) -> String {
        page::of(&self.index, &self.graph, &Default::default())
    }
}
