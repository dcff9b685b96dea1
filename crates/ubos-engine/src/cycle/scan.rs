//! Stage 2: both sides scanned at the same time.

use ubos_core::sides::Sides;

use super::load::Loaded;
use crate::endpoint::{Endpoint, Scanned};
use crate::error::Result;

/// Both sides with what was seen.
pub(super) struct ScannedRun {
    /// The sides.
    pub loaded: Loaded,
    /// What was seen.
    pub seen: Sides<Scanned>,
}

pub(super) fn scan(mut loaded: Loaded) -> Result<ScannedRun> {
    if let Some(seen) = loaded.early.take() {
        return Ok(ScannedRun { loaded, seen });
    }
    let (local, remote, order) = (&mut loaded.local, &mut loaded.remote, &loaded.order);
    let (here, there) = std::thread::scope(|scope| {
        let far = scope.spawn(|| remote.scan(order));
        let here = local.scan(order);
        (here, far.join().expect("a scanning thread does not panic"))
    });
    let seen = Sides::new(here?, there?);
    Ok(ScannedRun { loaded, seen })
}
