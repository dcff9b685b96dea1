//! `watch` and what goes wrong: a killed or stopped agent, a cut or stalled link, a server that is
//! away.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use ubos_testkit::proxy::Fault;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::watching::Watching;
use crate::{BINARY, agreed};

/// A pair over ssh that has agreed on everything.
fn over_ssh() -> Option<(World, Sshd)> {
    let world = World::unpaired(BINARY);
    let sshd = Sshd::start(&world)?;
    world.laptop().run(["init", "--peer", &format!("balaur={}", sshd.address(&world))]).exits(0);
    world.laptop().sync().exits(0).clean();
    Some((world, sshd))
}

#[test]
fn edits_travel_over_ssh_and_a_cut_link_is_made_anew() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let watch = Watching::start(&world);
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    watch.arrives(Side::Server, "notes/f", "B").arrives(Side::Laptop, "notes/g", "C");
    watch.rests();
    for bytes in [0, 700, 3000] {
        sshd.proxy.set(Fault::CutAfter(bytes));
        world.laptop().write("notes/f", format!("cut after {bytes}"));
        world.server().write("notes/g", format!("cut after {bytes}"));
        sleep(Duration::from_millis(300));
        sshd.proxy.set(Fault::None);
        watch.arrives(Side::Server, "notes/f", &format!("cut after {bytes}"));
        watch.arrives(Side::Laptop, "notes/g", &format!("cut after {bytes}"));
    }
    watch.rests();
    watch.stays_at_rest();
}

#[test]
fn a_server_that_is_away_is_told_once_and_found_again() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let watch = Watching::start(&world);
    watch.rests();
    sshd.proxy.set(Fault::CutAfter(0));
    world.laptop().write("notes/f", "kept for later");
    watch.until("failure", |w| w.told("failed").iter().any(|event| event["exit"] == 5));
    sleep(Duration::from_secs(7));
    assert_eq!(watch.told("failed").len(), 1, "{}", watch.said());
    sshd.proxy.set(Fault::None);
    watch.arrives(Side::Server, "notes/f", "kept for later");
    watch.until("word that it works again", |w| w.events().last().unwrap()["event"] == "run");
}

#[test]
fn a_stalled_link_that_goes_on_loses_nothing() {
    let Some((world, sshd)) = over_ssh() else {
        return;
    };
    let watch = Watching::start(&world);
    watch.rests();
    sshd.proxy.set(Fault::StallAfter(300));
    world.laptop().write("notes/f", "stalled");
    world.server().write("notes/g", "stalled too");
    sleep(Duration::from_secs(2));
    sshd.proxy.set(Fault::None);
    watch.arrives(Side::Server, "notes/f", "stalled");
    watch.arrives(Side::Laptop, "notes/g", "stalled too");
    assert!(watch.told("failed").is_empty(), "{}", watch.said());
}

#[test]
fn a_killed_agent_is_replaced_at_once() {
    let world = agreed();
    let watch = Watching::start(&world);
    for round in 0..4 {
        watch.rests();
        let content = format!("round {round}");
        world.server().write("notes/g", &content);
        if round % 2 == 0 {
            sleep(Duration::from_millis(8));
        }
        watch.signal_agent(Signal::KILL);
        world.laptop().write("notes/f", &content);
        watch.arrives(Side::Server, "notes/f", &content);
        watch.arrives(Side::Laptop, "notes/g", &content);
    }
}

#[test]
fn a_stopped_peer_goes_on_where_it_was() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    watch.signal_agent(Signal::STOP);
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    sleep(Duration::from_secs(2));
    watch.signal_agent(Signal::CONT);
    watch.arrives(Side::Server, "notes/f", "B").arrives(Side::Laptop, "notes/g", "C");
    assert!(watch.told("failed").is_empty(), "{}", watch.said());
}

#[test]
fn a_stopped_watch_goes_on_where_it_was() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    watch.signal(Signal::STOP);
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    sleep(Duration::from_secs(2));
    watch.signal(Signal::CONT);
    watch.arrives(Side::Server, "notes/f", "B").arrives(Side::Laptop, "notes/g", "C");
    assert!(watch.told("failed").is_empty(), "{}", watch.said());
    watch.rests();
    watch.stays_at_rest();
}

