//! The folder in which a drill builds: new, private, gone afterwards, and only where there is room.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::super::error::{BackupError, Result};
use super::rebuild::make_removable;

/// What stays free beside what a drill needs, in bytes.
const RESERVE: u64 = 64 << 20;

/// A folder that goes when this is dropped.
#[derive(Debug)]
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    /// A new folder in `place` (else in the system's folder for temporary files), where `needed` bytes
    /// must find room.
    ///
    /// # Errors
    /// [`BackupError::Usage`] if there is no room; what the system says.
    pub fn open(place: Option<&Path>, needed: u64) -> Result<Self> {
        let base = place.map_or_else(std::env::temp_dir, Path::to_owned);
        let stat = rustix::fs::statvfs(&base).map_err(|e| BackupError::io("look at", &base, e))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if free < needed.saturating_add(RESERVE) {
            return Err(BackupError::Usage {
                message: format!(
                    "the drill needs {} MB in `{}`, where {} MB are free",
                    needed.saturating_add(RESERVE).div_ceil(1_000_000),
                    base.display(),
                    free / 1_000_000
                ),
                hint: "name a folder with more room: `--dir DIR`".to_owned(),
            });
        }
        let made = tempfile::Builder::new().prefix("ubos-drill-").tempdir_in(&base);
        let folder = made.map_err(|e| BackupError::io("create a folder in", &base, e))?;
        Ok(Self { folder })
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).map_err(|e| BackupError::io("create", &folder, e))?;
        Ok(folder)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be made removable stays and is seen; it is a copy of what is elsewhere.
        let _ = make_removable(self.folder.path());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_goes_with_all_that_is_in_it() {
        let around = tempfile::tempdir().unwrap();
        let shop = Workshop::open(Some(around.path()), 1).unwrap();
        let folder = shop.folder("tree").unwrap();
        std::fs::write(folder.join("a"), "x").unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
        drop(shop);
        assert_eq!(std::fs::read_dir(around.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_room_nothing_is_begun() {
        let error = Workshop::open(None, u64::MAX / 4).unwrap_err();
        assert!(error.to_string().contains("MB are free"), "{error}");
        assert!(error.hint().contains("--dir"));
    }
}
