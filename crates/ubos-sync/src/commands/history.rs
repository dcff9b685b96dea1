//! `ubos-sync history`: the versions that a path had.

use std::path::PathBuf;

use clap::Args;

use ubos_core::path::RelPath;
use ubos_engine::backups::{self, Store};
use ubos_engine::clock;
use ubos_engine::history::mark::Mark;
use ubos_engine::history::restore::Whereabouts;
use ubos_engine::history::trail;
use ubos_engine::history::versions::{Turn, turns};

use crate::backup::versions;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::past::Past;
use crate::render::command::about;
use crate::render::history::{self as render, Former};
use crate::render::units::plural;
use crate::ui::sanitize::one_line;
use crate::ui::{Tone, Ui};

/// List the versions that a file or folder had
///
/// Known are those that a sync replaced, deleted or moved, on either territory, newest first, with
/// the run that did it and where the content is kept; and those that only the snapshots in git have.
/// Works without the peer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync history docs/plan.md           every known version of a file
  ubos-sync history docs/                  what a folder lost, run by run
  ubos-sync restore docs/plan.md --at RUN  bring back what the run replaced")]
pub(crate) struct HistoryArgs {
    /// The file or folder
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

/// Carries it out.
pub(crate) fn run(args: &HistoryArgs, global: &Global, ui: &Ui) -> Outcome {
    let past = Past::open(global)?;
    let path = past.path(&args.path)?;
    let trail = trail::of_path(&past.state, &path)?;
    let turns = turns(&path, &trail);
    let finder = past.finder(&trail);
    let mut formers = Vec::new();
    for turn in turns.iter().filter(|turn| turn.is_version()) {
        let content = finder.find(turn)?;
        let size = turn.change.before_size.or_else(|| kept_size(&past, &content));
        formers.push(Former { turn, size, content });
    }
    let now = past.present(&path);
    let in_git = in_git(&past, &path, &now, &formers, ui);
    let growths = turns.iter().filter(|turn| turn.is_growth()).count();
    if ui.json() {
        let mut document = serde_json::Map::new();
        document.insert("schema".into(), 1.into());
        crate::render::json::put_path(&mut document, "path", &path);
        document.insert("now".into(), render::mark_json(&now, size_now(&past, &path)));
        let versions: Vec<_> = formers.iter().map(render::version_json).collect();
        document.insert("versions".into(), versions.into());
        document.insert("grown".into(), growths.into());
        document.insert("git".into(), in_git.iter().map(render::git_json).collect());
        document.insert("exit".into(), 0.into());
        ui.document(&document.into())?;
        return Ok(0);
    }
    let is_folder = now == Mark::Folder
        || formers
            .iter()
            .any(|former| former.turn.target != path || former.turn.ended == Mark::Folder);
    let text = match is_folder {
        true => folder(&path, &formers, &past, ui),
        false => file(&path, &formers, &now, &past, ui),
    };
    let grown = match growths {
        0 => String::new(),
        many => {
            format!("It grew {}; what was there then still stands at its beginning.\n", times(many))
        }
    };
    ui.page(&(text + &grown + &render::git(&path, &in_git, ui)))?;
    Ok(0)
}

/// What git has beside the versions that are told already. Where it cannot be asked there is a
/// warning, and the rest all the same.
fn in_git(
    past: &Past,
    path: &RelPath,
    now: &Mark,
    formers: &[Former<'_>],
    ui: &Ui,
) -> Vec<versions::Version> {
    let is_kept = |former: &&Former<'_>| !matches!(former.content, Whereabouts::Gone);
    let told = formers.iter().filter(is_kept).map(|former| &former.turn.ended);
    let known = told.chain([now]).filter_map(|mark| match mark {
        Mark::File { digest, .. } => Some(*digest),
        _ => None,
    });
    let found = versions::beside(&past.state, &past.config, &past.peer, path, &known.collect());
    found.unwrap_or_else(|error| {
        ui.warning(&one_line(&format!("git could not be asked: {error}; {}", error.hint())));
        Vec::new()
    })
}

fn times(count: usize) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn kept_size(past: &Past, content: &Whereabouts) -> Option<u64> {
    let Whereabouts::Here { run, stored } = content else { return None };
    let place = backups::existing(&past.state, Store::Backups, run, stored).ok()??;
    Some(place.stamp().ok()??.size)
}

fn size_now(past: &Past, path: &RelPath) -> Option<u64> {
    let (_, stat) = past.state.root().open_file(path).ok()?;
    u64::try_from(stat.st_size).ok()
}

fn file(path: &RelPath, formers: &[Former<'_>], now: &Mark, past: &Past, ui: &Ui) -> String {
    let mut text =
        format!("{}: {}\n", one_line(&path.to_string()), plural(formers.len(), "former version"));
    text.push_str(&render::now(now, size_now(past, path), ui));
    for former in formers {
        text.push_str(&render::version(former, path, ui));
    }
    text + &next_steps(path, formers, past)
}

/// Grouped by run: what each took away.
fn folder(path: &RelPath, formers: &[Former<'_>], past: &Past, ui: &Ui) -> String {
    let runs: Vec<&str> = formers.iter().map(|former| former.turn.change.run.as_str()).collect();
    let mut text = String::new();
    for (index, former) in formers.iter().enumerate() {
        let change = &former.turn.change;
        if index == 0 || runs[index - 1] != change.run {
            let command = past.runs.get(&change.run).map(|run| run.command.as_str());
            let command = command.filter(|word| !word.is_empty()).unwrap_or("was cut off");
            let head = format!("{}  {command}", clock::local(&change.time));
            let head = ui.tone(Tone::Strong, &head);
            text.push_str(&format!(
                "{head}  {}\n",
                ui.tone(Tone::Faint, &format!("run {}", change.run))
            ));
        }
        text.push_str(&render::below(former));
    }
    text + &next_steps(path, formers, past)
}

fn next_steps(path: &RelPath, formers: &[Former<'_>], past: &Past) -> String {
    if formers.is_empty() {
        let begin = past.begin.as_deref().map(clock::local);
        let begin = begin.map(|time| format!(" since {time}")).unwrap_or_default();
        return format!("No sync replaced, deleted or moved anything of it{begin}.\n");
    }
    let path = path.as_bytes();
    format!(
        "Bring one back:  {}\nCompare:         {}\n",
        about("restore", path, "--at RUN"),
        about("diff", path, "--at RUN")
    )
}

/// The turn of a single path that `since` finds, for the commands that want one version.
pub(crate) fn one<'t>(
    turns: &'t [Turn],
    path: &RelPath,
    here: &str,
    since: &crate::past::Since,
) -> Option<&'t Turn> {
    let found =
        ubos_engine::history::versions::in_force(turns, here, |change| since.covers(change));
    found.get(path).copied()
}

/// What is said where nothing is on record.
pub(crate) fn nothing_known(path: &RelPath, past: &Past) -> Failure {
    Failure::usage(
        format!("no former version of `{path}` is known"),
        format!(
            "a version is kept when a sync replaces or deletes it; {}",
            match past.begin.as_deref() {
                Some(begin) => format!("the record begins {}", clock::local(begin)),
                None => "there was no sync yet".into(),
            }
        ),
    )
}
