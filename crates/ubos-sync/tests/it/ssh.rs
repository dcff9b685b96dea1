//! The same over a real ssh connection: a throw-away sshd stands between the two.

use std::time::Instant;

use ubos_testkit::proxy::Fault;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Node, Side, World};

use crate::BINARY;

/// Two folders with an sshd between them, not yet a pair.
fn connected() -> Option<(World, Sshd)> {
    let world = World::unpaired(BINARY);
    let sshd = Sshd::start(&world)?;
    Some((world, sshd))
}

/// A pair over ssh that has agreed on everything.
fn agreed() -> Option<(World, Sshd)> {
    let (world, sshd) = connected()?;
    init(&world, &sshd.address(&world));
    world.laptop().sync().exits(0).clean();
    Some((world, sshd))
}

fn init(world: &World, address: &str) {
    world.laptop().run(["init", "--peer", &format!("balaur={address}")]).exits(0);
}

/// Content that does not compress and is not the same anywhere.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = ubos_testkit::random::Dice::new(seed);
    (0..length.div_ceil(8)).flat_map(|_| dice.roll().to_le_bytes()).take(length).collect()
}

#[test]
fn a_first_sync_fills_the_server() {
    let world = World::unpaired(BINARY);
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    for folder in ["notes", "out", "config"] {
        world.server().remove(folder);
    }
    init(&world, &sshd.address(&world));
    let run = world.laptop().sync();
    run.exits(0).clean().live("", "").again();
}

#[test]
fn an_address_may_be_a_url_with_a_port() {
    let Some((world, sshd)) = connected() else {
        return;
    };
    init(&world, &sshd.url(&world));
    world.laptop().sync().exits(0).clean();
}

#[test]
fn edits_travel_both_ways_and_a_second_run_does_nothing() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world.laptop().rename("notes/D/a", "notes/D/moved");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = B\nnotes/g = C\n- notes/D/a\nnotes/D/moved = first");
    run.backups("notes/g = old", "notes/f = A");
    sshd.proxy.set(Fault::None);
    run.again();
    assert!(sshd.proxy.passed() < 64 * 1024, "{} bytes for nothing", sshd.proxy.passed());
}

#[test]
fn the_server_does_not_learn_the_address_of_the_laptop() {
    let Some((world, _sshd)) = agreed() else {
        return;
    };
    let outcome = world.server().run(["bidirectional", "--json"]);
    assert!([2, 5].contains(&outcome.code()), "{}", outcome.told());
    world.expect("", "");
}

#[test]
fn a_large_file_arrives_whole_and_an_edit_in_it_sends_little() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    let mut content = noise(24 << 20, 1);
    world.laptop().write("notes/large.bin", &content);
    world.laptop().sync().exits(0).clean();
    assert!(world.server().get("notes/large.bin") == Some(Node::file(&content)));
    content[5 << 20..(5 << 20) + 100].fill(b'x');
    world.laptop().write("notes/large.bin", &content);
    sshd.proxy.set(Fault::None);
    world.laptop().sync().exits(0).clean();
    let passed = sshd.proxy.passed();
    assert!(world.server().get("notes/large.bin") == Some(Node::file(&content)));
    if std::path::Path::new("/usr/bin/rsync").exists() {
        assert!(passed < 4 << 20, "{passed} bytes for a change of 100");
    }
}

#[test]
fn a_log_sends_its_tail() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    let line =
        [noise(700, 2).iter().map(|byte| byte % 26 + b'a').collect::<Vec<u8>>(), b"\n".to_vec()]
            .concat();
    world.server().write("logs/big.jsonl", line.repeat(4096));
    world.laptop().sync().exits(0).clean();
    world.server().append("logs/big.jsonl", &line);
    sshd.proxy.set(Fault::None);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("append", "logs/big.jsonl", Side::Laptop)]);
    assert!(sshd.proxy.passed() < 128 * 1024, "{} bytes for one line", sshd.proxy.passed());
    assert!(world.laptop().get("logs/big.jsonl") == world.server().get("logs/big.jsonl"));
}

#[test]
fn a_cut_connection_is_carried_on_by_the_next_run() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    let content = noise(3 << 20, 3);
    for (round, bytes) in [1_500, 6_000, 9_000, 20_000, 200_000, 2_000_000].into_iter().enumerate()
    {
        for number in 0..30 {
            world.laptop().write(format!("notes/in{round}/{number}"), format!("{round} {number}"));
        }
        world
            .server()
            .write(format!("notes/large{round}"), [content.as_slice(), &[round as u8]].concat());
        sshd.proxy.set(Fault::CutAfter(bytes));
        let run = world.laptop().sync();
        assert!([0, 5].contains(&run.outcome.code()), "cut after {bytes}\n{}", run.outcome.told());
        sshd.proxy.set(Fault::None);
        world.laptop().sync().exits(0).clean();
        let [laptop, server] = Side::BOTH
            .map(|side| world.at(side).tree().filtered(|path, _| path.starts_with(b"notes")));
        assert_eq!(laptop.difference(&server), None, "cut after {bytes}");
    }
}

#[test]
fn a_connection_that_stalls_is_given_up() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    world.laptop().write("notes/f", "B");
    sshd.proxy.set(Fault::StallAfter(8_000));
    let began = Instant::now();
    let run = world.laptop().sync();
    assert_eq!(run.outcome.code(), 5, "{}", run.outcome.told());
    assert!(began.elapsed().as_secs() < 120, "given up after {:?}", began.elapsed());
    sshd.proxy.set(Fault::None);
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

/// Spoils the connection, runs, and asserts exit 5 with a sentence, a next step, and no change.
fn unreachable_after(spoil: impl Fn(&mut Sshd), words: &[&str]) -> Option<(World, Sshd)> {
    let (world, mut sshd) = agreed()?;
    world.laptop().write("notes/f", "B");
    spoil(&mut sshd);
    let run = world.laptop().sync();
    run.exits(5).actions([]).live("notes/f = B", "").no_backups();
    let error = run.report.error.clone().expect("exit 5 has an error");
    assert!(!error.message.is_empty() && !error.hint.is_empty(), "{error:?}");
    let told = world.laptop().run(["bidirectional"]);
    told.exits(5);
    for word in words {
        told.says(word);
    }
    Some((world, sshd))
}

#[test]
fn a_wrong_host_key_is_never_accepted() {
    let spoiled = unreachable_after(|sshd| sshd.change_known_host(), &["host key"]);
    let Some((world, sshd)) = spoiled else { return };
    sshd.restore_known_host();
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

#[test]
fn a_missing_agent_is_named_with_the_next_step() {
    let spoiled = unreachable_after(|sshd| sshd.remove_agent(), &["ubos-sync", "install"]);
    let Some((world, sshd)) = spoiled else { return };
    sshd.install_agent("");
    world.laptop().sync().exits(0).clean().both("notes/f = B");
}

#[test]
fn a_server_that_does_not_answer_is_unreachable() {
    unreachable_after(Sshd::stop, &["balaur"]);
}

#[test]
fn what_a_profile_prints_is_skipped_and_reported() {
    let Some((world, sshd)) = agreed() else {
        return;
    };
    let noise = "Welcome to the Balaur! ".repeat(50);
    sshd.install_agent(&noise);
    sshd.set_shell_noise("and from the shell");
    world.laptop().write("notes/f", "B");
    let run = world.laptop().sync();
    run.exits(0).both("notes/f = B");
    run.outcome.says("Welcome to the Balaur!");
    run.again();
}
