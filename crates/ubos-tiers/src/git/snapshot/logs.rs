//! Large logs of a snapshot: handed to the branch of logs, unless it is known to have them already.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use ubos_core::path::RelPath;
use ubos_engine::clock;
use ubos_engine::fs::Root;
use ubos_engine::inventory::Item;

use super::news::News;
use super::table::{LogRow, Table};
use crate::git::command::Git;
use crate::git::error::Result;
use crate::git::gates::Gates;
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
    /// What the gates found in what is new.
    pub(super) news: News,
}

/// What recording needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder<'a> {
    /// The repository.
    pub(super) git: &'a Git,
    /// The territory.
    pub(super) root: &'a Root,
    /// The backup's own folder.
    pub(super) state: &'a Path,
    /// What stands in the territory.
    pub(super) items: &'a BTreeMap<RelPath, Item>,
    /// What the last snapshot knew.
    pub(super) table: &'a Table,
    /// What looks at new bytes.
    pub(super) gates: &'a Gates,
}

impl Logs {
    /// Records the logs at `paths`.
    ///
    /// # Errors
    /// What git says of the branch. What cannot be recorded is a gap, and the rest of the snapshot is
    /// made nevertheless.
    pub(super) fn record(recorder: &Recorder<'_>, paths: &[RelPath]) -> Result<Self> {
        let Recorder { git, root, items, table, .. } = *recorder;
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
                Some(row) => {
                    let (permissions, mtime) = (item.permissions, item.mtime);
                    logs.rows.insert(path.clone(), LogRow { permissions, mtime, ..row.clone() });
                }
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
            logs.hand_over(recorder, sources);
        }
        Ok(logs)
    }

    fn hand_over(&mut self, recorder: &Recorder<'_>, sources: Vec<LogSource<'_>>) {
        let paths: Vec<RelPath> = sources.iter().map(|source| source.path.clone()).collect();
        // The same open files: at the path there may be another log by then.
        let files: BTreeMap<RelPath, File> = sources
            .iter()
            .filter_map(|source| Some((source.path.clone(), source.file.try_clone().ok()?)))
            .collect();
        let recorded = match record(recorder.git, recorder.state, sources, clock::now().0) {
            Ok(recorded) => recorded,
            Err(error) => {
                let words = format!("it could not be recorded: {error}");
                let gap = |path| (path, Gap::Unreadable, words.clone());
                self.gaps.extend(paths.into_iter().map(gap));
                return;
            }
        };
        self.commit = recorded.commit;
        for log in recorded.logs.into_iter().filter(|log| paths.contains(&log.path)) {
            if let Some(file) = files.get(&log.path) {
                let known = recorder.table.logs.get(&log.path);
                let known = known.filter(|row| row.generation == log.generation);
                let from = known.map_or(0, |row| row.size);
                self.news.examine(recorder.gates, &log.path, file, from, log.size);
            }
            let item = &recorder.items[&log.path];
            let row = LogRow {
                digest: log.blake3,
                size: log.size,
                generation: log.generation,
                permissions: item.permissions,
                mtime: item.mtime,
            };
            self.rows.insert(log.path, row);
        }
        for path in paths {
            if !self.rows.contains_key(&path) {
                let words = "it changed while it was read".to_owned();
                self.gaps.push((path, Gap::Unreadable, words));
            }
        }
    }
}
