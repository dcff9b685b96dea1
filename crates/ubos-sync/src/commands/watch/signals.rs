//! What signals mean to a watch: the first that would end it lets the run that goes on finish, a
//! second one has its usual effect at once; SIGUSR1 wants a look at everything.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals as Arriving;
use signal_hook::low_level::emulate_default_handler;

use ubos_engine::cycle::session::Stop;

/// The signals that this process got.
pub(super) struct Signals {
    /// The one that ended the watch; zero if none did.
    ended: Arc<AtomicI32>,
}

impl Signals {
    /// Acts upon signals from now on, in a thread of its own that lives as long as the process.
    pub(super) fn listen(stop: &Stop) -> io::Result<Self> {
        let ended = Arc::new(AtomicI32::new(0));
        let mut arriving = Arriving::new([SIGINT, SIGTERM, SIGHUP, SIGUSR1])?;
        let (noted, stop) = (Arc::clone(&ended), stop.clone());
        std::thread::spawn(move || {
            for signal in arriving.forever() {
                if signal == SIGUSR1 {
                    stop.look_now();
                } else if noted.swap(signal, Ordering::SeqCst) == 0 {
                    stop.stop();
                } else {
                    usual_effect(signal);
                }
            }
        });
        Ok(Self { ended })
    }

    /// The usual effect of the signal that ended the watch, if one did.
    pub(super) fn take_effect(&self) {
        let signal = self.ended.load(Ordering::SeqCst);
        if signal != 0 {
            usual_effect(signal);
        }
    }
}

fn usual_effect(signal: i32) {
    // All of these end a process; if the system refuses, the exit code says the same.
    let _ = emulate_default_handler(signal);
    std::process::exit(128 + signal);
}
