//! What a watch does beside its runs, without any of them waiting for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ubos_engine::duties;

/// Work beside the runs, one piece at a time.
pub(super) struct Idle {
    root: PathBuf,
    busy: Arc<AtomicBool>,
}

impl Idle {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), busy: Arc::default() }
    }

    /// Compresses old sealed logs, unless that is going on. The end of the watch does not wait for it:
    /// cut off at any moment, the log itself is left.
    pub(super) fn tidy(&self) {
        if self.busy.swap(true, Ordering::SeqCst) {
            return;
        }
        let (root, busy) = (self.root.clone(), Arc::clone(&self.busy));
        std::thread::spawn(move || {
            // What cannot be compressed now is looked at again after the next full look.
            let _ = duties::tidy(&root);
            busy.store(false, Ordering::SeqCst);
        });
    }
}
