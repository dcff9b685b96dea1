//! What two users do during a soak, and what of it is owed to them.
//!
//! Everything may be taken away or replaced under their hands, as another person's work arrives:
//! what cannot be done then is left undone. A content is owed from the moment it is written until
//! its own author overwrites or removes it, who alone may give it up before anybody saw it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ubos_testkit::Side;
use ubos_testkit::random::Dice;

/// Files that each user edits.
const FILES: usize = 400;
/// Files that both edit.
const SHARED: usize = 12;
/// Files of a burst, at most.
const BURST: usize = 120;
/// Bursts that stay before an earlier one is removed.
const BURSTS: usize = 6;
/// The server's log, which only grows.
pub(super) const LOG: &str = "logs/soak.jsonl";

/// How often each kind of edit was made.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) writes: u64,
    pub(super) saves: u64,
    pub(super) renames: u64,
    pub(super) removals: u64,
    pub(super) bursts: u64,
    pub(super) lines: u64,
}

impl Counts {
    /// All of them.
    pub(super) fn all(&self) -> u64 {
        let Self { writes, saves, renames, removals, bursts, lines } = self;
        writes + saves + renames + removals + bursts + lines
    }
}

/// The two users.
pub(super) struct Users {
    roots: [PathBuf; 2],
    dice: Dice,
    /// Contents that must be found, with their author.
    owed: BTreeMap<String, Side>,
    number: u64,
    bursts: Vec<(Side, PathBuf)>,
    pub(super) counts: Counts,
}

impl Users {
    /// Users of the territories at these roots; begins the log.
    pub(super) fn new(roots: [PathBuf; 2], seed: u64) -> Self {
        let log = roots[Side::Server as usize].join(LOG);
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        File::create(log).unwrap();
        let (owed, bursts, counts) = Default::default();
        Self { roots, dice: Dice::new(seed), owed, number: 0, bursts, counts }
    }

    /// Does something, somewhere.
    pub(super) fn edit(&mut self) {
        let side = *self.dice.pick(&Side::BOTH);
        let path = self.path(side);
        let done = match self.dice.below(1000) {
            0..=549 => self.write(side, &path),
            550..=749 => self.save(side, &path),
            750..=829 => self.rename(side, &path),
            830..=849 => self.rename_folder(side),
            850..=889 => self.remove(side, &path),
            890..=892 => self.burst(side),
            _ => self.line(),
        };
        if let Err(error) = done {
            let gone = [io::ErrorKind::NotFound, io::ErrorKind::DirectoryNotEmpty];
            assert!(gone.contains(&error.kind()), "{}: {error}", path.display());
        }
    }

    /// Everything that is owed and is not among the contents of either territory.
    pub(super) fn missing(&self) -> Vec<String> {
        let kept = self.roots.iter().flat_map(|root| contents(root)).collect::<HashSet<_>>();
        let lost = self.owed.iter().filter(|(content, _)| !kept.contains(*content));
        lost.map(|(content, side)| format!("{:?} of {side:?}", content.trim_end())).collect()
    }

    /// How many contents are owed.
    pub(super) fn owed(&self) -> usize {
        self.owed.len()
    }

    /// The whole log as it was written.
    pub(super) fn log(&self) -> String {
        (0..self.counts.lines).map(line).collect()
    }

    /// One of the files that this side edits: its own, one that both edit, or one that only this
    /// side may.
    fn path(&mut self, side: Side) -> PathBuf {
        let number = self.dice.below(FILES);
        let path = match self.dice.below(16) {
            0 => format!("notes/shared/{}", number % SHARED),
            1 => format!("{}/{}", ["out", "in"][side as usize], number % 20),
            _ => format!("notes/of-{}/{}/{number}", side.name(), number % 7),
        };
        self.roots[side as usize].join(path)
    }

    fn content(&mut self, side: Side) -> String {
        self.number += 1;
        format!("edit {} on {}\n", self.number, side.name())
    }

