//! `ubos-sync backup drill`: loses two of the three places in thought, and builds everything again from
//! the third alone.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;

use ubos_engine::clock;
use ubos_tiers::git::coverage::place::Place;
use ubos_tiers::git::drill::answer::{DRILL, base};
use ubos_tiers::git::drill::survivor;
use ubos_tiers::git::drill::told::Told;
use ubos_tiers::git::drill::verdict::{Known, Recovered, Reference, Verdict, judge};
use ubos_tiers::git::drill::workshop::Workshop;
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::manifests;
use ubos_tiers::git::names::STATE;
use ubos_tiers::git::remote::place::Place as Remote;
use ubos_tiers::git::remote::record::save;
use ubos_tiers::git::rivals::Rivals;
use ubos_tiers::git::shelf::Shelf;

use super::scene::Scene;
use crate::backup::{self, chores};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::backup::drill as render;
use crate::ui::Ui;

/// The name of what is kept of the last drill.
const REPORT: &str = "drill.json";

/// Prove what is left when two of the three places are lost
///
/// Everything is built again in a temporary folder from the place that is left, and from nothing else:
/// from a fresh clone of the remote, from the tree and repository of the laptop, or from the tree and
/// mirror of the server (which does it over there). Every hash, mode and time is compared with the
/// newest manifest. Nothing else is changed. Ends with 0 if everything came back, with 3 if something
/// is missing that is known to be (a secret, a file that is too large, what was not sent yet), with 1
/// if something is damaged or lost that should be there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ubos-sync backup drill --all                    each pair in turn
  ubos-sync backup drill --lose laptop,server     only the remote is left
  ubos-sync backup drill --lose balaur,remote     territories by their names")]
