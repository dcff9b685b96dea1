//! Making two folders a pair: identities, private folders and configuration on both sides.

use std::path::{Path, PathBuf};

use ubos_core::path::RelPath;

use crate::agent::message::{Join, Purpose, Standing};
use crate::clock;
use crate::endpoint::standing;
use crate::error::{EngineError, Result};
use crate::link::{self, Address, Target};
use crate::state::StateDir;
use crate::state::config::{Config, Peer};
use crate::state::generation::Header;
use crate::state::marker::Marker;
use crate::state::table::{Loaded, Table};

/// What `init` was asked for.
#[derive(Debug, Clone)]
pub struct InitRequest {
    /// This side's root, absolute.
    pub root: PathBuf,
    /// The peer.
    pub target: Target,
    /// This territory's name, if it has none yet.
    pub name: String,
    /// How the peer reaches this side, over ssh.
    pub reverse: Option<String>,
}

/// What `init` did.
#[derive(Debug, Clone)]
pub struct Paired {
    /// This territory's name.
    pub name: String,
    /// The peer's own name.
    pub peer_name: String,
    /// Manifests that were written.
    pub manifests: Vec<RelPath>,
    /// Whether the two were a pair before.
    pub known: bool,
}

/// Makes the folder of `request` and the peer's a pair. Safe to repeat.
///
/// # Errors
/// What the system says, what connecting says, and [`EngineError::Config`] for folders that cannot
/// be a pair.
pub fn init(request: &InitRequest) -> Result<Paired> {
    let peer_name = &request.target.peer;
    check_names(&request.name, peer_name)?;
    let root = &request.root;
    std::fs::create_dir_all(root).map_err(|e| EngineError::io("create", root, e))?;
    refuse_nested(root, &request.target.address)?;
    let state = StateDir::create(root)?;
    let mut config = Config::load(&state)?.unwrap_or_else(|| Config::new(&request.name));
    let mut marker = Marker::load(&state)?.unwrap_or_else(|| Marker::fresh(true));
    let before = config.peers.get(peer_name).cloned();
    let pair = before.as_ref().map_or_else(clock::random_id, |peer| peer.pair.clone());
    let join = Join {
        pair: pair.clone(),
        name: peer_name.clone(),
        peer_name: config.name.clone(),
        peer_replica: marker.replica.clone(),
        peer_address: match (&request.reverse, &request.target.address) {
            (Some(reverse), _) => Some(reverse.clone()),
            (None, Address::Local(_)) => Some(root.display().to_string()),
            (None, Address::Ssh { .. }) => None,
        },
        manifests: before.as_ref().map_or(peer_name.clone(), |peer| peer.manifests.clone()),
        owner: before.as_ref().is_some_and(|peer| !peer.owner),
        fresh: config.peers.is_empty(),
    };
    let (_link, greeting, agent) = link::connect(&request.target, &Purpose::Join(join.clone()))?;
    let there = greeting
        .standing
        .ok_or_else(|| EngineError::unreachable("the peer did not say how it stands"))?;
    let replica = there.replica.clone().unwrap_or_default();
    if replica == marker.replica {
        return Err(EngineError::config(
            "the two folders are copies of one territory; remove `.ubos-sync` from the copy",
        ));
    }
    let peer = Peer {
        address: Some(request.target.address.to_string()),
        pair: pair.clone(),
        replica,
        owner: !join.owner,
        manifests: join.manifests.clone(),
        agent,
    };
    config.peers.insert(peer_name.clone(), peer);
    config.replica = Some(marker.replica.clone());
    config.save(&state)?;
    begin_pair(&state, &mut marker, &pair)?;
    let manifests = standing::write_default_manifests(&state, &join.manifests, &there.manifests)?;
    Ok(Paired {
        name: config.name,
        peer_name: there.name.clone(),
        manifests,
        known: before.is_some(),
    })
}

