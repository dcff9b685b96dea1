//! `health`: how the territory fares, from its own files alone.

use clap::Args;
use serde_json::Value;

use crate::cli::Global;
use crate::failure::Outcome;
use crate::picture::Picture;
use crate::render;
use crate::territory;
use crate::ui::Ui;

const AFTER: &str = "\
Exit codes:
  0  healthy
  3  something waits for a decision: `ubos-sync conflicts` lists it
  1  unhealthy: no good run for two intervals and ten minutes in which this
     machine was awake, or something is damaged. A side without an address for
     its peer is unhealthy when it did not even do its own duties, or has not
     heard of the peer for a day
Of several peers, all are shown and the worst decides; `--peer` asks for one.

Examples:
  ubos-sync health                       a glance
  ubos-sync --root /srv/janus health -q  for a script: the exit code alone
  ubos-sync health --json                for monitoring";

/// Say how this territory fares, without asking the peer
///
/// Every run and every tick of a timer writes it down on both machines, in `.ubos-sync/health.json`
/// and, for Prometheus, in `.ubos-sync/metrics.prom`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct HealthArgs {}

/// Shows it, the worst first where there are several peers.
pub(crate) fn run(_: &HealthArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let pictures = match Picture::all(&state, &config, global.peer.as_deref())? {
        none if none.is_empty() => vec![Picture::of(&state, &config, None)?],
        some => some,
    };
    let code = pictures[0].verdict.state.exit_code();
    if ui.json() {
        let mut document = document_of(&pictures[0]);
        document["peers"] = pictures.iter().map(document_of).collect();
        ui.document(&document)?;
    } else if !ui.quiet() || code == 1 {
        ui.answer(&render::health::pages(&pictures, ui))?;
    }
    Ok(code)
}

/// How it fares with one peer, with the code that this alone would end with.
fn document_of(picture: &Picture) -> Value {
    let mut document = render::health::document(picture);
    document["exit_of_last_run"] = document["exit"].take();
    document["exit"] = picture.verdict.state.exit_code().into();
    document
}
