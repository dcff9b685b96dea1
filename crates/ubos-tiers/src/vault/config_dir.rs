//! The folder of Obsidian's settings in a vault: `.obsidian`, unless a person renamed it.

/// Its usual name.
pub const USUAL: &str = ".obsidian";

/// Why a name cannot be that of a settings folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be Obsidian's settings folder: that is one name that begins with a dot")]
pub struct NoConfigDir(pub String);

/// The settings folder: the one that is `named`, or of those that stand in the vault's top folder the
/// one that must be it.
///
/// # Errors
/// If what is named cannot be one.
pub fn choose(named: Option<&str>, present: &[String]) -> Result<String, NoConfigDir> {
    if let Some(name) = named {
        let fits = name.len() > 1
            && name.starts_with('.')
            && !name.contains(['/', '\\', '\n'])
            && ![".", "..", ".git", ".ubos-sync", ".trash"].contains(&name);
        return if fits { Ok(name.to_owned()) } else { Err(NoConfigDir(name.to_owned())) };
    }
    let others: Vec<&String> =
        present.iter().filter(|name| name.starts_with(USUAL) && *name != USUAL).collect();
    match others[..] {
        // Only a renamed one is there.
        [one] if !present.iter().any(|name| name == USUAL) => Ok(one.clone()),
        _ => Ok(USUAL.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_one_the_only_one_the_usual_one() {
        let present = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let choose = |named, names: &[&str]| choose(named, &present(names)).unwrap();
        assert_eq!(choose(None, &[]), ".obsidian");
        assert_eq!(choose(None, &[".git", ".obsidian", ".obsidian-mobile"]), ".obsidian");
        assert_eq!(choose(None, &[".obsidian-mac", "docs"]), ".obsidian-mac");
        assert_eq!(choose(None, &[".obsidian-a", ".obsidian-b"]), ".obsidian");
        assert_eq!(choose(Some(".settings"), &[".obsidian"]), ".settings");
    }

    #[test]
    fn what_cannot_be_one_is_refused() {
        for name in ["", ".", "..", "obsidian", ".a/b", ".git", ".ubos-sync"] {
            assert!(choose(Some(name), &[]).is_err(), "{name}");
        }
    }
}