/// The peer's half of [`init`].
///
/// # Errors
/// As [`init`].
pub fn join(root: &Path, join: &Join) -> Result<Standing> {
    check_names(&join.name, &join.peer_name)?;
    standing::manifest_paths(&join.manifests)?;
    if !clock::is_id(&join.pair) {
        return Err(EngineError::config("the id of the pair is not understood"));
    }
    if !root.is_absolute() {
        return Err(EngineError::config(
            "the folder of the peer must be given as an absolute path",
        ));
    }
    if let Ok(real) = root.read_link() {
        return Err(EngineError::Config {
            message: format!("`{}` is a symbolic link", root.display()),
            hint: Some(format!("name the folder that it leads to: `{}`", real.display())),
        });
    }
    std::fs::create_dir_all(root).map_err(|e| EngineError::io("create", root, e))?;
    let state = StateDir::create(root)?;
    let mut config = Config::load(&state)?.unwrap_or_else(|| Config::new(&join.name));
    let mut marker = Marker::load(&state)?.unwrap_or_else(|| Marker::fresh(join.owner));
    let before = config.peers.get(&join.peer_name);
    if before.is_some_and(|peer| peer.pair != join.pair) && !join.fresh {
        return Err(EngineError::Config {
            message: format!(
                "`{}` is already a pair with another `{}`",
                root.display(),
                join.peer_name
            ),
            hint: Some(
                "check the address; a further territory needs a name of its own (`--name`)".into(),
            ),
        });
    }
    let peer = Peer {
        address: join.peer_address.clone().or_else(|| before.and_then(|peer| peer.address.clone())),
        pair: join.pair.clone(),
        replica: join.peer_replica.clone(),
        owner: join.owner,
        manifests: join.manifests.clone(),
        agent: before.and_then(|peer| peer.agent.clone()),
    };
    config.peers.insert(join.peer_name.clone(), peer.clone());
    config.replica = Some(marker.replica.clone());
    config.save(&state)?;
    begin_pair(&state, &mut marker, &join.pair)?;
    Ok(standing::look(&state, &config, &peer)?.0)
}

/// An empty baseline of generation 0, where there is no trace of an earlier one.
fn begin_pair(state: &StateDir, marker: &mut Marker, pair: &str) -> Result<()> {
    let failed = |e| EngineError::io("write", state.path("state"), e);
    if marker.pair(pair).is_none() {
        let header = Header::first(pair);
        let folder = state.pair_folder(pair)?;
        if matches!(Table::load(folder).map_err(failed)?, Loaded::Lost(None)) {
            let folder = state.pair_folder(pair)?;
            Table::create(folder, header.clone(), std::collections::BTreeMap::new())
                .map_err(failed)?;
        }
        marker.set(pair, header.generation, header.chain);
    }
    marker.save(state)
}

/// Words that mean something else where a territory's name is expected.
const TAKEN: [&str; 9] =
    ["both", "newer", "merge", "ask", "hold", "changed-only", "here", "there", "peer"];

fn check_names(name: &str, peer: &str) -> Result<()> {
    for word in [name, peer] {
        let plain = !word.is_empty()
            && word.len() <= 64
            && !word.starts_with(['-', '.'])
            && word.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !plain || TAKEN.contains(&word) {
            return Err(EngineError::config(format!(
                "`{word}` cannot be the name of a territory; use letters, digits, `-` and `_`"
            )));
        }
    }
    if name == peer {
        return Err(EngineError::config(format!(
            "both territories would be called `{name}`; choose with `--name`"
        )));
    }
    Ok(())
}

fn refuse_nested(root: &Path, address: &Address) -> Result<()> {
    let Address::Local(other) = address else { return Ok(()) };
    let own = root.canonicalize().map_err(|e| EngineError::io("find", root, e))?;
    let other = other.canonicalize().unwrap_or_else(|_| other.clone());
    if own.starts_with(&other) || other.starts_with(&own) {
        return Err(EngineError::config(
            "the two folders lie inside each other; a pair needs two separate ones",
        ));
    }
    Ok(())
}
