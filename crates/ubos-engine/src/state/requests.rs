//! Requests for a run, in `requests/`: a side that cannot reach its peer leaves one when something
//! waits; a peer that is connected answers it at once, any other with its next run.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::SystemTime;

use rustix::fs::AtFlags;
use serde::{Deserialize, Serialize};

use super::StateDir;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, atomic, list, stat_in};

const FOLDER: &str = "requests";

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Its name.
    pub id: String,
    /// Why, as a word: `changes` or `interrupted`.
    pub reason: String,
    /// When, RFC 3339.
    pub created: String,
}

/// Leaves a request, durably, unless there is one already. Returns its id.
///
/// # Errors
/// What the system says.
pub fn ask(state: &StateDir, reason: &str) -> Result<Option<String>> {
    let failed = |e| EngineError::io("write", state.path(FOLDER), e);
    let folder = state.folder(FOLDER)?;
    if !names(&folder).map_err(failed)?.is_empty() {
        return Ok(None);
    }
    let id = clock::run_id();
    let asked = Asked { id: id.clone(), reason: reason.to_owned(), created: clock::now_rfc3339() };
    let bytes = serde_json::to_vec(&asked).expect("plain data");
    atomic::write(folder.as_fd(), &id, &bytes).map_err(failed)?;
    Ok(Some(id))
}

/// Removes the requests that were left before `begun`, the start of a run that has ended.
///
/// # Errors
/// What the system says.
pub fn clear(state: &StateDir, begun: SystemTime) -> Result<()> {
    let Some(folder) = state.existing_folder(FOLDER)? else { return Ok(()) };
    let begun = begun.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let begun = i64::try_from(begun.as_nanos()).unwrap_or(i64::MAX);
    let clear = || -> io::Result<()> {
        for name in names(&folder)? {
            let older = stat_in(folder.as_fd(), name.as_bytes())?
                .is_some_and(|stat| Stamp::of(&stat).mtime <= begun);
            if older {
                rustix::fs::unlinkat(&folder, name.as_str(), AtFlags::empty())?;
            }
        }
        Ok(())
    };
    clear().map_err(|e| EngineError::io("clear", state.path(FOLDER), e))
}

/// The requests that wait.
///
/// # Errors
/// What the system says.
pub fn waiting(state: &StateDir) -> Result<Vec<String>> {
    let Some(folder) = state.existing_folder(FOLDER)? else { return Ok(Vec::new()) };
    names(&folder).map_err(|e| EngineError::io("list", state.path(FOLDER), e))
}

fn names(folder: &OwnedFd) -> io::Result<Vec<String>> {
    let listed = list(folder.as_fd())?;
    let names = listed.iter().filter_map(|entry| String::from_utf8(entry.name.to_vec()).ok());
    // What is just being written has another name until it is whole.
    Ok(names.filter(|name| clock::is_id(name) && !name.ends_with(".new")).collect())
}

/// What somebody who waits has seen of the requests.
#[derive(Debug, Default)]
pub struct Known {
    folder: Option<Stamp>,
    names: BTreeSet<String>,
}

impl Known {
    /// Whether there is a request that was not there before. Costs one look at the folder as long as
    /// nothing changes in it; what cannot be read is no request.
    pub fn has_news(&mut self, state: &StateDir) -> bool {
        let path = format!("{}/{FOLDER}", super::PRIVATE);
        let stat = rustix::fs::statat(state.root().fd(), path, AtFlags::SYMLINK_NOFOLLOW);
        let now = stat.ok().map(|stat| Stamp::of(&stat));
        if now == self.folder {
            return false;
        }
        // A second request in the clock tick of the first leaves no other trace.
        self.folder = now.filter(|stamp| !stamp.is_racy(clock::now_ns()));
        let names: BTreeSet<String> = waiting(state).unwrap_or_default().into_iter().collect();
        let news = !names.is_subset(&self.names);
        self.names = names;
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn territory() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        (dir, state)
    }

    #[test]
    fn there_is_one_request_at_a_time_and_a_later_run_clears_it() {
        let (_dir, state) = territory();
        clear(&state, SystemTime::now()).unwrap();
        let id = ask(&state, "changes").unwrap().unwrap();
        assert_eq!(ask(&state, "changes").unwrap(), None);
        let text = std::fs::read(state.path(&format!("{FOLDER}/{id}"))).unwrap();
        let asked: Asked = serde_json::from_slice(&text).unwrap();
        assert_eq!((asked.id, asked.reason.as_str()), (id.clone(), "changes"));
        clear(&state, SystemTime::now() - Duration::from_secs(60)).unwrap();
        assert_eq!(waiting(&state).unwrap(), [id]);
        clear(&state, SystemTime::now() + Duration::from_secs(1)).unwrap();
        assert!(waiting(&state).unwrap().is_empty());
        assert!(ask(&state, "changes").unwrap().is_some());
    }

    #[test]
    fn who_waits_hears_of_each_request_once() {
        let (_dir, state) = territory();
        let mut known = Known::default();
        assert!(!known.has_news(&state));
        ask(&state, "changes").unwrap();
        assert!(known.has_news(&state));
        assert!(!known.has_news(&state));
        std::fs::write(state.path("requests/by-hand"), "{}").unwrap();
        assert!(known.has_news(&state));
        clear(&state, SystemTime::now() + Duration::from_secs(1)).unwrap();
        assert!(!known.has_news(&state));
        ask(&state, "changes").unwrap();
        assert!(known.has_news(&state));
    }
}
