//! `watch` over a plain path: what changes on either side appears on the other, in few runs, and
//! nothing happens where nothing changed.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use ubos_testkit::Side;
use ubos_testkit::law::{Direction, Law};

use crate::agreed;
use crate::watching::{
    QUIET, Watching, bytes_read, memory, open_files, processor_time, runs_on_record,
};

#[test]
fn edits_on_both_sides_travel_at_once_and_cause_no_echo() {
    let world = agreed();
    let watch = Watching::start(&world);
    let before = watch.rests();
    world.laptop().write("notes/f", "B");
    watch.arrives(Side::Server, "notes/f", "B");
    world.server().write("notes/g", "C");
    watch.arrives(Side::Laptop, "notes/g", "C");
    let after = watch.rests();
    assert_eq!(after - before, 2, "{}", watch.said());
    world.laptop().write("notes/here", "1");
    world.server().write("notes/there", "2");
    watch.arrives(Side::Server, "notes/here", "1").arrives(Side::Laptop, "notes/there", "2");
    assert!(watch.rests() - after <= 2, "{}", watch.said());
    world.expect(
        "notes/f = B\nnotes/g = C\nnotes/here = 1\nnotes/there = 2",
        "notes/f = B\nnotes/g = C\nnotes/here = 1\nnotes/there = 2",
    );
}

#[test]
fn a_burst_of_five_thousand_files_is_one_run() {
    let world = agreed();
    let watch = Watching::start(&world);
    let before = watch.rests();
    let begun = Instant::now();
    for number in 0..5000 {
        world.laptop().write(format!("notes/burst/{}/{number}", number / 100), number.to_string());
    }
    let lasted = begun.elapsed();
    watch.arrives(Side::Server, "notes/burst/49/4999", "4999");
    let runs = watch.rests() - before;
    // Its first files may be off already before it can be known for a burst.
    assert!(runs <= 4, "{runs} runs\n{}", watch.said());
    let largest = watch.told("run").iter().map(|run| run["totals"]["actions"].as_u64()).max();
    // On a machine that has much else to do it has pauses, each of which looks like its end.
    if lasted < Duration::from_millis(500) {
        assert!(largest.flatten() > Some(4_500), "{largest:?} of 5,000 in one run");
    }
    let count =
        |side| world.at(side).tree().filtered(|p, _| p.starts_with(b"notes/burst")).iter().count();
    assert_eq!(count(Side::Server), count(Side::Laptop));
    assert!(count(Side::Server) > 5000);
}

#[test]
fn a_file_from_the_future_does_not_keep_it_busy() {
    const SIZE: usize = 1 << 20;
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    let future = SystemTime::now() + Duration::from_secs(9 * 86_400);
    world.laptop().write("notes/big", vec![b'x'; SIZE]);
    world.laptop().touch("notes/big", future);
    watch.until("the file", |_| world.server().path("notes/big").exists());
    watch.rests();
    let read = || bytes_read(watch.id()) + bytes_read(watch.agent_id());
    let before = read();
    std::thread::sleep(QUIET * 2);
    let again = (read() - before) as usize;
    assert!(again < SIZE, "{again} bytes read at rest, of a file that did not change");
    // It is followed all the same.
    world.laptop().write("notes/big", "smaller");
    world.laptop().touch("notes/big", future);
    watch.arrives(Side::Server, "notes/big", "smaller");
}

#[test]
fn renames_and_saves_by_rename_arrive() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    world.laptop().rename("notes/D", "notes/E");
    watch.arrives(Side::Server, "notes/E/a", "first").vanishes(Side::Server, "notes/D");
    world.laptop().save("notes/E/a", "saved");
    watch.arrives(Side::Server, "notes/E/a", "saved");
    world.server().rename("notes/E", "notes/D");
    watch.arrives(Side::Laptop, "notes/D/a", "saved").vanishes(Side::Laptop, "notes/E");
    world.server().write("notes/D/b", "again");
    watch.arrives(Side::Laptop, "notes/D/b", "again");
    world.server().remove("notes/D/a");
    watch.vanishes(Side::Laptop, "notes/D/a");
}

