//! The loop of `watch`: change or time → run → wait. Hints make it quick, the interval makes it
//! sure; a peer that is away costs one attempt now and then.

use std::time::{Duration, Instant, SystemTime};

use crate::clock;
use crate::cycle::report::RunReport;
use crate::cycle::session::{Session, Stop};
use crate::cycle::{Event, Request};
use crate::error::{EngineError, Result};
use crate::state::StateDir;
use crate::state::lock::Lock;
use crate::watch::rhythm::{self, Clocks, Ended, Rhythm};
use crate::watch::settings::Settings;

/// Whether a person mended what kept runs from working is looked at this often.
const MENDED: Duration = Duration::from_secs(1);

/// How often things happen.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Everything is looked at this often at least.
    pub interval: Duration,
    /// No wait is longer, so that a sleep of the machine is noticed soon after and the one who
    /// watches over this loop hears of it.
    pub alive: Duration,
}

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

/// What goes on from one run to the next.
struct Loop<'a> {
    state: StateDir,
    session: Session,
    rhythm: Rhythm,
    pace: Pace,
    stop: &'a Stop,
    tell: &'a (dyn Fn(News<'_>) + Sync),
    /// When everything is to be looked at.
    everything: Instant,
    /// Why hints are missing.
    blind: Option<String>,
    /// How long the last look at everything took.
    full_took: Duration,
    /// Whether any run was carried out.
    worked: bool,
    /// The settings that the last run could not understand, its own or the peer's.
    refused: Option<Settings>,
    begun: Instant,
    clocks: Clocks,
}

/// Keeps a pair in sync until it is stopped.
///
/// # Errors
/// [`EngineError::Locked`] if another watch does this already, and what the first run says that no
/// waiting can heal: [`EngineError::Config`]. What later runs say is told, and tried again: a manifest
/// or a configuration that was spoilt meanwhile as soon as it is edited here, and now and then.
pub fn keep_in_sync(
    request: &Request,
    pace: Pace,
    stop: &Stop,
    tell: &(dyn Fn(News<'_>) + Sync),
) -> Result<()> {
    let state = StateDir::open(&request.root)?;
    let _only_one = Lock::take_watch(&state)?;
    let begun = Instant::now();
    let mut all = Loop {
        state,
        session: Session::new(request.clone(), stop.clone()),
        rhythm: Rhythm::new(pace.interval),
        pace,
        stop,
        tell,
        everything: begun,
        blind: None,
        full_took: Duration::ZERO,
        worked: false,
        refused: None,
        begun,
        clocks: Clocks::new(Duration::ZERO, SystemTime::now()),
    };
    while !stop.is_stopped() {
        all.run()?;
        all.wait();
    }
    Ok(())
}

impl Loop<'_> {
    fn tell(&self, news: News<'_>) {
        (self.tell)(news);
    }

    fn run(&mut self) -> Result<()> {
        let connects = !self.session.is_connected();
        let full = self.stop.takes_look() || connects || Instant::now() >= self.everything;
        let begun = Instant::now();
        // Before the run reads them: an edit that comes meanwhile is one that it did not see.
        let settings = Settings::look(&self.state);
        self.tell(News::Runs { connects });
        let tell = self.tell;
        let mut report = self.session.run(full, &|event| tell(News::Progress(event)));
        let took = begun.elapsed();
        if full {
            self.full_took = took;
        }
        let ended = match &report.error {
            Some(EngineError::Locked { .. }) => Ended::Busy,
            Some(EngineError::Config { .. }) => Ended::Misconfigured,
            Some(_) => Ended::Failed,
            None => Ended::Done { again: !report.skipped.is_empty() },
        };
        self.refused = (ended == Ended::Misconfigured).then_some(settings);
        let [byte] = clock::random::<1>();
        let chance = f64::from(byte) / 255.0;
        let pause = self.rhythm.pause(ended, self.full_took, self.blind.is_some(), chance);
        let next = Instant::now() + pause;
        // A look at some paths puts off no look at everything.
        let puts_off = full || report.error.is_some();
        self.everything = if puts_off { next } else { self.everything.min(next) };
        self.tell(News::Ran { report: &report, took, full });
        self.worked |= report.error.is_none();
        match report.error.take() {
            Some(error @ EngineError::Config { .. }) if !self.worked => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until something changed or everything is due to be looked at.
    fn wait(&mut self) {
        while !self.stop.is_stopped() && !self.is_due() {
            self.tell(News::Alive);
            self.tell(News::Waits { until: self.everything, blind: self.blind.as_deref() });
            let longest = match self.refused {
                Some(_) => self.pace.alive.min(MENDED),
                None => self.pace.alive,
            };
            match self.session.wait(self.everything.min(Instant::now() + longest)) {
                Ok(wake) => {
                    self.blind = wake.blind;
                    if self.blind.is_some() {
                        let poll = Instant::now() + rhythm::poll(self.full_took);
                        self.everything = self.everything.min(poll);
                    }
                    if wake.changed {
                        return;
                    }
                }
                // The connection broke: the next run connects anew, and says what is the matter.
                Err(_) => return,
            }
        }
    }

    /// Whether everything is to be looked at now: the time has come, somebody wants it, settings that
    /// were refused were edited, or the machine slept, be it while this waited or in the midst of a run.
    fn is_due(&mut self) -> bool {
        let slept = self.clocks.slept(self.begun.elapsed(), SystemTime::now());
        let edited = self.refused.as_ref().is_some_and(|s| *s != Settings::look(&self.state));
        if slept || edited || self.stop.wants_look() {
            self.everything = Instant::now();
        }
        Instant::now() >= self.everything
    }
}
