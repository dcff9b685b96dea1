//! Which territory a command is about: `--root`, or the one that holds the working directory.

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::history::trail;
use ubos_engine::state::config::Config;
use ubos_engine::state::{PRIVATE, StateDir};

use crate::cli::Global;
use crate::failure::Failure;

/// The root, absolute. With `--root` it need not be a territory.
pub(crate) fn root(global: &Global) -> Result<PathBuf, EngineError> {
    if let Some(root) = &global.root {
        return folder(root);
    }
    let start = std::env::current_dir().map_err(|e| EngineError::io("find", ".", e))?;
    let found = start.ancestors().find(|dir| dir.join(PRIVATE).is_dir());
    // A root that may not be read is no absent one; opening it says what is the matter.
    let closed = || start.ancestors().find(|dir| dir.join(PRIVATE).try_exists().is_err());
    found.or_else(closed).map(Path::to_owned).ok_or_else(|| EngineError::Config {
        message: format!("neither `{}` nor a folder above it is a territory", start.display()),
        hint: Some(
            "go into one, name it with `--root DIR`, or make one with `ubos-sync init`".into(),
        ),
    })
}

/// The folder of the notes that are asked about: `--vault`, the territory, or the folder with Obsidian's
/// settings that the working directory lies in.
pub(crate) fn vault(given: Option<&Path>, global: &Global) -> Result<PathBuf, Failure> {
    const HINT: &str = "go into one, or name any folder with notes with `--vault DIR`";
    if let Some(vault) = given {
        if !vault.is_dir() {
            return Err(Failure::usage(format!("there is no folder `{}`", vault.display()), HINT));
        }
        return Ok(std::path::absolute(vault).map_err(|e| EngineError::io("find", vault, e))?);
    }
    root(global).or_else(|e| match (vault_around(global), e) {
        (Some(vault), _) => Ok(vault),
        (None, EngineError::Config { message, .. }) => Err(Failure::usage(message, HINT)),
        (None, other) => Err(other.into()),
    })
}

/// The folder with Obsidian's settings that the working directory lies in, where no root was named.
fn vault_around(global: &Global) -> Option<PathBuf> {
    if global.root.is_some() {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().find(|folder| folder.join(".obsidian").is_dir()).map(Path::to_owned)
}

/// A folder that a person names, absolute. Where that is a symbolic link, the folder it leads to: a
/// root itself is never opened through one, since a link in its place may be the work of others.
pub(crate) fn folder(given: &Path) -> Result<PathBuf, EngineError> {
    let plain: PathBuf = given.components().collect();
    let named = match plain.is_symlink() {
        true => plain.canonicalize(),
        false => std::path::absolute(&plain),
    };
    named.map_err(|e| EngineError::io("find", given, e))
}

/// The private folder and configuration of the territory.
pub(crate) fn open(global: &Global) -> Result<(StateDir, Config), EngineError> {
    let root = root(global)?;
    if matches!(root.join(PRIVATE).try_exists(), Ok(false)) && root.is_dir() {
        return Err(EngineError::Config {
            message: format!("`{}` is not a territory", root.display()),
            hint: Some("make it one with `ubos-sync init`".into()),
        });
    }
    let state = StateDir::open(&root)?;
    let config = Config::require(&state)?;
    Ok((state, config))
}

/// A path given on the command line of a command about what stands in the territory or once stood there.
pub(crate) fn path(state: &StateDir, given: &Path) -> Result<RelPath, Failure> {
    let root = state.root();
    let stood = |path: &RelPath| trail::of_path(state, path).is_ok_and(|trail| !trail.is_empty());
    relative(root.path(), given, |path| matches!(root.stat(path), Ok(Some(_))) || stood(path))
}

/// A path given on the command line, relative to the root. As with every other program it is meant from
/// the working directory; where nothing is `known` there, but something is from the top folder, it is
/// meant from that: so the answers of this program, which always name paths from the top, can be given
/// back to it anywhere in the territory.
pub(crate) fn relative(
    root: &Path,
    given: &Path,
    known: impl Fn(&RelPath) -> bool,
) -> Result<RelPath, Failure> {
    let from_here = std::path::absolute(given).ok().and_then(|place| below(root, &place));
    let from_top = if given.is_relative() { below(root, &root.join(given)) } else { None };
    match (from_here, from_top) {
        (Some(here), Some(top)) if here != top && !known(&here) && known(&top) => Ok(top),
        (Some(path), _) | (None, Some(path)) => Ok(path),
        (None, None) => Err(Failure::usage(
            format!("`{}` is not a path inside the territory", given.display()),
            "give it relative to the territory's top folder",
        )),
    }
}

/// What `place` is called below `root`: by its name, and else by where its folder leads.
fn below(root: &Path, place: &Path) -> Option<RelPath> {
    let plain = without_parents(place);
    let inside = match plain.strip_prefix(root) {
        Ok(inside) => inside.to_owned(),
        Err(_) => behind_links(&plain).strip_prefix(root).ok()?.to_owned(),
    };
    RelPath::new(inside.as_os_str().as_bytes()).ok()
}

/// `path` with each `..` taken back by its name alone: what it leads to may be gone.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// `path` with the links resolved in that part of its folder that exists; the last name stays.
fn behind_links(path: &Path) -> PathBuf {
    let folders = path.ancestors().skip(1);
    let real = folders.filter_map(|dir| Some((dir, dir.canonicalize().ok()?))).next();
    match real.and_then(|(dir, real)| Some(real.join(path.strip_prefix(dir).ok()?))) {
        Some(found) => found,
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path that is meant by `given`, where only `known` is known. Tests run in the folder of the
    /// crate, which is `crates/ubos-sync` of the territory here.
    fn meant(given: &str, known: &[&str]) -> Option<String> {
        let here = std::env::current_dir().unwrap();
        let root = here.ancestors().nth(2).unwrap();
        let known = |path: &RelPath| known.contains(&path.to_string().as_str());
        relative(root, Path::new(given), known).ok().map(|path| path.to_string())
    }

    #[test]
    fn a_path_is_meant_from_the_working_directory_and_else_from_the_top() {
        let below = "crates/ubos-sync/src/a.rs";
        assert_eq!(meant("src/a.rs", &[]).as_deref(), Some(below));
        assert_eq!(meant("src/a.rs", &["src/a.rs"]).as_deref(), Some("src/a.rs"));
        assert_eq!(meant("src/a.rs", &["src/a.rs", below]).as_deref(), Some(below));
        assert_eq!(meant("./src/a.rs/", &[]).as_deref(), Some(below));
        assert_eq!(meant("../../docs/a.md", &[]).as_deref(), Some("docs/a.md"));
        assert_eq!(meant("../../../elsewhere", &[]), None);
        assert_eq!(meant("/elsewhere/a.md", &["elsewhere/a.md"]), None);
    }
}
