//! What a watch tells: live status on a terminal, lines elsewhere, JSON where that is wanted, and
//! the service manager in any case.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use ubos_core::sides::Side;
use ubos_engine::clock;
use ubos_engine::cycle::Event;
use ubos_engine::cycle::report::RunReport;
use ubos_engine::cycle::session::Stop;
use ubos_engine::watch_loop::News;
use ubos_tiers::vault::breaks::Break;

use crate::backup::follow::Told;
use crate::failure::Failure;
use crate::render::run::action_line;
use crate::render::units::{age, plural};
use crate::render::watch::{self, Doing, Status};
use crate::render::{breaks, json as as_json};
use crate::service::Service;
use crate::ui::Ui;
use crate::ui::live::Live;
use crate::ui::sanitize::one_line;

/// Runs that stay on the screen.
const LAST_RUNS: usize = 3;
/// Progress is drawn this often at most.
const FRAME: Duration = Duration::from_millis(100);

/// Tells what a watch does.
pub(super) struct Teller<'a> {
    ui: &'a Ui,
    service: &'a Service,
    stop: &'a Stop,
    live: bool,
    reader_left: AtomicBool,
    state: Mutex<State>,
}

struct State {
    status: Status,
    screen: Live,
    drawn: Instant,
    /// What the last run was like, as far as it would be told again.
    told: Option<String>,
    /// Since when both sides are as they should be.
    since: Option<Timestamp>,
    /// Failures since the last run that worked.
    failures: u64,
    runs: u64,
    moved: [u64; 2],
    up: bool,
    begun: Instant,
}

impl<'a> Teller<'a> {
    /// Tells of the watch of two territories.
    pub(super) fn new(
        ui: &'a Ui,
        [here, peer]: [&str; 2],
        service: &'a Service,
        stop: &'a Stop,
    ) -> Self {
        let status = Status {
            here: here.to_owned(),
            peer: peer.to_owned(),
            doing: Doing::Connects,
            runs: Vec::new(),
            open: None,
            guarded: None,
            next: None,
            blind: None,
        };
        let now = Instant::now();
        let state = State {
            status,
            screen: Live::default(),
            drawn: now,
            told: None,
            since: None,
            failures: 0,
            runs: 0,
            moved: [0; 2],
            up: false,
            begun: now,
        };
        let live = !ui.json() && !ui.quiet() && Live::is_possible();
        let reader_left = AtomicBool::new(false);
        Self { ui, service, stop, live, reader_left, state: Mutex::new(state) }
    }

    /// Whether whoever read the output has gone.
    pub(super) fn reader_left(&self) -> bool {
        self.reader_left.load(Ordering::SeqCst)
    }

    /// Takes notice of what the loop tells.
    pub(super) fn hear(&self, news: &News<'_>) {
        let mut state = self.state();
        match news {
            News::Runs { connects } => {
                self.service.runs();
                if *connects {
                    state.status.doing = Doing::Connects;
                    self.draw(&mut state, "");
                }
            }
            News::Progress(event) => self.progress(&mut state, event),
            News::Ran { report, took, .. } => {
                self.service.ran();
                self.ran(&mut state, report, *took);
            }
            News::Waits { until, blind } => self.waits(&mut state, *until, *blind),
            News::Alive => self.service.alive(),
        }
    }

    /// Tells what a snapshot came to, why there is none, and what to look at in it.
    pub(super) fn backed_up(&self, told: Told) {
        let mut state = self.state();
        let Told { document, trouble, warning } = told;
        if self.ui.json() {
            let event = json!({
                "schema": 1, "event": "backup", "time": clock::now_rfc3339(),
                "backup": document, "trouble": trouble, "warning": warning,
            });
            return self.say(&format!("{event}\n"));
        }
        for line in [trouble, warning].into_iter().flatten() {
            let line = self.stamped(&line);
            self.draw(&mut state, &line);
        }
    }

