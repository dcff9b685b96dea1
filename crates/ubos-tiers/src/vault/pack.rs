//! A plugin pack: a folder of plugins that a person put together, with a file that pins each by its
//! SHA-256. Nothing is fetched from anywhere, and nothing that is not pinned is put in place.
//!
//! ```text
//! PACK/pins.json                    {"dataview/main.js": "<64 hex digits>", …}
//! PACK/dataview/manifest.json main.js styles.css
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use ubos_engine::error::EngineError;

use super::files::VaultFiles;
use super::plugins::PluginManifest;

/// The file of pins.
pub const PINS: &str = "pins.json";
/// What a plugin consists of. Its settings are the person's, and never come from a pack.
const PARTS: [&str; 3] = ["manifest.json", "main.js", "styles.css"];

/// A plugin of a pack, all of it as it was pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// What it says of itself; its id is the name of its folder.
    pub manifest: PluginManifest,
    /// Its files by name.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// A pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pack {
    /// The plugins that may be put in place.
    pub plugins: Vec<Packed>,
    /// Those that may not, each with the reason.
    pub refused: Vec<(String, String)>,
}

/// Reads a pack and verifies every file in it.
///
/// # Errors
/// [`EngineError::Config`] if it is no pack: a folder with a file of pins.
pub fn read(dir: &Path) -> Result<Pack, EngineError> {
    let config = |message: String| EngineError::Config {
        message,
        hint: Some(format!(
            "a pack is a folder with a folder for each plugin, and `{PINS}` with the SHA-256 of \
             each file: {{\"dataview/main.js\": \"…\"}}"
        )),
    };
    let files = VaultFiles::open(dir)
        .map_err(|_| config(format!("`{}` is no folder that can be opened", dir.display())))?;
    let pins = match files.read(PINS) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(config(format!("`{}` has no `{PINS}`", dir.display()))),
        Err(e) => return Err(EngineError::io("read", dir.join(PINS), e)),
    };
    let pins: BTreeMap<String, String> = serde_json::from_slice(&pins)
        .map_err(|e| config(format!("`{}`: {e}", dir.join(PINS).display())))?;
    let mut pack = Pack::default();
    for folder in files.folders("").into_iter().filter(|name| !name.starts_with('.')) {
        match plugin(&files, &folder, &pins) {
            Ok(packed) => pack.plugins.push(packed),
            Err(why) => pack.refused.push((folder, why)),
        }
    }
    let is_there = |id: &str| {
        pack.plugins.iter().any(|packed| packed.manifest.id == id)
            || pack.refused.iter().any(|(folder, _)| folder == id)
    };
    let missing: std::collections::BTreeSet<String> = pins
        .keys()
        .filter_map(|path| path.split_once('/'))
        .filter(|(folder, _)| !is_there(folder))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    let missing =
        missing.into_iter().map(|id| (id, "it is pinned, and not in the pack".to_owned()));
    pack.refused.extend(missing);
    Ok(pack)
}

/// One plugin of a pack: all or nothing.
fn plugin(
    files: &VaultFiles,
    folder: &str,
    pins: &BTreeMap<String, String>,
) -> Result<Packed, String> {
    let mut parts = Vec::new();
    for part in PARTS {
        let path = format!("{folder}/{part}");
        let found = files.read(&path).map_err(|why| format!("`{part}`: {why}"))?;
        match (found, pins.get(&path)) {
            (Some(bytes), Some(pin)) if sha256(&bytes) == pin.trim().to_ascii_lowercase() => {
                parts.push((part, bytes));
            }
            (Some(_), Some(_)) => return Err(format!("`{part}` is not what is pinned")),
            (Some(_), None) => return Err(format!("`{part}` is not pinned")),
            (None, Some(_)) => return Err(format!("`{part}` is pinned, and not there")),
            (None, None) => {}
        }
    }
    let bytes = |name: &str| parts.iter().find(|(part, _)| *part == name).map(|(_, bytes)| bytes);
    let manifest = bytes("manifest.json").ok_or("it has no `manifest.json`")?;
    let manifest =
        PluginManifest::parse(manifest).map_err(|why| format!("`manifest.json`: {why}"))?;
    if manifest.id != folder {
        return Err(format!("its id is `{}`, and its folder is not named so", manifest.id));
    }
    bytes("main.js").ok_or("it has no `main.js`")?;
    Ok(Packed { manifest, files: parts })
}

/// The SHA-256 of some bytes, in lower-case hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    ubos_engine::clock::hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const MANIFEST: &str = r#"{"id":"dataview","version":"0.5.68","minAppVersion":"0.13.11"}"#;

    fn pack(files: &[(&str, &str)], pins: &[(&str, &str)]) -> (tempfile::TempDir, Pack) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let pins: BTreeMap<&str, String> =
            pins.iter().map(|(path, text)| (*path, sha256(text.as_bytes()))).collect();
        fs::write(folder.path().join(PINS), serde_json::to_string(&pins).unwrap()).unwrap();
        let pack = read(folder.path()).unwrap();
        (folder, pack)
    }

    #[test]
    fn the_digest_is_that_of_the_standard() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), expected);
    }

    #[test]
    fn what_is_pinned_is_taken_whole() {
        let files = [("dataview/manifest.json", MANIFEST), ("dataview/main.js", "1")];
        let (_folder, pack) = pack(&files, &files);
        assert!(pack.refused.is_empty(), "{:?}", pack.refused);
        assert_eq!(pack.plugins[0].manifest.version, "0.5.68");
        assert_eq!(pack.plugins[0].files.len(), 2);
    }

    #[test]
    fn a_plugin_that_is_not_wholly_as_pinned_is_refused_whole() {
        let files = [("dataview/manifest.json", MANIFEST), ("dataview/main.js", "1")];
        let style = [files[0], files[1], ("dataview/styles.css", "a{}")];
        type Files<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Files<'_>, Files<'_>, &str); 6] = [
            (&files, &[files[0], ("dataview/main.js", "2")], "not what is pinned"),
            (&files, &files[..1], "`main.js` is not pinned"),
            (&files[..1], &files, "pinned, and not there"),
            (&style, &files, "`styles.css` is not pinned"),
            (&[], &files, "not in the pack"),
            (&files[..1], &files[..1], "no `main.js`"),
        ];
        for (files, pins, expected) in cases {
            let (_folder, pack) = pack(files, pins);
            assert!(pack.plugins.is_empty());
            assert!(pack.refused[0].1.contains(expected), "{:?} {expected}", pack.refused);
        }
        let other = [("wrong/manifest.json", MANIFEST), ("wrong/main.js", "1")];
        let (_folder, pack) = pack(&other, &other);
        assert!(pack.refused[0].1.contains("its id is `dataview`"));
    }

    #[test]
    fn a_folder_without_pins_is_no_pack() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("pins.json"));
        let absent = read(&folder.path().join("absent")).unwrap_err();
        assert!(matches!(absent, EngineError::Config { .. }), "{absent}");
    }
}
