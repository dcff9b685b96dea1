//! What of a vault syncs and what never does, as lines of the manifests with the reason above each.
//!
//! A line that stands in a manifest already, or that a person turned into a comment, is not added.

use super::layout::Layout;

/// A line of a manifest, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The pattern.
    pub pattern: String,
    /// The reason, for the line above.
    pub why: String,
}

fn rule(pattern: String, why: &str) -> Rule {
    Rule { pattern, why: why.to_owned() }
}

/// Plugins whose settings belong to one device, or hold what must not travel.
const DEVICE_LOCAL: [(&str, &str); 4] = [
    ("recent-files-obsidian", "which files were open on this machine"),
    ("obsidian-livesync", "another sync's settings, with its password"),
    ("remotely-save", "another sync's settings, with its keys"),
    ("obsidian-local-rest-api", "the key that opens this machine's vault to other programs"),
];

/// What never syncs. `secrets`: plugins whose settings were found to hold a secret.
pub fn never(config_dir: &str, layout: Layout, secrets: &[String]) -> Vec<Rule> {
    let inside = |path: &str| format!("**/{config_dir}/{path}");
    let data = |id: &str| inside(&format!("plugins/{id}/data.json"));
    let mut rules = vec![
        rule(inside("workspace*.json"), "Obsidian: windows and tabs, written anew at every click"),
        rule(inside("workspace"), "Obsidian before 1.0: the same"),
        rule(inside("cache/"), "Obsidian: an old cache"),
        rule(".OBSIDIANTEST".to_owned(), "Obsidian: a probe that comes and goes at each start"),
        rule(
            inside("plugins/obsidian-git/obsidian_askpass.sh"),
            "the Git plugin: a script that it makes at each start",
        ),
        rule(
            ".git_credentials_input*".to_owned(),
            "the Git plugin: what was typed in answer to a question for a password",
        ),
        rule(
            ".smart-env/".to_owned(),
            "Smart Connections: large, made again by itself, may hold keys",
        ),
        rule(".makemd/".to_owned(), "Make.md: a database that is open while it would be copied"),
    ];
    rules.extend(DEVICE_LOCAL.iter().map(|(id, why)| rule(data(id), &format!("{id}: {why}"))));
    let found = secrets.iter().filter(|id| DEVICE_LOCAL.iter().all(|(known, _)| known != id));
    rules.extend(found.map(|id| rule(data(id), &format!("{id}: its settings hold a secret"))));
    if layout == Layout::Linked {
        rules.push(rule(
            format!("/{config_dir}/"),
            "two linked vaults: each machine has settings of its own",
        ));
    }
    rules
}

/// The exclude manifest with the rules it lacks; `None` if it lacks none.
pub fn with_excluded(text: &str, rules: &[Rule]) -> Option<(String, Vec<Rule>)> {
    let known: Vec<&str> = text.lines().map(bare).collect();
    let lacking: Vec<Rule> =
        rules.iter().filter(|rule| !known.contains(&bare(&rule.pattern))).cloned().collect();
    if lacking.is_empty() {
        return None;
    }
    let mut text = ended(text);
    for rule in &lacking {
        text.push_str(&format!("\n# {}\n{}\n", rule.why, rule.pattern));
    }
    Some((text, lacking))
}

/// The to-manifest with the settings folder in it, two-way; `None` if a line for it stands there.
pub fn with_settings(text: &str, config_dir: &str) -> Option<(String, Rule)> {
    let added = rule(format!("{config_dir}/"), "Obsidian: the vault's settings, for both machines");
    if text.lines().any(|line| bare(line) == bare(&added.pattern)) {
        return None;
    }
    let heading = text.lines().map(str::trim).rfind(|line| line.starts_with('['));
    let mut text = ended(text);
    text.push_str(&format!("\n# {}\n", added.why));
    if heading.is_some_and(|heading| heading != "[bidirectional]") {
        text.push_str("[bidirectional]\n");
    }
    text.push_str(&format!("{}\n", added.pattern));
    Some((text, added))
}

/// A line without what makes it a comment and without what does not change its meaning.
fn bare(line: &str) -> &str {
    let line = line.trim().trim_start_matches('#').trim_start();
    let line = line.strip_prefix("**/").unwrap_or(line);
    line.strip_prefix('/').unwrap_or(line).trim_end_matches('/')
}

fn ended(text: &str) -> String {
    match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_comes_once_and_says_why() {
        let rules = never(".obsidian", Layout::Single, &["copilot".to_owned()]);
        let (text, added) = with_excluded("*.log", &rules).unwrap();
        assert_eq!(added, rules);
        assert!(text.starts_with("*.log\n\n# Obsidian: windows and tabs"), "{text}");
        assert!(text.contains(
            "\n# copilot: its settings hold a secret\n**/.obsidian/plugins/copilot/data.json\n"
        ));
        assert_eq!(with_excluded(&text, &rules), None);
        assert!(!text.contains("\n/.obsidian/\n"));
    }

    #[test]
    fn what_a_person_took_out_stays_out() {
        let rules = never(".obsidian", Layout::Single, &[]);
        let mine = "# .smart-env/\n.obsidian/cache\n";
        let (text, added) = with_excluded(mine, &rules).unwrap();
        assert!(text.starts_with(mine));
        let patterns: Vec<&str> = added.iter().map(|rule| rule.pattern.as_str()).collect();
        assert!(!patterns.contains(&".smart-env/") && !patterns.contains(&"**/.obsidian/cache/"));
        assert!(patterns.contains(&".makemd/"));
    }

    #[test]
    fn two_linked_vaults_keep_their_settings_to_themselves() {
        let rules = never(".obsidian", Layout::Linked, &[]);
        assert_eq!(rules.last().unwrap().pattern, "/.obsidian/");
    }

    #[test]
    fn the_settings_are_two_way_whatever_stands_above() {
        let (text, _) = with_settings("docs/", ".obsidian").unwrap();
        assert!(text.ends_with(
            "docs/\n\n# Obsidian: the vault's settings, for both machines\n.obsidian/\n"
        ));
        let (text, _) = with_settings("a/\n[push-only]\nb/\n", ".obsidian").unwrap();
        assert!(text.ends_with("\n[bidirectional]\n.obsidian/\n"), "{text}");
        for known in [".obsidian/", "/.obsidian", "# .obsidian/"] {
            assert_eq!(with_settings(known, ".obsidian"), None);
        }
    }
}
