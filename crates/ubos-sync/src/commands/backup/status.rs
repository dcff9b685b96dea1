//! `ubos-sync backup status`: which data are where, how current, and what is missing for which reason.

use std::time::Duration;

use clap::Args;

use ubos_engine::clock;
use ubos_tiers::git::coverage::answer::{COVERAGE, Told};
use ubos_tiers::git::coverage::beside::beside;
use ubos_tiers::git::coverage::compare::{Coverage, compare};
use ubos_tiers::git::coverage::facts::{Facts, Known};
use ubos_tiers::git::coverage::look;
use ubos_tiers::git::coverage::place::PerPlace;
use ubos_tiers::git::remote;
use ubos_tiers::git::remote::place::{Kind, Place};
use ubos_tiers::git::rivals::Rivals;

use super::scene::Scene;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::backup::status as render;
use crate::ui::Ui;

/// Show which data are in how many places, and what is missing where, and why
///
/// Each class of data against the laptop, the server and the remote. A place that cannot be reached
/// never counts as a copy. Ends with 3 if a class has fewer copies than it is promised: three of
/// documents, configuration, generated files and logs; two of what git does not take. What is not pushed
/// yet is not a copy either: after an edit it ends with 3 until the next push.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  every class has the copies that it is promised
  3  a class has fewer, or a place was not reached

Example:
  ubos-sync backup status --json   the same for a monitor")]
pub(crate) struct StatusArgs {}

/// What was found.
pub(crate) struct Status {
    /// This territory's name.
    pub here: String,
    /// The peer's name.
    pub peer: String,
    /// Whether this is the laptop.
    pub laptop: bool,
    /// The three places.
    pub places: PerPlace<Known>,
    /// Whether snapshots are made here.
    pub enabled: bool,
    /// How often the other places are given what is new, at most.
    pub push_every: Duration,
    /// Places where a branch went another way.
    pub diverged: Vec<String>,
    /// What is covered.
    pub coverage: Coverage,
    /// The exit code.
    pub exit: u8,
}

/// Carries it out.
pub(crate) fn run(_args: &StatusArgs, global: &Global, ui: &Ui) -> Outcome {
    let scene = Scene::open(global)?;
    let own = own(&scene)?;
    let places = match scene.is_laptop() {
        true => PerPlace { server: server(&scene, &own), remote: remote(&scene)?, laptop: own },
        false => {
            let elsewhere = || Known::Unknown {
                since: None,
                why: format!("`ubos-sync backup status` on {} looks there", scene.name),
            };
            PerPlace { laptop: elsewhere(), server: own, remote: elsewhere() }
        }
    };
    let rivals = Rivals::load(&scene.state, &scene.peer.pair)?;
    let coverage = compare(&places, &scene.directions(), &scene.classes()?, &rivals);
    let exit = match scene.is_laptop() {
        true => u8::from(coverage.is_short()) * 3,
        // What the other places have is not known here; a missing mirror is.
        false => u8::from(scene.git.is_none()) * 3,
    };
    let (here, peer) = (scene.config.name.clone(), scene.name.clone());
    let status = Status {
        here,
        peer,
        laptop: scene.is_laptop(),
        places,
        enabled: scene.config.backup.enabled,
        push_every: scene.config.backup.push_every,
        diverged: diverged(&scene)?,
        coverage,
        exit,
    };
    if ui.json() {
        ui.document(&render::document(&status))?;
    } else {
        ui.answer(&render::text(&status, clock::now().0, ui))?;
    }
    Ok(exit)
}

/// The places that went another way, as far as the last push found.
fn diverged(scene: &Scene) -> Result<Vec<String>, Failure> {
    let known = remote::known(scene.state.root().path())?;
    let apart = known.places.values().filter(|place| !place.diverged.is_empty());
    Ok(apart.map(|place| place.shown.clone()).collect())
}

fn own(scene: &Scene) -> Result<Known, Failure> {
    let beside = beside(&scene.state, &scene.config, &scene.peer)?;
    let facts = look::territory(&scene.inventory, scene.git.as_ref(), beside)?;
    Ok(Known::Looked(Box::new(facts)))
}

fn server(scene: &Scene, own: &Known) -> Known {
    let manifest = own.facts().and_then(|facts| facts.repository.as_ref());
    let manifest = manifest.map(|repository| repository.manifest.as_str());
    let unknown = |why: String| {
        let known = remote::known(scene.state.root().path()).ok();
        let record = known.and_then(|known| known.places.get(Kind::Mirror.word()).cloned());
        let since = record.and_then(|record| record.succeeded);
        Known::Unknown { since: since.map(|seconds| clock::rfc3339((seconds, 0))), why }
    };
    let answer = match scene.ask(COVERAGE, manifest) {
        Ok(answer) => answer,
        Err(error) => return unknown(error.to_string()),
    };
    let told = serde_json::from_slice::<Told>(&answer).map_err(|e| e.to_string());
    let facts = told.and_then(|told| told.read(scene.git.as_ref()).map_err(|e| e.to_string()));
    match facts {
        Ok(facts) => Known::Looked(Box::new(facts)),
        Err(why) => unknown(why),
    }
}

fn remote(scene: &Scene) -> Result<Known, Failure> {
    let (Some(given), Some(git)) = (&scene.config.backup.remote, &scene.git) else {
        return Ok(Known::Unset);
    };
    let place = Place::remote(git, given)?;
    let record = remote::known(scene.state.root().path())?.of(&place);
    Ok(look::remote(git, &place, &record)?)
}

impl Status {
    /// What is known of a place, if it was looked at.
    pub(crate) fn facts(&self, place: ubos_tiers::git::coverage::place::Place) -> Option<&Facts> {
        self.places.get(place).facts()
    }
}
