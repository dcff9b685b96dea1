//! Which steps bring a version of a path, or of a folder and all below it, back. Every content is
//! looked for in the backups; nothing is deleted and nothing is moved.

use std::collections::{BTreeMap, HashSet};

use ubos_core::baseline::{Baseline, Row};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};

use super::mark::Mark;
use super::trail::Change;
use super::versions::{Turn, in_force};
use crate::agent::message::{Expected, PutBackSource, PutBackStep};
use crate::backups::{self, Store};
use crate::error::{EngineError, Result};
use crate::state::StateDir;

/// Where the content of a former version can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the backups of this territory.
    Here {
        /// The run.
        run: String,
        /// The path there.
        stored: RelPath,
    },
    /// Among the agreed texts of this territory.
    Text,
    /// Among the sealed logs of this territory.
    Sealed {
        /// The path of the file, relative to the root, as text.
        place: String,
    },
    /// In the backups of another territory, as far as the log tells.
    Peer {
        /// The run.
        run: String,
        /// The path there.
        stored: RelPath,
    },
    /// It stands at another path now.
    Moved(RelPath),
    /// It is the beginning of what came after it.
    Part,
    /// A folder needs no content.
    Needless,
    /// Nowhere that is known.
    Gone,
}

/// Finds contents of former versions.
pub struct Finder<'a> {
    /// The territory.
    pub state: &'a StateDir,
    /// Its name.
    pub here: &'a str,
    /// The changes of the path, of which each may have kept the content that is looked for.
    pub trail: &'a [Change],
    /// The agreed texts that this territory keeps.
    pub texts: &'a HashSet<Digest>,
}

impl Finder<'_> {
    /// Where the version that `turn` ended can be had.
    ///
    /// # Errors
    /// What the system says.
    pub fn find(&self, turn: &Turn) -> Result<Whereabouts> {
        if turn.is_growth() {
            return Ok(Whereabouts::Part);
        }
        if let Some(to) = turn.moved_to() {
            return Ok(Whereabouts::Moved(to));
        }
        if matches!(turn.ended, Mark::Folder | Mark::Absent) {
            return Ok(Whereabouts::Needless);
        }
        if let Some(found) = self.kept_by(&turn.change)? {
            return Ok(found);
        }
        for change in self.trail.iter().rev() {
            if change.keeps_former()
                && change.before.same_content(&turn.ended)
                && let Some(found) = self.kept_by(change)?
            {
                return Ok(found);
            }
        }
        if turn.ended.digest().is_some_and(|digest| self.texts.contains(&digest)) {
            return Ok(Whereabouts::Text);
        }
        Ok(match turn.change.territory == self.here {
            true => Whereabouts::Gone,
            false => {
                Whereabouts::Peer { run: turn.change.run.clone(), stored: turn.change.path.clone() }
            }
        })
    }

    /// The former version of `change` in the stores of this territory.
    fn kept_by(&self, change: &Change) -> Result<Option<Whereabouts>> {
        if change.territory != self.here {
            return Ok(None);
        }
        let store = if change.seals() { Store::Sealed } else { Store::Backups };
        let (run, stored) = (change.run.clone(), change.path.clone());
        let place = backups::existing(self.state, store, &run, &stored)
            .map_err(|e| EngineError::io("look for", self.state.path("backups"), e))?;
        Ok(place.map(|place| match store {
            Store::Backups => Whereabouts::Here { run, stored },
            Store::Sealed => {
                let full = [&place.dir_path[..], b"/", &place.name].concat();
                Whereabouts::Sealed { place: ubos_core::path::escape_bytes(&full) }
            }
        }))
    }
}

/// What a restore does, and what it cannot do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restore {
    /// Steps on each side.
    pub steps: Sides<Vec<PutBackStep>>,
    /// Paths that hold the wanted version already.
    pub stands: u64,
    /// Paths at which nothing stood then; they stay as they are.
    pub began_later: Vec<RelPath>,
    /// Versions whose content is kept nowhere.
    pub gone: Vec<RelPath>,
    /// Versions that were moved, not replaced: from where to where, by which run.
    pub moved: Vec<(RelPath, RelPath, String)>,
    /// Logs that only grew since.
    pub grown: Vec<RelPath>,
    /// Logs that were rotated, with the file that holds the old one.
    pub sealed: Vec<(RelPath, String)>,
}

