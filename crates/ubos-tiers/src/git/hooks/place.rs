//! Where the repository's hooks are.

use std::path::{Path, PathBuf};

use crate::git::error::{BackupError, Result};
use crate::git::repository::Repository;

/// The folder of hooks: `core.hooksPath` if it is set, else `hooks` of the repository.
///
/// # Errors
/// [`BackupError::Usage`] if it is set for all repositories of the user or the machine.
pub(super) fn folder(repository: &Repository) -> Result<PathBuf> {
    let Some((scope, set)) = configured(repository)? else {
        return Ok(repository.common().join("hooks"));
    };
    let folder = repository.root().join(&set);
    let is_own = matches!(scope.as_str(), "local" | "worktree")
        || folder.starts_with(repository.root())
        || folder.starts_with(repository.common());
    if is_own { Ok(folder) } else { Err(shared(&folder)) }
}

/// What `core.hooksPath` is set to, and where. Commands of ours have it set for themselves, which does
/// not count.
fn configured(repository: &Repository) -> Result<Option<(String, PathBuf)>> {
    use std::os::unix::ffi::OsStrExt;
    let args = ["config", "--show-scope", "-z", "--type=path", "--get-all", "core.hooksPath"];
    let answer = repository.git().ask(args)?;
    let mut fields = answer.out.split(|&b| b == 0);
    let mut found = None;
    while let (Some(scope), Some(value)) = (fields.next(), fields.next()) {
        let scope = String::from_utf8_lossy(scope).into_owned();
        if scope != "command" && !value.is_empty() {
            found = Some((scope, Path::new(std::ffi::OsStr::from_bytes(value)).to_owned()));
        }
    }
    Ok(found)
}

fn shared(folder: &Path) -> BackupError {
    BackupError::Usage {
        message: format!(
            "the hooks' folder `{}` is set for all repositories (`core.hooksPath`)",
            folder.display()
        ),
        hint: "give this repository its own: `git config core.hooksPath .git/hooks`, with links to the hooks that it shall share".to_owned(),
    }
}
