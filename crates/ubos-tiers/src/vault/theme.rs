//! A look for the vault: a small style snippet, which Obsidian lays over any theme.

use super::settings::Settings;

/// The looks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Brass and glass, for light and dark.
    Brass,
}

impl Theme {
    /// The snippet's name, as Obsidian lists it.
    pub fn snippet(self) -> &'static str {
        match self {
            Theme::Brass => "ubos-brass",
        }
    }

    /// What is in it.
    pub fn css(self) -> &'static str {
        match self {
            Theme::Brass => include_str!("assets/brass.css"),
        }
    }

    /// Whether a snippet of its name is one that this program made, perhaps an earlier one.
    pub fn made(self, present: &[u8]) -> bool {
        present.starts_with(format!("/* {} ", self.snippet()).as_bytes())
    }

    /// Switches the snippet on.
    pub fn enable(self, appearance: &mut Settings) {
        appearance.push(Some("enabledCssSnippets"), &self.snippet());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snippet_is_known_as_ours_and_is_whole() {
        let css = Theme::Brass.css();
        assert!(Theme::Brass.made(css.as_bytes()));
        assert!(!Theme::Brass.made(b"body {}"));
        assert_eq!(css.matches('{').count(), css.matches('}').count());
        assert!(css.contains(".theme-light {") && css.contains(".theme-dark {"));
        // A synced vault must look the same without a network.
        assert!(!css.contains("url(") && !css.contains("@import"));
    }

    #[test]
    fn it_is_switched_on_once_beside_those_of_the_person() {
        let mut appearance = Settings::parse(
            b"{\n  \"theme\": \"obsidian\",\n  \"enabledCssSnippets\": [\n    \"wide\"\n  ]\n}",
        )
        .unwrap();
        Theme::Brass.enable(&mut appearance);
        Theme::Brass.enable(&mut appearance);
        assert_eq!(appearance.list(Some("enabledCssSnippets")), ["wide", "ubos-brass"]);
    }
}
