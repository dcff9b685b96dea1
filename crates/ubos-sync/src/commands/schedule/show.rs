//! `schedule show`: the files and where they belong.

use serde_json::json;

use super::{ShowArgs, order, scope_word};
use crate::cli::Global;
use crate::failure::Outcome;
use crate::render::schedule;
use crate::ui::Ui;

pub(super) fn run(args: &ShowArgs, global: &Global, ui: &Ui) -> Outcome {
    let (order, place) = order::order(&args.order, args.on, global)?;
    let files = order::files(&order);
    if ui.json() {
        let rows: Vec<_> = files
            .iter()
            .map(|file| {
                json!({
                    "path": place.folder.join(&file.name).display().to_string(),
                    "text": file.text, "starts": file.starts,
                })
            })
            .collect();
        ui.document(&json!({
            "schema": 1, "command": "schedule show", "scope": scope_word(place.scope),
            "files": rows, "exit": 0,
        }))?;
    } else {
        ui.answer(&schedule::shown(&order, &place, &files, ui))?;
    }
    Ok(0)
}
