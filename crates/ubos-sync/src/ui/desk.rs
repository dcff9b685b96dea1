//! A private temporary folder for one text that another program is given, outside of the territory.
//!
//! It goes when it is dropped. What a program leaves that was ended from outside is swept by a later
//! one: once no editor has it open any more, and only after a day, since a person may look there for
//! what they had typed.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{FdFlags, fcntl_setfd};
use tempfile::TempDir;
use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;

const PREFIX: &str = "ubos-sync-edit-";
/// How long nobody may have touched what is swept.
const KEPT: Duration = Duration::from_secs(86_400);

/// The folder, with the name of the file in it.
pub(super) struct Desk {
    folder: TempDir,
    name: OsString,
    /// Held by this program and by all that it starts: an editor outlives what started it.
    _in_use: File,
}

impl Desk {
    /// For the content of `path`, of the territory at `root`.
    pub(super) fn new(path: &RelPath, root: &Path) -> Result<Self, EngineError> {
        let place = outside(root);
        sweep(&place, SystemTime::now());
        let made = (|| {
            let private = fs::Permissions::from_mode(0o700);
            let folder =
                tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(&place)?;
            let in_use = File::open(folder.path())?;
            flock(&in_use, FlockOperation::NonBlockingLockExclusive)?;
            fcntl_setfd(&in_use, FdFlags::empty())?;
            Ok((folder, in_use))
        })();
        let (folder, _in_use) =
            made.map_err(|e: io::Error| EngineError::io("make a folder in", place, e))?;
        Ok(Self { folder, name: harmless_name(path), _in_use })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of the file in it.
    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    /// Puts the text there.
    pub(super) fn place(&self, text: &[u8]) -> Result<(), EngineError> {
        fs::write(self.file(), text).map_err(|e| EngineError::io("write", self.file(), e))
    }
}

/// Removes what earlier programs of this user left in `place`. What cannot be removed stays: nothing
/// depends on it.
fn sweep(place: &Path, now: SystemTime) {
    let left = fs::read_dir(place).into_iter().flatten().flatten();
    for found in left.filter(|found| found.file_name().as_bytes().starts_with(PREFIX.as_bytes())) {
        let folder = found.path();
        if is_abandoned(&folder, now).unwrap_or(false) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Whether nobody has used `folder` for long, and nobody has it open.
fn is_abandoned(folder: &Path, now: SystemTime) -> io::Result<bool> {
    let meta = fs::symlink_metadata(folder)?;
    if !meta.is_dir() || meta.uid() != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    let mut latest = meta.modified()?;
    for file in fs::read_dir(folder)? {
        latest = latest.max(file?.metadata()?.modified()?);
    }
    if now.duration_since(latest).is_ok_and(|age| age > KEPT) {
        let lock = File::open(folder)?;
        return Ok(flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok());
    }
    Ok(false)
}

/// A place for temporary files that is not in the territory, where they would be synced.
fn outside(root: &Path) -> PathBuf {
    let inside = |place: &Path| {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        place.canonicalize().is_ok_and(|place| place.starts_with(root))
    };
    let places = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()];
    let fallback = places[0].clone();
    places.into_iter().find(|place| place.is_dir() && !inside(place)).unwrap_or(fallback)
}

/// The path's own name where that is plain, since editors go by it; otherwise one with its ending.
fn harmless_name(path: &RelPath) -> OsString {
    let plain = |c: char| c.is_alphanumeric() || " ._-".contains(c);
    let name = String::from_utf8_lossy(path.name()).into_owned();
    if name.chars().all(plain) && !name.starts_with(['.', '-', ' ']) && name != "HEAD" {
        return name.into();
    }
    let ending = name.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
    if !ending.is_empty() && ending.len() < 12 && ending.chars().all(char::is_alphanumeric) {
        format!("conflict.{ending}").into()
    } else {
        "conflict".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_what_an_editor_goes_by_and_nothing_that_harms() {
        for (name, expected) in [
            (&b"docs/plan.md"[..], "plan.md"),
            ("Füße 2.md".as_bytes(), "Füße 2.md"),
            (b"-rf.md", "conflict.md"),
            (b".gitattributes", "conflict"),
            (b"a\x1b[31m.json", "conflict.json"),
            (b"a$(x).sh", "conflict.sh"),
            (b"bad\xff.md", "conflict.md"),
            (b"a.\xff", "conflict"),
        ] {
            let path = RelPath::new(name).unwrap();
            assert_eq!(harmless_name(&path).to_string_lossy(), expected, "{name:?}");
        }
    }

    #[test]
    fn the_temporary_folder_is_never_in_the_territory() {
        let root = std::env::temp_dir();
        assert!(!outside(&root).starts_with(root.canonicalize().unwrap()));
    }

    #[test]
    fn what_nobody_uses_any_more_is_swept_after_a_day() {
        let place = tempfile::tempdir().unwrap();
        let left = |name: &str| {
            let folder = place.path().join(name);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("plan.md"), "typed").unwrap();
            folder
        };
        let (ours, strangers) = (left("ubos-sync-edit-a"), left("editor-b"));
        let target = left("kept");
        std::os::unix::fs::symlink(&target, place.path().join("ubos-sync-edit-link")).unwrap();
        sweep(place.path(), SystemTime::now());
        assert!(ours.exists(), "a person may still look for what they had typed");
        let later = SystemTime::now() + KEPT + KEPT;
        let editor = File::open(&ours).unwrap();
        flock(&editor, FlockOperation::NonBlockingLockExclusive).unwrap();
        sweep(place.path(), later);
        assert!(ours.exists(), "an editor has it open");
        drop(editor);
        sweep(place.path(), later);
        assert!(!ours.exists());
        assert!(strangers.exists() && target.join("plan.md").exists());
    }

    #[test]
    fn an_editor_that_outlives_the_program_keeps_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let desk = Desk::new(&RelPath::new(b"docs/plan.md").unwrap(), root.path()).unwrap();
        let folder = desk.folder().to_owned();
        let mut editor = std::process::Command::new("sh")
            .args(["-c", "read line"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The program is gone without having cleaned up: only the editor holds the lock.
        let Desk { folder: left, name: _, _in_use } = desk;
        let left = left.keep();
        drop(_in_use);
        let later = SystemTime::now() + KEPT + KEPT;
        assert!(!is_abandoned(&folder, later).unwrap());
        drop(editor.stdin.take());
        editor.wait().unwrap();
        // Whatever else was started at the same moment in this process may have it open, too.
        while !is_abandoned(&folder, later).unwrap() {
            std::thread::sleep(Duration::from_millis(10));
        }
        fs::remove_dir_all(left).unwrap();
    }
}
