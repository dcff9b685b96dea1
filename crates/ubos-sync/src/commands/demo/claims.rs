//! What the demonstration tells, held against the disk and the reports. A claim that does not hold
//! fails it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ubos_core::sides::{Side, Sides};
use ubos_engine::cycle::report::{Action, RunReport};
use ubos_engine::error::EngineError;
use ubos_engine::state::PRIVATE;

use super::content::{
    DISPUTED, DISPUTED_EDITED, EDITED_HERE, EDITED_THERE, FORGE_EDITED, FROM_BALAUR,
    FROM_LOCALHOST, LOG, LOG_GROWTH, ONLY_BALAUR, ONLY_LOCALHOST, REPORTED, ROADMAP_EDITED,
    original,
};
use crate::failure::Failure;

/// The disk that the claims are about.
pub(super) struct Claims<'a> {
    roots: &'a Sides<PathBuf>,
}

impl<'a> Claims<'a> {
    /// Claims about two territories.
    pub(super) fn new(roots: &'a Sides<PathBuf>) -> Self {
        Self { roots }
    }

    /// Everything shared is on both sides, everything else where it was.
    pub(super) fn first_sync(&self, run: &RunReport) -> Result<(), Failure> {
        hold(run.exit_code() == 0, || format!("the first sync ended with {}", run.exit_code()))?;
        for (path, text) in FROM_LOCALHOST.iter().chain(&FROM_BALAUR).chain(&REPORTED) {
            self.stands(path, Side::BOTH, text)?;
        }
        self.private_files()
    }

    /// Edits went to the other side with a backup, and the conflict was left alone.
    pub(super) fn second_sync(&self, run: &RunReport) -> Result<(), Failure> {
        hold(run.exit_code() == 3, || format!("the second sync ended with {}", run.exit_code()))?;
        let expected = [(EDITED_HERE, Side::There), (EDITED_THERE, Side::Here), (LOG, Side::Here)];
        let done: BTreeSet<(String, Side)> =
            run.actions.iter().map(|action| (action.path.to_string(), action.to)).collect();
        let expected: BTreeSet<(String, Side)> =
            expected.into_iter().map(|(path, to)| (path.to_owned(), to)).collect();
        hold(done == expected, || format!("the second sync did something else: {done:?}"))?;
        self.stands(EDITED_HERE, Side::BOTH, ROADMAP_EDITED)?;
        self.stands(EDITED_THERE, Side::BOTH, FORGE_EDITED)?;
        self.stands(LOG, Side::BOTH, &[original(LOG), LOG_GROWTH].concat())?;
        let kept: Vec<String> = replaced(run).map(|action| action.path.to_string()).collect();
        for path in [EDITED_HERE, EDITED_THERE] {
            hold(kept.iter().any(|kept| kept == path), || format!("`{path}` was not replaced"))?;
        }
        for action in replaced(run) {
            let path = action.path.to_string();
            holds_text(&backup(self.roots.get(action.to), &run.run, &path), original(&path))?;
        }
        let conflicts: Vec<String> = run.conflicts.iter().map(|c| c.path.to_string()).collect();
        hold(conflicts == [DISPUTED], || format!("the conflicts are others: {conflicts:?}"))?;
        for side in Side::BOTH {
            self.stands(DISPUTED, [side], DISPUTED_EDITED.get(side))?;
        }
        self.private_files()
    }

    fn private_files(&self) -> Result<(), Failure> {
        for (side, files) in [(Side::Here, &ONLY_LOCALHOST[..]), (Side::There, &ONLY_BALAUR[..])] {
            for (path, text) in files {
                self.stands(path, [side], text)?;
                let other = self.roots.get(side.other()).join(path);
                hold(!other.exists(), || format!("`{}` should not be there", other.display()))?;
            }
        }
        Ok(())
    }

    fn stands(
        &self,
        path: &str,
        sides: impl IntoIterator<Item = Side>,
        text: &str,
    ) -> Result<(), Failure> {
        sides.into_iter().try_for_each(|side| holds_text(&self.roots.get(side).join(path), text))
    }
}

/// What `run` put in the place of another version.
pub(super) fn replaced(run: &RunReport) -> impl Iterator<Item = &Action> {
    run.actions.iter().filter(|action| action.op == "update")
}

/// Where the version that `run` replaced lies.
pub(super) fn backup(root: &Path, run: &str, path: &str) -> PathBuf {
    root.join(PRIVATE).join("backups").join(run).join(path)
}

fn holds_text(file: &Path, text: &str) -> Result<(), Failure> {
    let found = fs::read(file);
    hold(found.is_ok_and(|bytes| bytes == text.as_bytes()), || {
        format!("`{}` does not hold what it should", file.display())
    })
}

fn hold(claim: bool, why: impl FnOnce() -> String) -> Result<(), Failure> {
    if claim {
        return Ok(());
    }
    let what = "the demonstration did not go as told".to_owned();
    Err(EngineError::Damaged { what, why: why() }.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::demo::content;

    #[test]
    fn a_claim_that_does_not_hold_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Sides::new(folder.path().join("a"), folder.path().join("b"));
        content::build(&roots).unwrap();
        let claims = Claims::new(&roots);
        assert!(claims.private_files().is_ok());
        assert!(claims.first_sync(&RunReport::default()).is_err(), "nothing was synced");
        fs::create_dir_all(roots.there.join("scripts")).unwrap();
        fs::write(roots.there.join("scripts/deploy.sh"), "strayed").unwrap();
        assert!(claims.private_files().is_err());
    }
}