impl Restore {
    /// Whether there is nothing to be done and nothing to be said.
    pub fn is_empty(&self) -> bool {
        *self
            == Restore {
                stands: self.stands,
                began_later: self.began_later.clone(),
                ..Restore::default()
            }
    }
}

/// What a path holds: now on this side, and by the last agreement on the other.
pub struct Present<'a> {
    /// What stands there now.
    pub now: &'a dyn Fn(&RelPath) -> Mark,
    /// What both sides last agreed on.
    pub agreed: &'a dyn Fn(&RelPath) -> Mark,
}

/// Brings back what stood at each path just before the first change of which `since` says yes.
///
/// # Errors
/// What looking for contents says.
pub fn at(
    finder: &Finder<'_>,
    turns: &[Turn],
    present: &Present<'_>,
    since: &dyn Fn(&Change) -> bool,
) -> Result<Restore> {
    let mut restore = Restore::default();
    let wanted: BTreeMap<&RelPath, &Turn> = in_force(turns, finder.here, since);
    let mut folders = Vec::new();
    for (target, turn) in wanted {
        let now = (present.now)(target);
        if turn.ended.is_present() && now.same_content(&turn.ended) {
            restore.stands += 1;
            continue;
        }
        match (&turn.ended, finder.find(turn)?) {
            (Mark::Absent, _) => restore.began_later.push(target.clone()),
            (_, Whereabouts::Part) => restore.grown.push(target.clone()),
            (_, Whereabouts::Moved(to)) => {
                restore.moved.push((target.clone(), to, turn.change.run.clone()));
            }
            (_, Whereabouts::Sealed { place }) => restore.sealed.push((target.clone(), place)),
            (_, Whereabouts::Gone) => restore.gone.push(target.clone()),
            (Mark::Folder, _) => folders.push((target.clone(), turn, now)),
            (_, Whereabouts::Here { run, stored }) => {
                let source = PutBackSource::Backup { run, stored };
                restore.steps.here.push(step(target, source, &turn.ended, now));
            }
            (_, Whereabouts::Text) => {
                restore.steps.here.push(step(target, PutBackSource::Text, &turn.ended, now));
            }
            (_, Whereabouts::Peer { run, stored }) => {
                let source = PutBackSource::Backup { run, stored };
                let there = (present.agreed)(target);
                restore.steps.there.push(step(target, source, &turn.ended, there));
            }
            (_, Whereabouts::Needless) => {}
        }
    }
    // The mode of a folder is known where it was removed. That alone is no reason to ask the peer.
    let ask = !restore.steps.there.is_empty();
    for (target, turn, now) in folders {
        let there = ask && turn.change.territory != finder.here;
        let side = if there { Side::There } else { Side::Here };
        let source = PutBackSource::Folder { run: Some(turn.change.run.clone()) };
        let expected = if there { (present.agreed)(&target) } else { now };
        restore.steps.get_mut(side).push(step(&target, source, &Mark::Folder, expected));
    }
    for side in Side::BOTH {
        restore.steps.get_mut(side).sort_by(|a, b| a.path.cmp(&b.path));
    }
    Ok(restore)
}

fn step(path: &RelPath, source: PutBackSource, content: &Mark, expected: Mark) -> PutBackStep {
    let expects = Expected::Holds(expected);
    PutBackStep { path: path.clone(), source, content: content.clone(), expects }
}

