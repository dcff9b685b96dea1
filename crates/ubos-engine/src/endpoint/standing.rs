//! How a territory stands before a run: identity, marker, baseline, manifests.

use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags};

use ubos_core::entry::Digest;
use ubos_core::manifest::{ManifestPaths, Role};
use ubos_core::path::RelPath;

use crate::agent::message::Standing;
use crate::error::{EngineError, Result};
use crate::fs::platform;
use crate::state::StateDir;
use crate::state::config::{Config, Peer};
use crate::state::marker::Marker;
use crate::state::table::{Loaded, Table};

/// Longest manifest that is read, in bytes. All three cross the wire in one frame.
const MAX_MANIFEST: u64 = 256 << 10;

/// The manifests in the order in which they are kept everywhere: to, from, exclude.
pub const ROLES: [Role; 3] = [Role::To, Role::From, Role::Exclude];

/// Loads the state of a pair and describes it.
///
/// # Errors
/// What the system says; lost or damaged state is part of the description.
pub fn look(
    state: &StateDir,
    config: &Config,
    peer: &Peer,
) -> Result<(Standing, Option<Table>, Option<Marker>)> {
    let marker = marker(state)?;
    let (table, damage) = load(state, peer)?;
    let standing = describe(state, config, peer, table.as_ref(), marker.as_ref(), damage)?;
    Ok((standing, table, marker))
}

/// Loads the baseline of a pair; where it is lost, with the reason.
///
/// # Errors
/// What the system says.
pub fn load(state: &StateDir, peer: &Peer) -> Result<(Option<Table>, Option<String>)> {
    let folder = state.pair_folder(&peer.pair)?;
    let loaded = Table::load(folder)
        .map_err(|e| EngineError::io("read", state.path(&format!("state/{}", peer.pair)), e))?;
    Ok(match loaded {
        Loaded::Present(table) if table.header().pair == peer.pair => (Some(*table), None),
        Loaded::Present(_) => (None, Some("the baseline belongs to another pair".to_owned())),
        Loaded::Lost(why) => (None, why),
    })
}

/// The marker of a territory. One that cannot be understood proves as little as none.
///
/// # Errors
/// What the system says.
pub fn marker(state: &StateDir) -> Result<Option<Marker>> {
    match Marker::load(state) {
        Err(EngineError::Damaged { .. }) => Ok(None),
        marker => marker,
    }
}

/// Describes how a territory stands with a pair, given its baseline (or why it is lost) and marker.
///
/// # Errors
/// What the system says.
pub fn describe(
    state: &StateDir,
    config: &Config,
    peer: &Peer,
    table: Option<&Table>,
    marker: Option<&Marker>,
    damage: Option<String>,
) -> Result<Standing> {
    let mark = marker.and_then(|marker| marker.pair(&peer.pair));
    Ok(Standing {
        name: config.name.clone(),
        replica: marker.map(|marker| marker.replica.clone()),
        same_host: same_host(marker),
        marker: mark.and_then(|mark| Some((mark.generation, Digest::from_hex(&mark.chain)?))),
        marked: table.is_some_and(Table::marked),
        header: table.map(|table| table.header().clone()),
        damage,
        prepared: table.and_then(Table::prepared).map(|prepared| prepared.header.clone()),
        open_runs: table.is_some_and(|table| !table.open_runs().is_empty()),
        manifests: read_manifests(state, &peer.manifests)?,
        folds_case: folds_case(state),
        last_run: table.map(|table| table.header().made).filter(|made| made.0 > 0),
        limits: config.intake(),
    })
}

fn same_host(marker: Option<&Marker>) -> bool {
    let made_on = marker.and_then(|marker| marker.host.clone());
    match (made_on, platform::host_id()) {
        (Some(made_on), Some(here)) => made_on == here,
        _ => true,
    }
}

/// The paths of the manifests of a pair.
///
/// # Errors
/// [`EngineError::Config`] if the peer's name cannot be part of a file name.
pub fn manifest_paths(peer: &str) -> Result<ManifestPaths> {
    ManifestPaths::for_peer(peer)
        .map_err(|e| EngineError::config(format!("`{peer}` cannot be a peer's name: {e}")))
}

/// The texts of the manifests; `None` where a file is missing.
///
/// # Errors
/// What the system says; a manifest that is no regular file or too long is a
/// [`EngineError::Config`].
pub fn read_manifests(state: &StateDir, peer: &str) -> Result<[Option<Vec<u8>>; 3]> {
    let paths = manifest_paths(peer)?;
    let mut texts = [None, None, None];
    for (text, role) in texts.iter_mut().zip(ROLES) {
        *text = read_manifest(state, paths.get(role))?;
    }
    Ok(texts)
}

fn read_manifest(state: &StateDir, path: &RelPath) -> Result<Option<Vec<u8>>> {
    let full = state.root().path().join(path.to_string());
    match state.root().open_file(path) {
        Ok((_, stat)) if stat.st_size as u64 > MAX_MANIFEST => {
            Err(EngineError::config(format!("`{}` is too long for a manifest", full.display())))
        }
        Ok((fd, _)) => {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut std::fs::File::from(fd), &mut bytes)
                .map_err(|e| EngineError::io("read", &full, e))?;
            Ok(Some(bytes))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(EngineError::config(format!("`{}` cannot be read: {e}", full.display()))),
    }
}

/// Whether the root's file system takes names that differ only in case for one: looks for the
/// private folder under another spelling, which writes nothing.
fn folds_case(state: &StateDir) -> bool {
    rustix::fs::statat(state.root().fd(), ".UBOS-SYNC", AtFlags::SYMLINK_NOFOLLOW).is_ok()
}

/// Makes each default manifest of a pair that exists neither here nor at the peer, whose texts are
/// `there`; returns the paths made.
///
/// # Errors
/// What the system says.
pub fn write_default_manifests(
    state: &StateDir,
    peer: &str,
    there: &[Option<Vec<u8>>; 3],
) -> Result<Vec<RelPath>> {
    let paths = manifest_paths(peer)?;
    let here = read_manifests(state, peer)?;
    let mut made = Vec::new();
    for ((role, here), there) in ROLES.into_iter().zip(here).zip(there) {
        if here.is_some() || there.is_some() {
            continue;
        }
        let path = paths.get(role);
        let full = state.root().path().join(path.to_string());
        let write = || -> std::io::Result<()> {
            let parent = state.root().make_dir_all(path.parent_bytes(), 0o755)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(0o644);
            let fd = rustix::fs::openat(&parent, path.name(), flags, mode)?;
            let text = ubos_core::manifest::defaults::DEFAULTS.get(role);
            crate::fs::atomic::write_all(fd.as_fd(), text.as_bytes())?;
            platform::sync_file(&fd)
        };
        write().map_err(|e| EngineError::io("write", full, e))?;
        made.push(path.clone());
    }
    Ok(made)
}
