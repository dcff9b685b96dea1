//! The mirror: a bare repository outside every synced tree, on the machine of the peer, so that the
//! history is there too. Nothing is ever checked out of it by this program.
//!
//! It takes what only adds: a push that moves a branch back or deletes one is refused, and every
//! object that comes is checked. Its folder is named by the id of the pair and by nothing else that
//! comes from outside.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ubos_engine::clock;

use super::command::Git;
use super::error::{BackupError, Result};
use super::logs::ATTRIBUTES;

/// Below the user's folder of data.
const FOLDER: &str = "ubos-sync/mirrors";
/// Length of a pair's id.
const ID_LENGTH: usize = 32;
/// What a mirror is told once and for all. Forms that old tools wrote and that harm nobody are taken,
/// or a history that is older than this program could not be given at all.
const CONFIG: &str = "\
[receive]
\tdenyNonFastForwards = true
\tdenyDeletes = true
\tautogc = false
\tunpackLimit = 1
[fetch]
\tunpackLimit = 1
[transfer]
\tfsckObjects = true
[core]
\tfsync = committed,reference
\thooksPath = /dev/null
\tlogAllRefUpdates = true
[gc]
\tauto = 0
[maintenance]
\tauto = false
";

/// The mirrors of one user of this machine.
#[derive(Debug, Clone)]
pub struct Mirrors {
    base: PathBuf,
}

impl Mirrors {
    /// Those of the user that this process runs as: below `$XDG_DATA_HOME`, else `~/.local/share`.
    ///
    /// # Errors
    /// [`BackupError::Usage`] if neither is known.
    pub fn of_user() -> Result<Self> {
        let absolute = |name| {
            std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute())
        };
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .ok_or_else(|| BackupError::Usage {
                message: "neither HOME nor XDG_DATA_HOME is set; the mirror has no place".into(),
                hint: "set HOME for the service or the login that runs ubos-sync".into(),
            })?;
        Ok(Self::below(&data))
    }

    /// Those below another folder of data.
    pub fn below(data: &Path) -> Self {
        Self { base: data.join(FOLDER) }
    }

    /// Where the mirror of `pair` is, or would be.
    ///
    /// # Errors
    /// [`BackupError::Usage`] if `pair` is not the id of a pair.
    pub fn folder(&self, pair: &str) -> Result<PathBuf> {
        let plain = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if pair.len() != ID_LENGTH || !pair.bytes().all(plain) {
            return Err(BackupError::Usage {
                message: format!("`{}` is not the id of a pair", pair.escape_default()),
                hint: "the id of a pair is 32 hexadecimal digits; `ubos-sync backup push` on the other machine names it by itself".into(),
            });
        }
        Ok(self.base.join(format!("{pair}.git")))
    }

    /// The mirror of `pair`; `None` if there is none yet.
    ///
    /// # Errors
    /// As [`Mirrors::folder`].
    pub fn open(&self, pair: &str) -> Result<Option<Git>> {
        let folder = self.folder(pair)?;
        Ok(folder.join("HEAD").is_file().then(|| Git::at(folder)))
    }

    /// The mirror of `pair`, made if it is not there.
    ///
    /// # Errors
    /// As [`Mirrors::folder`], what the system says, what git says.
    pub fn make(&self, pair: &str) -> Result<Git> {
        let folder = self.folder(pair)?;
        if let Some(git) = self.open(pair)? {
            return Ok(git);
        }
        private_folder(&self.base)?;
        // Whole or not at all: somebody else may be making it in this moment.
        let fresh = folder.with_extension(format!("new-{}", &clock::random_id()[..8]));
        let made = fill(&fresh).and_then(|()| match std::fs::rename(&fresh, &folder) {
            Err(_) if folder.join("HEAD").is_file() => {
                std::fs::remove_dir_all(&fresh).map_err(|e| BackupError::io("remove", &fresh, e))
            }
            other => other.map_err(|e| BackupError::io("create", &folder, e)),
        });
        if let Err(error) = made {
            // What is left of an attempt is in nobody's way; the first failure is the one to tell.
            let _ = std::fs::remove_dir_all(&fresh);
            return Err(error);
        }
        Ok(Git::at(folder))
    }
}

/// Where the mirror of `pair` is, or would be, for this user.
///
/// # Errors
/// As [`Mirrors::of_user`] and [`Mirrors::folder`].
pub fn folder(pair: &str) -> Result<PathBuf> {
    Mirrors::of_user()?.folder(pair)
}

/// This user's mirror of `pair`; `None` if there is none.
///
/// # Errors
/// As [`folder`].
pub fn open(pair: &str) -> Result<Option<Git>> {
    Mirrors::of_user()?.open(pair)
}

