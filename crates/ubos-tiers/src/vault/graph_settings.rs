//! The graph view's settings: colours by folder, tags shown, what is noise left out.

use serde::Serialize;
use serde_json::{Value, json};

use super::settings::Settings;

/// The file in the settings folder.
pub const NAME: &str = "graph.json";

/// Copies that Finder and iCloud make, backups and the bin are no part of anybody's thoughts.
const SEARCH: &str = r"-path:/^(backups|\.trash)\// -path:/ \d+\//";

/// A colour as the graph view writes it.
#[derive(Debug, Clone, Copy, Serialize)]
struct Color {
    a: u8,
    rgb: u32,
}

/// A colour group. The first that matches a file colours it.
#[derive(Debug, Clone, Serialize)]
struct Group {
    query: &'static str,
    color: Color,
}

const fn group(query: &'static str, rgb: u32) -> Group {
    Group { query, color: Color { a: 1, rgb } }
}

/// A plain `path:docs/` would match in the middle of a path too.
const GROUPS: [Group; 3] = [
    group(r"path:/^docs\//", 0x3B_82F6),
    group(r"path:/^config\//", 0xEF_4444),
    group(r"path:/^missions\//", 0x22_C55E),
];

/// Brings in what the graph view is to show. Groups that a person made come first and keep their
/// colours; where the view was left, how far it is zoomed and which panels are open is not touched. In a
/// new file stands everything, in the order in which Obsidian writes it; in one that is there a key that
/// is missing means what it means to Obsidian.
pub fn apply(graph: &mut Settings, is_new: bool) {
    let seed = |graph: &mut Settings, key: &str, value: Value| {
        if is_new {
            graph.seed(key, &value);
        }
    };
    seed(graph, "collapse-filter", json!(false));
    if graph.value("search").is_none_or(|search| search == json!("")) {
        graph.set("search", &SEARCH);
    }
    graph.set("showTags", &true);
    for (key, value) in [
        ("showAttachments", false),
        ("hideUnresolved", false),
        ("showOrphans", true),
        ("collapse-color-groups", false),
    ] {
        seed(graph, key, json!(value));
    }
    let known: Vec<Value> = graph.list(Some("colorGroups"));
    let is_known = |query: &str| known.iter().any(|group| group["query"] == query);
    for group in GROUPS.into_iter().filter(|group| !is_known(group.query)) {
        graph.push(Some("colorGroups"), &group);
    }
    for (key, value) in [
        ("collapse-display", json!(true)),
        ("showArrow", json!(false)),
        ("textFadeMultiplier", json!(0)),
        ("nodeSizeMultiplier", json!(1)),
        ("lineSizeMultiplier", json!(1)),
        ("collapse-forces", json!(true)),
        ("centerStrength", json!(0.518_713_248_970_312)),
        ("repelStrength", json!(10)),
        ("linkStrength", json!(1)),
        ("linkDistance", json!(250)),
        ("scale", json!(1)),
        ("close", json!(false)),
    ] {
        seed(graph, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::settings::Form;

    fn text(settings: Settings) -> String {
        String::from_utf8(settings.into_parts().0).unwrap()
    }

    #[test]
    fn a_new_one_has_the_twenty_keys_in_their_order() {
        let mut graph = Settings::new(Form::Object);
        apply(&mut graph, true);
        let keys: Vec<String> = graph.changes().iter().map(|c| c.key.clone()).collect();
        let mut distinct = keys.clone();
        distinct.dedup();
        assert_eq!(
            distinct,
            [
                "collapse-filter",
                "search",
                "showTags",
                "showAttachments",
                "hideUnresolved",
                "showOrphans",
                "collapse-color-groups",
                "colorGroups",
                "collapse-display",
                "showArrow",
                "textFadeMultiplier",
                "nodeSizeMultiplier",
                "lineSizeMultiplier",
                "collapse-forces",
                "centerStrength",
                "repelStrength",
                "linkStrength",
                "linkDistance",
                "scale",
                "close",
            ]
        );
        let text = text(graph);
        let part = "  \"colorGroups\": [\n    {\n      \"query\": \"path:/^docs\\\\//\",\n      \
                    \"color\": {\n        \"a\": 1,\n        \"rgb\": 3900150\n      }\n    },";
        assert!(text.contains(part), "{text}");
        assert!(text.contains("\"rgb\": 15680580") && text.contains("\"rgb\": 2278750"));
        assert!(text.contains("\"centerStrength\": 0.518713248970312,"));
        assert!(text.ends_with("\"close\": false\n}"));
    }

    #[test]
    fn what_a_person_made_stays_and_comes_first() {
        let before = r##"{
  "search": "-tag:#old",
  "showTags": true,
  "colorGroups": [
    {
      "query": "tag:#idea",
      "color": {
        "a": 1,
        "rgb": 14701138
      }
    },
    {
      "query": "path:/^docs\\//",
      "color": {
        "a": 1,
        "rgb": 1
      }
    }
  ],
  "centerStrength": 0.3000000000000004,
  "scale": 0.0421,
  "close": true,
  "plugin-of-mine": 1
}"##;
        let mut graph = Settings::parse(before.as_bytes()).unwrap();
        apply(&mut graph, false);
        let queries: Vec<Value> =
            graph.list(Some("colorGroups")).iter().map(|group| group["query"].clone()).collect();
        assert_eq!(
            queries,
            ["tag:#idea", "path:/^docs\\//", "path:/^config\\//", "path:/^missions\\//"]
        );
        assert_eq!(graph.list(Some("colorGroups"))[1]["color"]["rgb"], 1);
        assert_eq!(graph.value("search"), Some("-tag:#old".into()));
        let after = text(graph.clone());
        assert!(after.contains("0.3000000000000004") && after.contains("\"scale\": 0.0421"));
        let mut again = Settings::parse(after.as_bytes()).unwrap();
        apply(&mut again, false);
        assert!(again.changes().is_empty(), "{:?}", again.changes());
    }
}
