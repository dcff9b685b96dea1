//! `schedule remove`: as if it had never been installed.

use serde_json::json;

use super::{WhereArgs, found, real_root};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::render::command::quote;
use crate::render::schedule;
use crate::schedule::files;
use crate::schedule::order::Scope;
use crate::schedule::place::{Installed, Place};
use crate::schedule::service;
use crate::schedule::trouble::Trouble;
use crate::ui::Ui;

pub(super) fn run(args: &WhereArgs, global: &Global, ui: &Ui) -> Outcome {
    let root = real_root(global)?;
    let mut removed = Vec::new();
    for (place, ours) in found(args, &root, global)? {
        if ours.is_empty() {
            continue;
        }
        if place.scope == Scope::System && !rustix::process::geteuid().is_root() {
            let root = quote(&root.to_string_lossy());
            return Err(Trouble::new(
                "no-permission",
                format!("only root may take `{}` away", ours[0].path.display()),
                format!("`sudo ubos-sync --root {root} schedule remove --system`"),
            )
            .into());
        }
        take_away(&place, &ours, ui)?;
        removed.extend(ours.into_iter().map(|file| file.path));
    }
    if ui.json() {
        let paths: Vec<_> = removed.iter().map(|path| path.display().to_string()).collect();
        ui.document(&json!({
            "schema": 1, "command": "schedule remove", "removed": paths, "exit": 0,
        }))?;
    } else {
        ui.answer(&schedule::removed(&root, &removed, ui))?;
    }
    Ok(0)
}

fn take_away(place: &Place, ours: &[Installed], ui: &Ui) -> Result<(), Failure> {
    let names: Vec<&str> = ours.iter().map(|file| file.name.as_str()).collect();
    if let Err(trouble) = service::switch_off(place.scope, &names) {
        // Where no manager runs, nothing is on; the files can go.
        if !["no-systemd", "no-user-manager", "no-launchd"].contains(&trouble.kind) {
            return Err(trouble.into());
        }
        ui.warning(&format!("{}; the files are deleted all the same", trouble.message));
    }
    for file in ours {
        files::remove(&file.path).map_err(|e| Trouble::of_file(place.scope, &file.path, &e))?;
    }
    service::forget(place.scope, &names);
    Ok(())
}
