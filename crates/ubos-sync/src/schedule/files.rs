//! Files as they are and as they should be; writing them whole, and removing exactly ours.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::order::UnitFile;
use super::place::{Installed, Place};

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is made.
    Create,
    /// It is replaced by another text.
    Update,
    /// It is as it should be.
    Same,
    /// It no longer belongs to the order.
    Remove,
}

impl Change {
    /// The word in the output.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Change::Create => "create",
            Change::Update => "update",
            Change::Same => "unchanged",
            Change::Remove => "remove",
        }
    }
}

/// A file and what becomes of it.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What becomes of it.
    pub change: Change,
    /// Its text now.
    pub old: Option<String>,
    /// Its text afterwards.
    pub new: Option<String>,
}

/// What has to be done so that, of `ours`, exactly `wanted` stands in the folder.
pub(crate) fn steps(place: &Place, wanted: &[UnitFile], ours: &[Installed]) -> Vec<Step> {
    let find = |name: &str| ours.iter().find(|file| file.name == name);
    let kept = wanted.iter().map(|file| {
        let old = find(&file.name).map(|file| file.text.clone());
        let change = match &old {
            None => Change::Create,
            Some(old) if *old == file.text => Change::Same,
            Some(_) => Change::Update,
        };
        let path = place.folder.join(&file.name);
        Step { name: file.name.clone(), path, change, old, new: Some(file.text.clone()) }
    });
    let gone = ours.iter().filter(|file| wanted.iter().all(|wanted| wanted.name != file.name));
    kept.chain(gone.map(|file| Step {
        name: file.name.clone(),
        path: file.path.clone(),
        change: Change::Remove,
        old: Some(file.text.clone()),
        new: None,
    }))
    .collect()
}

/// Carries a step out.
///
/// # Errors
/// What the system says; the old file then still stands.
pub(crate) fn carry_out(step: &Step) -> io::Result<()> {
    match (step.change, &step.new) {
        (Change::Create | Change::Update, Some(text)) => write(&step.path, text),
        (Change::Remove, _) => remove(&step.path),
        _ => Ok(()),
    }
}

/// Puts a text in place, whole, readable for all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let mut draft = tempfile::Builder::new().prefix(".ubos-sync-").tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().set_permissions(Permissions::from_mode(0o644))?;
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}

/// Removes a file, and the links by which it was switched on where systemd could not be asked to.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    if let (Some(folder), Some(name)) = (path.parent(), path.file_name()) {
        for target in ["timers", "default", "multi-user"] {
            let link = folder.join(format!("{target}.target.wants")).join(name);
            if link.is_symlink() {
                fs::remove_file(link)?;
            }
        }
    }
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::mark::Mark;
    use crate::schedule::order::{Mode, Scope};

    #[test]
    fn what_changes_is_written_what_is_left_over_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place { folder: folder.path().join("deep/user"), scope: Scope::User };
        let mark = Mark {
            root: "/r".into(),
            peer: "p".into(),
            program: "/p".into(),
            mode: Mode::Watch,
            audit: false,
        };
        let header: String = mark.lines().iter().map(|line| format!("# {line}\n")).collect();
        let unit = |name: &str, text: &str| UnitFile {
            name: name.into(),
            text: format!("{header}{text}"),
            starts: false,
        };
        let change = |wanted: &[UnitFile]| {
            let steps = steps(&place, wanted, &place.installed().unwrap());
            steps.iter().for_each(|step| carry_out(step).unwrap());
            steps.iter().map(|step| step.change.word()).collect::<Vec<_>>()
        };
        let first = [unit("ubos-sync.service", "a"), unit("ubos-sync.timer", "b")];
        assert_eq!(change(&first), ["create", "create"]);
        assert_eq!(change(&first), ["unchanged", "unchanged"]);
        let wants = place.folder.join("timers.target.wants");
        fs::create_dir(&wants).unwrap();
        std::os::unix::fs::symlink("../ubos-sync.timer", wants.join("ubos-sync.timer")).unwrap();
        assert_eq!(change(&[unit("ubos-sync.service", "c")]), ["update", "remove"]);
        assert_eq!(place.installed().unwrap().len(), 1);
        assert!(fs::read_dir(&wants).unwrap().next().is_none());
        let mode =
            fs::metadata(place.folder.join("ubos-sync.service")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
}