pub(crate) struct DrillArgs {
    /// The two places that are lost: of `laptop`, `server`, `remote`, or a territory's name
    #[arg(long, value_name = "A,B", value_delimiter = ',', required_unless_present = "all")]
    lose: Vec<String>,
    /// Lose each pair in turn
    #[arg(long, conflicts_with = "lose")]
    all: bool,
    /// Where to build; it needs as much room as the data (default: the folder for temporary files)
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What was proved about one place.
pub(crate) struct Drilled {
    /// The place that was left.
    pub survivor: Place,
    /// What it showed, or why it could not be done.
    pub result: Result<Verdict, Failure>,
    /// How long it took, in milliseconds.
    pub took: u64,
}

/// A whole drill.
pub(crate) struct Report {
    /// This territory's name.
    pub here: String,
    /// The peer's name.
    pub peer: String,
    /// When, RFC 3339.
    pub made: String,
    /// The newest manifest.
    pub reference: Reference,
    /// Each place that was left.
    pub drilled: Vec<Drilled>,
    /// The exit code.
    pub exit: u8,
}

/// Carries it out.
pub(crate) fn run(args: &DrillArgs, global: &Global, ui: &Ui) -> Outcome {
    let scene = Scene::open(global)?;
    let survivors = survivors(args, &scene)?;
    let reference = reference(&scene)?;
    let mut drilled = Vec::new();
    for survivor in survivors {
        ui.status(&format!("Building everything again from the {} alone …", survivor.word()));
        let start = std::time::Instant::now();
        let result = one(survivor, &scene, &reference, args);
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        drilled.push(Drilled { survivor, result, took });
    }
    let report = Report {
        here: scene.config.name.clone(),
        peer: scene.name.clone(),
        made: clock::now_rfc3339(),
        reference,
        exit: exit_code(&drilled),
        drilled,
    };
    let document = render::document(&report);
    save(&scene.state.path(STATE), REPORT, &document)?;
    let (state, config) = (&scene.state, &scene.config);
    let found =
        chores::Drilled { whole: report.exit == 0, known_gaps: known_gaps(&report.drilled) };
    let record = render::record(&document);
    let told = chores::put_drill_on_record(state, config, scene.is_laptop(), record, found);
    backup::warn(told, ui);
    if ui.json() {
        ui.document(&document)?;
    } else {
        ui.answer(&render::text(&report, clock::now().0, ui))?;
    }
    Ok(report.exit)
}

/// The paths that did not come back from one place or another, if each is known not to; `None` if
/// anything else is missing, or a place was not proved.
fn known_gaps(drilled: &[Drilled]) -> Option<u64> {
    let mut paths = BTreeSet::new();
    for drilled in drilled {
        paths.extend(drilled.result.as_ref().ok()?.known_gaps()?);
    }
    Some(paths.len() as u64)
}

/// Damage first, then what could not be reached, then gaps.
fn exit_code(drilled: &[Drilled]) -> u8 {
    let code = |drilled: &Drilled| match &drilled.result {
        Ok(verdict) => verdict.exit_code(),
        Err(Failure::Backup(error)) => error.exit_code(),
        Err(Failure::Engine(error)) => error.exit_code(),
        // A place that there is not is a gap that a person chose.
        Err(Failure::Usage { .. }) => 3,
        Err(_) => 1,
    };
    let codes: Vec<u8> = drilled.iter().map(code).collect();
    let worst = [1, 2, 4, 5, 6, 3, 7].into_iter().find(|code| codes.contains(code));
    worst.unwrap_or(0)
}

/// The places that are left, one for each pair that is lost.
fn survivors(args: &DrillArgs, scene: &Scene) -> Result<Vec<Place>, Failure> {
    if args.all {
        return Ok(match scene.is_laptop() {
            true => Place::ALL.to_vec(),
            false => vec![Place::Server],
        });
    }
    let usage = |message: String| {
        Failure::usage(
            message,
            "`--lose` takes two of `laptop`, `server` and `remote`; the third is left",
        )
    };
    let (laptop, server) = match scene.is_laptop() {
        true => (&scene.config.name, &scene.name),
        false => (&scene.name, &scene.config.name),
    };
    let mut lost = Vec::new();
    for word in &args.lose {
        let place = match word {
            word if word == laptop => Some(Place::Laptop),
            word if word == server => Some(Place::Server),
            word => Place::named(word),
        };
        lost.push(place.ok_or_else(|| usage(format!("`{word}` is no place")))?);
    }
    let left: Vec<Place> = Place::ALL.into_iter().filter(|place| !lost.contains(place)).collect();
    let [survivor] = left[..] else {
        return Err(usage("two different places have to be lost".to_owned()));
    };
    if !scene.is_laptop() && survivor != Place::Server {
        return Err(Failure::usage(
            format!("from here only the {} itself can be drilled", Place::Server.word()),
            format!("run it on {}", scene.name),
        ));
    }
    Ok(vec![survivor])
}

fn reference(scene: &Scene) -> Result<Reference, Failure> {
    let git = scene.git()?;
    let (about, manifest) = manifests::newest(git)?.ok_or_else(|| BackupError::Usage {
        message: "there is no snapshot yet, so nothing could be compared".to_owned(),
        hint: "`ubos-sync backup snapshot` makes one, `ubos-sync backup push` sends it".to_owned(),
    })?;
    let paths = Shelf::open(git, &manifest)?.forms()?;
    Ok(Reference { manifest: manifest.to_string(), made: about.made, paths })
}

fn one(
    place: Place,
    scene: &Scene,
    reference: &Reference,
    args: &DrillArgs,
) -> Result<Verdict, Failure> {
    let recovered = match (place, scene.is_laptop()) {
        (Place::Remote, _) => from_remote(scene, reference, args)?,
        (Place::Server, true) => from_peer(scene, reference)?,
        _ => {
            let needed = scene.inventory.items.values().map(|item| item.entry.size()).sum();
            let shop = Workshop::open(args.dir.as_deref(), needed)?;
            let root = scene.state.root();
            survivor::territory(root, &scene.inventory, scene.git.as_ref(), &shop)?
        }
    };
    let rivals = Rivals::load(&scene.state, &scene.peer.pair)?;
    let (classes, directions) = (&scene.classes()?, &scene.directions());
    Ok(judge(place, reference, &recovered, &Known { classes, directions, rivals: &rivals }))
}

fn from_remote(
    scene: &Scene,
    reference: &Reference,
    args: &DrillArgs,
) -> Result<Recovered, Failure> {
    let git = scene.git()?;
    let Some(given) = &scene.config.backup.remote else {
        return Err(Failure::usage(
            "there is no remote: with both machines lost, everything is",
            "`ubos-sync backup init --remote URL` names one",
        ));
    };
    // The clone is about as large as what was sent, which is here.
    let objects = git.run(["count-objects", "-v"]).map(|said| said.text()).unwrap_or_default();
    let kilobytes = |key: &str| -> u64 {
        let line = objects.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.trim().parse().ok()).unwrap_or(0)
    };
    let clone = (kilobytes("size-pack:") + kilobytes("size:")) << 10;
    let files: u64 = reference.paths.values().map(|held| held.form.size).sum();
    let shop = Workshop::open(args.dir.as_deref(), clone + files)?;
    Ok(survivor::remote(git, &Remote::remote(git, given)?, &shop)?)
}

fn from_peer(scene: &Scene, reference: &Reference) -> Result<Recovered, Failure> {
    let answer = scene.ask(DRILL, Some(&reference.manifest))?;
    let told: Told = serde_json::from_slice(&answer)
        .map_err(|e| BackupError::damaged(format!("the answer of {}", scene.name), e))?;
    let base = base(scene.git.as_ref(), told.base.as_deref())?.unwrap_or_default();
    Ok(told.read(&base.1)?)
}
