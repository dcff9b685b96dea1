//! How the territory of the command line fares, by its own files alone: for `health`, and for the head
//! of `status`.

use ubos_engine::health::verdict::{Verdict, judge};
use ubos_engine::health::{Health, Now, book};
use ubos_engine::scrub::{self, Damage};
use ubos_engine::state::StateDir;
use ubos_engine::state::config::Config;

use crate::failure::Failure;

/// How a territory fares with one peer, and what to think of it.
pub(crate) struct Picture {
    /// The territory.
    pub territory: String,
    /// The peer.
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
    /// Looks at the territory's own files: how it fares with `peer`, or the only one, or the one that
    /// was last met or tried.
    pub(crate) fn of(
        state: &StateDir,
        config: &Config,
        peer: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut all = Self::all(state, config, peer)?;
        let attempt =
            |picture: &Self| picture.health.as_ref().and_then(|health| health.last_attempt.clone());
        all.sort_by_key(attempt);
        // Without a peer there is nothing on record.
        all.pop().map_or_else(|| Self::with(state, config, "its peer", None), Ok)
    }

    /// As [`Picture::of`], with `peer` alone or with every peer, the worst first.
    pub(crate) fn all(
        state: &StateDir,
        config: &Config,
        peer: Option<&str>,
    ) -> Result<Vec<Self>, Failure> {
        let names: Vec<&str> = match peer {
            Some(_) => vec![config.peer(peer)?.0],
            None => config.peers.keys().map(String::as_str).collect(),
        };
        let book = book::load(state)?;
        let mut all = Vec::new();
        for name in names {
            let health = book.as_ref().and_then(|book| book.of(config, name));
            all.push(Self::with(state, config, name, health.cloned())?);
        }
        all.sort_by_key(|picture| picture.verdict.state);
        Ok(all)
    }

    fn with(
        state: &StateDir,
        config: &Config,
        peer: &str,
        health: Option<Health>,
    ) -> Result<Self, Failure> {
        let now = Now::read(config.watch.interval);
        let reaches = config.peers.get(peer).is_some_and(|peer| peer.address.is_some());
        Ok(Self {
            territory: config.name.clone(),
            peer: peer.to_owned(),
            verdict: judge(health.as_ref(), &now, reaches),
            damaged: scrub::damaged(state)?,
            health,
            now,
        })
    }
}
