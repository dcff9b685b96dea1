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
