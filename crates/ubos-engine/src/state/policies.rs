//! `[policies]` of the configuration: what becomes of conflicts without asking, by path.

use ubos_core::policy::{Policies, Policy};
use ubos_core::sides::Side;

use super::config::Config;
use crate::error::{EngineError, Result};

/// The table's name.
const TABLE: &str = "policies";
/// Every value that is not a territory's name.
const WORDS: [(&str, Policy); 5] = [
    ("ask", Policy::Ask),
    ("hold", Policy::Hold),
    ("newer", Policy::Newer),
    ("merge", Policy::Merge),
    ("restore", Policy::Restore),
];

impl Config {
    /// The policies for the pair with the peer called `peer`. A line that names the territory of
    /// another pair says nothing about this one. `fold_case`: letters of either case are the same.
    ///
    /// # Errors
    /// [`EngineError::Config`] for a pattern or value that is none.
    pub fn policies(&self, peer: &str, fold_case: bool) -> Result<Policies> {
        let mut entries = Vec::new();
        for (pattern, value) in &self.policies {
            self.check_policy(pattern, value).map_err(|(message, hint)| EngineError::Config {
                message: format!("`[{TABLE}]`: {message}"),
                hint: Some(hint),
            })?;
            if let Some(policy) = self.policy_of(value, peer) {
                entries.push((pattern.as_str(), policy));
            }
        }
        Policies::compile(entries, fold_case).map_err(|e| EngineError::config(e.to_string()))
    }

    fn policy_of(&self, value: &str, peer: &str) -> Option<Policy> {
        if let Some((_, policy)) = WORDS.iter().find(|(word, _)| *word == value) {
            return Some(*policy);
        }
        if value == self.name {
            return Some(Policy::Take(Side::Here));
        }
        (value == peer).then_some(Policy::Take(Side::There))
    }

    /// Finds the first line of `text`, the configuration as it was written, whose policy is none.
    /// Returns the line's number, what is wrong and how to mend it.
    pub(super) fn bad_policy(&self, text: &str) -> Option<(usize, String, String)> {
        let found = self.policies.iter().find_map(|(pattern, value)| {
            let (message, hint) = self.check_policy(pattern, value).err()?;
            Some((pattern, message, hint))
        });
        let (pattern, message, hint) = found?;
        Some((line_of(text, pattern), message, hint))
    }

    fn check_policy(&self, pattern: &str, value: &str) -> Result<(), (String, String)> {
        if let Err(error) = Policies::compile([(pattern, Policy::Ask)], false) {
            let hint = error.hint.clone();
            let hint = hint.unwrap_or_else(|| "patterns are those of the manifests".to_owned());
            return Err((error.to_string(), hint));
        }
        let words = WORDS.iter().map(|(word, _)| *word);
        let territories = std::iter::once(&self.name).chain(self.peers.keys());
        if words.clone().chain(territories.clone().map(String::as_str)).any(|known| known == value)
        {
            return Ok(());
        }
        let territories: Vec<&str> = territories.map(String::as_str).collect();
        Err((
            format!("`{pattern}`: `{value}` is neither a policy nor a territory"),
            format!(
                "the policies are {}; the territories are {}",
                words.collect::<Vec<_>>().join(", "),
                territories.join(", ")
            ),
        ))
    }
}

/// The number of the line on which the policy of `pattern` stands.
fn line_of(text: &str, pattern: &str) -> usize {
    let span = toml_edit::Document::parse(text).ok().and_then(|document| {
        let table = document.get(TABLE)?.as_table_like()?;
        table.get_key_value(pattern)?.0.span()
    });
    span.map_or(1, |span| text[..span.start].matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ubos_core::path::RelPath;

    fn config(policies: &str) -> Config {
        let text = format!("name = \"localhost\"\n{policies}\n[peers]\n");
        let mut config: Config = toml::from_str(&text).unwrap();
        let peer = |_| super::super::config::Peer {
            address: None,
            pair: "p".into(),
            replica: "r".into(),
            owner: true,
            manifests: "balaur".into(),
            agent: None,
        };
        config.peers = ["balaur", "other"].map(|name| (name.to_owned(), peer(name))).into();
        config
    }

    #[test]
    fn each_value_is_understood() {
        let config = config(
            "[policies]\n\"a/\" = \"newer\"\n\"b/\" = \"balaur\"\n\"c/\" = \"localhost\"\n\
             \"d/\" = \"other\"\n\"e/\" = \"restore\"\n\"f/*.json\" = \"merge\"\n\"g\" = \"hold\"",
        );
        let policies = config.policies("balaur", false).unwrap();
        for (path, policy) in [
            ("a/x", Policy::Newer),
            ("b/x", Policy::Take(Side::There)),
            ("c/x", Policy::Take(Side::Here)),
            ("d/x", Policy::Ask),
            ("e/x", Policy::Restore),
            ("f/x.json", Policy::Merge),
            ("g", Policy::Hold),
            ("h", Policy::Ask),
        ] {
            assert_eq!(policies.policy_for(&RelPath::new(path).unwrap()), policy, "{path}");
        }
    }

    #[test]
    fn a_mistake_is_found_with_its_line_and_what_would_be_right() {
        let text = "name = \"localhost\"\n\n[policies]\n\"docs/\" = \"ask\"\n\"a/\" = \"theirs\"\n";
        let config = config("[policies]\n\"docs/\" = \"ask\"\n\"a/\" = \"theirs\"\n");
        let (line, message, hint) = config.bad_policy(text).unwrap();
        assert_eq!(line, 5);
        assert!(message.contains("`a/`") && message.contains("`theirs`"), "{message}");
        assert!(hint.contains("localhost, balaur, other") && hint.contains("restore"), "{hint}");
        assert!(config.policies("balaur", false).is_err());
    }
}
