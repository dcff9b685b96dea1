//! What machines and people do at the wrong moment: a file system that is full or read-only, an
//! editor that saves while a run replaces the file, a signal, a reader of the output that goes away.
//!
//! File systems of their own need the right to mount; without it those tests are skipped and say so.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::Signal;
use ubos_testkit::accounting::Ledger;
use ubos_testkit::process::{Running, TIME_LIMIT};
use ubos_testkit::random::Dice;
use ubos_testkit::{Node, Side, Sketch, World};

use crate::{BINARY, agreed};

/// A tmpfs that is gone when this is.
struct Mounted(PathBuf);

impl Mounted {
    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0), "remount,{options}");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process that is just ending may still hold it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(options: &[&str], at: &Path) -> bool {
    let done = Command::new("mount").args(options).arg(at).output();
    done.is_ok_and(|output| output.status.success())
}

/// A pair of which one root is a file system of its own; `None`, with the reason printed, where
/// mounting is not permitted.
fn agreed_on_tmpfs(side: Side, options: &str) -> Option<(Mounted, World)> {
    let world = World::unpaired(BINARY);
    let (root, aside) = (world.root(side), world.base().join("aside"));
    fs::rename(&root, &aside).unwrap();
    fs::create_dir(&root).unwrap();
    if !mount(&["-t", "tmpfs", "-o", &format!("mode=755,{options}"), "tmpfs"], &root) {
        eprintln!("skipped: mounting a tmpfs is not permitted");
        return None;
    }
    let mounted = Mounted(root.clone());
    let copied = Command::new("cp").arg("-a").arg(aside.join(".")).arg(&root).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(aside).unwrap();
    Some((mounted, world.paired()))
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    (0..length.div_ceil(8)).flat_map(|_| dice.roll().to_le_bytes()).take(length).collect()
}

/// Both sides hold the same notes.
fn assert_same_notes(world: &World, told: &str) {
    let [laptop, server] =
        Side::BOTH.map(|side| world.at(side).tree().filtered(|path, _| path.starts_with(b"notes")));
    assert_eq!(laptop.difference(&server), None, "{told}");
}

#[test]
fn a_file_that_there_is_no_space_for_is_skipped_until_there_is() {
    for side in Side::BOTH {
        let Some((mounted, world)) = agreed_on_tmpfs(side, "size=80m") else { return };
        let from = world.at(side.other());
        // It would fit, but for what always stays free.
        from.write("notes/large", noise(77 << 20, 1));
        from.write("notes/small", "fits");
        let run = world.laptop().sync();
        run.exits(7).skipped([("notes/large", side)]);
        assert_eq!(run.report.skipped[0].reason, "no-space");
        let notices = run.report.raw["notices"].as_array().unwrap();
        let told = notices.iter().find(|row| row["path"] == "notes/large").unwrap();
        let reason = told["reason"].as_str().unwrap();
        assert!(reason.contains(&format!("{} bytes are needed", 77 << 20)), "{reason}");
        assert_eq!(world.at(side).get("notes/small"), Some(Node::file("fits")));
        mounted.remount("size=200m");
        world.laptop().sync().exits(0).clean();
        assert_same_notes(&world, "after space was freed");
    }
}

/// How many inodes the file system at `path` has in use.
fn inodes_used(path: &Path) -> u64 {
    let space = rustix::fs::statvfs(path).unwrap();
    space.f_files - space.f_ffree
}

#[test]
fn a_file_system_that_fills_up_at_any_step_loses_nothing() {
    // Inodes run out wherever something is made: in staging, backups, journal, log or the tree.
    for left in 0..14 {
        let Some((mounted, world)) = agreed_on_tmpfs(Side::Server, "size=200m") else { return };
        for number in 0..4 {
            world.laptop().write(format!("notes/new{number}"), format!("new {number}"));
            world.laptop().write(format!("notes/others/0{number}.md"), "edited");
            world.server().write(format!("notes/others/1{number}.md"), "edited there");
        }
        world.laptop().remove("notes/D");
        mounted.remount(&format!("nr_inodes={}", inodes_used(&world.root(Side::Server)) + left));
        let run = world.laptop().sync();
        let code = run.outcome.code();
        assert!([0, 1, 7].contains(&code), "{left} left\n{}", run.outcome.told());
        assert!(code != 0 || left > 8, "{left} left\n{}", run.outcome.told());
        mounted.remount("nr_inodes=0");
        world.laptop().sync().exits(0).clean();
        assert_same_notes(&world, &format!("{left} were left"));
        assert_eq!(world.server().get("notes/new3"), Some(Node::file("new 3")));
        assert_eq!(world.laptop().get("notes/others/13.md"), Some(Node::file("edited there")));
    }
}

