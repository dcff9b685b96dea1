//! Progress on a terminal: files, bytes, rate, time left; nothing for what takes a moment.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use ubos_engine::cycle::Event;

use super::Ui;

/// Nothing is shown for what takes less.
const PATIENCE: Duration = Duration::from_millis(250);

/// Shows what a run tells.
pub(crate) struct Progress {
    shown: bool,
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    total: u64,
    moved: u64,
    files: u64,
    of: u64,
}

impl Progress {
    /// Progress for one run.
    pub(crate) fn new(ui: &Ui) -> Self {
        Self { shown: ui.shows_progress(), begun: Instant::now(), state: Mutex::default() }
    }

    /// Takes notice of an event.
    pub(crate) fn event(&self, event: Event) {
        if !self.shown {
            return;
        }
        let mut state = self.state.lock().expect("no holder of this lock panics");
        match event {
            Event::Scanning | Event::Changing { .. } => {}
            Event::Moving { files, bytes } => {
                state.of = files;
                state.total = bytes;
            }
            Event::Moved(bytes) => state.moved += bytes,
            Event::FileDone => state.files += 1,
            Event::Committing => {
                if let Some(bar) = state.bar.take() {
                    bar.finish_and_clear();
                }
                return;
            }
        }
        if self.begun.elapsed() > PATIENCE && state.of > 0 {
            state.show();
        }
    }

    /// Clears what is shown.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl State {
    fn show(&mut self) {
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let template = "{msg}  {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {bar:24}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_message(format!("{}/{} files", self.files, self.of));
        bar.set_position(self.moved);
    }
}
