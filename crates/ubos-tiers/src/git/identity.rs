//! Who makes commits: the user as git knows them, or a name of our own where git knows none.

use super::command::Git;
use super::commit::Author;
use super::error::Result;

/// The user's own identity; `None` where none is configured.
///
/// # Errors
/// What git says.
pub fn configured(git: &Git) -> Result<Option<Author>> {
    let get = |key: &str| -> Result<Option<String>> {
        let answer = git.ask(["config", "--get", key])?;
        Ok(Some(plain(&answer.text())).filter(|text| answer.ok() && !text.is_empty()))
    };
    let (name, email) = (get("user.name")?, get("user.email")?);
    Ok(name.zip(email).map(|(name, email)| Author { name, email }))
}

/// The identity of the program on the territory `name`.
pub fn fallback(territory: &str) -> Author {
    let territory = plain(territory);
    Author { name: "ubos-sync".to_owned(), email: format!("ubos-sync@{territory}") }
}

/// Who is named as the author of what the other territory makes: `Name <address>` as configured, or
/// the peer.
pub fn of_peer(written: Option<&str>, peer: &str) -> Author {
    let peer = plain(peer);
    let address = format!("ubos-sync@{peer}");
    let Some(written) = written else { return Author { name: peer, email: address } };
    match written.trim().strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, email)) if !plain(name).is_empty() => {
            Author { name: plain(name), email: plain(email) }
        }
        _ => Author { name: plain(written), email: address },
    }
}

/// Without what would end a name or an address in a commit.
fn plain(text: &str) -> String {
    let kept: String =
        text.chars().filter(|c| !matches!(c, '<' | '>') && !c.is_control()).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_the_author_of_its_files_unless_one_is_named() {
        let author = |name: &str, email: &str| Author { name: name.into(), email: email.into() };
        assert_eq!(of_peer(None, "balaur"), author("balaur", "ubos-sync@balaur"));
        assert_eq!(of_peer(Some("Janus <j@x.org>"), "balaur"), author("Janus", "j@x.org"));
        assert_eq!(of_peer(Some("Janus"), "balaur"), author("Janus", "ubos-sync@balaur"));
        assert_eq!(of_peer(Some("a\nb <c\n>"), "p"), author("ab", "c"));
    }
}