/// This user's mirror of `pair`, made if it is not there.
///
/// # Errors
/// As [`Mirrors::make`].
pub fn make(pair: &str) -> Result<Git> {
    Mirrors::of_user()?.make(pair)
}

/// Lets `HEAD` of a mirror name the branch of the snapshots once that is there, so that a plain
/// `git clone` of it shows files. A push cannot say which one that is: it is the one branch that is
/// not this program's own, or `main` or `master` of several.
///
/// # Errors
/// What git says.
pub fn settle_head(mirror: &Git) -> Result<()> {
    if mirror.resolve("HEAD")?.is_some() {
        return Ok(());
    }
    let said = mirror.run(["for-each-ref", "--format=%(refname)", "refs/heads/"])?.text();
    let mut branches: Vec<&str> =
        said.lines().filter(|name| !name.starts_with("refs/heads/ubos/")).collect();
    let rank = |name: &str| match name {
        "refs/heads/main" => 0,
        "refs/heads/master" => 1,
        _ => 2,
    };
    branches.sort_by_key(|name| rank(name));
    match branches.first() {
        Some(name) => mirror.run(["symbolic-ref", "HEAD", name]).map(|_| ()),
        None => Ok(()),
    }
}

fn private_folder(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| BackupError::io("create", path, e))
}

fn fill(folder: &Path) -> Result<()> {
    private_folder(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .map_err(|e| BackupError::io("set the mode of", folder, e))?;
    let git = Git::at(folder);
    git.run(["init", "--quiet", "--bare", "--template=", "--initial-branch=main"])?;
    let config = folder.join("config");
    let text = std::fs::read_to_string(&config).map_err(|e| BackupError::io("read", &config, e))?;
    std::fs::write(&config, format!("{text}{CONFIG}"))
        .map_err(|e| BackupError::io("write", &config, e))?;
    private_folder(&folder.join("info"))?;
    let attributes = folder.join("info/attributes");
    std::fs::write(&attributes, ATTRIBUTES).map_err(|e| BackupError::io("write", attributes, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn only_the_id_of_a_pair_names_a_mirror() {
        let mirrors = Mirrors::below(Path::new("/data"));
        let folder = mirrors.folder(PAIR).unwrap();
        assert_eq!(folder, Path::new(&format!("/data/ubos-sync/mirrors/{PAIR}.git")));
        let long = format!("{PAIR}0");
        for bad in ["", "..", "../x", "/etc", &PAIR[1..], &long, &PAIR.to_uppercase(), "a/b"] {
            assert_eq!(mirrors.folder(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        let slashes = format!("../{}", &PAIR[3..]);
        assert_eq!(slashes.len(), PAIR.len());
        assert!(mirrors.folder(&slashes).is_err());
    }

    #[test]
    fn a_mirror_is_made_once_for_its_user_alone() {
        let data = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::below(data.path());
        assert!(mirrors.open(PAIR).unwrap().is_none());
        let git = mirrors.make(PAIR).unwrap();
        let mode = std::fs::metadata(git.dir()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        for (key, value) in [
            ("receive.denyNonFastForwards", "true"),
            ("receive.denyDeletes", "true"),
            ("transfer.fsckObjects", "true"),
            ("core.bare", "true"),
            ("gc.auto", "0"),
        ] {
            // Read as a stranger would, without the settings that every command gets.
            let config = git.dir().join("config");
            let said =
                git.run(["config".as_ref(), "--file".as_ref(), config.as_os_str(), key.as_ref()]);
            assert_eq!(said.unwrap().text(), value, "{key}");
        }
        std::fs::write(git.dir().join("mark"), "same").unwrap();
        assert!(mirrors.make(PAIR).unwrap().dir().join("mark").exists());
        assert_eq!(std::fs::read_dir(git.dir().parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn its_head_names_the_branch_of_the_snapshots() {
        let data = tempfile::tempdir().unwrap();
        let git = Mirrors::below(data.path()).make(PAIR).unwrap();
        settle_head(&git).unwrap();
        let tree = git.run_with(["mktree"], b"").unwrap().text();
        let git = git.with("GIT_AUTHOR_NAME", "a").with("GIT_AUTHOR_EMAIL", "a@b");
        let git = git.with("GIT_COMMITTER_NAME", "a").with("GIT_COMMITTER_EMAIL", "a@b");
        let commit = git.run(["commit-tree", &tree, "-m", "x"]).unwrap().text();
        for name in ["refs/heads/ubos/logs", "refs/heads/notes", "refs/heads/master"] {
            git.run(["update-ref", name, &commit]).unwrap();
        }
        settle_head(&git).unwrap();
        assert_eq!(git.run(["symbolic-ref", "HEAD"]).unwrap().text(), "refs/heads/master");
    }
}