#[test]
fn a_read_only_root_stops_the_run_and_nothing_is_lost() {
    for side in Side::BOTH {
        let Some((mounted, world)) = agreed_on_tmpfs(side, "size=80m") else { return };
        world.at(side).write("notes/g", "C");
        world.at(side.other()).write("notes/f", "B");
        mounted.remount("ro");
        let before = world.at(side).snapshot();
        let run = world.laptop().sync();
        run.exits(1).no_backups();
        assert!(run.report.error.is_some());
        assert_eq!(before.difference(&world.at(side).snapshot()), None);
        mounted.remount("rw");
        world.laptop().sync().exits(0).clean().both("notes/f = B\nnotes/g = C");
    }
}

/// An editor that saves one file again and again by putting a new one in its place, and looks at
/// what it replaced.
struct Editor {
    live: PathBuf,
    aside: PathBuf,
    /// What it wrote.
    written: BTreeSet<String>,
    /// What it took away itself, its own or not.
    replaced: BTreeSet<String>,
}

impl Editor {
    fn new(world: &World, side: Side, path: &str) -> Self {
        let live = world.root(side).join(path);
        // Excluded, and on the same file system.
        let aside = live.with_extension("tmp");
        Self { live, aside, written: BTreeSet::new(), replaced: BTreeSet::new() }
    }

    fn save(&mut self, content: String) {
        fs::write(&self.aside, &content).unwrap();
        match renameat_with(CWD, &self.aside, CWD, &self.live, RenameFlags::EXCHANGE) {
            Ok(()) => {
                self.replaced.insert(fs::read_to_string(&self.aside).unwrap());
                fs::remove_file(&self.aside).unwrap();
            }
            // Not there in this moment: deleted by a run that goes on.
            Err(rustix::io::Errno::NOENT) => {
                let made = RenameFlags::NOREPLACE;
                if renameat_with(CWD, &self.aside, CWD, &self.live, made).is_err() {
                    return;
                }
            }
            Err(error) => panic!("{}: {error}", self.live.display()),
        }
        self.written.insert(content);
    }

    fn hammer(mut self, name: &str, done: &AtomicBool, pause: Duration) -> Self {
        for number in 0.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            // Of one length: only inode and times tell two versions apart.
            self.save(format!("{name} {number:08}"));
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        self
    }
}

/// Every content in the files below `root`, backups and sealed logs included, staging not.
fn contents_below(root: &Path) -> BTreeSet<String> {
    let kept = |path: &[u8]| {
        !path.starts_with(b".ubos-sync/staging") && !path.starts_with(b".ubos-sync/conflicts")
    };
    let mut found = BTreeSet::new();
    for tree in [Sketch::read(root), Sketch::read(&root.join(".ubos-sync/backups"))] {
        let contents = tree.iter().filter(|(path, _)| kept(path));
        let texts = contents.filter_map(|(_, node)| std::str::from_utf8(node.content()?).ok());
        found.extend(texts.map(str::to_owned));
    }
    found
}

