//! Snapshots beside a watch: in a thread of their own, once the dust has settled, so that no edit
//! waits for git. The first run of a connection, which may have much to do, waits for the snapshot
//! before it changes anything, as any other run does.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use ubos_engine::cycle::{Event, Request};
use ubos_engine::watch_loop::News;
use ubos_tiers::git::snapshot::Phase;

use super::Subject;
use super::attempt::{self, Attempt};
use super::chores::{self, Beside};

/// An editor saves again within this; a snapshot of half of what somebody does helps nobody.
const SETTLE: Duration = Duration::from_secs(2);
/// So far apart at least: each one looks at the whole tree, and each is a commit that stays.
const APART: Duration = Duration::from_secs(30);
/// Where the dust never settles a snapshot is made all the same.
const PATIENCE: Duration = Duration::from_secs(120);
/// What failed (a merge that is under way, a full disk) is seldom mended sooner.
const AGAIN: Duration = Duration::from_secs(300);
/// How often it is looked whether anything else is due; what decides is in files.
const LOOK: Duration = Duration::from_secs(60);

/// What a snapshot beside a watch came to.
pub(crate) struct Told {
    /// For the report.
    pub document: Value,
    /// A sentence, if it failed.
    pub trouble: Option<String>,
    /// What a person should look at in what it keeps.
    pub warning: Option<String>,
}

/// Tells what a snapshot beside a watch came to.
pub(crate) type Teller<'a> = &'a (dyn Fn(Told) + Sync);

/// Makes snapshots of what a watch changed.
pub(crate) struct Follower {
    root: PathBuf,
    peer: Option<String>,
    request: Request,
    state: Mutex<State>,
    changed: Condvar,
}

/// What has changed since the last snapshot.
#[derive(Debug, Default)]
struct State {
    dust: Option<Dust>,
    /// Not before this.
    earliest: Option<Instant>,
    /// The run that changed something last.
    run: Option<String>,
    /// Whether the run that goes on had to connect first.
    connects: bool,
    /// Made within a run, to be told after it.
    before: Vec<Attempt>,
    stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dust {
    first: Instant,
    last: Instant,
}

impl Dust {
    /// When a snapshot is due, if none may be made before `earliest`.
    fn due(self, earliest: Option<Instant>) -> Instant {
        let settled = (self.last + SETTLE).min(self.first + PATIENCE);
        earliest.map_or(settled, |earliest| settled.max(earliest))
    }
}

impl Follower {
    /// Of a watch whose runs are like `request`.
    pub(crate) fn new(request: &Request) -> Self {
        Self {
            root: request.root.clone(),
            peer: request.peer.clone(),
            request: request.clone(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// Takes notice of what the watch does.
    pub(crate) fn hear(&self, news: &News<'_>) {
        match news {
            News::Runs { connects } => self.state().connects = *connects,
            News::Progress(Event::Changing { run, .. }) => self.before(run),
            News::Ran { report, .. } if !report.actions.is_empty() => {
                let mut state = self.state();
                let last = Instant::now();
                let first = state.dust.map_or(last, |dust| dust.first);
                state.dust = Some(Dust { first, last });
                state.run = Some(report.run.clone());
                self.changed.notify_all();
            }
            _ => {}
        }
    }

    /// Before the first run of a connection changes anything.
    fn before(&self, run: &str) {
        let first = std::mem::take(&mut self.state().connects);
        if let Some(subject) = Subject::of(&self.request).filter(|_| first) {
            let made = Attempt::make(&subject, Phase::Pre, Some(run), "ubos-sync watch");
            self.state().before.push(made);
        }
    }

    /// The watch has ended: what is not in a snapshot yet is taken at once.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }

    /// Makes snapshots until it is stopped.
    pub(crate) fn work(&self, tell: Teller<'_>) {
        let mut told = None;
        while let Some((run, before, last)) = self.next() {
            let Some(subject) = Subject::of(&self.request) else {
                if last { break } else { continue }
            };
            let after =
                run.map(|run| Attempt::make(&subject, Phase::Post, Some(&run), "ubos-sync watch"));
            let attempts: Vec<Attempt> = before.into_iter().chain(after).collect();
            let Some(made) = attempts.last() else { break };
            let trouble = made.trouble().as_ref().map(attempt::sentence);
            self.state().earliest =
                Some(Instant::now() + if trouble.is_some() { AGAIN } else { APART });
            let written = attempt::write_down(&subject, &attempts);
            // The same failure again and again is told once.
            let is_news = trouble != told;
            if trouble.is_none() || is_news {
                let warning = attempts.iter().rev().find_map(Attempt::warning);
                tell(Told { document: made.document(), trouble: trouble.clone(), warning });
            }
            if let Err(error) = written {
                let trouble = format!("the backup could not be put on record: {error}");
                tell(Told { document: Value::Null, trouble: Some(trouble), warning: None });
            }
            told = trouble;
            if last {
                break;
            }
        }
    }

    /// Waits until a snapshot is due: the run that it belongs to, if one changed something, what was
    /// made before, and whether it is the last.
    fn next(&self) -> Option<(Option<String>, Vec<Attempt>, bool)> {
        let mut state = self.state();
        loop {
            let due = state.dust.map(|dust| dust.due(state.earliest));
            let now = Instant::now();
            if state.stopped || due.is_some_and(|due| due <= now) {
                let run = state.dust.take().and_then(|_| state.run.take());
                let before = std::mem::take(&mut state.before);
                let nothing = run.is_none() && before.is_empty();
                let last = state.stopped;
                return (!nothing).then_some((run, before, last));
            }
            state = match due {
                Some(due) => {
                    let waited = self.changed.wait_timeout(state, due - now);
                    waited.expect("no holder of this lock panics").0
                }
                None => self.changed.wait(state).expect("no holder of this lock panics"),
            };
        }
    }

    /// Does what is due now and then, in a thread that nobody waits for: a push to a slow place must
    /// not keep a watch from ending, and what it leaves undone the next one does. Sentences about
    /// failures are in the health and on record.
    pub(crate) fn do_chores(&self) -> Chores {
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let (root, peer, signal) = (self.root.clone(), self.peer.clone(), Arc::clone(&stopped));
        std::thread::spawn(move || {
            let (stopped, told) = &*signal;
            let (mut pause, mut unsaved) = (LOOK, None);
            loop {
                let guard = stopped.lock().expect("no holder of this lock panics");
                let waited = told.wait_timeout_while(guard, pause, |stopped| !*stopped);
                if *waited.expect("no holder of this lock panics").0 {
                    return;
                }
                let done = chores::all(&root, peer.as_deref(), &Beside::Watch(unsaved));
                unsaved = chores::unsaved(&root, peer.as_deref());
                pause = if done.warnings.is_empty() { LOOK } else { AGAIN };
            }
        });
        Chores(stopped)
    }
}

/// Ends the chores when it is dropped.
pub(crate) struct Chores(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Chores {
    fn drop(&mut self) {
        *self.0.0.lock().expect("no holder of this lock panics") = true;
        self.0.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dust_settles_but_not_for_ever() {
        let now = Instant::now();
        let after = |seconds: u64| now + Duration::from_secs(seconds);
        let dust = |first: u64, last: u64| Dust { first: after(first), last: after(last) };
        assert_eq!(dust(0, 0).due(None), after(2));
        assert_eq!(dust(0, 60).due(None), after(62));
        assert_eq!(dust(0, 119).due(None), after(120));
        assert_eq!(dust(0, 0).due(Some(after(30))), after(30));
        assert_eq!(dust(40, 40).due(Some(after(30))), after(42));
    }
}