/// Silence beyond the limit at which a connection is given up, which is short here.
#[cfg(feature = "failpoints")]
mod silence {
    use super::*;
    use crate::watching::{Watching, signal_agents};

    const LIMIT: Duration = Duration::from_millis(1500);

    /// A pair over ssh of which both sides are impatient.
    fn impatient() -> Option<(World, Sshd)> {
        let (world, sshd) = over_ssh()?;
        let limit = LIMIT.as_millis().to_string();
        world.set_env("UBOS_SYNC_SILENCE_MS", &limit);
        let binary = world.binary().display();
        let script = format!("UBOS_SYNC_SILENCE_MS={limit} exec '{binary}' \"$@\"");
        sshd.install_script("ubos-sync", &script);
        Some((world, sshd))
    }

    fn arrives_on_both_sides(watch: &Watching<'_>, content: &str) {
        watch.arrives(Side::Server, "notes/f", content).arrives(Side::Laptop, "notes/g", content);
        watch.rests();
        watch.stays_at_rest();
    }

    fn write_on_both_sides(world: &World, content: &str) {
        world.laptop().write("notes/f", content);
        world.server().write("notes/g", content);
    }

    #[test]
    fn a_quiet_connection_is_not_silent() {
        let Some((world, _sshd)) = impatient() else {
            return;
        };
        let watch = Watching::start(&world);
        sleep(LIMIT * 4);
        write_on_both_sides(&world, "still there");
        arrives_on_both_sides(&watch, "still there");
        assert!(watch.told("failed").is_empty(), "{}", watch.said());
    }

    #[test]
    fn a_link_that_stalls_for_too_long_is_given_up_and_made_anew() {
        let Some((world, sshd)) = impatient() else {
            return;
        };
        let watch = Watching::start(&world);
        for (round, bytes) in [0, 300, 4000].into_iter().enumerate() {
            watch.rests();
            let content = format!("round {round}");
            sshd.proxy.set(Fault::StallAfter(bytes));
            write_on_both_sides(&world, &content);
            watch.until("failure", |w| w.told("failed").len() > round);
            assert_eq!(watch.told("failed")[round]["exit"], 5, "{}", watch.said());
            sshd.proxy.set(Fault::None);
            arrives_on_both_sides(&watch, &content);
        }
    }

    #[test]
    fn an_agent_that_is_stopped_for_too_long_is_replaced() {
        let Some((world, _sshd)) = impatient() else {
            return;
        };
        let watch = Watching::start(&world);
        watch.rests();
        assert_eq!(signal_agents(&world, Signal::STOP), 1);
        write_on_both_sides(&world, "meanwhile");
        arrives_on_both_sides(&watch, "meanwhile");
        // The one that was stopped finds itself alone.
        signal_agents(&world, Signal::CONT);
        write_on_both_sides(&world, "afterwards");
        arrives_on_both_sides(&watch, "afterwards");
        watch.until("end of the other agent", |_| signal_agents(&world, Signal::CONT) == 1);
    }

    #[test]
    fn a_watch_that_sleeps_in_the_midst_of_a_run_harms_nothing() {
        let Some((world, _sshd)) = impatient() else {
            return;
        };
        let watch = Watching::start(&world);
        watch.rests();
        for number in 0..600 {
            world.laptop().write(format!("notes/many/{number}"), format!("content {number}"));
        }
        watch.until("begin of the run", |_| world.server().path("notes/many").exists());
        watch.signal(Signal::STOP);
        // Nobody waits for it: the server is free for whoever comes next.
        sleep(LIMIT * 3);
        write_on_both_sides(&world, "meanwhile");
        watch.until("end of the agent", |_| signal_agents(&world, Signal::CONT) == 0);
        watch.signal(Signal::CONT);
        watch.arrives(Side::Server, "notes/many/599", "content 599");
        arrives_on_both_sides(&watch, "meanwhile");
        let notes = |side| world.at(side).tree().filtered(|path, _| path.starts_with(b"notes"));
        assert_eq!(notes(Side::Laptop).difference(&notes(Side::Server)), None);
    }
}
