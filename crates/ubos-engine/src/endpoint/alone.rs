//! What a side can do without its peer: tidy up after a run that was cut off, and look at its own
//! tree. Nothing is decided and the baseline stays as it is.

use super::local::LocalEndpoint;
use super::{Endpoint, Scanned};
use crate::agent::message::{ScanOrder, Standing};
use crate::error::Result;

impl LocalEndpoint {
    /// Finishes or takes back what a cut-off run left between two steps, so that every path shows the
    /// old or the new content and no append ends in the middle. What became of the run as a whole is
    /// for both sides to decide. Returns how many such runs there are. The lock must be held.
    ///
    /// # Errors
    /// What the system says.
    pub fn tidy(&mut self) -> Result<usize> {
        let open = self.table()?.open_runs().len();
        if open > 0 {
            self.open_runs()?;
        }
        Ok(open)
    }

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
