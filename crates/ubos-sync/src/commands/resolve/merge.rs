//! `resolve PATH --keep merge`: both edits, where they fit together. What does not is named and left
//! as it is.

use std::collections::BTreeMap;

use serde_json::json;

use ubos_core::conflict::{Choice, Conflict, Resolution};
use ubos_core::entry::Digest;
use ubos_core::merge::{Labels, Merged, merge};
use ubos_core::path::RelPath;
use ubos_core::sides::Side;
use ubos_engine::cycle::Request;
use ubos_engine::state::texts::{base_text, version};

use super::super::conflicts::Open;
use super::super::sync;
use super::{Clash, clash};
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::territory;
use crate::ui::Ui;

/// Exit code where a person must decide.
const UNDECIDED: u8 = 3;

/// Merges the conflicts at `paths` that can be merged, and names the others.
pub(super) fn resolve(
    request: &mut Request,
    open: &Open,
    paths: Vec<RelPath>,
    global: &Global,
    ui: &Ui,
) -> Outcome {
    let mut resolutions = BTreeMap::new();
    let mut left = Vec::new();
    for path in paths {
        let merged = match clash(open, &path) {
            Some(Clash::Conflict(conflict)) => merged(conflict, open, global)?,
            _ => Err("only two versions of a text can be merged"),
        };
        match merged {
            Ok((mark, content)) => {
                let (digest, size) = (Digest::of(&content), content.len() as u64);
                let choice = Choice::Merged { digest, size };
                resolutions.insert(path, Resolution { choice, mark, beside: None });
                request.provided.insert(digest, content);
            }
            Err(reason) => left.push((path, reason)),
        }
    }
    for (path, reason) in &left {
        ui.warning(&format!("`{path}` is left as it is: {reason}"));
    }
    if resolutions.is_empty() {
        let hint = "`ubos-sync resolve PATH` lets you decide, or name the territory whose version is to be kept with `--keep`";
        let message = "nothing could be merged";
        if ui.json() {
            let error = json!({"kind": "unmerged", "message": message, "hint": hint});
            ui.document(&json!({"schema": 1, "exit": UNDECIDED, "error": error}))?;
        }
        ui.error(message, Some(hint));
        return Ok(UNDECIDED);
    }
    request.resolutions = Some(resolutions);
    let code = sync::run(request, ui)?;
    Ok(if code == 0 && !left.is_empty() { UNDECIDED } else { code })
}

/// The conflict's mark and what comes of merging its versions, or why nothing does.
fn merged(
    conflict: &Conflict,
    open: &Open,
    global: &Global,
) -> Result<Result<(Digest, Vec<u8>), &'static str>, Failure> {
    let (state, config) = territory::open(global)?;
    let (_, peer) = config.peer(global.peer.as_deref())?;
    let digest = |side: Side| conflict.sides.get(side).as_ref()?.entry.digest();
    let (Some(here), Some(there)) = (digest(Side::Here), digest(Side::There)) else {
        return Ok(Err("only two versions of a text can be merged"));
    };
    let here = version(&state, &peer.pair, here)?;
    let there = version(&state, &peer.pair, there)?;
    let base = match conflict.base.entry().and_then(|entry| entry.digest()) {
        Some(base) => base_text(&state, &peer.pair, base)?,
        None => None,
    };
    let (Some(here), Some(there)) = (here, there) else {
        return Ok(Err(
            "its versions are not kept here; they are too long, or the next sync fetches them",
        ));
    };
    let Some(base) = base else {
        return Ok(Err(
            "the version last agreed on is not kept, so it cannot be told what was edited",
        ));
    };
    let labels = Labels { here: &open.names.here, base: "last agreed", there: &open.names.there };
    Ok(match merge(&conflict.path, Some(&base), &here, &there, &labels) {
        None => Err("it is no text"),
        Some(Merged::Conflicted(_)) => Err("both edited the same place"),
        Some(Merged::Clean(content)) => Ok((conflict.mark, content)),
    })
}
