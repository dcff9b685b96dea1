//! How git reaches a place, without a prompt and with the very ssh options of the sync.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use ubos_engine::link::{self, Address, INSTALLED_AGENT, Target};
use ubos_engine::state::config::Peer;

use crate::git::command::Git;
use crate::git::error::{BackupError, Result};
use crate::git::mirror::Mirrors;

/// The longest that one conversation with a place may take. A link that is dead is noticed much
/// sooner; this ends one that crawls, and what was given in earlier parts stays.
const LIMIT: Duration = Duration::from_secs(6 * 3600);
/// What holds for every conversation: a stalled transfer ends, and nothing of the user's settings
/// adds to what is given.
const SETTINGS: [&str; 9] = [
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "fetch.recurseSubmodules=no",
    "fetch.fsckObjects=true",
    "fetch.prune=false",
    "advice.pushUpdateRejected=false",
];

/// Which of the places it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The bare mirror on the machine of the peer.
    Mirror,
    /// The user's own remote.
    Remote,
}

impl Kind {
    /// The word for it in records, references and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Mirror => "mirror",
            Kind::Remote => "remote",
        }
    }
}

/// A place that holds the history.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name in records and references.
    pub name: String,
    /// Which it is.
    pub kind: Kind,
    /// Where it is, for people: the peer's name, or the remote without a password in it.
    pub shown: String,
    /// What git is told: the name of a remote, a URL, or a folder.
    pub url: String,
    /// What tells this place from another that had its name before.
    pub identity: String,
    /// The programs at the far end that take a push and give a fetch, if not git's own.
    programs: Option<[String; 2]>,
    /// What git starts as ssh.
    ssh: Option<String>,
    /// The peer, where ssh's failures can be explained by the words of the sync.
    pub peer: Option<Target>,
}

impl Place {
    /// The mirror on the machine of the peer `name`; in that user's data on this machine if the
    /// address is a plain path. `None` if this side has no address for the peer.
    ///
    /// # Errors
    /// What [`Mirrors::make`] says of a mirror on this machine; [`BackupError::Usage`] for an address
    /// or a pair that cannot be.
    pub fn mirror(name: &str, peer: &Peer, mirrors: &Mirrors) -> Result<Option<Place>> {
        let Some(text) = &peer.address else { return Ok(None) };
        let address = Address::parse(text).map_err(|message| BackupError::Usage {
            message,
            hint: "correct the peer's address in `.ubos-sync/config.toml`".into(),
        })?;
        // Refuses what is no id, whichever way the mirror is reached.
        mirrors.folder(&peer.pair)?;
        let place = Place {
            name: Kind::Mirror.word().to_owned(),
            kind: Kind::Mirror,
            shown: name.to_owned(),
            url: String::new(),
            identity: format!("{}:{}", peer.pair, peer.replica),
            programs: None,
            ssh: None,
            peer: None,
        };
        let Address::Ssh { .. } = &address else {
            let git = mirrors.make(&peer.pair)?;
            let url = text_of(git.dir())?;
            return Ok(Some(Place { url, ..place }));
        };
        let target = Target {
            peer: name.to_owned(),
            address,
            agent: peer.agent.clone(),
            program: "ubos-sync".into(),
            build: String::new(),
            apart: false,
        };
        Ok(Some(Place {
            url: mirror_url(&target.address, &peer.pair),
            programs: Some(programs(peer.agent.as_deref())),
            ssh: Some(link::ssh_words()),
            peer: Some(target),
            ..place
        }))
    }

    /// The user's remote: the name of one in the repository, a URL, or a folder.
    ///
    /// # Errors
    /// [`BackupError::Usage`] for what git would take for an option; what git says.
    pub fn remote(git: &Git, given: &str) -> Result<Place> {
        if given.is_empty() || given.starts_with('-') || given.contains(['\n', '\0']) {
            return Err(BackupError::Usage {
                message: format!("`{}` cannot be a remote", given.escape_default()),
                hint: "set `remote` below `[backup]` in `.ubos-sync/config.toml` to a remote's name, a URL or a folder".into(),
            });
        }
        let named = git.ask(["remote", "get-url", "--push", "--", given])?;
        let identity = if named.ok() { named.text() } else { given.to_owned() };
        Ok(Place {
            name: Kind::Remote.word().to_owned(),
            kind: Kind::Remote,
            shown: without_password(&identity),
            url: given.to_owned(),
            identity: without_password(&identity),
            programs: None,
            ssh: ssh_of_user(git)?,
            peer: None,
        })
    }

    /// The same place with the program where `init` installs it, if so far it was looked for in the
    /// far side's PATH alone.
    pub fn installed(&self) -> Option<Place> {
        let target = self.peer.as_ref().filter(|target| target.agent.is_none())?;
        let target = Target { agent: Some(INSTALLED_AGENT.to_owned()), ..target.clone() };
        let programs = Some(programs(target.agent.as_deref()));
        Some(Place { programs, peer: Some(target), ..self.clone() })
    }

    /// git for `repository`, ready to talk to this place.
    pub fn git(&self, repository: &Git) -> Git {
        let git = repository.within(LIMIT).with("GCM_INTERACTIVE", "never");
        match &self.ssh {
            Some(line) => git.with("GIT_SSH_COMMAND", line),
            None => git,
        }
    }

    /// The first words of a command that talks to this place: settings, then the command's name.
    pub fn words(&self, command: &str) -> Vec<String> {
        let mut words: Vec<String> =
            SETTINGS.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
        words.push(command.to_owned());
        if let Some([receive, upload]) = &self.programs {
            words.push(match command {
                "push" => format!("--receive-pack={receive}"),
                _ => format!("--upload-pack={upload}"),
            });
        }
        words
    }

