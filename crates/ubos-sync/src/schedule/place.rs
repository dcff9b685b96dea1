//! Where the files belong, what they are called, and which of those that are there are ours.

use std::path::{Path, PathBuf};

use ubos_core::entry::Digest;
use ubos_engine::error::EngineError;
use ubos_engine::fs::platform;

use super::mark::Mark;
use super::order::Scope;

/// What our names may end with, the longer first.
const TAILS: [&str; 7] = [
    "-audit.service",
    "-audit.timer",
    "-notify@.service",
    ".service",
    ".timer",
    ".audit.plist",
    ".plist",
];

/// A folder of a service manager.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// Whose it is.
    pub scope: Scope,
}

/// A file of ours that is there.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it says of itself.
    pub mark: Mark,
    /// All of it.
    pub text: String,
}

/// Whether this machine has launchd and not systemd.
pub(crate) fn is_mac() -> bool {
    platform::system().0 == "macos"
}

impl Place {
    /// Where files of this scope belong. `SYSTEMD_UNIT_PATH` is systemd's own variable for machines
    /// whose units lie elsewhere, `XDG_CONFIG_HOME` that of users.
    pub(crate) fn of(scope: Scope, home: &Path) -> Self {
        let absolute = |name: &str| {
            let value = std::env::var_os(name)?;
            let first = std::env::split_paths(&value).next()?;
            first.is_absolute().then_some(first)
        };
        let folder = match scope {
            Scope::System => {
                absolute("SYSTEMD_UNIT_PATH").unwrap_or_else(|| "/etc/systemd/system".into())
            }
            Scope::User => absolute("XDG_CONFIG_HOME")
                .unwrap_or_else(|| home.join(".config"))
                .join("systemd/user"),
            Scope::Agent => home.join("Library/LaunchAgents"),
        };
        Self { folder, scope }
    }

    /// What the names of the first territory's files begin with.
    pub(crate) fn plain_base(&self) -> &'static str {
        match self.scope {
            Scope::Agent => "com.ubos.sync",
            Scope::System | Scope::User => "ubos-sync",
        }
    }

    /// All files of ours, of whatever territory, by name.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub(crate) fn installed(&self) -> Result<Vec<Installed>, EngineError> {
        let mut found = Vec::new();
        for name in self.names()? {
            let path = self.folder.join(&name);
            // What is not text, or not to be read, is not ours.
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            if let Some(mark) = Mark::read(&text) {
                found.push(Installed { name, path, mark, text });
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Names in the folder that could be ours.
    fn names(&self) -> Result<Vec<String>, EngineError> {
        let refused = |e| EngineError::io("read", &self.folder, e);
        let listing = match std::fs::read_dir(&self.folder) {
            Ok(listing) => listing,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(refused(e)),
        };
        let mut names = Vec::new();
        for entry in listing {
            if let Ok(name) = entry.map_err(refused)?.file_name().into_string()
                && base_of(&name).is_some_and(|base| base.starts_with(self.plain_base()))
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// What the names of a territory's files begin with: what they begin with already, or the plain
    /// name if nobody has it, or else one with the root's name and a few digits that tell roots of
    /// the same name apart.
    ///
    /// # Errors
    /// As [`Place::installed`].
    pub(crate) fn base_for(&self, root: &Path, peer: &str) -> Result<String, EngineError> {
        let installed = self.installed()?;
        let mine = |file: &Installed| file.mark.root == root && file.mark.peer == peer;
        if let Some(base) = installed.iter().find(|file| mine(file)).and_then(|f| base_of(&f.name))
        {
            return Ok(base.to_owned());
        }
        let plain = self.plain_base();
        let taken = self.names()?.iter().any(|name| base_of(name) == Some(plain));
        Ok(if taken { self.long_base(root, peer) } else { plain.to_owned() })
    }

    fn long_base(&self, root: &Path, peer: &str) -> String {
        let joint = if self.scope == Scope::Agent { '.' } else { '-' };
        let name = root.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let words: Vec<&str> =
            name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let mut slug: String = words.join("-").chars().take(24).collect();
        if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        let key = format!("{}\n{peer}", root.display());
        let digits = &Digest::of(key.as_bytes()).to_hex()[..6];
        format!("{}{joint}{slug}{digits}", self.plain_base())
    }
}

/// What a file's name begins with, if it ends like one of ours.
pub(crate) fn base_of(name: &str) -> Option<&str> {
    TAILS.iter().find_map(|tail| name.strip_suffix(tail))
}

/// Whether a path can be written into units and property lists: UTF-8 without control characters.
pub(crate) fn plain(path: &Path) -> bool {
    path.to_str().is_some_and(|text| !text.chars().any(char::is_control))
}

/// The folder below the home folder that macOS guards against programs in the background, if the
/// root lies in one.
pub(crate) fn guarded(root: &Path, home: &Path) -> Option<&'static str> {
    ["Desktop", "Documents", "Downloads"].into_iter().find(|name| root.starts_with(home.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn place(folder: &Path) -> Place {
        Place { folder: folder.into(), scope: Scope::User }
    }

    fn unit(root: &str) -> String {
        let mark = Mark {
            root: root.into(),
            peer: "balaur".into(),
            program: "/usr/bin/ubos-sync".into(),
            mode: super::super::order::Mode::Watch,
            audit: false,
        };
        mark.lines().iter().map(|line| format!("# {line}\n")).collect()
    }

    #[test]
    fn the_first_takes_the_plain_name_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        let base = |root: &str| place.base_for(Path::new(root), "balaur").unwrap();
        assert_eq!(base("/srv/janus"), "ubos-sync");
        fs::write(folder.path().join("ubos-sync.service"), unit("/srv/janus")).unwrap();
        assert_eq!(base("/srv/janus"), "ubos-sync");
        let second = base("/home/me/My Notes (old)");
        assert!(second.starts_with("ubos-sync-my-notes-old-"), "{second}");
        assert_ne!(second, base("/home/you/My Notes (old)"));
        assert!(base("/").len() == "ubos-sync-".len() + 6);
        fs::write(
            folder.path().join(format!("{second}-audit.timer")),
            unit("/home/me/My Notes (old)"),
        )
        .unwrap();
        fs::remove_file(folder.path().join("ubos-sync.service")).unwrap();
        assert_eq!(base("/home/me/My Notes (old)"), second, "it stays what it is");
        assert_ne!(place.base_for(Path::new("/a"), "x").unwrap(), second);
    }

    #[test]
    fn a_strangers_file_is_neither_ours_nor_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path());
        fs::write(folder.path().join("ubos-sync.timer"), "[Timer]\n").unwrap();
        assert!(place.installed().unwrap().is_empty());
        assert_ne!(place.base_for(Path::new("/srv/janus"), "balaur").unwrap(), "ubos-sync");
    }

    #[test]
    fn the_folders_that_a_mac_guards() {
        let guarded = |root: &str| guarded(Path::new(root), Path::new("/Users/me"));
        assert_eq!(guarded("/Users/me/Desktop/UBOS"), Some("Desktop"));
        assert_eq!(guarded("/Users/me/Documents"), Some("Documents"));
        assert_eq!(guarded("/Users/me/DesktopX"), None);
        assert_eq!(guarded("/Users/me/UBOS"), None);
    }
}