    /// Tells which links a run broke, and why that is not on record.
    pub(super) fn broke(&self, run: &str, broken: &[Break], trouble: Option<String>) {
        let mut state = self.state();
        if self.ui.json() {
            let event = json!({
                "schema": 1, "event": "links-broken", "time": clock::now_rfc3339(), "run": run,
                "breaks": breaks::document(broken), "trouble": trouble,
            });
            return self.say(&format!("{event}\n"));
        }
        let trouble = trouble.map(|why| format!("which links broke is not on record: {why}"));
        let told = if self.ui.quiet() { Vec::new() } else { breaks::lines(broken, self.ui) };
        let lines: String = told.iter().chain(&trouble).map(|line| self.stamped(line)).collect();
        self.draw(&mut state, &lines);
    }

    /// The watch has ended: what it did in all.
    pub(super) fn end(&self) {
        let mut state = self.state();
        let [to_here, to_peer] = state.moved;
        let (runs, lasted) = (state.runs, state.begun.elapsed().as_secs());
        if self.ui.json() {
            let moved = json!({ &state.status.here: to_here, &state.status.peer: to_peer });
            self.say(&format!(
                "{}\n",
                json!({
                    "schema": 1, "event": "stopped", "time": clock::now_rfc3339(), "runs": runs,
                    "seconds": lasted, "actions": moved,
                })
            ));
            return;
        }
        let Status { here, peer, open, .. } = &state.status;
        let open = open.as_ref().map(|open| format!("; {open}")).unwrap_or_default();
        let line = format!(
            "ended after {}: {}, {to_peer} to {peer}, {to_here} to {here}{open}",
            age(lasted),
            plural(runs as usize, "run"),
        );
        if self.live {
            self.clear(&mut state);
        }
        if !self.ui.quiet() {
            self.say(&self.stamped(&line));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock panics")
    }

    fn progress(&self, state: &mut State, event: &Event) {
        state.status.doing = match (event, &state.status.doing) {
            (Event::Scanning, doing @ Doing::Connects) => doing.clone(),
            (Event::Scanning, _) => Doing::Looks,
            (Event::Moving { files, .. }, _) => Doing::Syncs { done: 0, files: *files },
            (Event::FileDone, Doing::Syncs { done, files }) => {
                Doing::Syncs { done: (done + 1).min(*files), files: *files }
            }
            (_, doing) => doing.clone(),
        };
        if state.drawn.elapsed() >= FRAME {
            self.draw(state, "");
        }
    }

    fn ran(&self, state: &mut State, report: &RunReport, took: Duration) {
        let now = Timestamp::now();
        state.runs += 1;
        for action in &report.actions {
            state.moved[usize::from(action.to == Side::There)] += 1;
        }
        let signature = signature(report);
        let is_new = !report.actions.is_empty() || state.told.as_ref() != Some(&signature);
        let mut lines = Vec::new();
        match &report.error {
            Some(error) => {
                let (why, hint) = (error.to_string(), error.hint().to_owned());
                lines.push(format!("{why}; {hint}"));
                state.status.doing = Doing::Waits { why, hint, retry: None };
                state.failures += 1;
                state.since = None;
            }
            None => {
                if !report.actions.is_empty() || state.told.is_none() || state.failures > 0 {
                    lines.push(watch::did(report, took));
                }
                self.worked(state, report, now, took, &mut lines);
            }
        }
        state.told = Some(signature);
        let mut above = String::new();
        if is_new && self.ui.json() {
            self.say(&format!("{}\n", event_of(report, took)));
        } else if is_new && (!self.ui.quiet() || report.error.is_some()) {
            lines.iter().for_each(|line| above.push_str(&self.stamped(line)));
            if self.ui.verbose() {
                report
                    .actions
                    .iter()
                    .for_each(|a| above.push_str(&action_line(report, a, self.ui)));
            }
        }
        // What stays of a run on a terminal is what changed something or went wrong.
        if self.live && report.error.is_none() && report.actions.is_empty() {
            above.clear();
        }
        self.draw(state, &above);
        if !std::mem::replace(&mut state.up, true) {
            self.service.ready();
        }
        self.service.status(&watch::sentence(&state.status, now, self.ui.zone()));
    }

    /// The status after a run that was carried out.
    fn worked(
        &self,
        state: &mut State,
        report: &RunReport,
        now: Timestamp,
        took: Duration,
        lines: &mut Vec<String>,
    ) {
        state.failures = 0;
        if !report.actions.is_empty() {
            state.status.runs.insert(0, (now, watch::did(report, took)));
            state.status.runs.truncate(LAST_RUNS);
        }
        let since = state.since.filter(|_| report.actions.is_empty()).unwrap_or(now);
        state.since = Some(since);
        state.status.doing = Doing::InSync(since);
        state.status.open = watch::open(report);
        state.status.guarded = watch::guarded(report);
        let open = [&state.status.open, &state.status.guarded];
        lines.extend(open.into_iter().flatten().cloned());
    }

    fn waits(&self, state: &mut State, until: Instant, blind: Option<&str>) {
        let left = until.saturating_duration_since(Instant::now());
        let next = Timestamp::now() + left;
        let mut above = String::new();
        if let Doing::Waits { retry, .. } = &mut state.status.doing {
            if retry.is_none() && self.ui.json() {
                self.say(&format!("{}\n", waiting(next, None)));
            }
            *retry = Some(next);
            state.status.next = None;
        } else {
            state.status.next = Some(next);
        }
        if state.status.blind.as_deref() != blind {
            state.status.blind = blind.map(str::to_owned);
            if self.ui.json() {
                self.say(&format!("{}\n", waiting(next, blind)));
            } else if !self.live && !self.ui.quiet() {
                let told =
                    blind.map_or("every change is noticed at once again".to_owned(), watch::slower);
                above = self.stamped(&told);
            }
        }
        self.draw(state, &above);
    }

    /// A line with the time: by the user's clock on a terminal, exact elsewhere.
    fn stamped(&self, line: &str) -> String {
        let now = Timestamp::now();
        let time = match self.live {
            true => now.to_zoned(self.ui.zone().clone()).strftime("%H:%M:%S").to_string(),
            false => clock::now_rfc3339(),
        };
        format!("{time}  {}\n", one_line(line))
    }

    fn draw(&self, state: &mut State, above: &str) {
        if !self.live {
            if !above.is_empty() {
                self.say(above);
            }
            return;
        }
        let lines = watch::lines(&state.status, Timestamp::now(), self.ui);
        state.drawn = Instant::now();
        // A terminal that is gone sends a signal, which ends the watch.
        let _ = state.screen.show(above, &lines, self.ui);
    }

    fn clear(&self, state: &mut State) {
        let _ = state.screen.show("", &[], self.ui);
    }

    /// Writes to standard output. If nobody reads it any more the watch ends; output that cannot be
    /// written for another reason does not keep it from its work.
    fn say(&self, text: &str) {
        if let Err(Failure::BrokenPipe) = self.ui.answer(text) {
            self.reader_left.store(true, Ordering::SeqCst);
            self.stop.stop();
        }
    }
}

/// What makes one run worth telling after another that did nothing either.
fn signature(report: &RunReport) -> String {
    if let Some(error) = &report.error {
        return format!("{} {error}", error.kind());
    }
    let marks = report.conflicts.iter().map(|c| (&c.path, c.mark));
    let marks: Vec<_> = marks.chain(report.held.iter().map(|h| (&h.path, h.mark))).collect();
    let skipped: Vec<_> = report.skipped.iter().map(|s| (&s.path, &s.reason)).collect();
    let guards: Vec<_> = report.guards.iter().map(|guard| &guard.detail).collect();
    format!("{marks:?} {:?} {skipped:?} {guards:?}", report.left)
}

fn event_of(report: &RunReport, took: Duration) -> Value {
    let mut event = as_json::run(report);
    event["event"] = if report.error.is_some() { "failed" } else { "run" }.into();
    event["seconds"] = took.as_secs_f64().into();
    event
}

fn waiting(until: Timestamp, blind: Option<&str>) -> Value {
    json!({
        "schema": 1, "event": "waiting", "time": clock::now_rfc3339(),
        "until": format!("{until:.3}"), "blind": blind,
    })
}
