//! `ubos-sync watch`: keeps the pair in sync as long as it runs.

mod idle;
mod links;
mod signals;
mod teller;

use std::time::Duration;

use clap::Args;

use ubos_core::plan::Filter;
use ubos_engine::cycle::session::Stop;
use ubos_engine::error::EngineError;
use ubos_engine::state::config::duration;
use ubos_engine::watch_loop::{News, Pace, keep_in_sync};

use super::sync::request;
use crate::backup::follow::Follower;
use crate::cli::Global;
use crate::failure::{Failure, Outcome};
use crate::notify;
use crate::service::Service;
use crate::territory;
use crate::ui::Ui;
use idle::Idle;
use links::Links;
use signals::Signals;
use teller::Teller;

/// No wait is longer, so that a sleep of the machine is noticed soon after.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Sync on every change on either side, and at least every interval
///
/// Both territories are watched, over one connection that stays open; an edit appears on the other
/// side while its writer still looks at it. Hints of the system only shorten the delay: everything
/// is looked at every interval, after the machine slept, and whenever the connection was gone.
/// Conflicts stay open until somebody settles them; `ubos-sync resolve` can do that while this runs.
///
/// Ctrl-C ends it once the run that goes on is finished, a second one at once. SIGUSR1 looks at
/// everything now.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Look at everything at least this often: 90s, 5m, 2h [default: `interval` under `[watch]` in
    /// config.toml, else 5m]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    interval: Option<Duration>,
}

/// A distance between runs.
pub(super) fn interval(text: &str) -> Result<Duration, String> {
    let some = duration::parse(text).filter(|interval| !interval.is_zero());
    some.ok_or_else(|| format!("{}, and not 0", duration::ALLOWED))
}

/// Keeps the pair in sync until a signal ends it.
pub(crate) fn run(args: &WatchArgs, global: &Global, ui: &Ui) -> Outcome {
    let (state, config) = territory::open(global)?;
    let (peer, _) = config.peer(global.peer.as_deref())?;
    let service = Service::of_environment();
    let interval = args.interval.unwrap_or(config.watch.interval);
    let alive = service.watchdog().map_or(LONGEST_WAIT, |limit| (limit / 3).min(LONGEST_WAIT));
    let mut request = request(global, "watch", Filter::Both)?;
    request.interval = args.interval;
    let stop = Stop::default();
    let signals = Signals::listen(&stop).map_err(|e| EngineError::io("listen to", "signals", e))?;
    let teller = Teller::new(ui, [&config.name, peer], &service, &stop);
    let pace = Pace { interval, alive };
    let idle = Idle::new(state.root().path());
    let links = Links::new(state.root().path());
    let follower = Follower::new(&request);
    let _chores = follower.do_chores();
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| follower.work(&|told| teller.backed_up(told)));
        scope.spawn(|| links.work(&|run, broken, trouble| teller.broke(run, broken, trouble)));
        let ended = keep_in_sync(&request, pace, &stop, &|news| {
            follower.hear(&news);
            teller.hear(&news);
            links.hear(&news);
            if matches!(news, News::Ran { .. }) {
                notify::tell(&state, &config);
            }
            if matches!(news, News::Ran { full: true, .. }) {
                idle.tidy();
            }
        });
        service.stops();
        follower.stop();
        links.stop();
        ended
    });
    teller.end();
    match ended {
        Err(EngineError::Locked { .. }) => Err(EngineError::Locked {
            what: format!("{}: `ubos-sync watch` is already running there", config.name),
        }
        .into()),
        Err(error) => Err(error.into()),
        Ok(()) if teller.reader_left() => Err(Failure::BrokenPipe),
        Ok(()) => {
            signals.take_effect();
            Ok(0)
        }
    }
}
