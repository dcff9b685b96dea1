//! Manifests and selections from the texts of the three files.

use ubos_core::manifest::{ManifestPaths, Manifests, PerManifest};
use ubos_core::selection::{Builtin, Selection};

/// Checked manifests of the peer `balaur`.
pub(crate) fn read(to: &str, from: &str, exclude: &str) -> Manifests {
    let text = |t: &str| Some(t.as_bytes().to_vec());
    let texts = PerManifest { to: text(to), from: text(from), exclude: text(exclude) };
    Manifests::read(&ManifestPaths::for_peer("balaur").unwrap(), &texts).unwrap()
}

/// A selection with given built-in exclusions.
pub(crate) fn compile_with(to: &str, from: &str, exclude: &str, builtin: &Builtin) -> Selection {
    Selection::compile(&read(to, from, exclude), builtin).unwrap()
}

/// A selection with the default built-in exclusions.
pub(crate) fn compile(to: &str, from: &str, exclude: &str) -> Selection {
    compile_with(to, from, exclude, &Builtin::default())
}
