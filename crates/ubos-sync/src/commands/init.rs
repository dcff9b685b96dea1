//! `ubos-sync init`: makes two folders a pair.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use ubos_engine::link::{Address, Target};
use ubos_engine::pairing::InitRequest;

use super::{BUILD, install, program};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::territory;
use crate::ui::sanitize::sanitize;
use crate::ui::{Tone, Ui};

/// Make this folder and a peer's a pair
///
/// Both folders get a private `.ubos-sync/` with an identity; the manifests of the standard layout
/// are written to `config/` where none exist. No file is synced yet. Safe to repeat.
#[derive(Debug, Args)]
#[command(after_help = "\
The peer is given as --peer NAME=ADDRESS; an ADDRESS is [user@]host:/abs/path,
ssh://[user@]host[:port]/abs/path, or /abs/path on this machine.

Examples:
  ubos-sync init ~/UBOS --peer balaur=me@balaur:/srv/janus
  ubos-sync init ~/UBOS --peer balaur=ssh://me@10.0.0.7:2222/srv/janus
  ubos-sync init ~/UBOS --peer balaur=/mnt/disk/janus")]
pub(crate) struct InitArgs {
    /// The folder on this machine; the working directory if left out
    #[arg(value_name = "ROOT")]
    folder: Option<PathBuf>,
    /// This territory's name
    #[arg(long, default_value = "localhost")]
    name: String,
    /// How the peer reaches this machine, if it shall be able to start syncs too
    #[arg(long, value_name = "ADDRESS")]
    reverse: Option<String>,
    /// The command that starts ubos-sync on the peer, if it is not in its PATH
    #[arg(long, value_name = "COMMAND")]
    agent: Option<String>,
    /// Copy this program to the peer, without asking, if it is not installed there
    #[arg(long)]
    install_agent: bool,
}

/// Carries it out.
pub(crate) fn run(args: &InitArgs, global: &Global, ui: &Ui) -> Outcome {
    let folder = args.folder.clone().or_else(|| global.root.clone()).unwrap_or_else(|| ".".into());
    let root = territory::folder(&folder)?;
    let form =
        "give it as `--peer NAME=ADDRESS`, for instance `--peer balaur=me@balaur:/srv/janus`";
    let given = global.peer.as_deref().unwrap_or_default();
    let Some((peer, address)) = given.split_once('=') else {
        return Err(Failure::usage(format!("`{given}` names no peer and address"), form));
    };
    let parse = |text: &str| Address::parse(text).map_err(|why| Failure::usage(why, form));
    let address = match parse(address)? {
        Address::Local(path) => Address::Local(territory::folder(&path)?),
        remote => remote,
    };
    let target = Target {
        apart: false,
        peer: peer.to_owned(),
        address: address.clone(),
        agent: args.agent.clone(),
        program: program()?,
        build: BUILD.to_owned(),
    };
    if let Some(reverse) = &args.reverse {
        parse(reverse)?;
    }
    let request = InitRequest {
        root: root.clone(),
        target,
        name: args.name.clone(),
        reverse: args.reverse.clone(),
    };
    let paired = install::pair(&request, args.install_agent, ui)?;
    if ui.json() {
        let manifests: Vec<String> = paired.manifests.iter().map(ToString::to_string).collect();
        ui.document(&json!({
            "schema": 1, "here": paired.name, "peer": paired.peer_name, "root": root.display().to_string(),
            "address": address.to_string(), "manifests": manifests, "known": paired.known, "exit": 0,
        }))?;
        return Ok(0);
    }
    let mut text = String::new();
    let what = if paired.known { "is a pair with" } else { "is now a pair with" };
    text.push_str(&format!(
        "{} ({}) {what} {} ({address}).\n",
        paired.name,
        root.display(),
        paired.peer_name
    ));
    for path in &paired.manifests {
        text.push_str(&format!("Written: {path}\n"));
    }
    text.push_str(&ui.tone(Tone::Faint, "Next: look at the manifests in `config/`, then `ubos-sync status`, then `ubos-sync bidirectional`.\n"));
    ui.answer(&sanitize_but_colour(&text))?;
    Ok(0)
}

/// Names are made safe line by line; our own colour codes stay.
fn sanitize_but_colour(text: &str) -> String {
    text.split('\u{1b}').map(sanitize).collect::<Vec<_>>().join("\u{1b}")
}
