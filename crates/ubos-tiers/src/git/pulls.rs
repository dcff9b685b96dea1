//! Whether something pulls into a tree that the sync writes. `git pull` there fails as soon as a sync
//! has brought the same content ("untracked working tree files would be overwritten"), and where it does
//! not fail it undoes what git does not know yet. Nothing is changed here: what was found is told, with
//! the remedy.

use std::path::Path;

use serde_json::Value;

use super::command::ask_in;
use super::error::Result;
use super::remote::place::without_password;

/// The plugin's folder in a vault.
const PLUGIN: &str = ".obsidian/plugins/obsidian-git/data.json";
/// The list of plugins that are switched on.
const SWITCHED_ON: &str = ".obsidian/community-plugins.json";

/// Something that pulls, or will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulls {
    /// What was found.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

/// What pulls into the tree at `root` from `remote` (from any, where that is not known). A tree
/// without a repository of its own has nothing to pull into.
///
/// # Errors
/// [`super::error::BackupError::NoGit`] if there is no git.
pub fn find(root: &Path, remote: Option<&str>) -> Result<Vec<Pulls>> {
    if root.join(".git").symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let urls = configured(root, r"^remote\..*\.url$")?;
    let same = |url: &str| remote.is_none_or(|remote| normal(url) == normal(remote));
    let names: Vec<&str> = urls
        .iter()
        .filter(|(key, url)| same(url) || remote == key.split('.').nth(1))
        .filter_map(|(key, _)| key.strip_prefix("remote.")?.strip_suffix(".url"))
        .collect();
    for (key, name) in configured(root, r"^branch\..*\.remote$")? {
        let branch = key.strip_prefix("branch.").and_then(|key| key.strip_suffix(".remote"));
        if let Some(branch) = branch.filter(|_| names.contains(&name.as_str())) {
            found.push(Pulls {
                message: format!(
                    "the repository in this tree follows `{name}` with its branch `{branch}`: a `git pull` here fails once a sync has brought the same files"
                ),
                hint: format!(
                    "leave pulling to the laptop: `git -C {} branch --unset-upstream {branch}`; the history is in the mirror, `ubos-sync backup mirror fetch` brings it up to date",
                    root.display()
                ),
            });
        }
    }
    if !names.is_empty() && plugin_pulls(root) {
        found.push(Pulls {
            message: "the Obsidian plugin Git is set to pull in this vault, which fails once a sync has brought the same files".to_owned(),
            hint: "in its settings: auto pull interval 0, pull on startup off, auto backup interval 0, push disabled".to_owned(),
        });
    }
    Ok(found)
}

fn configured(root: &Path, pattern: &str) -> Result<Vec<(String, String)>> {
    let answer = ask_in(root, ["config", "--local", "--null", "--get-regexp", pattern])?;
    let text = String::from_utf8_lossy(&answer.out).into_owned();
    let rows = text.split('\0').filter_map(|row| row.split_once('\n'));
    Ok(rows.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

/// One form of the ways to write where a remote is.
fn normal(url: &str) -> String {
    let url = without_password(url);
    let url = url.trim_end_matches('/').trim_end_matches(".git");
    let (place, path) = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/').unwrap_or((rest, "")),
        None => match url.split_once(':') {
            Some((place, path)) if !place.contains('/') => (place, path),
            _ => return url.to_owned(),
        },
    };
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    format!("{}/{}", host.to_lowercase(), path.trim_start_matches('/'))
}

fn plugin_pulls(root: &Path) -> bool {
    let read = |path: &str| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(root.join(path)).ok()?).ok()
    };
    let on = read(SWITCHED_ON).is_some_and(|list| {
        list.as_array().is_some_and(|list| list.iter().any(|id| id == "obsidian-git"))
    });
    let Some(settings) = read(PLUGIN).filter(|_| on) else { return false };
    let minutes = |key: &str| settings[key].as_f64().is_some_and(|minutes| minutes > 0.0);
    let flag = |key: &str, otherwise: bool| settings[key].as_bool().unwrap_or(otherwise);
    minutes("autoPullInterval")
        || flag("autoPullOnBoot", false)
        || minutes("autoSaveInterval") && flag("pullBeforePush", true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const URL: &str = "git@github.com:me/vault.git";

    fn tree(commands: &[&[&str]]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let init: &[&str] = &["init", "--quiet", "--initial-branch=main"];
        for args in [init].iter().chain(commands) {
            assert!(ask_in(root.path(), *args).unwrap().ok(), "{args:?}");
        }
        root
    }

    #[test]
    fn a_branch_that_follows_the_remote_is_told() {
        let follow: &[&[&str]] = &[
            &["remote", "add", "origin", "https://github.com/me/vault"],
            &["config", "branch.main.remote", "origin"],
            &["config", "branch.main.merge", "refs/heads/main"],
        ];
        let root = tree(follow);
        let found = find(root.path(), Some(URL)).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0].hint.contains("--unset-upstream main"), "{found:?}");
        assert_eq!(find(root.path(), None).unwrap(), found);
        assert_eq!(find(root.path(), Some("git@github.com:me/other.git")).unwrap(), []);
    }

    #[test]
    fn a_vault_whose_plugin_pulls_is_told() {
        let root = tree(&[&["remote", "add", "origin", URL]]);
        assert_eq!(find(root.path(), Some(URL)).unwrap(), []);
        fs::create_dir_all(root.path().join(".obsidian/plugins/obsidian-git")).unwrap();
        fs::write(root.path().join(SWITCHED_ON), r#"["dataview","obsidian-git"]"#).unwrap();
        let set = |text: &str| fs::write(root.path().join(PLUGIN), text).unwrap();
        for (text, count) in [
            ("{}", 0),
            (r#"{"autoPullInterval":10}"#, 1),
            (r#"{"autoPullOnBoot":true}"#, 1),
            (r#"{"autoSaveInterval":5}"#, 1),
            (r#"{"autoSaveInterval":5,"pullBeforePush":false}"#, 0),
        ] {
            set(text);
            assert_eq!(find(root.path(), Some(URL)).unwrap().len(), count, "{text}");
        }
        set(r#"{"autoPullInterval":10}"#);
        fs::write(root.path().join(SWITCHED_ON), r#"["dataview"]"#).unwrap();
        assert_eq!(find(root.path(), Some(URL)).unwrap(), []);
    }

    #[test]
    fn a_tree_without_a_repository_has_nothing_to_pull_into() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(find(root.path(), None).unwrap(), []);
    }
}
