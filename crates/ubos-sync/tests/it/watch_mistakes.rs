//! A watch whose manifests or configuration are spoilt while it runs: it says so once, waits without
//! haste, and goes on as soon as the file is mended.

use std::fs;
use std::time::{Duration, Instant};

use ubos_testkit::{Side, World};

use crate::agreed;
use crate::health::{configure, recorded};
use crate::watching::{QUIET, Watching};

const EXCLUDE: &str = "config/sync_exclude.conf";
/// A heading where none may stand.
const SPOILT: &str = "[neither]\n";

/// What the notifier was told, a line each.
fn told(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.base().join("told")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Spoils `path` on the laptop while a watch runs, and asserts everything about it; then mends it.
fn spoil_and_mend(path: &str, spoilt: &str) {
    let world = agreed();
    let notifier = format!("[notify]\ncommand = \"cat >> {}/told\"", world.base().display());
    configure(world.laptop(), &notifier);
    let watch = Watching::start(&world);
    watch.rests();
    let file = world.root(Side::Laptop).join(path);
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{good}\n{spoilt}")).unwrap();
    // The configuration is no part of the tree: the next change finds it.
    world.laptop().write("notes/f", "B");
    watch.until("word of it", |w| !w.told("failed").is_empty());
    let failed = watch.told("failed")[0].clone();
    assert_eq!((&failed["exit"], &failed["error"]["kind"]), (&2.into(), &"config".into()));
    let message = failed["error"]["message"].as_str().unwrap();
    assert!(message.contains(path.rsplit('/').next().unwrap()), "{message}");
    watch.until("a notification", |_| told(&world).len() == 1);
    assert!(told(&world)[0].contains("no longer syncs"), "{:?}", told(&world));
    // In peace: no spinning, and not told again.
    let attempts = recorded(world.laptop())["failures_in_a_row"].as_u64().unwrap();
    std::thread::sleep(QUIET * 2);
    let later = recorded(world.laptop())["failures_in_a_row"].as_u64().unwrap();
    assert!(later - attempts <= 1, "{attempts}, then {later}");
    assert_eq!(watch.told("failed").len(), 1, "{}", watch.said());
    assert_eq!(recorded(world.laptop())["error"]["kind"], "config");
    let mended = Instant::now();
    fs::write(&file, &good).unwrap();
    watch.arrives(Side::Server, "notes/f", "B");
    assert!(mended.elapsed() < Duration::from_secs(5), "{:?}", mended.elapsed());
    watch.until("the end of it", |_| told(&world).len() == 2);
    assert!(told(&world)[1].contains("again"), "{:?}", told(&world));
    assert_eq!(recorded(world.laptop())["failures_in_a_row"], 0);
    world.laptop().write("notes/f", "C");
    watch.arrives(Side::Server, "notes/f", "C");
}

#[test]
fn a_manifest_that_is_spoilt_meanwhile_is_told_once_and_mending_it_is_enough() {
    spoil_and_mend(EXCLUDE, SPOILT);
}

#[test]
fn so_is_a_configuration() {
    spoil_and_mend(".ubos-sync/config.toml", "nonsense = 1");
}

#[test]
fn one_that_is_spoilt_over_there_is_found_again_once_it_is_mended() {
    let world = agreed();
    let watch = Watching::start(&world);
    watch.rests();
    let file = world.root(Side::Server).join(EXCLUDE);
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{good}\n{SPOILT}")).unwrap();
    watch.until("word of it", |w| !w.told("failed").is_empty());
    fs::write(&file, &good).unwrap();
    world.laptop().write("notes/f", "B");
    watch.arrives(Side::Server, "notes/f", "B");
    assert_eq!(watch.told("failed").len(), 1, "{}", watch.said());
}

#[test]
fn a_watch_that_cannot_even_begin_says_so_and_ends() {
    let world = agreed();
    let file = world.root(Side::Laptop).join(EXCLUDE);
    fs::write(&file, SPOILT).unwrap();
    world.laptop().run(["watch"]).exits(2).says("sync_exclude.conf").says("line 1");
}
