//! `ubos-sync vault check`: looks a vault over.

use std::path::{Path, PathBuf};

use clap::Args;

use ubos_core::path::RelPath;
use ubos_core::selection::Selection;
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{PRIVATE, StateDir};
use ubos_tiers::graph::index::Index;
use ubos_tiers::vault::check::{Rule, check};
use ubos_tiers::vault::files::VaultFiles;

use super::settings_folder;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::vault::check as render;
use crate::territory;
use crate::ui::Ui;

/// Look a vault over and say what to do about what is found
///
/// Broken links with their cause, links that could mean several files, copies that other programs made,
/// names that cannot stand on every machine, properties, canvases and settings that do not parse, secrets
/// in plugins' settings, plugins that are not whole. Changes nothing.
///
/// Exit code 0: nothing was found. 3: something was.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync vault check                    the territory
  ubos-sync vault check --vault ~/Notes    any folder of notes
  ubos-sync vault check --rule broken-link --all")]
pub(super) struct CheckArgs {
    /// The vault, if it is not the territory
    #[arg(long, value_name = "DIR")]
    vault: Option<PathBuf>,
    /// Show every finding, not only the first of each kind
    #[arg(long)]
    all: bool,
    /// Only findings of this kind, such as `broken-link`; can be given more than once
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,
}

/// Carries it out.
pub(super) fn run(args: &CheckArgs, global: &Global, ui: &Ui) -> Outcome {
    let rules = rules(&args.rule)?;
    let vault = territory::vault(args.vault.as_deref(), global)?;
    let files = VaultFiles::open(&vault)?;
    let config = configuration(&vault);
    let config_dir = settings_folder(&files, config.as_ref())?;
    let mut index = index(&vault);
    index.refresh()?;
    // What is remembered only saves time.
    if let Err(error) = index.save() {
        ui.warning(&error.to_string());
    }
    let laws = laws(&vault, config.as_ref());
    let syncs = |path: &str| {
        let path = RelPath::new(path);
        let selects = |law: &Selection| {
            path.as_ref().is_ok_and(|path| law.judge_path(path, false).direction().is_some())
        };
        laws.is_empty() || laws.iter().any(selects)
    };
    let mut checkup = check(&vault, &config_dir, &index, &syncs)?;
    if !rules.is_empty() {
        checkup.findings.retain(|finding| rules.contains(&finding.rule));
    }
    let code = if checkup.findings.is_empty() { 0 } else { 3 };
    if ui.json() {
        ui.document(&render::document(&checkup, &vault, code))?;
    } else {
        ui.answer(&render::text(&checkup, args.all || ui.verbose(), ui))?;
    }
    Ok(code)
}

/// The kinds of findings that are asked for.
fn rules(words: &[String]) -> Result<Vec<Rule>, Failure> {
    let rule = |word: &String| {
        Rule::named(word).ok_or_else(|| {
            Failure::usage(
                format!("there is no kind of finding called `{word}`"),
                "each kind stands in brackets behind its heading, such as `broken-link`",
            )
        })
    };
    words.iter().map(rule).collect()
}

/// The configuration, if the vault is a territory.
fn configuration(vault: &Path) -> Option<Config> {
    let state = vault.join(PRIVATE).is_dir().then(|| StateDir::open(vault).ok())??;
    Config::load(&state).ok()?
}

/// What syncs with each peer, as far as the manifests can be read; nothing where there is no territory.
fn laws(vault: &Path, config: Option<&Config>) -> Vec<Selection> {
    let Some((config, state)) = config.zip(StateDir::open(vault).ok()) else { return Vec::new() };
    let law = |peer: &Peer| {
        let texts = read_manifests(&state, &peer.manifests).ok()?;
        compile(&peer.manifests, &texts.map(Option::unwrap_or_default), &config.builtin()).ok()
    };
    config.peers.values().filter_map(law).collect()
}

/// The index, kept where the vault is a territory.
fn index(vault: &Path) -> Index {
    let private = vault.join(PRIVATE);
    let folder = private.is_dir().then(|| private.join("state").join("graph"));
    Index::open(vault, folder.as_deref())
}