#[test]
fn folders_that_were_filled_before_they_could_be_watched_arrive_whole() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    for number in 0..20 {
        let deep = format!("notes/deep{number}/a/b/c/d/e");
        world.server().write(format!("{deep}/first"), "1");
        world.server().write(format!("{deep}/second"), "2");
    }
    watch.arrives(Side::Laptop, "notes/deep19/a/b/c/d/e/second", "2");
    watch.rests();
    world.server().write("notes/deep0/a/b/c/d/e/later", "3");
    watch.arrives(Side::Laptop, "notes/deep0/a/b/c/d/e/later", "3");
    let found = world.server().tree().filtered(|p, _| p.starts_with(b"notes"));
    let arrived = world.laptop().tree().filtered(|p, _| p.starts_with(b"notes"));
    assert_eq!(found.difference(&arrived), None);
}

#[test]
fn a_conflict_is_told_once_and_does_not_make_it_run_again_and_again() {
    let world = agreed();
    world.laptop().write("notes/f", "mine");
    world.server().write("notes/f", "theirs");
    let watch = Watching::start(&world);
    watch.until("conflict", |w| w.told("run").iter().any(|run| run["exit"] == 3));
    watch.rests();
    watch.stays_at_rest();
    assert_eq!(watch.told("run").len(), 1, "{}", watch.said());
    world.laptop().write("notes/g", "goes on");
    watch.arrives(Side::Server, "notes/g", "goes on");
    watch.rests();
    world.laptop().resolve(["notes/f", "--keep", "localhost"]).exits(0);
    watch.arrives(Side::Server, "notes/f", "mine");
    watch.until("end of the conflict", |w| w.told("run").last().unwrap()["exit"] == 0);
    watch.rests();
    world.expect("notes/f = mine\nnotes/g = goes on", "notes/f = mine\nnotes/g = goes on");
}

#[test]
fn a_sync_by_hand_may_come_in_between() {
    let world = agreed();
    let watch = Watching::start(&world);
    for number in 0..5 {
        let (mine, theirs) = (format!("mine {number}"), format!("theirs {number}"));
        world.laptop().write("notes/f", &mine);
        world.server().write("notes/g", &theirs);
        let code = world.laptop().run(["bidirectional", "--json"]).code();
        assert!([0, 6].contains(&code), "{code}");
        watch.arrives(Side::Server, "notes/f", &mine).arrives(Side::Laptop, "notes/g", &theirs);
    }
    watch.rests();
    watch.stays_at_rest();
}

#[test]
fn an_edited_manifest_is_followed() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    world.laptop().write("more/a", "selected later");
    watch.stays_at_rest();
    world.decree_on(Side::Laptop, &Law::standard().with(Direction::Bidirectional, "more/"));
    watch.arrives(Side::Server, "more/a", "selected later");
    world.server().write("more/b", "and watched");
    watch.arrives(Side::Laptop, "more/b", "and watched");
    let broken = "[sideways]\nnotes/\n";
    let path = "config/sync_to_balaur.conf";
    let good = fs::read(world.laptop().path(path)).unwrap();
    fs::write(world.laptop().path(path), broken).unwrap();
    watch.until("failure", |w| w.told("failed").iter().any(|event| event["exit"] == 2));
    fs::write(world.laptop().path(path), good).unwrap();
    watch.signal(Signal::USR1);
    world.laptop().write("more/c", "after");
    watch.arrives(Side::Server, "more/c", "after");
}

#[test]
fn a_root_that_is_gone_deletes_nothing_and_is_told_once() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    let (root, aside) = (world.root(Side::Server), world.base().join("aside"));
    fs::rename(&root, &aside).unwrap();
    world.laptop().write("notes/f", "waits");
    watch.until("guard", |w| w.told("failed").iter().any(|event| event["exit"] == 4));
    assert_eq!(watch.told("failed").len(), 1, "{}", watch.said());
    fs::rename(&aside, &root).unwrap();
    watch.signal(Signal::USR1);
    watch.arrives(Side::Server, "notes/f", "waits");
    world.expect("notes/f = waits", "notes/f = waits");
}

