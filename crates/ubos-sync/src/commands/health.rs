//! `health`: how the territory fares, from its own files alone.

use clap::Args;

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
  1  unhealthy: no good run for two intervals and ten minutes in which this machine was awake,
     or something is damaged. A side without an address for its peer is unhealthy when it did
     not even do its own duties, or has not heard of the peer for a day

Examples:
  ubos-sync health                          a glance
  ubos-sync --root /srv/janus health -q     for a script: the exit code alone
  ubos-sync health --json                   for monitoring; see also .ubos-sync/metrics.prom";

/// Say how this territory fares, without asking the peer
///
/// Every run and every tick of a timer writes it down on both machines, in `.ubos-sync/health.json`
/// and, for Prometheus, in `.ubos-sync/metrics.prom`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct HealthArgs {}

/// Shows it.
pub(crate) fn run(_: &HealthArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let picture = Picture::of(&state, &config, global.peer.as_deref())?;
    let code = picture.verdict.state.exit_code();
    if ui.json() {
        let mut document = render::health::document(&picture);
        document["exit_of_last_run"] = document["exit"].take();
        document["exit"] = code.into();
        ui.document(&document)?;
    } else if !ui.quiet() || code == 1 {
        ui.answer(&render::health::page(&picture, ui))?;
    }
    Ok(code)
}
