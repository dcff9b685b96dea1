//! Fills the mirror from the remote, on the server, while the laptop is away: its history is then
//! there even if no push ever came. Nothing but the mirror changes. What does not follow from what the
//! mirror has goes to a branch of its own.

use std::collections::BTreeMap;
use std::path::Path;

use ubos_engine::clock;
use ubos_engine::state::StateDir;
use ubos_engine::state::config::backup::Layout;
use ubos_engine::state::config::{Config, Peer};

use super::diverged::{HEADS, Meeting};
use super::place::Place;
use super::push::{Halt, full_name, talk};
use super::trouble::{Trouble, explain};
use crate::git::command::{Answer, Git, ask_in};
use crate::git::error::{BackupError, Result};
use crate::git::lock::BackupLock;
use crate::git::mirror::{Mirrors, settle_head};
use crate::git::names::{DIVERGED, LOGS_BRANCH, MANIFEST_BRANCH};
use crate::git::objects::Oid;

/// What a fetch brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Branches that moved on, and to which commit.
    pub news: Vec<(String, Oid)>,
    /// Branches that went another way at the remote, and under which name that is kept in the mirror.
    pub diverged: Vec<(String, String)>,
}

/// Which branches are fetched.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The branch of the snapshots, `refs/heads/…`; the remote's own main branch otherwise.
    pub main: Option<&'a str>,
    /// The branch of the other territory's files, if it has one.
    pub extra: Option<&'a str>,
}

/// Fetches for the territory at `root` from the remote that its settings name, into the mirror of its
/// pair on this machine, which is made if it is not there.
///
/// # Errors
/// [`BackupError::Usage`] without a remote, or with the name of one that is not known here; as
/// [`fetch()`].
pub fn territory(
    root: &Path,
    config: &Config,
    peer: &Peer,
) -> Result<(Place, Result<Fetched, Trouble>)> {
    let state = StateDir::open(root)?;
    let _lock = BackupLock::take_push(&state)?;
    let settings = &config.backup;
    let given = settings.remote.as_deref().ok_or_else(|| BackupError::Usage {
        message: "there is no remote to fetch from".to_owned(),
        hint: "set `remote` below `[backup]` in `.ubos-sync/config.toml` to its URL".to_owned(),
    })?;
    let mirror = Mirrors::of_user()?.make(&peer.pair)?;
    let place = Place::remote(&mirror, &url(root, given)?)?;
    let main = settings.branch.as_deref().map(full_name);
    let extra = (settings.layout == Layout::Branches).then(|| full_name(&peer.manifests));
    let wanted = Wanted { main: main.as_deref(), extra: extra.as_deref() };
    let fetched = fetch(&mirror, &place, wanted, clock::now().0)?;
    Ok((place, fetched))
}

/// A remote's name, as the laptop's settings have it, means something only in a repository: that of the
/// tree, if there is one.
fn url(root: &Path, given: &str) -> Result<String> {
    if given.contains(['/', ':']) {
        return Ok(given.to_owned());
    }
    let asked = ask_in(root, ["remote", "get-url", "--", given])?;
    if asked.ok() && root.join(".git").symlink_metadata().is_ok() {
        return Ok(asked.text());
    }
    Err(BackupError::Usage {
        message: format!("`{}` is the name of no remote here", given.escape_default()),
        hint:
            "on this machine, set `remote` below `[backup]` in `.ubos-sync/config.toml` to the URL"
                .to_owned(),
    })
}

/// Fetches from `place` into `mirror` at `now`, seconds since 1970.
///
/// # Errors
/// What git says of the mirror. What went wrong with the remote is the inner error.
pub fn fetch(
    mirror: &Git,
    place: &Place,
    wanted: Wanted<'_>,
    now: i64,
) -> Result<Result<Fetched, Trouble>> {
    match bring(mirror, place, wanted, now) {
        Ok(fetched) => {
            settle_head(mirror)?;
            Ok(Ok(fetched))
        }
        Err(Halt::Trouble(trouble)) => Ok(Err(trouble)),
        Err(Halt::Backup(error)) => Err(error),
    }
}