#[test]
fn where_watches_run_out_it_says_so_and_looks_at_everything() {
    let world = agreed();
    let binary = world.binary().display().to_string();
    let script = format!(
        "echo 6 > /proc/sys/user/max_inotify_watches && exec '{binary}' watch --json --interval 1h"
    );
    let mut probe = Command::new("unshare");
    probe.args(["-Ur", "sh", "-c", "echo 6 > /proc/sys/user/max_inotify_watches"]);
    if !probe.output().is_ok_and(|out| out.status.success()) {
        eprintln!("skipped: no user namespace to be had");
        return;
    }
    let mut command = world.command("unshare".as_ref());
    command.args(["-Ur", "sh", "-c", &script]).current_dir(world.root(Side::Laptop));
    let watch = Watching::of(&world, command);
    watch.until("word about it", |w| {
        w.told("waiting").iter().any(|event| event["blind"].to_string().contains("watches"))
    });
    for number in 0..3 {
        world.laptop().write(format!("notes/new{number}/deep/f"), "found");
        world.server().write(format!("notes/other{number}/deep/f"), "too");
    }
    watch.arrives(Side::Server, "notes/new2/deep/f", "found");
    watch.arrives(Side::Laptop, "notes/other2/deep/f", "too");
}

#[test]
fn it_rests_without_using_anything_and_does_not_grow() {
    let world = agreed();
    let watch = Watching::start(&world);
    let edit = |number: usize| {
        let side = Side::BOTH[number % 2];
        world.at(side).write("notes/f", format!("edit {number}"));
        watch.arrives(side.other(), "notes/f", &format!("edit {number}"));
    };
    (0..40).for_each(edit);
    watch.rests();
    let agent = watch.agent_id();
    let state = || [watch.id(), agent].map(|id| (open_files(id), memory(id)));
    let before = state();
    (40..240).for_each(edit);
    watch.rests();
    for ((files, bytes), (files_now, bytes_now)) in before.into_iter().zip(state()) {
        assert_eq!(files_now, files);
        assert!(bytes_now < bytes + (3 << 20), "{bytes} bytes, then {bytes_now}");
    }
    let used = || processor_time(watch.id()) + processor_time(agent);
    let (before, begun) = (used(), Instant::now());
    std::thread::sleep(QUIET * 2);
    let (ticks, lasted) = (used() - before, begun.elapsed());
    assert!(ticks <= 2, "{ticks} ticks of the processor in {lasted:?} of rest");
}

#[test]
fn a_signal_lets_the_run_finish_and_has_its_effect_then() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let world = agreed();
        let watch = Watching::start(&world);
        watch.rests();
        for number in 0..400 {
            world.laptop().write(format!("notes/many/{number}"), format!("content {number}"));
        }
        std::thread::sleep(Duration::from_millis(150));
        watch.signal(signal);
        let outcome = watch.finishes();
        outcome.exits(128 + signal.as_raw());
        let last = outcome.stdout.split(|b| *b == b'\n').rev().find(|line| !line.is_empty());
        let last: serde_json::Value = serde_json::from_slice(last.unwrap()).unwrap();
        assert_eq!(last["event"], "stopped");
        let runs = runs_on_record(&world);
        assert!(world.laptop().sync().exits(0).report.exit == 0);
        assert_eq!(runs_on_record(&world), runs + 1, "nothing was cut off");
    }
}

#[test]
fn a_side_that_asks_for_a_run_is_answered_at_once() {
    let world = agreed();
    let watch = Watching::start(&world);
    let before = watch.rests();
    let request = world.server().own("requests/1");
    fs::create_dir_all(request.parent().unwrap()).unwrap();
    fs::write(&request, "{}").unwrap();
    watch.until("run", |w| w.runs_on_record() > before);
    assert_eq!(watch.rests(), before + 1, "{}", watch.said());
    assert!(!request.exists(), "a request that was answered is gone");
    watch.stays_at_rest();
}

#[test]
fn there_is_one_watch_and_nonsense_ends_it_at_once() {
    let world = agreed();
    let watch = Watching::start(&world);
    world.laptop().run(["watch"]).exits(6).says("already running");
    watch.ends().exits(143);
    world.laptop().run(["watch", "--interval", "soon"]).exits(2).says("5m");
    fs::write(world.laptop().path("config/sync_to_balaur.conf"), "[sideways]\n").unwrap();
    world.laptop().run(["watch"]).exits(2).says("sideways");
}
