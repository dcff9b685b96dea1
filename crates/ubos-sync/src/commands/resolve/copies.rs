//! What only the mirror of a one-way area holds, and how a person sends it to where it belongs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ubos_core::conflict::{Choice, Resolution};
use ubos_core::entry::Digest;
use ubos_core::path::RelPath;
use ubos_core::plan::Filter;

use crate::cli::Global;
use crate::commands::sync;
use crate::failure::Failure;
use crate::render::recovery::only_copies;
use crate::territory;
use crate::ui::Ui;

/// The decisions to send what stands only as a copy at or below the paths `given`. Both territories are
/// looked at for it, nothing is changed.
pub(super) fn to_send(
    given: &[PathBuf],
    global: &Global,
    ui: &Ui,
) -> Result<BTreeMap<RelPath, Resolution>, Failure> {
    let root = territory::root(global)?;
    let mut request = sync::request(global, "promote", Filter::Both)?;
    request.dry_run = true;
    let report = sync::cycle(&request, ui);
    let copies: Vec<(&RelPath, _)> =
        only_copies(&report).map(|notice| (&notice.path, notice.on)).collect();
    let mut sent = BTreeMap::new();
    for text in given {
        let place = std::path::absolute(text).unwrap_or_else(|_| text.clone());
        let whole = place.components().eq(root.components());
        let related = |a: &RelPath, b: &RelPath| a == b || b.is_below(a) || a.is_below(b);
        let path = match whole {
            true => None,
            false => Some(territory::relative(&root, text, |path| {
                copies.iter().any(|(copy, _)| related(path, copy))
            })?),
        };
        for (copy, on) in &copies {
            // Only the uppermost folder of copies is told; a person may name what is in it.
            let named = match &path {
                None => Some((*copy).clone()),
                Some(path) if *copy == path || copy.is_below(path) => Some((*copy).clone()),
                Some(path) if path.is_below(copy) => Some(path.clone()),
                Some(_) => None,
            };
            if let Some(named) = named {
                let (choice, mark) = (Choice::Take(*on), Digest([0; 32]));
                sent.insert(named, Resolution { choice, mark, beside: None });
            }
        }
    }
    if let Some(error) = report.error {
        return Err(error.into());
    }
    Ok(sent)
}
