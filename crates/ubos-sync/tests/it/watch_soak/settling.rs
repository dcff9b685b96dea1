//! The end of a soak: what guards hold is confirmed, as a person would, and both sides hold the same
//! but for what is in conflict.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use ubos_testkit::{Side, World};

use crate::watching::Watching;

/// Longest that it may take: a back-off after the last cut, and confirmations after it.
const LIMIT: Duration = Duration::from_secs(240);
/// What is compared.
const AREAS: [&[u8]; 4] = [b"notes/", b"out/", b"in/", b"logs/"];

/// Waits until both sides hold the same, and tells what it took, with the confirmations that there
/// were before.
///
/// # Panics
/// If they come to differ for good.
pub(super) fn settle(world: &World, watch: &Watching<'_>, mut confirmed: usize) -> String {
    let begun = Instant::now();
    loop {
        watch.signal(Signal::USR1);
        watch.rests();
        let open = open_conflicts(world);
        let differing = differing(world);
        let unexplained: Vec<_> =
            differing.iter().filter(|path| !open.iter().any(|open| is_about(open, path))).collect();
        if unexplained.is_empty() {
            let seconds = begun.elapsed().as_secs();
            return format!(
                "settled in {seconds} s, {} conflicts, {confirmed} confirmed",
                open.len()
            );
        }
        confirmed += usize::from(confirm(world));
        assert!(begun.elapsed() < LIMIT, "{unexplained:#?} differ\n{}", watch.said());
    }
}

/// Confirms what guards hold, if they hold anything.
pub(super) fn confirm(world: &World) -> bool {
    let status = world.laptop().run(["status", "--json"]);
    // Not a document where another run holds the pair just now, or a fault ended it.
    let Ok(report) = serde_json::from_slice::<Value>(&status.stdout) else { return false };
    let held = report["guards"].as_array().is_some_and(|guards| !guards.is_empty());
    let Some(plan) = report["plan"].as_str().filter(|_| held) else { return false };
    world.laptop().run(["bidirectional", "--json", "--confirm", plan]).code() != 6
}

/// Paths below the areas that are not the same on both sides.
fn differing(world: &World) -> BTreeSet<String> {
    let within = |path: &[u8]| AREAS.iter().any(|area| path.starts_with(area));
    let trees = Side::BOTH.map(|side| world.at(side).tree());
    let paths = trees.iter().flat_map(|tree| tree.iter().map(|(path, _)| path));
    paths
        .filter(|path| within(path) && !path.ends_with(b".tmp"))
        .filter(|path| trees[0].get(path) != trees[1].get(path))
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}

fn open_conflicts(world: &World) -> Vec<String> {
    let listed = world.laptop().run(["conflicts", "--json"]).json();
    let conflicts = listed["conflicts"].as_array().expect("a list");
    conflicts.iter().map(|conflict| conflict["path"].as_str().unwrap().to_owned()).collect()
}

/// A conflict is about its path, all below it, and the folders on the way to it.
fn is_about(open: &str, path: &str) -> bool {
    let below = |path: &str, folder: &str| {
        path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    below(path, open) || below(open, path)
}
