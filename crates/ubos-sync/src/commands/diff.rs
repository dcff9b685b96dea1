//! `ubos-sync diff`: what changed between two versions of a file.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, json};

use ubos_core::conflict::Conflict;
use ubos_core::entry::Entry;
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::agent::message::OpenMatter;
use ubos_engine::backups::{self, Store};
use ubos_engine::error::EngineError;
use ubos_engine::fs::open_file_in;
use ubos_engine::history::mark::Mark;
use ubos_engine::history::restore::Whereabouts;
use ubos_engine::history::trail;
use ubos_engine::history::versions::turns;
use ubos_engine::state::{matters, texts};

use super::history::{nothing_known, one};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::{Past, agreed};
use crate::render::command::about;
use crate::render::diff::{self, Shown};
use crate::render::json::put_path;
use crate::ui::Ui;
use crate::ui::sanitize::one_line;

/// Show what changed in a file
///
/// Of an open conflict: both versions, against the last agreed one where that is known. Otherwise
/// what changed here since the last sync, or since the run or time that `--at` names. Works without
/// the peer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync diff docs/plan.md            since the last sync, or both sides
  ubos-sync diff docs/plan.md --at last  since just before the last run
  ubos-sync diff docs/plan.md --at 3d    since three days ago")]
pub(crate) struct DiffArgs {
    /// The file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Against the version just before this run, or at this time (see `ubos-sync restore --help`)
    #[arg(long, value_name = "RUN|TIME")]
    at: Option<String>,
}

/// A version with its label; without content where nothing stood.
struct Version {
    label: String,
    bytes: Option<Vec<u8>>,
}

impl Version {
    fn shown(&self) -> Shown<'_> {
        Shown { label: &self.label, bytes: self.bytes.as_deref() }
    }
}

/// Carries it out.
pub(crate) fn run(args: &DiffArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    if past.present(&path) == Mark::Folder {
        return Err(Failure::usage(
            format!("`{path}` is a folder"),
            format!(
                "name a file in it; `{}` lists its versions",
                about("history", path.as_bytes(), "")
            ),
        ));
    }
    let versions = match &args.at {
        Some(at) => since(&past, &path, at)?,
        None => match conflict(&past, &path)? {
            Some(conflict) => of_conflict(&past, &conflict)?,
            None => since_agreed(&past, &path)?,
        },
    };
    show(&path, &versions, ui)
}

fn show(path: &RelPath, versions: &[Version], ui: &Ui) -> Outcome {
    if ui.json() {
        let rows = versions.iter().map(|version| {
            let text = version.bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes));
            json!({
                "of": version.label, "size": version.bytes.as_ref().map(Vec::len), "text": text,
            })
        });
        let mut document = Map::new();
        document.insert("schema".into(), 1.into());
        put_path(&mut document, "path", path);
        document.insert("versions".into(), rows.collect::<Vec<_>>().into());
        document.insert("exit".into(), 0.into());
        ui.document(&document.into())?;
        return Ok(0);
    }
    let text = match versions {
        [old, new] if old.bytes == new.bytes => {
            let name = one_line(&path.to_string());
            format!(
                "{name}: no difference between {} and {}.\n",
                one_line(&old.label),
                one_line(&new.label)
            )
        }
        [old, new] => diff::two(&old.shown(), &new.shown(), ui.width(), ui),
        [base, here, there] => {
            diff::three(&base.shown(), &here.shown(), &there.shown(), ui.width(), ui)
        }
        _ => String::new(),
    };
    ui.page(&text)?;
    Ok(0)
}

fn here_now(past: &Past, path: &RelPath) -> Result<Version, Failure> {
    let label = format!("{} now", past.names.here);
    let bytes = match past.state.root().open_file(path) {
        Ok((fd, _)) => Some(read(File::from(fd), past, path)?),
        Err(_) => link_text(&past.present(path)),
    };
    Ok(Version { label, bytes })
}

fn link_text(mark: &Mark) -> Option<Vec<u8>> {
    match mark {
        Mark::Link(text) => Some(format!("link to {text}\n").into_bytes()),
        _ => None,
    }
}

fn read(mut file: File, past: &Past, path: &RelPath) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|e| EngineError::io("read", past.state.root().path().join(path.to_string()), e))?;
    Ok(bytes)
}

fn conflict(past: &Past, path: &RelPath) -> Result<Option<Conflict>, Failure> {
    let matters = matters::load(&past.state, &past.peer.pair)?;
    Ok(matters.into_iter().find_map(|matter| match matter {
        OpenMatter::Conflict(conflict) if conflict.path == *path => Some(*conflict),
        _ => None,
    }))
}