    /// Whether anything but a program of this machine takes part.
    pub fn is_local(&self) -> bool {
        self.url.starts_with('/')
    }
}

/// The commands at the far end, beside the agent there.
fn programs(agent: Option<&str>) -> [String; 2] {
    let program = agent.and_then(|agent| agent.strip_suffix(" agent")).unwrap_or("ubos-sync");
    ["receive-pack", "upload-pack"].map(|word| format!("{program} backup {word}"))
}

/// The only thing that is named at the far end is the pair.
fn mirror_url(address: &Address, pair: &str) -> String {
    let Address::Ssh { user, host, port, .. } = address else { return String::new() };
    // git decodes what stands in a URL.
    let literal = |word: &str| word.replace('%', "%25");
    let user = user.as_ref().map(|user| format!("{}@", literal(user))).unwrap_or_default();
    let host = if host.contains(':') { format!("[{}]", literal(host)) } else { literal(host) };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("ssh://{user}{host}{port}/{pair}")
}

/// The ssh that the user set for the repository, with our options behind theirs (of an option that
/// is given twice ssh takes the first), or ours. A program that is not OpenSSH gets none of them.
fn ssh_of_user(git: &Git) -> Result<Option<String>> {
    let set = git.ask(["config", "--get", "core.sshCommand"])?;
    let words = link::ssh_words();
    if !set.ok() || set.text().trim().is_empty() {
        return Ok(Some(words));
    }
    let line = set.text();
    let first = line.split_whitespace().next().unwrap_or_default();
    let open_ssh = Path::new(first).file_name().is_some_and(|name| name == "ssh");
    let options = words.strip_prefix("ssh").unwrap_or_default();
    Ok(Some(if open_ssh { format!("{line}{options}") } else { line }))
}

/// A URL as it may be shown and kept: without a password or token.
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match place.rsplit_once('@') {
        Some((user, host)) if !scheme.contains("ssh") || user.contains(':') => {
            format!("{scheme}://{host}{path}")
        }
        _ => url.to_owned(),
    }
}

fn text_of(path: &Path) -> Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| BackupError::Usage {
        message: format!("the folder of the mirror, `{}`, is not UTF-8", path.display()),
        hint: "set XDG_DATA_HOME to a folder whose name is".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "0123456789abcdef0123456789abcdef";

    fn peer(address: &str, agent: Option<&str>) -> Peer {
        Peer {
            address: Some(address.into()),
            pair: PAIR.into(),
            replica: "r".into(),
            owner: true,
            manifests: "balaur".into(),
            agent: agent.map(str::to_owned),
        }
    }

    fn mirror(address: &str, agent: Option<&str>) -> Place {
        let mirrors = Mirrors::below(Path::new("/nowhere"));
        Place::mirror("balaur", &peer(address, agent), &mirrors).unwrap().unwrap()
    }

    #[test]
    fn a_mirror_over_ssh_is_named_by_its_pair_alone() {
        let place = mirror("me@balaur:/srv/it's here", None);
        assert_eq!(place.url, format!("ssh://me@balaur/{PAIR}"));
        assert!(
            place.words("push").contains(&"--receive-pack=ubos-sync backup receive-pack".into())
        );
        let installed = place.installed().unwrap();
        let fetch = "--upload-pack=.local/bin/ubos-sync backup upload-pack";
        assert!(installed.words("fetch").contains(&fetch.into()));
        assert!(installed.installed().is_none());
        let place = mirror("ssh://[fe80::1%eth0]:2222/srv", Some("/opt/ubos-sync agent"));
        assert_eq!(place.url, format!("ssh://[fe80::1%25eth0]:2222/{PAIR}"));
        let push = "--receive-pack=/opt/ubos-sync backup receive-pack";
        assert!(place.words("push").contains(&push.into()));
    }

    #[test]
    fn a_path_peer_has_its_mirror_in_this_users_data() {
        let data = tempfile::tempdir().unwrap();
        let mirrors = Mirrors::below(data.path());
        let place = Place::mirror("balaur", &peer("/srv", None), &mirrors).unwrap().unwrap();
        assert!(place.is_local() && place.url.starts_with(data.path().to_str().unwrap()));
        let away = Peer { address: None, ..peer("/srv", None) };
        assert!(Place::mirror("balaur", &away, &mirrors).unwrap().is_none());
    }

    #[test]
    fn the_users_own_ssh_is_kept_and_made_silent() {
        let folder = tempfile::tempdir().unwrap();
        let git = Git::at(folder.path().join("r.git"));
        git.run(["init", "--quiet", "--bare"]).unwrap();
        let ssh = |git: &Git| Place::remote(git, "git@host:x").unwrap().ssh.unwrap();
        assert_eq!(ssh(&git), link::ssh_words());
        git.run(["config", "core.sshCommand", "ssh -i ~/.ssh/key"]).unwrap();
        assert!(ssh(&git).starts_with("ssh -i ~/.ssh/key -T -o BatchMode=yes "), "{}", ssh(&git));
        git.run(["config", "core.sshCommand", "plink -batch"]).unwrap();
        assert_eq!(ssh(&git), "plink -batch");
        assert_eq!(Place::remote(&git, "--upload-pack=x").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn no_password_is_shown() {
        for (url, shown) in [
            ("https://me:secret@host/x.git", "https://host/x.git"),
            ("https://ghp_token@github.com/a/b", "https://github.com/a/b"),
            ("ssh://git@host:22/x", "ssh://git@host:22/x"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git"),
            ("/mnt/disk/x@y.git", "/mnt/disk/x@y.git"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
