//! Large logs of a snapshot: handed to the branch of logs, unless it is known to have them already.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::fs::Root;
use ubos_engine::inventory::Item;

use super::table::{LogRow, Table};
use crate::git::command::Git;
use crate::git::error::Result;
use crate::git::logs::{LogSource, record};
use crate::git::manifest::Gap;
use crate::git::names::LOGS_BRANCH;
use crate::git::objects::Oid;

/// What the branch of logs has.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// Each log, as recorded.
    pub(super) rows: BTreeMap<RelPath, LogRow>,
    /// Where the branch stands.
    pub(super) commit: Option<Oid>,
    /// Logs that could not be recorded.
    pub(super) gaps: Vec<(RelPath, Gap, String)>,
}

impl Logs {
    /// Records the logs at `paths`. `state`: the backup's own folder.
    ///
    /// # Errors
    /// What git says of the branch. What cannot be recorded is a gap, and the rest of the snapshot is
    /// made nevertheless.
    pub(super) fn record(
        git: &Git,
        root: &Root,
        state: &Path,
        items: &BTreeMap<RelPath, Item>,
        paths: &[RelPath],
        table: &Table,
    ) -> Result<Self> {
        let commit = git.resolve(LOGS_BRANCH)?.map(Oid);
        let mut logs = Self { commit, ..Self::default() };
        let trusted = logs.commit.is_some() && logs.commit == table.logs_at;
        let mut sources = Vec::new();
        for path in paths {
            let item = &items[path];
            let known = table.logs.get(path).filter(|row| {
                trusted && item.entry.digest() == Some(row.digest) && item.entry.size() == row.size
            });
            match known {
                Some(row) => drop(logs.rows.insert(path.clone(), row.clone())),
                None => match root.open_file(path) {
                    Ok((fd, _)) => {
                        let (file, size) = (File::from(fd), item.entry.size());
                        sources.push(LogSource { path, file, size });
                    }
                    Err(error) => {
                        logs.gaps.push((path.clone(), Gap::Unreadable, error.to_string()));
                    }
                },
            }
        }
        if !sources.is_empty() {
            logs.hand_over(git, state, sources);
        }
        Ok(logs)
    }

    fn hand_over(&mut self, git: &Git, state: &Path, sources: Vec<LogSource<'_>>) {
        let paths: Vec<RelPath> = sources.iter().map(|source| source.path.clone()).collect();
        let recorded = match record(git, state, sources, clock::now().0) {
            Ok(recorded) => recorded,
            Err(error) => {
                let words = format!("it could not be recorded: {error}");
                let gap = |path| (path, Gap::Unreadable, words.clone());
                self.gaps.extend(paths.into_iter().map(gap));
                return;
            }
        };
        self.commit = recorded.commit;
        for log in recorded.logs {
            if paths.contains(&log.path) {
                let row = LogRow { digest: log.blake3, size: log.size, generation: log.generation };
                self.rows.insert(log.path, row);
            }
        }
        for path in paths {
            if !self.rows.contains_key(&path) {
                let words = "it changed while it was read".to_owned();
                self.gaps.push((path, Gap::Unreadable, words));
            }
        }
    }
}
