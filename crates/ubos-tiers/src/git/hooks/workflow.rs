//! A workflow for GitHub Actions that verifies the backup there: once a week and when asked for, not
//! on each push, since a snapshot comes every few minutes.
//!
//! It needs nothing but git and Python. The script that it runs is a file of its own here, so that it
//! can be run on any clone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Outcome;
use crate::git::error::{BackupError, Result};

/// Where it belongs, below the root.
pub const PLACE: &str = ".github/workflows/ubos-backup.yml";
/// The script: verifies the clone in the working directory, prints what it found, and ends with 1 if
/// something is missing or damaged.
pub const SCRIPT: &str = include_str!("scripts/verify.py");
const FRAME: &str = include_str!("scripts/ubos-backup.yml");
/// What tells that a file is ours.
const MARK: &str = "# Made by `ubos-sync backup hooks install --workflow`";

/// The whole workflow.
pub fn text() -> String {
    let (before, after) =
        FRAME.split_once("@SCRIPT@").expect("the frame has a place for the script");
    let indent = before.rsplit('\n').next().unwrap_or_default();
    let mut lines = SCRIPT.lines();
    let mut script = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        script.push('\n');
        if !line.is_empty() {
            script.push_str(indent);
            script.push_str(line);
        }
    }
    format!("{before}{script}{after}")
}

/// Writes it below `root`. It is a file like any other: the person commits and pushes it.
///
/// # Errors
/// [`BackupError::Usage`] if another file is in its place; an I/O failure.
pub fn install(root: &Path) -> Result<(PathBuf, Outcome)> {
    let file = root.join(PLACE);
    let text = text();
    let outcome = match std::fs::read_to_string(&file) {
        Ok(standing) if standing == text => return Ok((file, Outcome::Unchanged)),
        Ok(standing) if standing.contains(MARK) => Outcome::Updated,
        Err(e) if e.kind() == ErrorKind::NotFound => Outcome::Installed,
        Ok(_) => {
            return Err(BackupError::Usage {
                message: format!("`{}` is there and was not made by this program", file.display()),
                hint: "rename or delete it".to_owned(),
            });
        }
        Err(e) => return Err(BackupError::io("read", file, e)),
    };
    let folder = file.parent().expect("the place has a folder");
    std::fs::create_dir_all(folder).map_err(|e| BackupError::io("make", folder, e))?;
    std::fs::write(&file, text).map_err(|e| BackupError::io("write", &file, e))?;
    Ok((file, outcome))
}

/// Takes it away, if it is ours.
///
/// # Errors
/// An I/O failure.
pub fn remove(root: &Path) -> Result<(PathBuf, Outcome)> {
    let file = root.join(PLACE);
    match std::fs::read_to_string(&file) {
        Ok(standing) if standing.contains(MARK) => {
            std::fs::remove_file(&file).map_err(|e| BackupError::io("remove", &file, e))?;
            Ok((file, Outcome::Removed))
        }
        Err(e) if e.kind() != ErrorKind::NotFound => Err(BackupError::io("read", file, e)),
        _ => Ok((file, Outcome::Absent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_stands_in_it_line_by_line() {
        let parsed: serde_json::Value = serde_saphyr::from_str(&text()).unwrap();
        let steps = parsed["jobs"]["verify"]["steps"].as_array().unwrap();
        let run = steps.iter().find_map(|step| {
            (step["shell"] == "python").then(|| step["run"].as_str().unwrap().to_owned())
        });
        assert_eq!(run.as_deref(), Some(SCRIPT));
        let uses = steps.iter().filter_map(|step| step["uses"].as_str());
        assert_eq!(uses.collect::<Vec<_>>(), ["actions/checkout@v4"]);
        assert!(parsed["on"]["schedule"].is_array() && parsed["on"]["push"].is_null());
    }

    #[test]
    fn another_file_in_its_place_stays() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(install(root.path()).unwrap().1, Outcome::Installed);
        assert_eq!(install(root.path()).unwrap().1, Outcome::Unchanged);
        let file = root.path().join(PLACE);
        std::fs::write(&file, format!("{MARK}\nolder\n")).unwrap();
        assert_eq!(install(root.path()).unwrap().1, Outcome::Updated);
        assert_eq!(remove(root.path()).unwrap().1, Outcome::Removed);
        assert_eq!(remove(root.path()).unwrap().1, Outcome::Absent);
        std::fs::write(&file, "name: mine\n").unwrap();
        assert!(install(root.path()).is_err());
        assert_eq!(remove(root.path()).unwrap().1, Outcome::Absent);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "name: mine\n");
    }
}
