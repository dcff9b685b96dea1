//! `ubos-sync doctor`: looks at the whole set-up, changes nothing, and says how to mend each thing.

mod backup;
mod disk;
mod manifests;
mod memory;
mod peer;
mod programs;
mod territory;

use std::path::Path;

use clap::Args;

use ubos_engine::agent::message::Standing;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::{Config, Peer};

use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::finding::{Section, exit_code};
use crate::render;
use crate::ui::Ui;

/// Check the whole set-up and say how to mend what is found
///
/// Looks at the folder, the configuration, what is remembered of the pair, the manifests, the
/// audit log, the file system, the programs and the peer. Syncs nothing and decides nothing; the
/// file system is measured with throw-away names in `.ubos-sync/`.
///
/// Exit code 0: no problem (there may be warnings). 1: a problem. 5: the peer does not answer, and
/// nothing else is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync doctor            everything
  ubos-sync doctor --local    without the peer
  ubos-sync doctor -q         only what is not well")]
pub(crate) struct DoctorArgs {
    /// Leave the peer out
    #[arg(long)]
    local: bool,
}

/// Carries it out.
pub(crate) fn run(args: &DoctorArgs, global: &Global, ui: &Ui) -> Outcome {
    let root = crate::territory::root(global)?;
    let sections = examine(&root, args.local, global)?;
    if ui.json() {
        ui.document(&render::doctor::json(&sections))?;
    } else {
        ui.answer(&render::doctor::text(&sections, ui))?;
    }
    Ok(exit_code(&sections))
}

/// A peer with what is known of it and of our side of the pair.
struct Pair<'a> {
    name: &'a str,
    peer: &'a Peer,
    standing: Option<Standing>,
}

fn examine(root: &Path, local: bool, global: &Global) -> Result<Vec<Section>, Failure> {
    let (mut findings, state) = territory::check(root);
    let Some(state) = state else { return Ok(vec![Section::new("Territory", findings)]) };
    let config = territory::configuration(&state, &mut findings);
    let mut sections = vec![Section::new("Territory", findings)];
    let pairs = match &config {
        Some(config) => pairs(config, global)?,
        None => Vec::new(),
    };
    let mut known = Vec::new();
    for (name, peer) in pairs {
        let Some(config) = &config else { continue };
        let (pair, found) = remembered(&state, config, name, peer);
        sections.extend(found);
        let backup = backup::check(&state, config, peer);
        if !backup.is_empty() {
            sections.push(Section::new(format!("Backup of the pair with {name}"), backup));
        }
        known.push(pair);
    }
    sections.push(Section::new("Record", vec![memory::audit_log(&state)]));
    sections.push(Section::new("File system", disk::check(&state)));
    let over_ssh = known.iter().any(|pair| peer::is_over_ssh(pair.peer));
    sections.push(Section::new("Programs", programs::check(over_ssh)));
    if let Some(config) = config.as_ref().filter(|_| !local) {
        for pair in &known {
            let findings = peer::check(config, pair)?;
            sections.push(Section::new(format!("Peer {}", pair.name), findings));
        }
    }
    Ok(sections)
}

/// The peers that are asked for: the one named, or all.
fn pairs<'a>(config: &'a Config, global: &Global) -> Result<Vec<(&'a str, &'a Peer)>, Failure> {
    match &global.peer {
        Some(name) => Ok(vec![config.peer(Some(name))?]),
        None => Ok(config.peers.iter().map(|(name, peer)| (name.as_str(), peer)).collect()),
    }
}

fn remembered<'a>(
    state: &StateDir,
    config: &Config,
    name: &'a str,
    peer: &'a Peer,
) -> (Pair<'a>, Vec<Section>) {
    let (findings, standing) = memory::check(state, config, peer);
    let generation = standing.as_ref().and_then(|s| s.header.as_ref()).map_or(0, |h| h.generation);
    let law = manifests::check(state, peer, &config.builtin(), generation);
    let sections = vec![
        Section::new(format!("Memory of the pair with {name}"), findings),
        Section::new(format!("Manifests for {name}"), law),
    ];
    (Pair { name, peer, standing }, sections)
}
