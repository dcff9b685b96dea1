//! What a watch shows on a terminal and elsewhere, and what a service manager hears.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use ubos_testkit::process::Running;
use ubos_testkit::terminal::{Terminal, ctrl};
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::watching::SOON;

fn on_a_screen(world: &World, cols: u16) -> Terminal {
    let mut command = world.laptop().command(["watch"]);
    command.env("TERM", "xterm").env("TZ", "UTC");
    let terminal = Terminal::spawn(&command, cols, 24);
    terminal.wait_for("in sync since", SOON);
    terminal
}

/// Waits until the screen is as it should be.
#[track_caller]
fn shows(terminal: &Terminal, is: impl Fn(&str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let screen = terminal.screen();
        if is(&screen) {
            return screen;
        }
        assert!(begun.elapsed() < SOON, "{screen}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_status_stays_in_place_and_each_run_leaves_a_line() {
    for cols in [80, 40] {
        let world = agreed();
        let mut terminal = on_a_screen(&world, cols);
        for number in 0..3 {
            world.laptop().write("notes/f", format!("edit {number}"));
            let twice = 2 * (number + 1);
            shows(&terminal, |screen| screen.matches("1 to balaur").count() >= twice);
        }
        // Both edits are there before it looks.
        let process = terminal.id().and_then(|id| Pid::from_raw(id.cast_signed())).unwrap();
        kill_process(process, Signal::STOP).unwrap();
        world.laptop().write("notes/g", "mine");
        world.server().write("notes/g", "theirs");
        kill_process(process, Signal::CONT).unwrap();
        let screen = shows(&terminal, |screen| {
            screen.contains("ubos-sync resolve") && screen.contains("in sync since")
        });
        assert!(screen.lines().all(|line| line.chars().count() <= usize::from(cols)), "{screen}");
        assert_eq!(screen.matches("in sync since").count(), 1, "{screen}");
        assert_eq!(screen.matches("Ctrl-C ends").count(), 1, "{screen}");
        terminal.send_key(ctrl('c'));
        terminal.exits(130);
        let left = terminal.screen();
        assert!(left.contains("ended after") && !left.contains("Ctrl-C ends"), "{left}");
    }
}

#[test]
fn lines_without_a_terminal_have_the_time_and_say_what_settles_a_conflict() {
    let world = agreed();
    world.laptop().write("notes/f", "mine");
    world.server().write("notes/f", "theirs");
    world.laptop().write("notes/g", "new");
    let running = world.laptop().start(["watch"]);
    let begun = Instant::now();
    while !running.said().contains("ubos-sync resolve") {
        assert!(begun.elapsed() < SOON, "{}", running.said());
        std::thread::sleep(Duration::from_millis(10));
    }
    running.signal(Signal::TERM);
    let outcome = running.finish(SOON);
    outcome
        .exits(143)
        .says("1 to balaur (notes/g)")
        .says("1 conflict: ubos-sync resolve")
        .says("ended after");
    assert!(outcome.words().lines().all(|line| line.starts_with("20")), "{}", outcome.told());
}

#[test]
fn the_service_manager_hears_that_it_is_up_that_it_lives_and_that_it_ends() {
    let world = agreed();
    let place = world.base().join("tmp/notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(SOON)).unwrap();
    let mut command = world.laptop().command(["watch"]);
    command.env("NOTIFY_SOCKET", &place).env("WATCHDOG_USEC", "900000");
    let running = Running::start(command, &world.base().join("output"));
    let hear = || {
        let mut buffer = [0; 4096];
        let length = manager.recv(&mut buffer).expect("a word of the watch");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let until = |word: &str| while !hear().starts_with(word) {};
    until("READY=1");
    until("STATUS=in sync");
    let begun = Instant::now();
    (0..6).for_each(|_| until("WATCHDOG=1"));
    assert!(begun.elapsed() < Duration::from_millis(6 * 450), "{:?}", begun.elapsed());
    kill_process(Pid::from_raw(running.id().cast_signed()).unwrap(), Signal::TERM).unwrap();
    until("STOPPING=1");
    running.finish(SOON).exits(143);
}

#[test]
fn a_watch_is_up_also_where_its_peer_is_away() {
    let world = agreed();
    std::fs::rename(world.root(Side::Server), world.base().join("aside")).unwrap();
    let place = world.base().join("tmp/notify");
    let manager = UnixDatagram::bind(&place).unwrap();
    manager.set_read_timeout(Some(SOON)).unwrap();
    let mut command = world.laptop().command(["watch"]);
    command.env("NOTIFY_SOCKET", &place);
    let running = Running::start(command, &world.base().join("output"));
    let mut buffer = [0; 4096];
    let length = manager.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1");
    running.signal(Signal::TERM);
    running.finish(SOON).exits(143).says("balaur");
}
