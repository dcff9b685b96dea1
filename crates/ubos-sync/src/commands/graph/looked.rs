//! A vault on this machine that was looked at, for the page.

use std::path::PathBuf;

use ubos_engine::state::PRIVATE;
use ubos_tiers::graph::desk::{Desk, KEPT};

use super::Asking;
use crate::cli::Global;
use crate::failure::Failure;

/// The page of a vault, and where a territory keeps what it knows of its graph.
pub(super) struct Looked {
    pub page: String,
    pub folder: Option<PathBuf>,
}

impl Looked {
    /// Looks at the vault that is asked about, with guesses or without, as it is asked for.
    pub(super) fn at(asking: &Asking, global: &Global) -> Result<Self, Failure> {
        if asking.on.is_some() {
            return Err(Failure::usage(
                "the page shows a vault on this machine",
                "leave out `--on`; the other territory has the same notes, or makes a page of its own",
            ));
        }
        let vault = asking.folder(global)?;
        let private = vault.join(PRIVATE);
        let folder = private.is_dir().then(|| private.join(KEPT));
        let mut desk = Desk::at(&vault);
        desk.refresh()?;
        Ok(Self { page: desk.page(asking.soft, asking.parity), folder })
    }
}
