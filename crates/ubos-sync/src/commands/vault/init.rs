//! `ubos-sync vault init`: makes the territory an Obsidian vault.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use ubos_core::path::RelPath;
use ubos_core::selection::Verdict;
use ubos_engine::edits::{self, Edit, Edited};
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::{manifest_paths, read_manifests};
use ubos_engine::error::EngineError;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};
use ubos_tiers::vault::files::VaultFiles;
use ubos_tiers::vault::init::{Change, Manifests, Plan, Synced, Wish, plan};
use ubos_tiers::vault::layout::Layout;
use ubos_tiers::vault::theme::Theme;
use ubos_tiers::vault::{pack, plugins};

use super::settings_folder;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::vault::init as render;
use crate::territory;
use crate::ui::Ui;

/// Make the territory an Obsidian vault
///
/// Sets up the graph view, the plugins, and what of Obsidian's settings syncs. Settings are changed key by
/// key: whatever else stands in a file stays as it is, and a file that does not parse is never written over.
/// Every file is shown with what would be changed, before anything is; the old versions go to the backups,
/// and `ubos-sync undo` takes it back. Safe to repeat: what is as it should be is not touched.
///
/// Exit code 3: something was left alone because it wants a person.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync vault init -n                         show what would be written
  ubos-sync vault init --theme brass              a style in brass and glass
  ubos-sync vault init --plugins ~/obsidian-pack  plugins from a folder, pinned
  ubos-sync vault init --tame-git                 the Git plugin waits for you")]
pub(super) struct InitArgs {
    /// Add a style snippet
    #[arg(long, value_name = "THEME")]
    theme: Option<ThemeWord>,
    /// Put plugins in place from this folder: one folder for each, and `pins.json` with the SHA-256 of each
    /// file
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// One vault with the same settings on both machines, or two linked ones with settings of their own
    #[arg(long, value_name = "LAYOUT", default_value = "single")]
    layout: LayoutWord,
    /// Let the Git plugin commit, pull and push only when asked to
    #[arg(long)]
    tame_git: bool,
    /// Show what would be written, change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Write without asking
    #[arg(short, long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ThemeWord {
    /// Brass and glass, for light and dark.
    Brass,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LayoutWord {
    /// One vault.
    Single,
    /// Two linked vaults.
    Linked,
}

/// Carries it out.
pub(super) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let files = VaultFiles::open(state.root().path())?;
    let config_dir = settings_folder(&files, Some(&config))?;
    let pack = args.plugins.as_deref().map(pack::read).transpose()?;
    let peers = peers(&config, global)?;
    let mut wish = Wish {
        manifests: manifests(&state, &config, &peers, &config_dir)?,
        has_policy: has_policy(&config, &peers, &config_dir)?,
        config_dir,
        theme: args.theme.map(|ThemeWord::Brass| Theme::Brass),
        layout: match args.layout {
            LayoutWord::Single => Layout::Single,
            LayoutWord::Linked => Layout::Linked,
        },
        tame: args.tame_git,
        pack: pack.as_ref(),
    };
    let mut planned = make_plan(&wish, &files);
    let shown = |plan: &Plan| render::plan(plan, ui);
    if args.dry_run || (planned.is_empty() && planned.fights.is_empty()) {
        return finish(&planned, &state, &wish, args.dry_run, None, ui);
    }
    if !args.yes {
        if !ui.can_ask() {
            return Err(Failure::usage(
                "nothing is written without a yes, and nobody can be asked here",
                "look at it with `-n`, then add `--yes`",
            ));
        }
        ui.answer(&shown(&planned))?;
        if !planned.fights.is_empty() && ui.confirm("Let the Git plugin only work when asked to?") {
            wish.tame = true;
            planned = make_plan(&wish, &files);
        }
        if planned.is_empty() || !ui.confirm(&render::question(&planned)) {
            ui.status("Nothing was written.");
            return Ok(0);
        }
    }
    let done = carry_out(&planned, &state, &config)?;
    finish(&planned, &state, &wish, false, Some((&done, args.yes)), ui)
}