    /// What is there will no longer be; its own author gives it up.
    fn give_up(&mut self, side: Side, path: &Path) {
        if let Ok(content) = fs::read_to_string(path)
            && self.owed.get(&content) == Some(&side)
        {
            self.owed.remove(&content);
        }
    }

    fn write(&mut self, side: Side, path: &Path) -> io::Result<()> {
        let content = self.content(side);
        fs::create_dir_all(path.parent().unwrap())?;
        self.give_up(side, path);
        if self.dice.chance(10) {
            fs::write(path, "short-lived")?;
        }
        fs::write(path, &content)?;
        self.owed.insert(content, side);
        self.counts.writes += 1;
        Ok(())
    }

    /// As an editor saves: beside it, and over it.
    fn save(&mut self, side: Side, path: &Path) -> io::Result<()> {
        let content = self.content(side);
        fs::create_dir_all(path.parent().unwrap())?;
        let aside = path.with_extension(*self.dice.pick(&["tmp", "saving"]));
        fs::write(&aside, &content)?;
        self.give_up(side, path);
        fs::rename(&aside, path)?;
        self.owed.insert(content, side);
        self.counts.saves += 1;
        Ok(())
    }

    /// There and back again; what stood there is overwritten.
    fn rename(&mut self, side: Side, path: &Path) -> io::Result<()> {
        let moved = path.with_extension("moved");
        let (from, to) = if path.exists() { (path, &*moved) } else { (&*moved, path) };
        if from.exists() {
            self.give_up(side, to);
        }
        fs::rename(from, to)?;
        self.counts.renames += 1;
        Ok(())
    }

    fn rename_folder(&mut self, side: Side) -> io::Result<()> {
        let top = self.roots[side as usize].join(format!("notes/of-{}", side.name()));
        let number = self.dice.below(7);
        let folders = ["", "-moved"].map(|tail| top.join(format!("{number}{tail}")));
        let [from, to] = if folders[0].exists() { [0, 1] } else { [1, 0] };
        fs::rename(&folders[from], &folders[to])?;
        self.counts.renames += 1;
        Ok(())
    }

    fn remove(&mut self, side: Side, path: &Path) -> io::Result<()> {
        self.give_up(side, path);
        fs::remove_file(path)?;
        self.counts.removals += 1;
        Ok(())
    }

    /// A folder full of files at once; of many an old one goes.
    fn burst(&mut self, side: Side) -> io::Result<()> {
        let count = BURST / 2 + self.dice.below(BURST / 2);
        let folder = format!("notes/burst-{}-{}", side.name(), self.number);
        let folder = self.roots[side as usize].join(folder);
        for file in 0..count {
            let content = self.content(side);
            let path = folder.join(format!("{}/{file}", file % 5));
            fs::create_dir_all(path.parent().unwrap())?;
            fs::write(path, &content)?;
            self.owed.insert(content, side);
        }
        self.bursts.push((side, folder));
        self.counts.bursts += 1;
        if self.bursts.len() > BURSTS {
            let (side, folder) = self.bursts.remove(0);
            for file in files(&folder) {
                self.give_up(side, &file);
            }
            fs::remove_dir_all(folder)?;
            self.counts.removals += 1;
        }
        Ok(())
    }

    /// A line of the log, now and then in two pieces.
    fn line(&mut self) -> io::Result<()> {
        let path = self.roots[Side::Server as usize].join(LOG);
        let mut log = OpenOptions::new().append(true).open(path)?;
        let line = line(self.counts.lines);
        let (head, tail) = line.split_at(if self.dice.chance(20) { 5 } else { 0 });
        log.write_all(head.as_bytes())?;
        log.write_all(tail.as_bytes())?;
        self.counts.lines += 1;
        Ok(())
    }
}

fn line(number: u64) -> String {
    format!("{{\"line\": {number}, \"text\": \"what happened just now\"}}\n")
}

/// The contents of all small files of a territory, its private folder included.
fn contents(root: &Path) -> Vec<String> {
    let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.size() < 200);
    let found = files(root).into_iter().filter(small);
    found.filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// All files below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}
