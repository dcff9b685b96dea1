//! Files that hold secrets by their very name: keys, credentials, settings of plugins that are known
//! to keep a key in them.

use ubos_core::path::RelPath;

use super::Finding;

/// What the path alone says.
pub(super) fn examine(path: &RelPath) -> Option<Finding> {
    let (rule, what) = judge(path)?;
    Some(Finding::new(rule, path, b"", what))
}

/// What the path says once the beginning of the content has been seen: a presentation of Keynote is
/// named like a key.
pub(super) fn examine_content(path: &RelPath, content: &[u8]) -> Option<Finding> {
    let name = path.name().to_ascii_lowercase();
    let is_presentation = content.starts_with(b"PK\x03\x04");
    if !name.ends_with(b".key") || is_presentation || content.is_empty() {
        return None;
    }
    Some(Finding::new("key-file", path, b"", "a file named as a private key"))
}

/// Names that are secret with everything in them.
const NAMES: [(&[u8], &str); 12] = [
    (b".netrc", "passwords of servers"),
    (b"_netrc", "passwords of servers"),
    (b".git-credentials", "passwords of git"),
    (b".pgpass", "passwords of PostgreSQL"),
    (b".my.cnf", "passwords of MySQL"),
    (b".pypirc", "a token of PyPI"),
    (b".htpasswd", "passwords of a web server"),
    (b".s3cfg", "keys of a cloud storage"),
    (b".vault-token", "a token of Vault"),
    (b".vault_pass", "a password of Ansible"),
    (b"secring.gpg", "private keys of GnuPG"),
    (b"smart_env.json", "keys of the Smart Connections plugin"),
];

/// Endings of names, in lower case.
const ENDINGS: [(&[u8], &str, &str); 9] = [
    (b".pem", "key-file", "keys or certificates"),
    (b".p12", "key-file", "a key store"),
    (b".pfx", "key-file", "a key store"),
    (b".jks", "key-file", "a key store"),
    (b".keystore", "key-file", "a key store"),
    (b".ppk", "key-file", "a private key of PuTTY"),
    (b".token", "token-file", "a file named as a token"),
    (b".kdb", "key-file", "a store of passwords"),
    (b".mobileprovision", "key-file", "a provisioning profile"),
];

/// The last components of paths, in lower case.
const PLACES: [(&[u8], &str); 4] = [
    (b"plugins/obsidian-local-rest-api/data.json", "the key of the Local REST API plugin"),
    (b".smart-env/smart_env.json", "keys of the Smart Connections plugin"),
    (b".aws/credentials", "keys of AWS"),
    (b".kube/config", "keys of a cluster"),
];

fn judge(path: &RelPath) -> Option<(&'static str, &'static str)> {
    let whole = path.as_bytes().to_ascii_lowercase();
    let name = path.name().to_ascii_lowercase();
    if let Some((_, what)) = PLACES.iter().find(|(place, _)| ends_in(&whole, place)) {
        return Some(("secret-place", what));
    }
    if let Some((_, what)) = NAMES.iter().find(|(known, _)| name == *known) {
        return Some(("secret-name", what));
    }
    if name.starts_with(b".git_credentials_input") {
        return Some(("secret-name", "passwords that git was given"));
    }
    if is_environment(&name) {
        return Some(("env-file", "settings of an environment, which hold passwords as a rule"));
    }
    if is_ssh_key(&name) {
        return Some(("ssh-key", "a private key of ssh"));
    }
    let found = ENDINGS.iter().find(|(ending, ..)| name.ends_with(ending) && name != *ending);
    found.map(|(_, rule, what)| (*rule, *what))
}

/// Whether the path's last components are those of `place`.
fn ends_in(path: &[u8], place: &[u8]) -> bool {
    path.strip_suffix(place).is_some_and(|before| before.is_empty() || before.ends_with(b"/"))
}

/// `.env`, `.env.local`, `.envrc`, `prod.env`; not the samples that are made to be shared.
fn is_environment(name: &[u8]) -> bool {
    if let Some(stem) = name.strip_suffix(b".env").filter(|stem| !stem.is_empty()) {
        let samples: [&[u8]; 5] = [b"example", b"sample", b"template", b"dist", b"default"];
        return !samples
            .iter()
            .any(|sample| stem.windows(sample.len()).any(|part| part == *sample));
    }
    let Some(rest) = name.strip_prefix(b".env") else { return false };
    let samples: [&[u8]; 6] =
        [b".example", b".sample", b".template", b".dist", b".defaults", b".md"];
    let ending = matches!(rest.first(), None | Some(b'.' | b'-' | b'_')) || rest == b"rc";
    ending && !samples.iter().any(|sample| rest.ends_with(sample))
}

/// `id_rsa`, `id_ed25519_work`, `id_rsa.old`; not `id_rsa.pub`, nor a note about one.
fn is_ssh_key(name: &[u8]) -> bool {
    let kinds: [&[u8]; 4] = [b"id_rsa", b"id_dsa", b"id_ecdsa", b"id_ed25519"];
    let Some(rest) = kinds.iter().find_map(|kind| name.strip_prefix(*kind)) else { return false };
    let copies: [&[u8]; 4] = [b".old", b".bak", b".orig", b".backup"];
    let stem = copies.iter().find_map(|copy| rest.strip_suffix(*copy)).unwrap_or(rest);
    matches!(stem.first(), None | Some(b'_' | b'-')) && !stem.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str) -> Option<&'static str> {
        judge(&RelPath::new(path).unwrap()).map(|(rule, _)| rule)
    }

    #[test]
    fn files_of_secrets_are_known_by_name() {
        for path in [
            ".env",
            "app/.env.local",
            "app/.ENV",
            ".env.production",
            ".envrc",
            "deploy/prod.env",
            "certs/server.PEM",
            "a.p12",
            "a.pfx",
            "ssh/id_rsa",
            "ssh/id_ed25519",
            "ssh/id_ed25519_sk",
            "ssh/id_ecdsa-work",
            "id_rsa.old",
            "home/.netrc",
            "github.token",
            ".smart-env/smart_env.json",
            ".obsidian/plugins/obsidian-local-rest-api/data.json",
            ".git_credentials_input_1",
            ".aws/credentials",
        ] {
            assert!(rule(path).is_some(), "{path}");
        }
    }

    #[test]
    fn their_likes_are_not() {
        for path in [
            ".env.example",
            "env",
            "example.env",
            "app.sample.env",
            ".environment",
            "docs/.env.md",
            "id_rsa.pub",
            "id_ed25519_work.pub",
            "id_rsa.md",
            "id_rsakey.md",
            "notes/id_rsa howto.md",
            "public.pub",
            "pem",
            ".token",
            "my-plugins/obsidian-local-rest-api/data.json.md",
            "notes/aws/credentials",
            "talk.key",
            "a.pem.md",
            "netrc.md",
        ] {
            assert_eq!(rule(path), None, "{path}");
        }
    }

    #[test]
    fn a_key_is_told_from_a_presentation_by_its_content() {
        let path = RelPath::new("talk.KEY").unwrap();
        assert!(examine_content(&path, b"-----BEGIN").is_some());
        assert!(examine_content(&path, b"PK\x03\x04slides").is_none());
        assert!(examine_content(&RelPath::new("a.md").unwrap(), b"-----BEGIN").is_none());
    }
}