fn make_plan(wish: &Wish<'_>, files: &VaultFiles) -> Plan {
    let folders = files.folders(&format!("{}/{}", wish.config_dir, plugins::FOLDER));
    plan(wish, &folders, &|path| files.read(path))
}

/// The peers that are asked for: the one named, or all.
fn peers<'a>(config: &'a Config, global: &Global) -> Result<Vec<(&'a str, &'a Peer)>, Failure> {
    match &global.peer {
        Some(name) => Ok(vec![config.peer(Some(name))?]),
        None => Ok(config.peers.iter().map(|(name, peer)| (name.as_str(), peer)).collect()),
    }
}

fn manifests(
    state: &StateDir,
    config: &Config,
    peers: &[(&str, &Peer)],
    config_dir: &str,
) -> Result<Vec<Manifests>, Failure> {
    let example = RelPath::new(format!("{config_dir}/app.json"))
        .map_err(|e| EngineError::config(format!("`{config_dir}`: {e}")))?;
    let mut all = Vec::new();
    for (_, peer) in peers {
        let paths = manifest_paths(&peer.manifests)?;
        let [Some(to), Some(from), Some(exclude)] = read_manifests(state, &peer.manifests)? else {
            return Err(EngineError::Config {
                message: format!("a manifest for {} is missing in `config/`", peer.manifests),
                hint: Some("`ubos-sync init` writes the standard ones where none exist".into()),
            }
            .into());
        };
        let selection = compile(&peer.manifests, &[to, from, exclude], &config.builtin())?;
        let explained = selection.explain(&example, false);
        let settings = match explained.verdict {
            Verdict::Selected(_) => Synced::Yes,
            Verdict::Excluded => Synced::Excluded(explained.sentence),
            Verdict::Unselected | Verdict::Passage => Synced::No,
        };
        let (to, exclude) = (paths.to.to_string(), paths.exclude.to_string());
        all.push(Manifests { to, exclude, settings });
    }
    Ok(all)
}

/// Whether the configuration says already what becomes of conflicts in the settings.
fn has_policy(
    config: &Config,
    peers: &[(&str, &Peer)],
    config_dir: &str,
) -> Result<bool, EngineError> {
    let examples = [format!("{config_dir}/app.json"), format!("{config_dir}/plugins/x/data.json")];
    let examples: Vec<RelPath> = examples.iter().flat_map(|p| RelPath::new(p.as_str())).collect();
    for (name, _) in peers {
        let policies = config.policies(name, false)?;
        if !examples.iter().all(|path| policies.set_for(path).is_some()) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn carry_out(plan: &Plan, state: &StateDir, config: &Config) -> Result<Edited, Failure> {
    let all: Vec<Edit> = plan.changes.iter().map(Change::edit).collect();
    let done = edits::carry_out(state, &config.name, "vault init", &all)?;
    if !plan.policies.is_empty() {
        let mut config = config.clone();
        for (pattern, policy) in &plan.policies {
            config.policies.entry(pattern.clone()).or_insert_with(|| policy.clone());
        }
        config.save(state)?;
    }
    Ok(done)
}

/// Tells what was done or would be, and what only the person can do. `done`: what came of it, and whether
/// the plan has not been shown.
fn finish(
    plan: &Plan,
    state: &StateDir,
    wish: &Wish<'_>,
    dry_run: bool,
    done: Option<(&Edited, bool)>,
    ui: &Ui,
) -> Outcome {
    let left = done.map(|(done, _)| &done.left[..]).unwrap_or_default();
    let code = match plan.troubled.is_empty() {
        false => 3,
        true if !left.is_empty() => 7,
        true => 0,
    };
    let root = state.root().path();
    if ui.json() {
        let done = done.map(|(done, _)| done);
        ui.document(&render::document(plan, root, wish, dry_run, done, code))?;
        return Ok(code);
    }
    let mut text = match done {
        Some((_, false)) => String::new(),
        _ => render::plan(plan, ui),
    };
    text.push_str(&render::outcome(plan, done.map(|(done, _)| done), ui));
    if !dry_run {
        text.push_str(&render::person(root, wish, ui));
    }
    ui.answer(&text)?;
    Ok(code)
}
