//! How the versioned backup fares, as those that make it write it down. Pure but for [`note`].

use serde::{Deserialize, Serialize};

use super::book::{load_of, update};
use super::{Now, Trouble};
use crate::backups::Weight;
use crate::clock;
use crate::error::Result;
use crate::state::StateDir;
use crate::state::config::Config;

/// A backup that fails may mend itself (a merge is finished, a disk gets room); a whole day is
/// another matter.
const PATIENCE: u64 = 86_400;

/// How the backup fares. Times are RFC 3339, UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Backup {
    /// When all that was selected last stood in a snapshot.
    pub last_snapshot: Option<String>,
    /// Its commit.
    pub commit: Option<String>,
    /// The generation of the territory that it holds.
    pub generation: Option<u64>,
    /// Since when no snapshot can be made.
    pub failing_since: Option<String>,
    /// Why.
    pub trouble: Option<Trouble>,
    /// Paths that the last snapshot could not take in.
    pub gaps: u64,
    /// Since when a place lacks something that is here.
    pub unpushed_since: Option<String>,
    /// Places whose history went another way.
    pub diverged: Vec<String>,
    /// When it was last tried to rebuild everything from the other places.
    pub last_drill: Option<String>,
    /// Whether all of it came back.
    pub drill_complete: Option<bool>,
    /// How many paths did not, where it is known why of each: what the backup leaves out, and what
    /// both sides have not agreed on.
    pub drill_known_gaps: Option<u64>,
}

impl Backup {
    /// What is known after a snapshot: its commit and how many paths it could not take in, or why
    /// there is none.
    #[must_use]
    pub fn after_snapshot(
        mut self,
        made: std::result::Result<(Option<String>, u64), Trouble>,
        now: &Now,
    ) -> Self {
        let time = clock::rfc3339((now.time, 0));
        match made {
            Ok((commit, gaps)) => Self {
                last_snapshot: Some(time),
                commit: commit.or(self.commit),
                failing_since: None,
                trouble: None,
                gaps,
                ..self
            },
            Err(trouble) => {
                self.failing_since.get_or_insert(time);
                Self { trouble: Some(trouble), ..self }
            }
        }
    }

    /// Seconds since when it fails, if that is too long by now.
    pub(super) fn fails(&self, now: i64) -> Option<u64> {
        let since = clock::seconds(self.failing_since.as_deref()?)?;
        u64::try_from(now - since).ok().filter(|seconds| *seconds > PATIENCE)
    }
}

/// The peer in whose record it stands.
fn peer(config: &Config) -> Option<&str> {
    let owned = config.peers.iter().find(|(_, peer)| peer.owner);
    owned.or_else(|| config.peers.iter().next()).map(|(name, _)| name.as_str())
}

/// What is known of the backup; `None` if nothing is.
pub fn known(state: &StateDir, config: &Config) -> Option<Backup> {
    load_of(state, config, peer(config)?).ok()??.backup
}

/// Changes what is kept about the backup by `change`: in the record of the peer whose side of the
/// manifests is here, since the backup is made on that side.
///
/// # Errors
/// What the system says; no run and no backup fails because of it.
pub fn note(
    state: &StateDir,
    config: &Config,
    change: impl FnOnce(Backup, &Now) -> Backup,
) -> Result<()> {
    let Some(name) = peer(config) else { return Ok(()) };
    update(state, config, Some(name), Weight::Same, |mut health, now| {
        health.backup = Some(change(health.backup.take().unwrap_or_default(), now));
        health
    })
}
