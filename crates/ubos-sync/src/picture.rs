//! How the territory of the command line fares, by its own files alone: for `health`, and for the head
//! of `status`.

use ubos_engine::health::verdict::{Verdict, judge};
use ubos_engine::health::{self, Health, Now};
use ubos_engine::scrub::{self, Damage};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;

use crate::failure::Failure;

/// How a territory fares, and what to think of it.
pub(crate) struct Picture {
    /// The territory.
    pub territory: String,
    /// Its peer.
    pub peer: String,
    /// What is on record, if anything is.
    pub health: Option<Health>,
    /// What to think of it.
    pub verdict: Verdict,
    /// What is damaged.
    pub damaged: Vec<Damage>,
    /// When this was looked at.
    pub now: Now,
}

impl Picture {
    /// Looks at the territory's own files.
    pub(crate) fn of(
        state: &StateDir,
        config: &Config,
        peer: Option<&str>,
    ) -> Result<Self, Failure> {
        let now = Now::read(config.watch.interval);
        let health = health::load(state)?;
        let reaches = config.peers.values().any(|peer| peer.address.is_some());
        let known = health.as_ref().map(|health| health.peer.clone()).filter(|p| !p.is_empty());
        let named = || config.peer(peer).map(|(name, _)| name.to_owned()).ok();
        Ok(Self {
            territory: config.name.clone(),
            peer: known.or_else(named).unwrap_or_else(|| "its peer".to_owned()),
            verdict: judge(health.as_ref(), &now, reaches),
            damaged: scrub::damaged(state)?,
            health,
            now,
        })
    }
}
