//! The loop of `watch`: change or time → run → wait. Hints make it quick, the interval makes it
//! sure; a peer that is away costs one attempt now and then.

use std::time::{Duration, Instant, SystemTime};

use crate::clock;
use crate::cycle::report::RunReport;
use crate::cycle::session::{Session, Stop};
use crate::cycle::{Event, Request};
use crate::error::Result;
use crate::state::StateDir;
use crate::state::lock::Lock;
use crate::watch::rhythm::{Ended, Rhythm};

/// No wait is longer, so that a sleep of the machine is noticed soon after and the one who watches
/// over this loop hears of it.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// A clock that went so much further than this process was awake: the machine slept.
const SLEPT: Duration = Duration::from_secs(15);

/// What the loop tells.
#[derive(Debug)]
pub enum News<'a> {
    /// A run begins.
    Runs {
        /// Whether it first has to connect.
        connects: bool,
    },
    /// What a run tells while it goes on.
    Progress(Event),
    /// A run has ended.
    Ran {
        /// Its report.
        report: &'a RunReport,
        /// How long it took.
        took: Duration,
        /// Whether it looked at everything.
        full: bool,
    },
    /// It waits for changes, or only for the time where the last run failed.
    Waits {
        /// When the next run begins at the latest.
        until: Instant,
        /// Why some or all changes are only found by looking at everything.
        blind: Option<&'a str>,
    },
    /// The loop is alive.
    Alive,
}

/// Keeps a pair in sync until it is stopped.
///
/// # Errors
/// [`EngineError::Locked`] if another watch does this already. What single runs say is told, and
/// tried again.
pub fn keep_in_sync(
    request: &Request,
    interval: Duration,
    stop: &Stop,
    tell: &(dyn Fn(News<'_>) + Sync),
) -> Result<()> {
    let state = StateDir::open(&request.root)?;
    let _only_one = Lock::take_watch(&state)?;
    let mut session = Session::new(request.clone(), stop.clone());
    let mut rhythm = Rhythm::new(interval);
    let mut everything = Instant::now();
    let mut blind: Option<String> = None;
    let mut full_took = Duration::ZERO;
    while !stop.is_stopped() {
        let full = !session.is_connected() || Instant::now() >= everything;
        let begun = Instant::now();
        tell(News::Runs { connects: !session.is_connected() });
        let report = session.run(full, &|event| tell(News::Progress(event)));
        let took = begun.elapsed();
        if full {
            full_took = took;
        }
        tell(News::Ran { report: &report, took, full });
        let ended = match &report.error {
            Some(_) => Ended::Failed,
            None => Ended::Done { again: !report.skipped.is_empty() },
        };
        let [byte] = clock::random::<1>();
        let pause = rhythm.pause(ended, full_took, blind.is_some(), f64::from(byte) / 255.0);
        if full || ended == Ended::Failed || pause < interval {
            everything = Instant::now() + pause;
        }
        wait(&mut session, &mut everything, &mut blind, stop, tell);
    }
    Ok(())
}

/// Waits until something changed or everything is due to be looked at.
fn wait(
    session: &mut Session,
    everything: &mut Instant,
    blind: &mut Option<String>,
    stop: &Stop,
    tell: &(dyn Fn(News<'_>) + Sync),
) {
    while !stop.is_stopped() && Instant::now() < *everything {
        tell(News::Alive);
        tell(News::Waits { until: *everything, blind: blind.as_deref() });
        let (begun, wall) = (Instant::now(), SystemTime::now());
        match session.wait((*everything).min(begun + LONGEST_WAIT)) {
            Ok(wake) => {
                blind.clone_from(&wake.blind);
                if wake.changed {
                    return;
                }
            }
            // The connection broke: the next run connects anew, and says what is the matter.
            Err(_) => return,
        }
        let passed = wall.elapsed().unwrap_or_default();
        if passed > begun.elapsed() + SLEPT {
            *everything = Instant::now();
        }
    }
}
