//! What lies beside the selection: names in a territory's top folder that no manifest selects. They have
//! one copy. They are named and never opened.

use std::os::fd::AsFd;

use rustix::fs::FileType;

use ubos_core::path::{RelPath, escape_bytes};
use ubos_core::selection::{Verdict, is_disposable_junk};
use ubos_engine::endpoint::bounds::compile;
use ubos_engine::endpoint::standing::read_manifests;
use ubos_engine::fs::list;
use ubos_engine::state::config::{Config, Peer};
use ubos_engine::state::{PRIVATE, StateDir};

use super::super::error::{BackupError, Result};
use super::facts::Beside;

/// The names in the top folder that are not shared with `peer`.
///
/// # Errors
/// If the manifests cannot be read, or the folder.
pub fn beside(state: &StateDir, config: &Config, peer: &Peer) -> Result<Beside> {
    let texts = read_manifests(state, &peer.manifests)?.map(Option::unwrap_or_default);
    let selection = compile(&peer.manifests, &texts, &config.builtin())?;
    let listed = list(state.root().fd().as_fd())
        .map_err(|e| BackupError::io("list", state.root().path(), e))?;
    let mut found = Beside::default();
    for entry in listed {
        let is_dir = entry.kind == FileType::Directory;
        let own = &entry.name[..] == PRIVATE.as_bytes() || &entry.name[..] == b".git";
        let Ok(path) = RelPath::new(&entry.name[..]) else { continue };
        let verdict = selection.judge_path(&path, is_dir);
        if own || is_disposable_junk(&entry.name) || takes_part(&verdict, is_dir) {
            continue;
        }
        if found.names.len() < Beside::MOST {
            let end = if is_dir { "/" } else { "" };
            found.names.push(format!("{}{end}", escape_bytes(&entry.name)));
        } else {
            found.more += 1;
        }
    }
    found.names.sort();
    Ok(found)
}

fn takes_part(verdict: &Verdict, is_dir: bool) -> bool {
    matches!(verdict, Verdict::Selected(_)) || is_dir && verdict.descends()
}
