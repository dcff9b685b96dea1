//! Which territory a command is about: `--root`, or the one that holds the working directory.

use std::path::{Path, PathBuf};

use ubos_core::path::RelPath;
use ubos_engine::error::EngineError;
use ubos_engine::state::config::Config;
use ubos_engine::state::{PRIVATE, StateDir};

use crate::cli::Global;
use crate::failure::Failure;

/// The root, absolute. With `--root` it need not be a territory.
pub(crate) fn root(global: &Global) -> Result<PathBuf, EngineError> {
    if let Some(root) = &global.root {
        return std::path::absolute(root).map_err(|e| EngineError::io("find", root, e));
    }
    let start = std::env::current_dir().map_err(|e| EngineError::io("find", ".", e))?;
    let found = start.ancestors().find(|dir| dir.join(PRIVATE).is_dir());
    found.map(Path::to_owned).ok_or_else(|| EngineError::Config {
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

/// The private folder and configuration of the territory.
pub(crate) fn open(global: &Global) -> Result<(StateDir, Config), EngineError> {
    let root = root(global)?;
    if !root.join(PRIVATE).exists() && root.is_dir() {
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
    match absolute.strip_prefix(root) {
        Ok(inside) => RelPath::new(inside.as_os_str().as_bytes()).map_err(|_| outside()),
        Err(_) => RelPath::new(trimmed).map_err(|_| outside()),
    }
}
