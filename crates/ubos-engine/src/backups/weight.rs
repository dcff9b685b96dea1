//! How heavy the backups are. Looking at each of them takes long where there are many; what a run adds
//! or lets go is known when it ends.

use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Stat};

use ubos_core::path::RelPath;

use super::{FOLDER, runs, walk, walk_sealed};
use crate::error::{EngineError, Result};
use crate::fs::Stamp;
use crate::state::StateDir;

/// What became of the weight of the backups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weight {
    /// Nothing was added, nothing let go.
    #[default]
    Same,
    /// It is another one by `bytes`.
    Changed {
        /// So many were added, or let go.
        bytes: i64,
        /// When that began, in seconds since 1970.
        since: i64,
    },
    /// It cannot be told: a run was cut off while it kept something.
    Unknown,
}

impl Weight {
    /// A change by `bytes` that began at `since`, in seconds since 1970.
    pub fn changed(bytes: i64, since: i64) -> Self {
        match bytes {
            0 => Weight::Same,
            bytes => Weight::Changed { bytes, since },
        }
    }

    /// What the backups weigh now, if they weighed `before` when they were `weighed` or changed last;
    /// `None` if only weighing them anew can tell. A weighing while they changed may have seen some of
    /// it.
    pub fn after(self, weighed: Option<i64>, before: u64) -> Option<u64> {
        match self {
            Weight::Same => weighed.map(|_| before),
            Weight::Changed { bytes, since } => {
                weighed.filter(|then| *then < since)?;
                before.checked_add_signed(bytes)
            }
            Weight::Unknown => None,
        }
    }
}

/// Adds up sizes.
fn adding(bytes: &mut u64) -> impl FnMut(&OwnedFd, &RelPath, &Stat) -> std::io::Result<()> {
    move |_, _, stat| {
        let stamp = Stamp::of(stat);
        *bytes += if stamp.file_type() == FileType::Directory { 0 } else { stamp.size };
        Ok(())
    }
}

/// Bytes of all former versions, sealed logs among them.
///
/// # Errors
/// What the system says.
pub fn weigh(state: &StateDir) -> Result<u64> {
    let mut bytes = 0;
    for run in runs(state)? {
        bytes += weigh_run(state, &run)?;
    }
    walk_sealed(state, &mut adding(&mut bytes)).map_err(failed(state))?;
    Ok(bytes)
}

/// Bytes of what is in the backups of `run`.
///
/// # Errors
/// What the system says.
pub fn weigh_run(state: &StateDir, run: &str) -> Result<u64> {
    let mut bytes = 0;
    walk(state, run, &mut adding(&mut bytes)).map_err(failed(state))?;
    Ok(bytes)
}

fn failed(state: &StateDir) -> impl Fn(std::io::Error) -> EngineError {
    let path = state.path(FOLDER);
    move |e| EngineError::io("look through", &path, e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_where_the_weighing_cannot_have_seen_it() {
        let table = [
            (Weight::Same, Some(100), Some(50)),
            (Weight::Same, None, None),
            (Weight::changed(0, 100), Some(100), Some(50)),
            (Weight::changed(7, 101), Some(100), Some(57)),
            (Weight::changed(-7, 101), Some(100), Some(43)),
            (Weight::changed(7, 100), Some(100), None),
            (Weight::changed(7, 101), None, None),
            // Less than nothing: the figure was wrong.
            (Weight::changed(-51, 101), Some(100), None),
            (Weight::Unknown, Some(100), None),
        ];
        for (weight, weighed, after) in table {
            assert_eq!(weight.after(weighed, 50), after, "{weight:?}");
        }
    }
}
