//! `init` over ssh where the peer has no ubos-sync.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ubos_testkit::process::Outcome;
use ubos_testkit::proxy::Fault;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::BINARY;

/// Two folders with an sshd between them, on whose side there is no ubos-sync.
fn without_agent() -> Option<(World, Sshd)> {
    let world = World::unpaired(BINARY);
    let sshd = Sshd::start(&world)?;
    sshd.remove_agent();
    Some((world, sshd))
}

fn init(world: &World, sshd: &Sshd, flags: &[&str]) -> Outcome {
    let peer = format!("balaur={}", sshd.address(world));
    world.laptop().run([&["init", "--peer", &peer], flags].concat())
}

/// What stands where the program is installed.
fn installed(sshd: &Sshd) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sshd.home().join(".local/bin")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_program_is_copied_and_the_pair_works_with_it() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    init(&world, &sshd, &["--install-agent"]).exits(0).says("is now a pair with");
    assert_eq!(installed(&sshd), ["ubos-sync"]);
    let copy = sshd.home().join(".local/bin/ubos-sync");
    assert!(fs::read(&copy).unwrap() == fs::read(BINARY).unwrap(), "it is this very program");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o755);
    world.laptop().sync().exits(0).clean();
    world.laptop().write("notes/f", "B");
    world.laptop().sync().exits(0).clean().both("notes/f = B");
    world.laptop().run(["doctor"]).exits(0).says("peer balaur");
}

#[test]
fn nothing_is_copied_unasked_and_the_commands_are_told() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    let outcome = init(&world, &sshd, &[]);
    outcome.exits(5).says("not installed").says("--install-agent");
    outcome.says("ssh balaur mkdir -p .local/bin").says("balaur:.local/bin/ubos-sync");
    assert!(installed(&sshd).is_empty());
    assert!(!world.server().own("marker").exists());
    let document = init(&world, &sshd, &["--json"]).exits(5).json();
    assert_eq!((&document["exit"], &document["error"]["kind"]), (&5.into(), &"unreachable".into()));
}

#[test]
fn a_machine_of_another_kind_gets_nothing_but_advice() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    sshd.install_script("uname", "echo Darwin mips");
    let outcome = init(&world, &sshd, &["--install-agent"]);
    outcome.exits(5).says("macos mips").says("cargo build --release");
    assert!(installed(&sshd).is_empty());
}

#[test]
fn noise_of_the_shell_does_not_confuse_it() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    sshd.set_shell_noise("Welcome to the Balaur!");
    init(&world, &sshd, &["--install-agent"]).exits(0);
    assert_eq!(installed(&sshd), ["ubos-sync"]);
}

#[test]
fn a_connection_that_breaks_puts_no_half_program_in_place() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    // Nothing before the copy is as long as this.
    sshd.proxy.set(Fault::CutAfter(1 << 20));
    init(&world, &sshd, &["--install-agent"]).exits(5);
    assert!(!installed(&sshd).contains(&"ubos-sync".to_owned()), "{:?}", installed(&sshd));
    sshd.proxy.set(Fault::None);
    init(&world, &sshd, &["--install-agent"]).exits(0);
    assert_eq!(installed(&sshd), ["ubos-sync"]);
    world.laptop().sync().exits(0).clean();
}

#[test]
fn a_copy_that_does_not_run_there_is_taken_away_again() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    // The far side changes what it receives, as a full disk or a foreign system would.
    sshd.install_script("cat", "echo 'exec false'");
    init(&world, &sshd, &["--install-agent"]).exits(5).says("could not be installed");
    assert!(installed(&sshd).is_empty(), "{:?}", installed(&sshd));
}

#[test]
fn a_command_given_by_hand_is_not_replaced() {
    let Some((world, sshd)) = without_agent() else {
        return;
    };
    init(&world, &sshd, &["--install-agent", "--agent", "my-ubos-sync agent"]).exits(5);
    assert!(installed(&sshd).is_empty());
    assert!(!world.at(Side::Server).own("marker").exists());
}
