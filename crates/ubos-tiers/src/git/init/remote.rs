//! The remote that a person names: one that is there, or an address that gets a name.

use crate::git::command::Git;
use crate::git::error::{BackupError, Result};

/// The name for a new remote, and the one for a repository that has an `origin` for something else.
const NAMES: [&str; 2] = ["origin", "backup"];

/// What was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The remote's name.
    pub(super) name: String,
    /// Its address, if it is new.
    pub(super) address: Option<String>,
}

/// The remotes: name and address.
pub(super) fn list(git: &Git) -> Result<Vec<(String, String)>> {
    let answer = git.ask(["config", "--null", "--get-regexp", r"^remote\..*\.url$"])?;
    let text = String::from_utf8_lossy(&answer.out).into_owned();
    let rows = text.split('\0').filter_map(|row| row.split_once('\n'));
    let remote = |(key, address): (&str, &str)| {
        let name = key.strip_prefix("remote.")?.strip_suffix(".url")?;
        Some((name.to_owned(), address.to_owned()))
    };
    Ok(rows.filter_map(remote).collect())
}

/// Finds `wanted` among the known remotes, or a name for it.
pub(super) fn choose(wanted: &str, known: &[(String, String)]) -> Result<Chosen> {
    if let Some((name, _)) = known.iter().find(|(name, url)| name == wanted || url == wanted) {
        return Ok(Chosen { name: name.clone(), address: None });
    }
    let is_address = wanted.contains(['/', ':']) && !wanted.starts_with('-');
    let free = NAMES.iter().find(|name| !known.iter().any(|(known, _)| known == *name));
    let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
    let have = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    match free {
        Some(name) if is_address => {
            Ok(Chosen { name: (*name).to_owned(), address: Some(wanted.to_owned()) })
        }
        None if is_address => Err(BackupError::Usage {
            message: format!("`{wanted}` needs a name, and both {} are taken", NAMES.join(" and ")),
            hint: "`git remote add NAME ADDRESS`, then `--remote NAME`".to_owned(),
        }),
        _ => Err(BackupError::Usage {
            message: format!("there is no remote `{wanted}`; known: {have}"),
            hint: "give its address instead, such as `git@host:me/notes.git`".to_owned(),
        }),
    }
}

/// Adds a remote.
pub(super) fn add(git: &Git, name: &str, address: &str) -> Result<()> {
    git.run(["remote", "add", "--", name, address]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, known: &[(&str, &str)]) -> Result<(String, bool)> {
        let known: Vec<_> =
            known.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        choose(wanted, &known).map(|chosen| (chosen.name, chosen.address.is_some()))
    }

    #[test]
    fn a_remote_is_found_by_name_or_address_or_gets_a_name() {
        let known = [("origin", "git@host:a.git"), ("other", "/srv/b.git")];
        assert_eq!(chosen("other", &known).unwrap(), ("other".to_owned(), false));
        assert_eq!(chosen("/srv/b.git", &known).unwrap(), ("other".to_owned(), false));
        assert_eq!(chosen("/srv/c.git", &known).unwrap(), ("backup".to_owned(), true));
        assert_eq!(chosen("/srv/c.git", &[]).unwrap(), ("origin".to_owned(), true));
        let taken = [("origin", "a"), ("backup", "b")];
        assert!(chosen("/srv/c.git", &taken).is_err());
        for wrong in ["upstream", "--upload-pack=x/y"] {
            let error = chosen(wrong, &known).unwrap_err();
            assert!(error.to_string().ends_with("known: origin, other"), "{error}");
        }
    }
}
