//! Hooks for a person's own commits and pushes, beside hooks that are there already.
//!
//! A hook of somebody else is moved aside, to `pre-commit.before-ubos-sync`, and called first; when
//! ours is removed it comes back as it was. What must never happen: that a commit cannot be made
//! because this program is missing or fails; the scripts block only for findings. [`workflow`] is the
//! check that a remote makes by itself.

mod place;
pub mod workflow;

use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::error::{BackupError, Result};
use super::repository::Repository;

/// What every hook of ours says of itself.
const MARK: &[u8] = b"\n# Made by `ubos-sync backup hooks install`";
/// What the name of a hook ends with that was there before.
const FORMER: &str = ".before-ubos-sync";

/// The hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Before a commit is made.
    PreCommit,
    /// Before something is pushed.
    PrePush,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::PreCommit, Self::PrePush];

    /// Its name, as git has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreCommit => "pre-commit",
            Self::PrePush => "pre-push",
        }
    }

    fn script(self) -> &'static str {
        match self {
            Self::PreCommit => include_str!("scripts/pre-commit.sh"),
            Self::PrePush => include_str!("scripts/pre-push.sh"),
        }
    }
}

/// What became of a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// Which one.
    pub hook: Hook,
    /// Its file.
    pub file: PathBuf,
    /// What happened.
    pub outcome: Outcome,
    /// A hook of somebody else that is called first, or that came back.
    pub former: Option<PathBuf>,
}

/// What happened to a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Installed,
    /// An older one of ours was replaced.
    Updated,
    /// It was there already.
    Unchanged,
    /// It is gone.
    Removed,
    /// There was none of ours.
    Absent,
}

/// Writes `hooks` for the repository, which call the program at `program`. Safe to repeat.
///
/// # Errors
/// [`BackupError::Usage`] if the hooks' folder serves other repositories too, or two former hooks are
/// in each other's way; an I/O failure.
pub fn install(repository: &Repository, program: &Path, hooks: &[Hook]) -> Result<Vec<Done>> {
    let folder = place::folder(repository)?;
    std::fs::create_dir_all(&folder).map_err(|e| BackupError::io("make", &folder, e))?;
    hooks.iter().map(|&hook| install_one(&folder, program, hook)).collect()
}

/// Takes `hooks` away where they are ours, and brings back what was there before.
///
/// # Errors
/// As [`install`].
pub fn remove(repository: &Repository, hooks: &[Hook]) -> Result<Vec<Done>> {
    let folder = place::folder(repository)?;
    hooks.iter().map(|&hook| remove_one(&folder, hook)).collect()
}

fn install_one(folder: &Path, program: &Path, hook: Hook) -> Result<Done> {
    let file = folder.join(hook.name());
    let aside = former(folder, hook);
    let script = script(hook, program);
    let standing = standing(&file)?;
    let outcome = match &standing {
        Standing::Ours(bytes) if *bytes == script => Outcome::Unchanged,
        Standing::Ours(_) => Outcome::Updated,
        Standing::None | Standing::Others(_) => Outcome::Installed,
    };
    if outcome != Outcome::Unchanged {
        // Complete before the former one moves: there is no time without a hook but that of a rename.
        let new = write_beside(folder, &script)?;
        if let Standing::Others(bytes) = &standing {
            put_aside(&file, bytes.as_deref(), &aside)?;
        }
        new.persist(&file).map_err(|e| BackupError::io("write", &file, e.error))?;
    }
    let former = exists(&aside)?.then_some(aside);
    Ok(Done { hook, file, outcome, former })
}

fn remove_one(folder: &Path, hook: Hook) -> Result<Done> {
    let file = folder.join(hook.name());
    let aside = former(folder, hook);
    if !matches!(standing(&file)?, Standing::Ours(_)) {
        return Ok(Done { hook, file, outcome: Outcome::Absent, former: None });
    }
    let came_back = exists(&aside)?;
    let gone = if came_back { std::fs::rename(&aside, &file) } else { std::fs::remove_file(&file) };
    gone.map_err(|e| BackupError::io("remove", &file, e))?;
    let former = came_back.then(|| file.clone());
    Ok(Done { hook, file, outcome: Outcome::Removed, former })
}

fn former(folder: &Path, hook: Hook) -> PathBuf {
    folder.join(format!("{}{FORMER}", hook.name()))
}

/// What stands where a hook belongs.
enum Standing {
    None,
    Ours(Vec<u8>),
    /// With its content, unless it is a link or another thing.
    Others(Option<Vec<u8>>),
}

fn standing(file: &Path) -> Result<Standing> {
    let meta = match file.symlink_metadata() {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Standing::None),
        Err(e) => return Err(BackupError::io("look at", file, e)),
    };
    if !meta.is_file() {
        return Ok(Standing::Others(None));
    }
    let bytes = std::fs::read(file).map_err(|e| BackupError::io("read", file, e))?;
    let is_ours = bytes.windows(MARK.len()).any(|window| window == MARK);
    let is_executable = meta.permissions().mode() & 0o100 != 0;
    match (is_ours, is_executable) {
        (true, true) => Ok(Standing::Ours(bytes)),
        // Ours, but git would not run it: to be written anew.
        (true, false) => Ok(Standing::Ours(Vec::new())),
        (false, _) => Ok(Standing::Others(Some(bytes))),
    }
}

/// Moves a hook of somebody else aside.
fn put_aside(file: &Path, bytes: Option<&[u8]>, aside: &Path) -> Result<()> {
    if !exists(aside)? {
        return std::fs::rename(file, aside).map_err(|e| BackupError::io("move", file, e));
    }
    // Some tools write their hooks anew; then the one put aside is this one.
    let is_same = bytes.is_some_and(|bytes| std::fs::read(aside).is_ok_and(|old| old == bytes));
    if is_same {
        return Ok(());
    }
    Err(BackupError::Usage {
        message: format!(
            "`{}` would have to be moved to `{}`, which is there already",
            file.display(),
            aside.display()
        ),
        hint: "look which of the two is needed, and delete or rename the other".to_owned(),
    })
}

fn exists(file: &Path) -> Result<bool> {
    match file.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(BackupError::io("look at", file, e)),
    }
}

fn write_beside(folder: &Path, script: &[u8]) -> Result<tempfile::NamedTempFile> {
    let failed = |e| BackupError::io("write into", folder, e);
    let mut file =
        tempfile::Builder::new().prefix(".ubos-sync-").tempfile_in(folder).map_err(failed)?;
    file.write_all(script).map_err(failed)?;
    let mode = std::fs::Permissions::from_mode(0o755);
    file.as_file().set_permissions(mode).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    Ok(file)
}

/// The script that calls `program`.
fn script(hook: Hook, program: &Path) -> Vec<u8> {
    let (before, after) =
        hook.script().split_once("@PROGRAM@").expect("each script names the program once");
    let mut script = before.as_bytes().to_vec();
    script.push(b'\'');
    for &byte in program.as_os_str().as_bytes() {
        match byte {
            b'\'' => script.extend(b"'\\''"),
            byte => script.push(byte),
        }
    }
    script.push(b'\'');
    script.extend(after.as_bytes());
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_is_quoted() {
        let script = script(Hook::PreCommit, Path::new("/a b/it's $HOME/x"));
        let text = String::from_utf8(script.clone()).unwrap();
        assert!(text.contains("\nprogram='/a b/it'\\''s $HOME/x'\n"), "{text}");
        assert!(script.windows(MARK.len()).any(|window| window == MARK));
    }
}
