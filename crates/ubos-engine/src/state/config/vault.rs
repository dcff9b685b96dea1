//! `[vault]` of the configuration: what is unusual about the Obsidian vault.

use serde::{Deserialize, Serialize};

/// `[vault]`, as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VaultSettings {
    /// Obsidian's settings folder, where a person renamed it ("Override config folder"); without it
    /// `.obsidian`, or the only one that begins so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_dir: Option<String>,
}
