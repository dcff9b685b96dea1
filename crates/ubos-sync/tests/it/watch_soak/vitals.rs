//! What the watch process takes of the machine during a soak, and whether that keeps growing.

use std::fmt;
use std::fs;

use crate::watching::{memory, open_files};

/// Samples that are enough to judge by.
const ENOUGH: usize = 40;
/// Open files, threads and children that may come on top: a run that is just going on has some.
const SLACK: u64 = 8;
/// Memory that may come on top of a tenth: what the system's allocator keeps for later.
const MEMORY_SLACK: u64 = 6 << 20;

/// One look at a process.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Vitals {
    open_files: u64,
    bytes: u64,
    threads: u64,
    children: u64,
}

impl Vitals {
    /// As the process is now; `None` if it is just ending.
    fn of(id: u32) -> Option<Self> {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).ok()?.flatten();
        let (mut threads, mut children) = (0, 0);
        for task in tasks {
            threads += 1;
            let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children += listed.split_whitespace().count() as u64;
        }
        Some(Self { open_files: open_files(id) as u64, bytes: memory(id), threads, children })
    }
}

impl fmt::Display for Vitals {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { open_files, bytes, threads, children } = self;
        let mib = *bytes as f64 / f64::from(1 << 20);
        write!(to, "{mib:.1} MiB, {open_files} files, {threads} threads, {children} children")
    }
}

/// The looks at one process, in order.
#[derive(Debug, Default)]
pub(super) struct Course {
    id: u32,
    looks: Vec<Vitals>,
}

impl Course {
    /// Looks at a process while it is connected, since it takes less while it waits for its next
    /// attempt; another process than before begins anew.
    pub(super) fn look(&mut self, id: u32) {
        if self.id != id {
            *self = Self { id, looks: Vec::new() };
        }
        self.looks.extend(Vitals::of(id).filter(|vitals| vitals.children > 0));
    }

    /// Whether the last quarter takes no more than the second one, which is no longer beginning:
    /// both in words, as an error with what grew if it does.
    pub(super) fn stays_flat(&self) -> Result<String, String> {
        if self.looks.len() < ENOUGH {
            return Ok(format!("{} looks at it, too few to judge by", self.looks.len()));
        }
        let (early, late) = (self.quarter(1), self.quarter(3));
        let told = format!("{early}; at the end {late}");
        let grows = [
            ("open files", late.open_files > early.open_files + SLACK),
            ("threads", late.threads > early.threads + SLACK),
            ("children", late.children > early.children + SLACK),
            ("memory", late.bytes > early.bytes * 11 / 10 + MEMORY_SLACK),
        ];
        match grows.iter().find(|(_, grows)| *grows) {
            Some((what, _)) => Err(format!("it takes ever more {what}: {told}")),
            None => Ok(told),
        }
    }

    /// The medians of a quarter of the looks.
    fn quarter(&self, number: usize) -> Vitals {
        let length = self.looks.len() / 4;
        let looks = &self.looks[number * length..(number + 1) * length];
        let middle = |value: fn(&Vitals) -> u64| {
            let mut values: Vec<u64> = looks.iter().map(value).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        Vitals {
            open_files: middle(|v| v.open_files),
            bytes: middle(|v| v.bytes),
            threads: middle(|v| v.threads),
            children: middle(|v| v.children),
        }
    }
}

#[test]
fn what_keeps_growing_is_noticed_and_what_goes_up_and_down_is_not() {
    let course = |value: fn(u64) -> u64| {
        let looks = (0..200).map(|n| Vitals { open_files: value(n), ..Vitals::default() });
        Course { id: 1, looks: looks.collect() }
    };
    assert!(course(|n| 10 + n % 7).stays_flat().is_ok());
    assert!(course(|n| n.min(30)).stays_flat().is_ok());
    assert!(course(|n| n / 4).stays_flat().unwrap_err().contains("open files"));
}
