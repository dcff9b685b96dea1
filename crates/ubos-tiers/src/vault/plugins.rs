//! Community plugins: which a vault wants, and how those in its folder stand.

use serde::Deserialize;

use super::files::VaultFiles;

/// The list of those that are switched on.
pub const ENABLED: &str = "community-plugins.json";
/// Their folder in the settings folder.
pub const FOLDER: &str = "plugins";

/// The plugins that a vault is to have, by id, which is the name of their folder too: Git, Dataview,
/// Excalidraw, Tasks. What Graph Analysis did, which Obsidian no longer offers, `ubos-sync graph` does.
pub const WANTED: [&str; 4] =
    ["obsidian-git", "dataview", "obsidian-excalidraw-plugin", "obsidian-tasks-plugin"];

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginManifest {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The oldest Obsidian that it runs in.
    #[serde(default)]
    pub min_app_version: Option<String>,
}

impl PluginManifest {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|e| e.to_string())
    }
}

/// A plugin in the folder of plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its folder's name.
    pub folder: String,
    /// What it says of itself; `None` without a manifest.
    pub manifest: Option<Result<PluginManifest, String>>,
    /// Whether its program is there.
    pub has_program: bool,
}

/// The plugins in the settings folder `config_dir`, by folder. Names with a leading dot are none for
/// Obsidian either.
pub fn installed(files: &VaultFiles, config_dir: &str) -> Vec<Installed> {
    let top = format!("{config_dir}/{FOLDER}");
    let folders = files.folders(&top).into_iter().filter(|name| !name.starts_with('.'));
    let look = |folder: String| {
        let read = files.read(&format!("{top}/{folder}/manifest.json"));
        let manifest = match read {
            Ok(None) => None,
            Ok(Some(bytes)) => Some(PluginManifest::parse(&bytes)),
            Err(why) => Some(Err(why.to_string())),
        };
        let has_program = files.exists(&format!("{top}/{folder}/main.js"));
        Installed { folder, manifest, has_program }
    };
    folders.map(look).collect()
}

/// Whether version `a` is newer than `b`, number by number; what is no number counts as nothing.
pub fn is_newer(a: &str, b: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        let mut numbers: Vec<u64> =
            version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect();
        while numbers.last() == Some(&0) {
            numbers.pop();
        }
        numbers
    };
    numbers(a) > numbers(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        assert!(is_newer("2.39.0", "2.9.1"));
        assert!(is_newer("1.0.1", "1.0"));
        assert!(!is_newer("1.0.0", "1.0"));
        assert!(!is_newer("1.0-beta", "1.0"));
    }

    #[test]
    fn a_manifest_needs_an_id_and_a_version() {
        let text =
            br#"{"id":"dataview","name":"Dataview","version":"0.5.68","minAppVersion":"0.13.11"}"#;
        let manifest = PluginManifest::parse(text).unwrap();
        assert_eq!(manifest.min_app_version.as_deref(), Some("0.13.11"));
        assert!(PluginManifest::parse(b"{\"id\":\"x\"}").unwrap_err().contains("version"));
    }
}
