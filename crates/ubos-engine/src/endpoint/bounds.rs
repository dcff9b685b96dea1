//! What a peer may name: only what is selected here. The peer is not trusted; whatever it wants
//! read, changed or placed is checked against this side's own selection.

use ubos_core::entry::Entry;
use ubos_core::manifest::{ManifestErrors, Manifests, PerManifest};
use ubos_core::path::RelPath;
use ubos_core::plan::{OpKind, Operation};
use ubos_core::selection::{Builtin, Selection};

use super::local::LocalEndpoint;
use super::standing::{ROLES, manifest_paths};
use crate::error::{EngineError, Result};

impl LocalEndpoint {
    /// Whether `path` takes part, as a file or as a folder. Nothing does before a scan was ordered.
    pub(super) fn selects(&self, path: &RelPath) -> bool {
        self.selection.as_ref().is_some_and(|selection| {
            [false, true].iter().any(|&dir| selection.judge_path(path, dir).direction().is_some())
        })
    }

    /// The peer is not trusted: whatever it names must be selected here.
    pub(super) fn refuse_unselected<'p>(
        &self,
        mut paths: impl Iterator<Item = &'p RelPath>,
    ) -> Result<()> {
        match paths.find(|path| !self.selects(path)) {
            Some(path) => Err(unselected(path)),
            None => Ok(()),
        }
    }
}

/// Compiles the selection of a run from the manifests that are its law.
///
/// # Errors
/// [`EngineError::Config`] with every finding.
pub fn compile(peer: &str, manifests: &[Vec<u8>; 3], builtin: &Builtin) -> Result<Selection> {
    let paths = manifest_paths(peer)?;
    let texts = PerManifest::from_fn(|role| {
        let index = ROLES.iter().position(|r| *r == role).unwrap_or(0);
        Some(manifests[index].clone())
    });
    let config = |errors: ManifestErrors| EngineError::Config {
        message: errors.to_string(),
        hint: Some("correct the manifest; `ubos-sync manifest check` explains every line".into()),
    };
    let manifests = Manifests::read(&paths, &texts).map_err(config)?;
    Selection::compile(&manifests, builtin).map_err(config)
}

pub(super) fn unselected(path: &RelPath) -> EngineError {
    EngineError::Config {
        message: format!("the run would touch `{path}`, which is not selected here"),
        hint: None,
    }
}

/// The peer is not trusted: whatever it asks to be changed must be selected here, and so must all
/// that moves with it.
pub(super) fn refuse_unselected_operations<'o>(
    operations: impl Iterator<Item = &'o Operation>,
    selection: &Selection,
) -> Result<()> {
    for op in operations {
        let entry = op.post.as_ref().or(op.pre.as_ref());
        let is_dir = entry.is_some_and(Entry::is_dir);
        let mut paths = vec![(&op.path, is_dir)];
        match &op.kind {
            OpKind::Rename { from, contents } => {
                paths.push((from, is_dir));
                paths.extend(contents.iter().map(|(path, entry)| (path, entry.is_dir())));
            }
            OpKind::Replace { contents } => {
                paths.extend(contents.iter().map(|(path, entry)| (path, entry.is_dir())));
            }
            _ => {}
        }
        for (path, is_dir) in paths {
            if selection.judge_path(path, is_dir).direction().is_none() {
                return Err(unselected(path));
            }
        }
    }
    Ok(())
}
