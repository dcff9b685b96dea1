//! A soak of `watch` over ssh: random edits on both sides, up to 2,000 a minute, while the agent and
//! the watch are killed and the link is cut. At the end both sides hold the same, every content that
//! was ever written is accounted for, and neither memory nor open files have grown.
//!
//! `scripts/soak` lets it run for as long as one likes; `UBOS_SOAK_SECONDS` says how long.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use ubos_testkit::proxy::Fault;
use ubos_testkit::random::Dice;
use ubos_testkit::sshd::Sshd;
use ubos_testkit::{Side, World};

use crate::BINARY;
use crate::watching::{SOON, Watching, memory, open_files};

/// Seconds of the usual test.
const SECONDS: u64 = 40;
/// Files that are edited.
const FILES: u64 = 60;

/// What was written last at each path of each side, by the test.
struct Soak<'w> {
    world: &'w World,
    dice: Dice,
    edits: u64,
    /// Contents that a later edit of the test replaced before anybody saw them are nobody's to keep;
    /// every other one must be found.
    written: BTreeMap<(Side, String), String>,
    checked: u64,
}

impl Soak<'_> {
    fn path(&mut self, side: Side) -> String {
        // Each side edits files of its own and some that both edit.
        let number = self.dice.roll() % FILES;
        match self.dice.roll() % 8 {
            0 => format!("notes/shared/{}", number % 10),
            _ => format!("notes/of-{}/{}/{number}", side.name(), number % 7),
        }
    }

    fn edit(&mut self) {
        let side = Side::BOTH[(self.dice.roll() % 2) as usize];
        let path = self.path(side);
        let content = format!("edit {} on {}\n", self.edits, side.name());
        self.edits += 1;
        let place = self.world.at(side).path(&path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        match self.dice.roll() % 10 {
            0..=5 => self.world.at(side).write(&path, &content),
            6..=8 => self.world.at(side).save(&path, &content),
            _ => {
                self.world.at(side).write(&path, "short-lived");
                self.world.at(side).write(&path, &content);
            }
        }
        self.written.insert((side, path), content);
    }

    /// What was written last on a side stands there, or on both after the other side's later edit,
    /// or lies in a backup or among the versions of a conflict.
    fn account(&mut self) {
        let kept: Vec<String> =
            Side::BOTH.iter().flat_map(|side| contents(&self.world.root(*side))).collect();
        for ((side, path), content) in &self.written {
            let found = kept.iter().any(|kept| kept == content);
            assert!(found, "{content:?}, written to {path} on {side:?}, is lost");
            self.checked += 1;
        }
    }
}

/// The contents of all small files of a territory, its private folder included.
fn contents(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() && meta.size() < 200 {
                found.extend(fs::read_to_string(entry.path()));
            }
        }
    }
    found
}

fn seconds() -> u64 {
    std::env::var("UBOS_SOAK_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(SECONDS)
}

#[test]
fn nothing_is_lost_in_a_soak_with_kills_and_cuts() {
    let world = World::unpaired(BINARY);
    let Some(sshd) = Sshd::start(&world) else {
        return;
    };
    world.laptop().run(["init", "--peer", &format!("balaur={}", sshd.address(&world))]).exits(0);
    world.laptop().sync().exits(0).clean();
    let seed =
        std::env::var("UBOS_SOAK_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122);
    println!("UBOS_SOAK_SEED={seed}");
    let dice = Dice::new(seed);
    let mut soak = Soak { world: &world, dice, edits: 0, written: BTreeMap::new(), checked: 0 };
    let mut watch = Watching::start(&world);
    let (begun, length) = (Instant::now(), Duration::from_secs(seconds()));
    let (mut faults, mut last_fault) = ([0_u32; 3], Instant::now());
    let mut high = Vec::new();
    while begun.elapsed() < length {
        let peak = begun.elapsed().as_secs() % 20 < 10;
        soak.edit();
        sleep(Duration::from_millis(if peak { 30 } else { 150 }));
        if last_fault.elapsed() < Duration::from_secs(6) {
            continue;
        }
        last_fault = Instant::now();
        high.push((open_files(watch.id()), memory(watch.id())));
        let fault = (soak.dice.roll() % 3) as usize;
        faults[fault] += 1;
        match fault {
            0 => {
                watch.signal(Signal::KILL);
                drop(watch);
                watch = Watching::start(&world);
            }
            1 => watch.signal_agent(Signal::KILL),
            _ => {
                sshd.proxy.set(Fault::CutAfter(soak.dice.roll() % 5000));
                sleep(Duration::from_millis(200));
                sshd.proxy.set(Fault::None);
            }
        }
    }
    settle(&world, &watch);
    soak.account();
    let (files, bytes) = (open_files(watch.id()), memory(watch.id()));
    let (most_files, most_bytes) =
        high.iter().fold((0, 0), |(f, b), (files, bytes)| (f.max(*files), b.max(*bytes)));
    assert!(files <= most_files + 4 && bytes < most_bytes + (8 << 20), "{files} {bytes} {high:?}");
    println!(
        "{} edits, {} runs, faults {faults:?}, {} contents found, {files} files open, {bytes} bytes",
        soak.edits,
        watch.runs_on_record(),
        soak.checked
    );
    watch.ends().exits(143);
}

/// Waits until both sides hold the same, but for what is in conflict.
fn settle(world: &World, watch: &Watching<'_>) {
    watch.signal(Signal::USR1);
    let begun = Instant::now();
    loop {
        watch.rests();
        let trees = Side::BOTH
            .map(|side| world.at(side).tree().filtered(|path, _| path.starts_with(b"notes")));
        let differing: Vec<String> = trees[0]
            .iter()
            .filter(|(path, node)| trees[1].get(path) != Some(node))
            .map(|(path, _)| String::from_utf8_lossy(path).into_owned())
            .collect();
        let listed = world.laptop().run(["conflicts", "--json"]).words();
        let is_open = |path: &String| listed.contains(&format!("\"{path}\""));
        if differing.iter().all(is_open) && trees[0].iter().count() == trees[1].iter().count() {
            return;
        }
        assert!(begun.elapsed() < SOON * 2, "{differing:?} differ\n{}", watch.said());
    }
}
