//! The orrery: the graph as one HTML page that needs nothing else, no network, no server, no program
//! but a browser.
//!
//! [`data()`] says what the page shows, as a value; `settings` reads the vault's own settings of its
//! graph view, whose queries `query` understands; [`assemble()`] puts data, style and programs (`web/` of
//! this crate) into one text. What comes out depends on what goes in alone.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::FileId;
use super::index::Index;
use super::model::Graph;

mod assemble;
mod data;
mod preview;
mod query;
mod settings;

pub use assemble::assemble;
pub use data::{Data, Group, Input, Node, NodeKind, Remark, Show, data};
pub use settings::{ColourGroup, Settings};

/// The page of a vault that an index has looked at.
pub fn of(index: &Index, graph: &Graph, clusters: &BTreeMap<FileId, u32>) -> String {
    let settings = index.bytes(settings::FILE).map(|bytes| Settings::read(&bytes));
    let input = Input {
        graph,
        vault: &name(index.vault()),
        settings: &settings.unwrap_or_default(),
        bytes: &|path| index.bytes(path),
        clusters,
    };
    assemble(&data(&input))
}

/// A vault's name, as Obsidian has it: that of its folder.
fn name(vault: &Path) -> String {
    let whole = vault.canonicalize().unwrap_or_else(|_| vault.to_owned());
    whole.file_name().map_or_else(|| "vault".to_owned(), |name| name.to_string_lossy().into_owned())
}