/// Both versions of a conflict, after the last agreed one if that is known.
fn of_conflict(past: &Past, conflict: &Conflict) -> Result<Vec<Version>, Failure> {
    let path = &conflict.path;
    let here = here_now(past, path)?;
    let label = format!("{} when last synced", past.names.there);
    let there = match conflict.sides.get(Side::There).as_ref().map(|seen| &seen.entry) {
        Some(Entry::File { digest, .. }) => {
            let kept = texts::version(&past.state, &past.peer.pair, *digest)?;
            Some(kept.ok_or_else(|| {
                Failure::usage(
                    format!("the version of {} is not kept here", past.names.there),
                    format!(
                        "`{}` shows what is known of it",
                        about("conflicts", path.as_bytes(), "")
                    ),
                )
            })?)
        }
        Some(entry) => link_text(&Mark::of(Some(entry))),
        None => None,
    };
    let there = Version { label, bytes: there };
    let base = match conflict.base.entry().and_then(Entry::digest) {
        Some(digest) => texts::base_text(&past.state, &past.peer.pair, digest)?,
        None => None,
    };
    Ok(match base {
        Some(text) => {
            vec![Version { label: "last agreed version".into(), bytes: Some(text) }, here, there]
        }
        None => vec![here, there],
    })
}

fn since_agreed(past: &Past, path: &RelPath) -> Result<Vec<Version>, Failure> {
    let table = past.baseline()?;
    let agreed = agreed(table.as_ref(), path);
    let here = here_now(past, path)?;
    let label = "last agreed version".to_owned();
    let bytes = match &agreed {
        Mark::File { digest, .. } => {
            let stands = past.present(path).digest() == Some(*digest);
            match texts::base_text(&past.state, &past.peer.pair, *digest)? {
                None if stands => here.bytes.clone(),
                None => {
                    return Err(Failure::usage(
                        format!("the text of `{path}` that both sides last agreed on is not kept"),
                        format!(
                            "`{}` compares with a former version",
                            about("diff", path.as_bytes(), "--at last")
                        ),
                    ));
                }
                text => text,
            }
        }
        mark => link_text(mark),
    };
    Ok(vec![Version { label, bytes }, here])
}

fn since(past: &Past, path: &RelPath, at: &str) -> Result<Vec<Version>, Failure> {
    let since = past.since(at)?;
    let trail = trail::of_path(&past.state, path)?;
    let turns = turns(path, &trail);
    let here = here_now(past, path)?;
    let label = format!("as it was {}", since.words());
    let Some(turn) = one(&turns, path, &past.names.here, &since) else {
        if turns.is_empty() && here.bytes.is_none() {
            return Err(nothing_known(path, past));
        }
        let bytes = here.bytes.clone();
        return Ok(vec![Version { label, bytes }, here]);
    };
    let finder = past.finder(&trail);
    let bytes = match (&turn.ended, finder.find(turn)?) {
        (Mark::Absent, _) => None,
        (mark @ (Mark::Link(_) | Mark::Folder), _) => link_text(mark),
        (_, Whereabouts::Here { run, stored }) => Some(kept(past, &run, &stored)?),
        (Mark::File { digest, .. }, found) => {
            let text = match past.present(path).digest() == Some(*digest) {
                true => here.bytes.clone(),
                false => texts::base_text(&past.state, &past.peer.pair, *digest)?,
            };
            Some(text.ok_or_else(|| not_here(past, path, &found, &turn.change.run))?)
        }
    };
    Ok(vec![Version { label, bytes }, here])
}

fn kept(past: &Past, run: &str, stored: &RelPath) -> Result<Vec<u8>, Failure> {
    let failed =
        |e| EngineError::io("read", past.state.path(&format!("backups/{run}/{stored}")), e);
    let place = backups::existing(&past.state, Store::Backups, run, stored).map_err(failed)?;
    let place = place.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    let (fd, _) = open_file_in(place.dir.as_fd(), &place.name).map_err(failed)?;
    read(File::from(fd), past, stored)
}

fn not_here(past: &Past, path: &RelPath, found: &Whereabouts, run: &str) -> Failure {
    let restore = about("restore", path.as_bytes(), &format!("--at {run}"));
    match found {
        Whereabouts::Peer { .. } => Failure::usage(
            format!("that version of `{path}` is kept on {} only", past.names.there),
            format!("`{restore}` brings it here"),
        ),
        Whereabouts::Part => Failure::usage(
            format!("`{path}` only grew since: that version is its beginning"),
            format!("`{}` lists its versions", about("history", path.as_bytes(), "")),
        ),
        Whereabouts::Sealed { place } => Failure::usage(
            format!("that version of `{path}` is a sealed log"),
            format!("it is in `{place}`"),
        ),
        _ => Failure::usage(
            format!("that version of `{path}` is no longer kept"),
            format!("`{}` lists those that are", about("history", path.as_bytes(), "")),
        ),
    }
}
