//! The links that runs of a watch break, found out beside them: the notes are read only if something
//! went away, and no run waits for it.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use ubos_engine::watch_loop::News;
use ubos_tiers::vault::breaks::Break;

use crate::breaks::{self, Loss};

/// An editor that saves by deleting and writing anew is done within this.
const SETTLE: Duration = Duration::from_secs(1);

/// What a run broke: its id, the links, and why that is not on record, if it is not.
pub(super) type Teller<'a> = &'a (dyn Fn(&str, &[Break], Option<String>) + Sync);

/// Looks for links that were broken.
pub(super) struct Links {
    root: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    losses: Vec<Loss>,
    stopped: bool,
}

impl Links {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Takes notice of what a run took away.
    pub(super) fn hear(&self, news: &News<'_>) {
        let News::Ran { report, .. } = news else { return };
        if let Some(loss) = Loss::of(report) {
            self.state().losses.push(loss);
            self.changed.notify_all();
        }
    }

    /// The watch has ended: what was not looked into yet is at once.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    /// Looks until it is stopped.
    pub(super) fn work(&self, tell: Teller<'_>) {
        loop {
            let (losses, last) = self.next();
            for (loss, broken) in losses.iter().zip(breaks::since(&losses, &self.root)) {
                if broken.is_empty() {
                    continue;
                }
                let noted = breaks::note_of(&broken, &loss.run, &self.root);
                tell(&loss.run, &broken, noted.err().map(|error| error.to_string()));
            }
            if last {
                return;
            }
        }
    }

    /// Waits until something went away and the dust has settled; whether it is the last.
    fn next(&self) -> (Vec<Loss>, bool) {
        let idle = |state: &mut State| state.losses.is_empty() && !state.stopped;
        let waited = self.changed.wait_while(self.state(), idle);
        let state = waited.expect("no holder of this lock panics");
        let settles = |state: &mut State| !state.stopped;
        let waited = self.changed.wait_timeout_while(state, SETTLE, settles);
        let (mut state, _) = waited.expect("no holder of this lock panics");
        (std::mem::take(&mut state.losses), state.stopped)
    }
}
