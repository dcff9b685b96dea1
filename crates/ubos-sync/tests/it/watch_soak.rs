//! A soak of `watch` over ssh: two users edit at random while the watch, the agent and ssh are killed
//! or stopped and the link is cut or stalls. At the end both sides hold the same, every content that
//! is owed is found, the audits of both sides say what another program computes from their logs, and
//! the watch takes no more of the machine than it did.
//!
//! `scripts/soak` lets it run for as long as one likes. `UBOS_SOAK_SECONDS` says how long,
//! `UBOS_SOAK_RATE` how many edits a minute (without it quick and slow times take turns),
//! `UBOS_SOAK_SEED` repeats the dice, `UBOS_SOAK_BINARY` is another program to soak.

mod edits;
mod figures;
mod settling;
mod vitals;

use std::fmt::Display;
use std::fs;
use std::str::FromStr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ubos_testkit::proxy::Fault;
use ubos_testkit::random::Dice;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::BINARY;
use crate::watching::{Watching, runs_on_record, signal_agents};
use edits::Users;
use vitals::Course;

/// Seconds of the test among others; a soak by itself is longer.
const SECONDS: u64 = 12;
/// Between two faults, so that work is done as well.
const BETWEEN_FAULTS: Duration = Duration::from_secs(5);
/// Between two visits of a person, who confirms what guards hold.
const BETWEEN_VISITS: Duration = Duration::from_secs(60);
/// Between two looks at the process.
const BETWEEN_LOOKS: Duration = Duration::from_millis(400);

/// What is done to the watch, and how often it was.
#[derive(Debug, Default)]
struct Faults {
    watches_killed: u32,
    agents_killed: u32,
    links_killed: u32,
    cut: u32,
    stalled: u32,
    stopped: u32,
}

/// A soak in progress.
struct Soak<'w> {
    world: &'w World,
    sshd: &'w Sshd,
    dice: Dice,
    users: Users,
    watch: Option<Watching<'w>>,
    course: Course,
    faults: Faults,
    /// How often a person confirmed what a guard held.
    confirmed: usize,
    begun: Instant,
    length: Duration,
}

impl<'w> Soak<'w> {
    fn watch(&self) -> &Watching<'w> {
        self.watch.as_ref().expect("there is one, but while it is replaced")
    }

    /// Edits, with a fault now and then, until the time is up.
    fn goes_on(&mut self, rate: Option<u64>) {
        let [mut fault, mut look, mut visit, mut due] = [self.begun; 4];
        while self.begun.elapsed() < self.length {
            self.users.edit();
            let peak = self.begun.elapsed().as_secs() % 20 < 10;
            let pause = rate.map(|rate| Duration::from_secs(60) / u32::try_from(rate).unwrap());
            // Held to the clock: what a fault delayed is made up for.
            due += pause.unwrap_or(Duration::from_millis(if peak { 30 } else { 150 }));
            sleep(due.saturating_duration_since(Instant::now()));
            if look.elapsed() > BETWEEN_LOOKS {
                look = Instant::now();
                self.course.look(self.watch().id());
            }
            if visit.elapsed() > BETWEEN_VISITS {
                visit = Instant::now();
                self.confirmed += usize::from(settling::confirm(self.world));
            }
            if fault.elapsed() > BETWEEN_FAULTS {
                fault = Instant::now();
                self.fault();
            }
        }
    }

    fn fault(&mut self) {
        // The second half belongs to one process, so that it can be seen whether it grows.
        let first_half = self.begun.elapsed() < self.length / 2;
        match self.dice.below(6) {
            0 if first_half => {
                self.watch().signal(Signal::KILL);
                // Dropped first, so that the one is gone when the other begins.
                self.watch = None;
                self.watch = Some(Watching::begin(self.world));
                self.faults.watches_killed += 1;
            }
            0 | 1 => self.faults.agents_killed += signal_agents(self.world, Signal::KILL),
            2 => self.faults.links_killed += self.watch().signal_children(Signal::KILL),
            3 => {
                self.sshd.proxy.set(Fault::CutAfter(self.dice.roll() % 20_000));
                sleep(Duration::from_millis(200));
                self.sshd.proxy.set(Fault::None);
                self.faults.cut += 1;
            }
            4 => {
                self.sshd.proxy.set(Fault::StallAfter(self.dice.roll() % 5_000));
                sleep(Duration::from_millis(800));
                self.sshd.proxy.set(Fault::None);
                self.faults.stalled += 1;
            }
            _ => {
                let signal = |signal| match self.dice.clone().chance(50) {
                    true => self.watch().signal(signal),
                    false => drop(signal_agents(self.world, signal)),
                };
                signal(Signal::STOP);
                sleep(Duration::from_millis(500));
                signal(Signal::CONT);
                self.faults.stopped += 1;
            }
        }
    }

    fn tell(&self, settled: &str, figures: &str, flat: &str) {
        let Self { users, faults, .. } = self;
        println!("edits      {}: {:?}", users.counts.all(), users.counts);
        println!("faults     {faults:?}");
        println!("runs       {} on record; {settled}", runs_on_record(self.world));
        println!(
            "contents   {} owed, all found; {} lines of log",
            users.owed(),
            users.counts.lines
        );
        println!("audit      {figures}");
        println!("the watch  {flat}");
    }
}

fn setting<T: FromStr + Display>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn nothing_is_lost_in_a_soak_with_kills_and_cuts() {
    let binary = setting("UBOS_SOAK_BINARY").unwrap_or(BINARY.to_owned());
    let world = World::unpaired(&binary);
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    let since = jiff::Timestamp::now().to_string();
    world.laptop().run(["init", "--peer", &format!("balaur={}", sshd.address(&world))]).exits(0);
    world.laptop().sync().exits(0).clean();
    let seed = setting("UBOS_SOAK_SEED").unwrap_or(20_261_122);
    println!("UBOS_SOAK_SEED={seed} soaks {binary}");
    let mut soak = Soak {
        world: &world,
        sshd: &sshd,
        dice: Dice::new(seed),
        users: Users::new(Side::BOTH.map(|side| world.root(side)), seed),
        watch: Some(Watching::begin(&world)),
        course: Course::default(),
        faults: Faults::default(),
        confirmed: 0,
        begun: Instant::now(),
        length: Duration::from_secs(setting("UBOS_SOAK_SECONDS").unwrap_or(SECONDS)),
    };
    soak.goes_on(setting("UBOS_SOAK_RATE"));
    let settled = settling::settle(&world, soak.watch(), soak.confirmed);
    let flat = soak.course.stays_flat().unwrap();
    let missing = soak.users.missing();
    assert!(missing.is_empty(), "{} contents are lost: {missing:#?}", missing.len());
    for side in Side::BOTH {
        let log = fs::read_to_string(world.at(side).path(edits::LOG)).unwrap();
        assert!(log == soak.users.log(), "the log of {side:?} is another one:\n{log}");
    }
    soak.watch.take().unwrap().ends().exits(143);
    let figures = figures::confirm(&world, &since);
    soak.tell(&settled, &figures, &flat);
}
