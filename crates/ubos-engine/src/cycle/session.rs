//! Several runs on one connection, and the wait between them: both trees are watched, and a run
//! looks again at what changed. Locks are held during runs only.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use super::report::RunReport;
use super::{Listener, Request, cycle};
use crate::agent::message::Wake;
use crate::endpoint::local::LocalEndpoint;
use crate::endpoint::remote::RemoteEndpoint;
use crate::error::Result;
use crate::watch::Caller;

/// The two sides between two runs.
pub(super) struct Kept {
    /// This side.
    pub local: LocalEndpoint,
    /// The peer.
    pub remote: RemoteEndpoint,
}

/// Ends what a session is waiting for, from another thread.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    look: bool,
    caller: Option<Caller>,
}

impl Stop {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no holder of this lock panics")
    }

    /// Ends the present wait and all later ones.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        state.caller.iter().for_each(Caller::call);
        self.0.told.notify_all();
    }

    /// Ends the present wait, so that everything is looked at now.
    pub fn look_now(&self) {
        let mut state = self.state();
        state.look = true;
        state.caller.iter().for_each(Caller::call);
        self.0.told.notify_all();
    }

    /// Whether everything is to be looked at now.
    pub(crate) fn wants_look(&self) -> bool {
        self.state().look
    }

    /// Whether everything was to be looked at now; the next run does.
    pub(crate) fn takes_look(&self) -> bool {
        std::mem::take(&mut self.state().look)
    }

    /// Whether it was stopped.
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Waits until then, or until it is stopped or everything is to be looked at.
    pub fn sleep(&self, until: Instant) {
        let mut state = self.state();
        while !state.stopped && !state.look {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return };
            let waited = self.0.told.wait_timeout(state, left);
            state = waited.expect("no holder of this lock panics").0;
        }
    }

    /// Whom to call; true if there is nothing to wait for.
    fn set_caller(&self, caller: Option<Caller>) -> bool {
        let mut state = self.state();
        state.caller = caller;
        state.stopped || state.look
    }
}

/// A connection that serves one run after the other.
pub struct Session {
    request: Request,
    kept: Option<Kept>,
    stop: Stop,
}

impl Session {
    /// A session of runs like `request`. Nothing is connected yet.
    pub fn new(request: Request, stop: Stop) -> Self {
        Self { request: Request { stays: true, ..request }, kept: None, stop }
    }

    /// Whether the peer is connected, as far as is known.
    pub fn is_connected(&self) -> bool {
        self.kept.is_some()
    }

    /// One run; connects if need be. `full` looks at everything, otherwise what the watches had
    /// hints about is enough. After a failure the connection is closed.
    pub fn run(&mut self, full: bool, listener: Listener<'_>) -> RunReport {
        let request = Request { again: !full, ..self.request.clone() };
        let (mut report, kept) = cycle(&request, self.kept.take(), listener);
        self.kept = kept;
        if let Err(error) = self.release() {
            self.kept = None;
            report.error.get_or_insert(error);
        }
        report
    }

    /// Between runs whoever else has one to do may do it.
    fn release(&mut self) -> Result<()> {
        let Some(Kept { local, remote }) = &mut self.kept else { return Ok(()) };
        local.release();
        remote.release()
    }

    /// Waits until either tree changed, or `until`, or a stop.
    ///
    /// # Errors
    /// When the connection breaks; it is closed then.
    pub fn wait(&mut self, until: Instant) -> Result<Wake> {
        let Some(mut kept) = self.kept.take() else {
            self.stop.sleep(until);
            return Ok(Wake { changed: false, blind: None });
        };
        let wake = wait_for_both(&mut kept, until, &self.stop)?;
        self.kept = Some(kept);
        Ok(wake)
    }
}

fn wait_for_both(kept: &mut Kept, until: Instant, stop: &Stop) -> Result<Wake> {
    let Kept { local, remote } = kept;
    let caller = local.caller();
    if stop.set_caller(caller.clone()) {
        return Ok(Wake { changed: false, blind: None });
    }
    let bell = remote.bell();
    // Before anything can ring: a call that comes ahead of its wait has nothing to end.
    remote.begin_wait(until.saturating_duration_since(Instant::now()))?;
    let (here, there) = std::thread::scope(|scope| {
        let far = scope.spawn(|| {
            let wake = remote.woken();
            caller.iter().for_each(Caller::call);
            wake
        });
        let here = local.wait(until);
        bell.ring();
        (here, far.join().expect("a waiting thread does not panic"))
    });
    stop.set_caller(None);
    let (here, there) = (here?, there?);
    Ok(Wake { changed: here.changed || there.changed, blind: here.blind.or(there.blind) })
}