/// Brings back what both sides last agreed on at `path`, or at the paths below it that are gone, if
/// that was changed here since and its text is kept here. The versions that runs replaced are
/// older than this one.
pub fn agreed(
    finder: &Finder<'_>,
    path: &RelPath,
    table: &dyn Baseline,
    present: &Present<'_>,
) -> Restore {
    let mut restore = Restore::default();
    let mut add = |path: &RelPath, row: &Row, below: bool| {
        let agreed = Mark::of(row.base.entry());
        let now = (present.now)(path);
        let gone = !now.is_present();
        if now.same_content(&agreed) || below && !gone {
            return;
        }
        match &agreed {
            Mark::File { digest, .. } if finder.texts.contains(digest) => {
                restore.steps.here.push(step(path, PutBackSource::Text, &agreed, now));
            }
            Mark::Folder if gone => {
                let source = PutBackSource::Folder { run: None };
                restore.steps.here.push(step(path, source, &agreed, now));
            }
            _ => {}
        }
    };
    if let Some(row) = table.row(path) {
        add(path, &row, false);
    }
    table.below(Some(path), &mut |path, row| {
        add(path, row, true);
        true
    });
    restore
}

/// The newest former state that differs from what stands now: the run that ended it, and what
/// brings it back.
///
/// # Errors
/// As [`at`].
pub fn newest(
    finder: &Finder<'_>,
    turns: &[Turn],
    present: &Present<'_>,
    first: &dyn Fn(&str) -> u64,
) -> Result<Option<(String, Restore)>> {
    let mut tried: Vec<&str> = Vec::new();
    for turn in turns.iter().filter(|turn| turn.is_version()) {
        let run = turn.change.run.as_str();
        if tried.contains(&run) {
            continue;
        }
        tried.push(run);
        let begin = first(run);
        let restore = at(finder, turns, present, &|change| change.seq >= begin)?;
        if !restore.is_empty() {
            return Ok(Some((run.to_owned(), restore)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::trail::follow;
    use crate::history::trail::tests::{change, mark, path};
    use crate::history::versions::turns;

    #[test]
    fn each_version_comes_from_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        std::fs::create_dir_all(dir.path().join(".ubos-sync/backups/r1/D")).unwrap();
        std::fs::write(dir.path().join(".ubos-sync/backups/r1/D/a"), "A").unwrap();
        let trail = [
            change(1, "r1", "a", "update", "D/a", ["A", "B"]),
            change(2, "r2", "b", "update", "D/a", ["B", "C"]),
            change(3, "r2", "b", "delete", "D/b", ["X", ""]),
            change(4, "r2", "a", "create", "D/c", ["", "N"]),
            change(5, "r2", "b", "rmdir", "D/e", ["/", ""]),
            change(6, "r3", "a", "update", "D/a", ["C", "A"]),
        ];
        let trail = follow(&path("D"), &trail);
        let turns = turns(&path("D"), &trail);
        let none = HashSet::new();
        let finder = Finder { state: &state, here: "a", trail: &trail, texts: &none };
        let now = |at: &RelPath| if *at == path("D/a") { mark("Z") } else { Mark::Absent };
        let present = Present { now: &now, agreed: &|_| mark("agreed") };
        let plan = |seq: u64| at(&finder, &turns, &present, &|change| change.seq >= seq).unwrap();
        let first = plan(1);
        assert_eq!(first.steps.here.len(), 1, "{first:?}");
        assert_eq!(first.steps.here[0].expects, Expected::Holds(mark("Z")));
        assert_eq!(first.began_later, [path("D/c")]);
        let told: Vec<String> = first.steps.there.iter().map(|s| s.path.to_string()).collect();
        assert_eq!(told, ["D/b", "D/e"]);
        assert_eq!(first.steps.there[0].expects, Expected::Holds(mark("agreed")));
        assert_eq!(plan(6).gone, [path("D/a")], "its backup is not there");
        assert_eq!(plan(7), Restore::default());
        let texts = HashSet::from([Digest::of(b"X")]);
        let knowing = Finder { texts: &texts, ..finder };
        let plan = at(&knowing, &turns, &present, &|change| change.seq >= 3).unwrap();
        assert!(plan.steps.here.iter().any(|s| s.source == PutBackSource::Text), "{plan:?}");
        let finder = Finder { texts: &none, ..knowing };
        let begin = |run: &str| trail.iter().find(|c| c.run == run).unwrap().seq;
        let (run, _) = newest(&finder, &turns, &present, &begin).unwrap().unwrap();
        assert_eq!(run, "r3");
    }
}
