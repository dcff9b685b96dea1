//! The three manifests: there, understood, and selecting something.

use std::path::Path;

use ubos_core::manifest::Direction;
use ubos_core::selection::{Builtin, Selection};
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::{ROLES, manifest_paths, read_manifests};
use ubos_engine::error::EngineError;
use ubos_engine::link::Address;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Peer;

use super::territory::failed;
use crate::finding::Finding;
use crate::render::command::quote;

const CHECK: &str = "manifests";

/// The manifests of one pair, which is at `generation`.
pub(super) fn check(
    state: &StateDir,
    peer: &Peer,
    builtin: &Builtin,
    generation: u64,
) -> Vec<Finding> {
    let read = manifest_paths(&peer.manifests)
        .and_then(|paths| Ok((paths, read_manifests(state, &peer.manifests)?)));
    let (paths, texts) = match read {
        Ok(read) => read,
        Err(error) => return vec![failed(CHECK, &error)],
    };
    if generation == 0 && texts.iter().all(Option::is_none) {
        return vec![Finding::warning(
            CHECK,
            "none are here yet",
            "the first `ubos-sync bidirectional` brings those of the peer",
        )];
    }
    let missing = ROLES.into_iter().zip(&texts).filter(|(_, text)| text.is_none());
    let missing: Vec<Finding> = missing
        .map(|(role, _)| {
            let path = paths.get(role).to_string();
            Finding::problem(CHECK, format!("`{path}` is missing"), restore(state, peer, &path))
        })
        .collect();
    if !missing.is_empty() {
        return missing;
    }
    match compile(&peer.manifests, &texts.map(Option::unwrap_or_default), builtin) {
        Ok(selection) => vec![Finding::ok(CHECK, selected(&selection))],
        Err(EngineError::Config { message, hint }) => message
            .lines()
            .map(|line| Finding::problem(CHECK, line, hint.clone().unwrap_or_default()))
            .collect(),
        Err(error) => vec![failed(CHECK, &error)],
    }
}

/// The command that fetches a missing manifest.
fn restore(state: &StateDir, peer: &Peer, path: &str) -> String {
    let here = quote(&state.root().path().join(path).display().to_string());
    let there = |root: &Path| quote(&root.join(path).display().to_string());
    let command = match peer.address.as_deref().map(Address::parse) {
        Some(Ok(Address::Local(root))) => format!("cp {} {here}", there(&root)),
        Some(Ok(Address::Ssh { user, host, port, path: root })) => {
            let user = user.map(|user| format!("{user}@")).unwrap_or_default();
            let port = port.map(|port| format!("-P {port} ")).unwrap_or_default();
            format!("scp {port}{user}{host}:{} {here}", there(&root))
        }
        _ => format!("touch {here}"),
    };
    format!("bring it back: `{command}`; an empty one is allowed")
}

/// How many lines select, by direction.
fn selected(selection: &Selection) -> String {
    let lines = || selection.entries().iter().filter(|entry| entry.line.is_some());
    let directions =
        [Direction::Bidirectional, Direction::PushOnly, Direction::PullOnly, Direction::AppendOnly];
    let counts: Vec<String> = directions
        .into_iter()
        .map(|wanted| (wanted, lines().filter(|e| e.direction() == Some(wanted)).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(direction, count)| format!("{count} {}", direction.word()))
        .collect();
    format!("understood; lines that select: {}", counts.join(", "))
}
