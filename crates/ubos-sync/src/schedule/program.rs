//! Which program a schedule starts: the one that is installed, by a path that stays.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::commands;
use crate::failure::Failure;

const NAME: &str = "ubos-sync";

/// The program at `given`, or this one.
///
/// # Errors
/// A usage error if it is none, or one that may be gone tomorrow; the latter not if it was `given`.
pub(crate) fn choose(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        let path = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
        return if is_program(&path) {
            Ok(path)
        } else {
            Err(Failure::usage(
                format!("`{}` is not a program", path.display()),
                "give the path of the installed `ubos-sync`",
            ))
        };
    }
    let this = commands::program()?;
    let path = as_found(&this, std::env::var_os("PATH").unwrap_or_default().as_os_str());
    match passing(&path) {
        None => Ok(path),
        Some(why) => Err(Failure::usage(
            format!("this program, `{}`, {why}", path.display()),
            "install it first, with `cargo install --locked --path crates/ubos-sync`, and call that \
             one; or name the program to start with `--program PATH`",
        )),
    }
}

/// The name under which the search path has this program, which outlives an upgrade better than
/// what a link points to.
fn as_found(this: &Path, search: &std::ffi::OsStr) -> PathBuf {
    let real = this.canonicalize().unwrap_or_else(|_| this.to_owned());
    std::env::split_paths(search)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(NAME))
        .find(|found| found.canonicalize().is_ok_and(|found| found == real))
        .unwrap_or_else(|| this.to_owned())
}

/// A search path for what the program starts: its own folder, then what the system has.
pub(crate) fn search_path(program: &Path, system: &str) -> String {
    match program.parent().and_then(Path::to_str) {
        Some(folder) if !system.split(':').any(|known| known == folder) => {
            format!("{folder}:{system}")
        }
        _ => system.to_owned(),
    }
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Why a program may be gone tomorrow.
fn passing(path: &Path) -> Option<&'static str> {
    let temporary =
        ["/tmp", "/var/tmp", "/dev/shm", "/run", "/private/tmp", "/private/var/folders"];
    let folder = path.parent()?;
    let built = folder.join(".fingerprint").is_dir() || folder.join("deps").is_dir();
    let target = folder.ancestors().any(|folder| folder.file_name().is_some_and(|n| n == "target"));
    if built || target {
        Some("lies where the compiler puts what it builds, and changes or goes with the next build")
    } else if temporary.iter().any(|t| path.starts_with(t))
        || path.starts_with(std::env::temp_dir())
    {
        Some("lies in a temporary folder")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_or_temporary_is_not_installed() {
        for path in
            ["/home/me/src/target/release/ubos-sync", "/tmp/ubos-sync", "/var/tmp/x/ubos-sync"]
        {
            assert!(passing(Path::new(path)).is_some(), "{path}");
        }
        for path in
            ["/usr/bin/ubos-sync", "/home/me/.cargo/bin/ubos-sync", "/opt/targets/ubos-sync"]
        {
            assert_eq!(passing(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn a_link_in_the_search_path_is_preferred_to_what_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["cellar", "bin", "other"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("cellar/ubos-sync"), "").unwrap();
        std::fs::write(at("other/ubos-sync"), "").unwrap();
        std::os::unix::fs::symlink(at("cellar/ubos-sync"), at("bin/ubos-sync")).unwrap();
        let search = std::env::join_paths([at("other"), at("bin")]).unwrap();
        assert_eq!(as_found(&at("cellar/ubos-sync"), &search), at("bin/ubos-sync"));
        assert_eq!(as_found(&at("cellar/ubos-sync"), "".as_ref()), at("cellar/ubos-sync"));
    }
}
