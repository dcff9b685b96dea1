//! `schedule install`: writes the files and switches them on.

use serde_json::json;

use super::{InstallArgs, On, order, scope_word};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::command::quote;
use crate::render::schedule;
use crate::schedule::files::{self, Change, Step};
use crate::schedule::launchd::log_folder;
use crate::schedule::order::{Mode, Order, Scope, UnitFile};
use crate::schedule::place::{Installed, Place, guarded};
use crate::schedule::service::{self, Unit};
use crate::schedule::trouble::Trouble;
use crate::ui::Ui;

pub(super) fn run(args: &InstallArgs, global: &Global, ui: &Ui) -> Outcome {
    let (order, place) = order::order(&args.order, args.on, global)?;
    refuse_twice(&order, On::or_this(args.on))?;
    if place.scope == Scope::System && !rustix::process::geteuid().is_root() {
        return Err(needs_root(&order).into());
    }
    service::reachable(place.scope)?;
    let wanted = order::files(&order);
    let mut ours = place.installed()?;
    ours.retain(|file| file.mark.root == order.root && file.mark.peer == order.peer);
    let steps = files::steps(&place, &wanted, &ours);
    retire(&order, &steps, &ours)?;
    write(&order, &place, &steps)?;
    switch_on(&place, &wanted, &steps)?;
    let lingers = match place.scope {
        Scope::User => service::lingers(&order.user.name),
        _ => None,
    };
    let guarded = match place.scope {
        Scope::Agent => guarded(&order.root, &order.user.home),
        _ => None,
    };
    if ui.json() {
        let rows: Vec<_> = steps
            .iter()
            .map(|step| json!({"path": step.path.display().to_string(), "change": step.change.word()}))
            .collect();
        ui.document(&json!({
            "schema": 1, "command": "schedule install", "scope": scope_word(place.scope),
            "name": order.base, "files": rows, "lingers": lingers, "guarded_folder": guarded,
            "exit": 0,
        }))?;
    } else {
        ui.answer(&schedule::installed(&order, &place, &steps, lingers, guarded, ui))?;
    }
    Ok(0)
}

fn needs_root(order: &Order) -> Trouble {
    let root = quote(&order.root.to_string_lossy());
    Trouble::new(
        "no-permission",
        "only root may add a service to the machine",
        format!(
            "`sudo ubos-sync --root {root} schedule install --system`; or leave `--system` out, which \
             makes it a service of yours"
        ),
    )
}

/// A territory that two managers sync gains nothing: the second always finds the first there.
fn refuse_twice(order: &Order, on: On) -> Result<(), Failure> {
    let other = match (on, order.scope) {
        (On::Linux, Scope::User) => Scope::System,
        (On::Linux, Scope::System) => Scope::User,
        _ => return Ok(()),
    };
    let place = Place::of(other, &order.user.home);
    // What cannot be read there is none of ours.
    let files = place.installed().unwrap_or_default();
    let same = files.iter().find(|f| f.mark.root == order.root && f.mark.peer == order.peer);
    let Some(file) = same else { return Ok(()) };
    let root = quote(&order.root.to_string_lossy());
    let (sudo, flag) = if other == Scope::System { ("sudo ", "--system") } else { ("", "--user") };
    Err(Failure::usage(
        format!("this territory syncs by itself already, by `{}`", file.path.display()),
        format!("take that away first: `{sudo}ubos-sync --root {root} schedule remove {flag}`"),
    ))
}

/// Switches off what will be gone, and all if what ran by a timer is to run always or the other way
/// round: it is switched on in another place then.
fn retire(order: &Order, steps: &[Step], ours: &[Installed]) -> Result<(), Failure> {
    let watches = |mode: Mode| mode == Mode::Watch;
    let turned = ours.iter().any(|file| watches(file.mark.mode) != watches(order.mode));
    let names: Vec<&str> = steps
        .iter()
        .filter(|step| step.change == Change::Remove || (turned && step.old.is_some()))
        .map(|step| step.name.as_str())
        .collect();
    Ok(service::switch_off(order.scope, &names)?)
}

fn write(order: &Order, place: &Place, steps: &[Step]) -> Result<(), Failure> {
    let refused = |path: &std::path::Path| {
        let path = path.to_owned();
        move |e: std::io::Error| Trouble::of_file(place.scope, &path, &e)
    };
    if place.scope == Scope::Agent {
        // launchd makes no folder, and does not start what it cannot log.
        let logs = log_folder(&order.user.home);
        std::fs::create_dir_all(&logs).map_err(refused(&logs))?;
    }
    for step in steps {
        files::carry_out(step).map_err(refused(&step.path))?;
    }
    Ok(())
}

fn switch_on(place: &Place, wanted: &[UnitFile], steps: &[Step]) -> Result<(), Failure> {
    // A timer whose service changed goes on as it is: the next slot takes the new file.
    let changed =
        |name: &str| steps.iter().any(|step| step.name == name && step.change == Change::Update);
    let paths: Vec<_> = wanted.iter().map(|file| place.folder.join(&file.name)).collect();
    let units: Vec<Unit<'_>> = wanted
        .iter()
        .zip(&paths)
        .filter(|(file, _)| file.starts)
        .map(|(file, path)| Unit { name: &file.name, path, changed: changed(&file.name) })
        .collect();
    Ok(service::switch_on(place.scope, &units)?)
}
