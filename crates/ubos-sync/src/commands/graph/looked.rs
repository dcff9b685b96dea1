//! A vault on this machine that was looked at, for the page.

use std::path::PathBuf;

use ubos_engine::state::PRIVATE;
use ubos_tiers::graph::index::Index;
use ubos_tiers::graph::page;

use super::Asking;
use crate::cli::Global;
use crate::failure::Failure;

/// A vault that was looked at.
pub(super) struct Looked {
    index: Index,
    /// Where a territory keeps what it knows of its graph.
    pub folder: Option<PathBuf>,
}

impl Looked {
    /// Looks at the vault that is asked about.
    pub(super) fn at(asking: &Asking, global: &Global) -> Result<Self, Failure> {
        if asking.on.is_some() {
            return Err(Failure::usage(
                "the page shows a vault on this machine",
                "leave out `--on`; the other territory has the same notes, or makes a page of its own",
            ));
        }
        let vault = asking.folder(global)?;
        let private = vault.join(PRIVATE);
        let folder = private.is_dir().then(|| private.join("state").join("graph"));
        let mut index = Index::open(&vault, folder.as_deref());
        index.refresh()?;
        index.save()?;
        Ok(Self { index, folder })
    }

    /// The page for people.
    pub(super) fn page(&self) -> String {
        page::of(&self.index, self.index.graph(), &Default::default())
    }
}
