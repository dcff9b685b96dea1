//! The files that say what a run is to do, as they stood: where one of them keeps runs from working,
//! only a change of it can help, and no hint of the system tells of that while nothing is watched.

use std::collections::BTreeMap;
use std::os::fd::AsFd;

use crate::fs::{Stamp, list, stat_in};
use crate::state::StateDir;

/// The folder of the manifests.
const MANIFESTS: &[u8] = b"config";
const CONFIG: &[u8] = b"config.toml";

/// What was seen of the configuration and of the manifests of one side. Cheap: a look at a few files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<Vec<u8>, Stamp>);

impl Settings {
    /// Looks at them. What cannot be looked at is not there.
    pub fn look(state: &StateDir) -> Self {
        let mut seen = BTreeMap::new();
        if let Ok(Some(stat)) = stat_in(state.fd(), CONFIG) {
            seen.insert(CONFIG.to_vec(), Stamp::of(&stat));
        }
        let Ok(folder) = state.root().open_dir(MANIFESTS) else { return Self(seen) };
        for entry in list(folder.as_fd()).unwrap_or_default() {
            let is_one = entry.name.starts_with(b"sync_") && entry.name.ends_with(b".conf");
            if let (true, Ok(Some(stat))) = (is_one, stat_in(folder.as_fd(), &entry.name)) {
                seen.insert([MANIFESTS, b"/", &entry.name].concat(), Stamp::of(&stat));
            }
        }
        Self(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_of_a_manifest_or_of_the_configuration_is_seen_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::create(folder.path()).unwrap();
        let write =
            |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        let mut before = Settings::look(&state);
        std::fs::create_dir(folder.path().join("config")).unwrap();
        let seen = [
            ("config/sync_exclude.conf", "a", true),
            ("config/sync_exclude.conf", "ab", true),
            ("config/sync_to_balaur.conf", "a", true),
            ("config/other.conf", "a", false),
            ("file", "a", false),
            (".ubos-sync/config.toml", "a", true),
        ];
        for (path, text, is_seen) in seen {
            write(path, text);
            let now = Settings::look(&state);
            assert_eq!(now != before, is_seen, "{path}");
            before = now;
        }
        std::fs::remove_file(folder.path().join("config/sync_exclude.conf")).unwrap();
        assert_ne!(Settings::look(&state), before);
    }
}
