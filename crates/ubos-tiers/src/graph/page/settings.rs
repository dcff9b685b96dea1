//! The vault's own settings of its graph view, `.obsidian/graph.json`: colour groups, the filter, and
//! what is shown. Whatever is missing or makes no sense there is as Obsidian has it by default.

use serde_json::Value;

/// Where they stand, from the vault's root.
pub(super) const FILE: &str = ".obsidian/graph.json";
/// More colour groups than this are not taken.
const MAX_GROUPS: usize = 100;

/// One colour for the files that a query finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColourGroup {
    /// The query as the user wrote it.
    pub query: String,
    /// `0xRRGGBB`.
    pub colour: u32,
}

/// The settings that matter to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Only what this finds is shown; empty: everything.
    pub search: String,
    /// Whether tags are shown.
    pub tags: bool,
    /// Whether files that are neither notes nor canvases are shown.
    pub attachments: bool,
    /// Whether names that no file has are shown.
    pub missing: bool,
    /// Whether files without any link are shown.
    pub orphans: bool,
    /// Colours. The first group that finds a file colours it.
    pub groups: Vec<ColourGroup>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            search: String::new(),
            tags: false,
            attachments: false,
            missing: true,
            orphans: true,
            groups: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads them from the file's bytes.
    pub fn read(bytes: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let default = Self::default();
        let flag = |name: &str, otherwise| value[name].as_bool().unwrap_or(otherwise);
        let groups = value["colorGroups"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            search: value["search"].as_str().unwrap_or_default().to_owned(),
            tags: flag("showTags", default.tags),
            attachments: flag("showAttachments", default.attachments),
            missing: !flag("hideUnresolved", !default.missing),
            orphans: flag("showOrphans", default.orphans),
            groups: groups.iter().filter_map(group).take(MAX_GROUPS).collect(),
        }
    }
}

fn group(value: &Value) -> Option<ColourGroup> {
    let query = value["query"].as_str().filter(|query| !query.trim().is_empty())?.to_owned();
    let rgb = value["color"]["rgb"].as_u64()?;
    let colour = u32::try_from(rgb).ok().filter(|rgb| *rgb <= 0xFF_FFFF)?;
    Some(ColourGroup { query, colour })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_obsidian_writes_is_read_and_what_makes_no_sense_is_left_out() {
        let text = r#"{"search": "-path:x", "showTags": true, "hideUnresolved": true, "showOrphans": 7,
            "colorGroups": [
                {"query": "path:docs", "color": {"a": 1, "rgb": 3900150}},
                {"query": " ", "color": {"a": 1, "rgb": 1}},
                {"query": "tag:#a", "color": {"a": 1, "rgb": 99999999}},
                {"query": 3}, null
            ]}"#;
        let expected = Settings {
            search: "-path:x".into(),
            tags: true,
            missing: false,
            groups: vec![ColourGroup { query: "path:docs".into(), colour: 0x3B_82F6 }],
            ..Settings::default()
        };
        assert_eq!(Settings::read(text.as_bytes()), expected);
    }

    #[test]
    fn a_broken_file_gives_the_defaults() {
        for text in ["", "[]", "{", "null", "{\"colorGroups\": {}}"] {
            assert_eq!(Settings::read(text.as_bytes()), Settings::default(), "{text}");
        }
    }
}
