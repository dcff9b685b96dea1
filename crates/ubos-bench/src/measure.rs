//! What a command costs: wall time, processor time on both sides, peak memory of each process.
//!
//! Processor time and memory come from `/proc`; where there is none (macOS), they are absent and
//! only wall time is known. Nothing is sampled while wall time is taken, except in
//! [`Meter::peaks`], whose wall time nobody uses.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// One timing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub wall: Duration,
    /// User and system time of all processes on both sides, in steps of a clock tick (10 ms).
    pub cpu: Option<Duration>,
}

/// The largest resident set of the processes of one name on one side.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peak {
    /// Whether the process belongs to the far side, under sshd.
    pub remote: bool,
    pub name: String,
    pub kib: u64,
}

/// Measures commands whose far side runs under one sshd.
pub(crate) struct Meter {
    sshd: u32,
}

impl Meter {
    pub(crate) fn new(sshd: u32) -> Self {
        Self { sshd }
    }

    /// Runs `command` to its end; anything but success is an error that shows what it said.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Sample> {
        let before = self.cpu();
        let started = Instant::now();
        let output = output(command)?;
        let wall = started.elapsed();
        check(command, &output)?;
        self.wait_until_sessions_end();
        Ok(Sample { wall, cpu: self.cpu().zip(before).map(|(now, then)| now.saturating_sub(then)) })
    }

    /// Times work done in this process.
    pub(crate) fn in_process(&self, work: impl FnOnce() -> Result<()>) -> Result<Sample> {
        let before = self.cpu();
        let started = Instant::now();
        work()?;
        let wall = started.elapsed();
        Ok(Sample { wall, cpu: self.cpu().zip(before).map(|(now, then)| now.saturating_sub(then)) })
    }

    /// Runs `command` and watches how large each process on either side becomes. The kernel keeps
    /// the high-water mark itself, so only growth in a process' last milliseconds can be missed.
    pub(crate) fn peaks(&self, command: &mut Command) -> Result<Vec<Peak>> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let here = child.id();
        let waiter = std::thread::spawn(move || child.wait_with_output());
        let mut largest = BTreeMap::new();
        while !waiter.is_finished() {
            self.observe(here, &mut largest);
            std::thread::sleep(Duration::from_millis(1));
        }
        let output = waiter.join().expect("waiting for a child does not panic")?;
        check(command, &output)?;
        self.wait_until_sessions_end();
        Ok(largest.into_iter().map(|((remote, name), kib)| Peak { remote, name, kib }).collect())
    }

    fn observe(&self, here: u32, largest: &mut BTreeMap<(bool, String), u64>) {
        let processes = processes();
        for (pid, process) in &processes {
            let remote = match side_of(*pid, &processes, here, self.sshd) {
                Some(remote) if *pid != self.sshd => remote,
                _ => continue,
            };
            if let Some(kib) = high_water_mark(*pid) {
                let seen = largest.entry((remote, process.name.clone())).or_default();
                *seen = kib.max(*seen);
            }
        }
    }

    /// This process, its finished children, the sshd and its finished sessions.
    fn cpu(&self) -> Option<Duration> {
        Some(cpu_of("self")? + cpu_of(&self.sshd.to_string())?)
    }

    /// A session's time counts once sshd has collected it, shortly after the client has gone.
    fn wait_until_sessions_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while processes().values().any(|process| process.parent == self.sshd)
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Runs `command` without measuring it; anything but success is an error.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = output(command)?;
    check(command, &output)
}

fn output(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))
}

fn check(command: &Command, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = [&output.stdout, &output.stderr].map(|stream| {
        let from = stream.len().saturating_sub(2_000);
        String::from_utf8_lossy(&stream[from..]).into_owned()
    });
    bail!("{command:?} ended with {}:\n{}\n{}", output.status, said[0], said[1]);
}

struct Process {
    name: String,
    parent: u32,
}

fn processes() -> BTreeMap<u32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            let (name, fields) = split_stat(&stat)?;
            Some((pid, Process { name: name.to_owned(), parent: fields.get(1)?.parse().ok()? }))
        })
        .collect()
}

/// `Some(true)` below sshd, `Some(false)` at or below `here`, `None` for all other processes.
fn side_of(pid: u32, all: &BTreeMap<u32, Process>, here: u32, sshd: u32) -> Option<bool> {
    let mut ancestor = pid;
    while let Some(process) = all.get(&ancestor) {
        if ancestor == here || ancestor == sshd {
            return Some(ancestor == sshd);
        }
        ancestor = process.parent;
    }
    None
}

fn high_water_mark(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn cpu_of(pid: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ticks = cpu_ticks(&stat)?;
    let per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// User and system time of a process and of the children it has waited for.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = split_stat(stat)?;
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

/// The name, and the fields after it. A name may hold blanks and brackets, so the last one counts.
fn split_stat(stat: &str) -> Option<(&str, Vec<&str>)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    Some((name, tail.split_whitespace().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_hostile_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 0 0 0 0 0 10 20 300 4000 20 0 1 0";
        assert_eq!(cpu_ticks(stat), Some(4_330));
        assert_eq!(split_stat(stat).map(|(name, _)| name), Some("a) b (c"));
    }

    #[test]
    fn a_process_belongs_to_the_side_of_its_nearest_known_ancestor() {
        let process = |parent| Process { name: String::new(), parent };
        let all = BTreeMap::from([
            (1, process(0)),
            (10, process(1)),
            (11, process(10)),
            (20, process(10)),
            (21, process(20)),
        ]);
        assert_eq!(side_of(11, &all, 11, 20), Some(false));
        assert_eq!(side_of(21, &all, 11, 20), Some(true));
        assert_eq!(side_of(10, &all, 11, 20), None);
    }

    #[test]
    fn failure_of_a_command_shows_what_it_said() {
        let meter = Meter::new(std::process::id());
        let failed = meter.run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]));
        let message = failed.expect_err("exit 3 is a failure").to_string();
        assert!(message.contains("why"), "{message}");
    }
}
