//! Where a peer is: `[user@]host:/abs/path`, `ssh://[user@]host[:port]/abs/path`, or `/abs/path`.

use std::fmt;
use std::path::{Path, PathBuf};

/// A parsed address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A folder on this machine.
    Local(PathBuf),
    /// A folder reached over ssh.
    Ssh {
        /// The user, if not ssh's own choice.
        user: Option<String>,
        /// Host name, alias of ssh's configuration, or IP address.
        host: String,
        /// The port, if not ssh's own choice.
        port: Option<u16>,
        /// The root there.
        path: PathBuf,
    },
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Address, String> {
        if text.starts_with('/') {
            return Ok(Address::Local(PathBuf::from(text)));
        }
        let (place, port, path) = match text.strip_prefix("ssh://") {
            Some(rest) => {
                let (place, path) = rest
                    .find('/')
                    .map(|at| rest.split_at(at))
                    .ok_or_else(|| format!("`{text}` names no folder on the host"))?;
                let (place, port) = split_port(place)?;
                (place, port, path)
            }
            None => match text.split_once(":/") {
                Some((place, _)) => (place, None, &text[place.len() + 1..]),
                None => {
                    return Err(format!(
                        "`{text}` is no address; use user@host:/absolute/path, ssh://user@host:port/absolute/path or /absolute/path"
                    ));
                }
            },
        };
        let (user, host) = match place.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, place),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        for (what, word) in [("host", Some(host)), ("user", user)] {
            if let Some(word) = word.filter(|word| !is_plain(word)) {
                return Err(format!("`{word}` cannot be a {what}"));
            }
        }
        Ok(Address::Ssh {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            path: PathBuf::from(path),
        })
    }

    /// The root at this address.
    pub fn root(&self) -> &Path {
        match self {
            Address::Local(path) | Address::Ssh { path, .. } => path,
        }
    }
}

/// Host and user must not be taken for an option or be expanded by anything.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-%".contains(&b))
}

fn split_port(place: &str) -> Result<(&str, Option<u16>), String> {
    match place.rsplit_once(':') {
        Some((host, port))
            if !port.ends_with(']') && !host.contains(':') || place.contains("]:") =>
        {
            let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
            Ok((host, Some(port)))
        }
        _ => Ok((place, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Local(path) => write!(f, "{}", path.display()),
            Address::Ssh { user, host, port, path } => {
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                match port {
                    Some(port) => write!(f, "ssh://{user}{host}:{port}{}", path.display()),
                    None => write!(f, "{user}{host}:{}", path.display()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ssh(user: Option<&str>, host: &str, port: Option<u16>) -> Address {
        let user = user.map(str::to_owned);
        Address::Ssh { user, host: host.into(), port, path: "/srv/janus".into() }
    }

    #[test]
    fn the_three_forms_are_read() {
        let cases = [
            ("balaur:/srv/janus", ssh(None, "balaur", None)),
            ("me@balaur:/srv/janus", ssh(Some("me"), "balaur", None)),
            ("ssh://me@10.0.0.1:2222/srv/janus", ssh(Some("me"), "10.0.0.1", Some(2222))),
            ("ssh://[::1]:22/srv/janus", ssh(None, "::1", Some(22))),
            ("ssh://balaur/srv/janus", ssh(None, "balaur", None)),
        ];
        for (text, expected) in cases {
            assert_eq!(Address::parse(text), Ok(expected), "{text}");
        }
        assert_eq!(Address::parse("/srv"), Ok(Address::Local("/srv".into())));
    }

    #[test]
    fn what_could_be_an_option_or_be_expanded_is_refused() {
        for text in [
            "-oProxyCommand=x:/p",
            "a b:/p",
            "$(x):/p",
            "host:relative",
            "ssh://host",
            "ssh://h:x/p",
            "u;x@h:/p",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