/// Lets editors hammer on both sides while runs go, and asserts that no version is lost.
fn no_version_is_lost(paths: [&str; 2], pause: Duration) {
    let world = agreed();
    let done = AtomicBool::new(false);
    let editors: [Editor; 2] = std::thread::scope(|scope| {
        let threads = [Side::Laptop, Side::Server].map(|side| {
            let editor = Editor::new(&world, side, paths[usize::from(side == Side::Server)]);
            let done = &done;
            scope.spawn(move || editor.hammer(side.name(), done, pause))
        });
        let began = Instant::now();
        let mut number = 0;
        while began.elapsed() < Duration::from_secs(4) {
            number += 1;
            let from = if number % 2 == 0 { Side::Server } else { Side::Laptop };
            let outcome = world.at(from).run(["bidirectional", "--conflicts", "newer"]);
            assert!([0, 3, 7].contains(&outcome.code()), "{}", outcome.told());
        }
        done.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap())
    });
    for (side, editor) in [Side::Laptop, Side::Server].into_iter().zip(editors) {
        let kept = contents_below(&world.root(side));
        let lost: Vec<&String> = editor
            .written
            .iter()
            .filter(|content| !kept.contains(*content) && !editor.replaced.contains(*content))
            .collect();
        assert!(editor.written.len() > 50, "the editor of {side:?} hardly wrote");
        assert!(
            lost.is_empty(),
            "{side:?} lost {} of {}: {lost:?}",
            lost.len(),
            editor.written.len()
        );
    }
    // The last saves of the two may carry one and the same time, and then none of them is newer.
    std::thread::sleep(Duration::from_millis(50));
    world.laptop().save(paths[0], "the last word");
    world.laptop().sync_with(["bidirectional", "--conflicts", "newer"]).exits(0).clean();
    assert_same_notes(&world, "once the editors rest");
}

#[test]
fn an_editor_on_one_side_and_runs_from_both_lose_no_version() {
    no_version_is_lost(["notes/f", "notes/g"], Duration::from_micros(300));
}

#[test]
fn editors_of_the_same_file_on_both_sides_lose_no_version() {
    no_version_is_lost(["notes/f", "notes/f"], Duration::from_millis(7));
}

#[test]
fn editors_that_never_pause_lose_no_version() {
    no_version_is_lost(["notes/f", "notes/f"], Duration::ZERO);
}

#[test]
fn a_signal_in_the_middle_leaves_what_the_next_run_mends() {
    let mut ended = 0;
    for (number, delay) in [5u64, 15, 30, 45, 60, 90, 130, 180, 250, 400].into_iter().enumerate() {
        let world = agreed();
        for file in 0..400 {
            world.laptop().write(format!("notes/many/{file}"), format!("{file}"));
        }
        world.laptop().write("notes/f", "B");
        world.server().write("notes/g", "C");
        world.server().remove("notes/D");
        let ledger = Ledger::open(&world);
        let running = world.laptop().start(["bidirectional"]);
        std::thread::sleep(Duration::from_millis(delay));
        let signal = if number % 2 == 0 { Signal::TERM } else { Signal::INT };
        running.signal(signal);
        let outcome = running.finish(TIME_LIMIT);
        let code = outcome.code();
        assert!([0, 128 + signal.as_raw()].contains(&code), "{}", outcome.told());
        ended += usize::from(code != 0);
        ledger.check_interrupted(&world, &outcome.told());
        world.at(Side::BOTH[number % 2]).sync().exits(0).clean();
        assert_same_notes(&world, &format!("after {delay} ms"));
        assert_eq!(world.server().get("notes/f"), Some(Node::file("B")));
        assert_eq!(world.laptop().get("notes/D"), None);
    }
    assert!(ended > 0, "no signal came in time");
}

/// Runs a line of shell in the laptop's root, in which `$U` is the binary.
fn shell(world: &World, line: &str) -> ubos_testkit::process::Outcome {
    let mut command = world.command(Path::new("/bin/sh"));
    command.env("U", BINARY).args([OsStr::new("-c"), OsStr::new(line)]);
    command.current_dir(world.root(Side::Laptop));
    Running::start(command, &world.base().join("output")).finish(TIME_LIMIT)
}

#[test]
fn a_reader_that_goes_away_stops_no_sync() {
    for line in [
        "$U bidirectional | head -1",
        "$U bidirectional --json | head -c 1",
        "$U -v bidirectional | true",
        "$U bidirectional >&-",
        "$U bidirectional >/dev/full",
        "$U bidirectional --json 2>&1 >/dev/full | head -1",
        "$U bidirectional 2>&-",
    ] {
        let world = agreed();
        for number in 0..200 {
            world.laptop().write(format!("notes/many/{number}"), format!("{number}"));
        }
        world.server().write("notes/g", "C");
        let outcome = shell(&world, line);
        assert!(!outcome.words().contains("panicked"), "{line}\n{}", outcome.told());
        let told = format!("{line}\n{}", outcome.told());
        assert_eq!(world.laptop().get("notes/g"), Some(Node::file("C")), "{told}");
        assert_same_notes(&world, &told);
        world.laptop().sync().exits(0).clean().actions([]);
    }
}
