//! Which territory a command is about: `--root`, or the one that holds the working directory.

use std::path::{Component, Path, PathBuf};

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
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

/// A path given on the command line, relative to the root: as it is, or relative to the working
/// directory where that lies in the territory.
pub(crate) fn relative(
    root: &Path,
    given: &Path,
    known: impl Fn(&RelPath) -> bool,
) -> Result<RelPath, Failure> {
    use std::os::unix::ffi::OsStrExt;
    let outside = || {
        Failure::usage(
            format!("`{}` is not a path inside the territory", given.display()),
            "give it relative to the territory's top folder",
        )
    };
    let trimmed = given.as_os_str().as_bytes();
    let trimmed = trimmed.strip_suffix(b"/").unwrap_or(trimmed);
    if let Ok(path) = RelPath::new(trimmed)
        && known(&path)
    {
        return Ok(path);
    }
    let absolute = std::path::absolute(given).map_err(|_| outside())?;
    let absolute = without_parents(&absolute);
    let inside = match absolute.strip_prefix(root) {
        Ok(inside) => Some(inside.to_owned()),
        Err(_) => behind_links(&absolute).strip_prefix(root).ok().map(Path::to_owned),
    };
    match inside {
        Some(inside) => RelPath::new(inside.as_os_str().as_bytes()).map_err(|_| outside()),
        None => RelPath::new(trimmed).map_err(|_| outside()),
    }
}

/// `path` with each `..` taken back by its name alone: what it leads to may be gone.
fn without_parents(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
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