fn bring(mirror: &Git, place: &Place, wanted: Wanted<'_>, now: i64) -> Result<Fetched, Halt> {
    let (head, there) = offered(mirror, place)?;
    let main = wanted.main.map(str::to_owned).or(head);
    let names = [main.as_deref(), wanted.extra, Some(LOGS_BRANCH), Some(MANIFEST_BRANCH)];
    let names: BTreeMap<&String, &Oid> =
        names.into_iter().flatten().filter_map(|name| there.get_key_value(name)).collect();
    let mut fetched = Fetched::default();
    if names.is_empty() {
        return Ok(fetched);
    }
    let before = names.keys().map(|name| mirror.resolve(name)).collect::<Result<Vec<_>>>()?;
    // A branch that went another way is refused; the others move on all the same.
    let specs: Vec<String> = names.keys().map(|name| format!("{name}:{name}")).collect();
    let answer = transfer(mirror, place, &specs)?;
    for ((name, theirs), before) in names.iter().zip(before) {
        let after = mirror.resolve(name)?;
        match after {
            Some(after) if before.as_ref() != Some(&after) => {
                fetched.news.push(((*name).clone(), Oid(after)));
            }
            Some(after) if holds(mirror, &after, theirs)? => {}
            Some(_) if answer.err.contains("non-fast-forward") || answer.ok() => {
                let main = main.as_deref().unwrap_or_default();
                let kept = keep(
                    &Meeting { git: mirror, place, territory: "remote", main, now },
                    name,
                    theirs,
                )?;
                fetched.diverged.push(((*name).clone(), kept));
            }
            _ => return Err(explain(place, &answer.err, &[]).into()),
        }
    }
    Ok(fetched)
}

/// The remote's main branch, and all its branches.
pub(super) fn offered(
    mirror: &Git,
    place: &Place,
) -> Result<(Option<String>, BTreeMap<String, Oid>), Halt> {
    let args = ["--symref", "--", &place.url, "HEAD", "refs/heads/*"].map(str::to_owned);
    let answer = talk(place, mirror, "ls-remote", &args)?;
    if !answer.ok() {
        return Err(explain(place, &answer.err, &[]).into());
    }
    let (mut head, mut there) = (None, BTreeMap::new());
    for (value, name) in answer.text().lines().filter_map(|line| line.split_once('\t')) {
        if let Some(target) = value.strip_prefix("ref: ").filter(|_| name == "HEAD") {
            head = Some(target.to_owned());
        } else if let Some(oid) = Oid::parse(value).filter(|_| name.starts_with(HEADS)) {
            there.insert(name.to_owned(), oid);
        }
    }
    Ok((head, there))
}

fn transfer(mirror: &Git, place: &Place, specs: &[String]) -> Result<Answer, Halt> {
    let how = ["--no-tags", "--no-write-fetch-head", "--refmap=", "--", &place.url];
    let args: Vec<String> =
        how.iter().map(|word| (*word).to_owned()).chain(specs.iter().cloned()).collect();
    talk(place, mirror, "fetch", &args)
}

fn holds(git: &Git, outer: &str, inner: &Oid) -> Result<bool> {
    Ok(git.ask(["merge-base", "--is-ancestor", inner.as_str(), outer])?.ok())
}

/// Keeps what the remote has under a branch of its own, unless one keeps it already.
fn keep(meeting: &Meeting<'_>, name: &str, theirs: &Oid) -> Result<String, Halt> {
    let git = meeting.git;
    let points = format!("--points-at={theirs}");
    // An object that is not here is kept by nothing.
    let known = git.ask(["for-each-ref", "--format=%(refname)", &points, DIVERGED])?;
    if let Some(kept) = known.text().lines().next().filter(|_| known.ok()) {
        return Ok(kept.to_owned());
    }
    let kept = meeting.name_there(name);
    let answer = transfer(git, meeting.place, &[format!("{name}:{kept}")])?;
    if answer.ok() { Ok(kept) } else { Err(explain(meeting.place, &answer.err, &[]).into()) }
}
