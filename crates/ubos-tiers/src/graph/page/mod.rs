//! The orrery: the graph as one HTML page that needs nothing else, no network, no server, no program
//! but a browser.
//!
//! [`data()`] says what the page shows, as a value; `settings` reads the vault's own settings of its
//! graph view; `layout` says where everything stands; [`assemble()`] puts data, style and programs
//! (`web/` of this crate) into one text. What comes out depends on what goes in alone.

use std::path::Path;

use super::index::Index;
use super::questions::clusters::{Method, clusters};
use super::questions::{Kinds, View};

mod assemble;
mod data;
mod layout;
mod preview;
mod settings;

pub use assemble::assemble;
pub use data::{Cluster, Data, Group, Input, Node, NodeKind, Remark, Show, data};
pub use settings::{ColourGroup, Settings};

/// The page of what `view` shows of a vault that an index has looked at. Its clusters are those that
/// `graph clusters` answers of the same view.
pub fn of(index: &Index, view: &View<'_>) -> String {
    let settings = index.bytes(settings::FILE).map(|bytes| Settings::read(&bytes));
    let clusters = clusters(view, Method::Louvain, 0, &Kinds::default(), usize::MAX);
    let input = Input {
        view: *view,
        vault: &name(index.vault()),
        settings: &settings.unwrap_or_default(),
        clusters: &clusters,
    };
    assemble(&data(&input))
}

/// A vault's name, as Obsidian has it: that of its folder.
fn name(vault: &Path) -> String {
    let whole = vault.canonicalize().unwrap_or_else(|_| vault.to_owned());
    whole.file_name().map_or_else(|| "vault".to_owned(), |name| name.to_string_lossy().into_owned())
}
