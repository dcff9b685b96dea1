//! A watch that runs beside a test, and what it told so far.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use ubos_testkit::process::{Outcome, Running};
use ubos_testkit::{Node, Side, World};

/// Longest that anything may take on a loaded machine.
pub(crate) const SOON: Duration = Duration::from_secs(40);
/// So long nothing happens where nothing is to happen.
pub(crate) const QUIET: Duration = Duration::from_millis(1200);

/// A running watch of the laptop.
pub(crate) struct Watching<'w> {
    world: &'w World,
    running: Running,
}

impl<'w> Watching<'w> {
    /// Starts one and waits until its first run has ended.
    pub(crate) fn start(world: &'w World) -> Self {
        Self::with(world, &[])
    }

    /// The same with more arguments.
    pub(crate) fn with(world: &'w World, args: &[&str]) -> Self {
        let words = ["watch", "--json"].iter().chain(args);
        Self::of(world, world.laptop().command(words))
    }

    /// The same of a command that ends in a watch with `--json`.
    pub(crate) fn of(world: &'w World, command: Command) -> Self {
        let running = Running::start(command, &world.base().join("output"));
        let watching = Self { world, running };
        watching.until("the first run", |w| !w.events().is_empty());
        watching
    }

    /// Starts one and does not wait for it.
    pub(crate) fn begin(world: &'w World) -> Self {
        let command = world.laptop().command(["watch", "--json"]);
        Self { world, running: Running::start(command, &world.base().join("output")) }
    }

    /// Everything it told.
    pub(crate) fn events(&self) -> Vec<Value> {
        let said = self.running.said();
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The events of this kind.
    pub(crate) fn told(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }

    /// Waits for something.
    ///
    /// # Panics
    /// If it does not come; with all that was told.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is: impl Fn(&Self) -> bool) -> &Self {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < SOON, "no {what}\n{}", self.running.said());
            sleep(Duration::from_millis(5));
        }
        self
    }

    /// Waits until `content` stands at `path` on `side`.
    #[track_caller]
    pub(crate) fn arrives(&self, side: Side, path: &str, content: &str) -> &Self {
        let wanted = Some(Node::file(content));
        self.until(&format!("{path} on {side:?}"), |w| same(w.world.at(side).get(path), &wanted))
    }

    /// Waits until nothing stands at `path` on `side`.
    #[track_caller]
    pub(crate) fn vanishes(&self, side: Side, path: &str) -> &Self {
        self.until(&format!("end of {path}"), |w| w.world.at(side).get(path).is_none())
    }

    /// Runs that the laptop has on record, also those that did nothing.
    pub(crate) fn runs_on_record(&self) -> usize {
        runs_on_record(self.world)
    }

    /// Waits until no run is on record that was not before, and says how many there are.
    pub(crate) fn rests(&self) -> usize {
        let begun = Instant::now();
        loop {
            let before = self.runs_on_record();
            sleep(QUIET);
            if self.runs_on_record() == before {
                return before;
            }
            assert!(begun.elapsed() < SOON, "it does not come to rest\n{}", self.running.said());
        }
    }

    /// Asserts that nothing runs any more.
    #[track_caller]
    pub(crate) fn stays_at_rest(&self) {
        let before = self.runs_on_record();
        sleep(QUIET);
        assert_eq!(self.runs_on_record(), before, "it runs for nothing\n{}", self.running.said());
    }

    /// The agent of a peer on this machine: the child of the watch.
    pub(crate) fn agent(&self) -> Pid {
        *self.children().first().expect("it has a child")
    }

    /// Its number.
    pub(crate) fn agent_id(&self) -> u32 {
        self.agent().as_raw_nonzero().get().unsigned_abs()
    }

    /// What the watch itself has started: an ssh, or the agent of a peer on this machine.
    fn children(&self) -> Vec<Pid> {
        let children = format!("/proc/{0}/task/{0}/children", self.running.id());
        let text = fs::read_to_string(children).unwrap_or_default();
        text.split_whitespace().map(|id| Pid::from_raw(id.parse().unwrap()).unwrap()).collect()
    }

    /// Sends a signal to whatever the watch has started; returns how many there were.
    pub(crate) fn signal_children(&self, signal: Signal) -> u32 {
        let children = self.children();
        for child in &children {
            // One that has just ended by itself is as good as killed.
            let _ = kill_process(*child, signal);
        }
        u32::try_from(children.len()).unwrap()
    }

    /// Sends a signal to the agent.
    pub(crate) fn signal_agent(&self, signal: Signal) {
        kill_process(self.agent(), signal).unwrap();
    }

    /// Sends a signal to the watch.
    pub(crate) fn signal(&self, signal: Signal) {
        self.running.signal(signal);
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> String {
        self.running.said()
    }

    /// Ends it as a service manager does.
    pub(crate) fn ends(self) -> Outcome {
        self.running.signal(Signal::TERM);
        self.finishes()
    }

    /// Waits for its end.
    pub(crate) fn finishes(self) -> Outcome {
        self.running.finish(SOON)
    }
}

/// Whether a file holds what is wanted, whatever its mode.
fn same(found: Option<Node>, wanted: &Option<Node>) -> bool {
    let content = |node: &Option<Node>| node.as_ref().and_then(Node::content).map(<[u8]>::to_vec);
    found.is_some() && content(&found) == content(wanted)
}

/// Runs that the laptop has on record.
pub(crate) fn runs_on_record(world: &World) -> usize {
    let folder = world.root(Side::Laptop).join(".ubos-sync/log");
    let logs = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let runs_in = |log: PathBuf| {
        let text = fs::read_to_string(log).unwrap_or_default();
        text.lines().filter(|line| line.contains(r#""event":"run""#)).count()
    };
    logs.filter(|log| log.extension().is_some_and(|tail| tail == "jsonl")).map(runs_in).sum()
}

/// Signals the agents on the far side of `world`; returns how many there were.
pub(crate) fn signal_agents(world: &World, signal: Signal) -> u32 {
    let mut count = 0;
    let home = format!("HOME={}/", world.base().display());
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
        let is_agent = read("cmdline").split(|byte| *byte == 0).nth(1) == Some(b"agent");
        let is_ours = || {
            let environment = read("environ");
            environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(home.as_bytes()))
        };
        if is_agent && is_ours() {
            let id = entry.file_name().to_str().and_then(|id| id.parse().ok());
            // One that has just ended by itself is as good as killed.
            let _ = kill_process(id.and_then(Pid::from_raw).unwrap(), signal);
            count += 1;
        }
    }
    count
}

/// Bytes that a process has read from files and pipes so far.
pub(crate) fn bytes_read(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/io")).unwrap();
    let line = text.lines().find(|line| line.starts_with("rchar:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Open files of a process.
pub(crate) fn open_files(id: u32) -> usize {
    fs::read_dir(Path::new("/proc").join(id.to_string()).join("fd")).unwrap().count()
}

/// Resident memory of a process, in bytes.
pub(crate) fn memory(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Processor time of a process so far, in ticks of the system (a hundredth of a second).
pub(crate) fn processor_time(id: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
