//! What a side can do without its peer: look at its own tree. Nothing is decided and the baseline
//! stays as it is.

use super::local::LocalEndpoint;
use super::{Endpoint, Scanned};
use crate::agent::message::{ScanOrder, Standing};
use crate::error::Result;

impl LocalEndpoint {
    /// Scans under this side's own manifests and keeps what was read, so that the next run need not
    /// read it again. `None` if a manifest is missing. The lock must be held.
    ///
    /// # Errors
    /// What the system says, and what is wrong with a manifest.
    pub fn refresh(&mut self, standing: &Standing) -> Result<Option<Scanned>> {
        let [Some(to), Some(from), Some(exclude)] = standing.manifests.clone() else {
            return Ok(None);
        };
        let found = self.scan(&ScanOrder {
            manifests: [to, from, exclude],
            builtin: self.config.builtin(),
            symlinks: self.config.symlinks,
            verify: false,
            again: false,
            blank: None,
        })?;
        self.keep_evidence()?;
        Ok(Some(found))
    }
}
