//! What a territory remembers of its machine from run to run (clocks, versions, free space), and
//! the audit records that follow from a difference: `awake`, `versions`, `storage`.

use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::StateDir;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::atomic;
use crate::fs::platform::{self, Clocks};
use crate::link;

const NAME: &str = "awake";
/// A shorter sleep, in milliseconds, may be the clocks' own doing.
const SLEPT: i64 = 5_000;
/// A wall clock that is so much off what passed, in milliseconds, was set.
const JUMPED: i64 = 2_000;
/// Free space is noted once in so many milliseconds; so are versions that cost a process to ask.
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// What was seen when a run was last put on record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    clocks: Clocks,
    #[serde(default)]
    versions: Option<Versions>,
    #[serde(default)]
    versions_asked: i64,
    #[serde(default)]
    storage_noted: i64,
}

/// What runs on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Versions {
    program: String,
    system: String,
    rsync: Option<String>,
    ssh: Option<String>,
}

/// The records that are due now, and what is to be remembered once they are durable.
///
/// # Errors
/// What the system says.
pub fn look(state: &StateDir, name: &str) -> Result<(Vec<Map<String, Value>>, Memory)> {
    let before = load(state)?;
    let clocks = platform::clocks();
    let mut records: Vec<Value> = Vec::new();
    records.extend(before.as_ref().and_then(|before| awake(&before.clocks, &clocks)));
    let mut memory = match before {
        Some(before) => Memory { clocks, ..before },
        None => Memory { clocks, versions: None, versions_asked: 0, storage_noted: 0 },
    };
    records.extend(versions(&mut memory));
    records.extend(storage(state, &mut memory)?);
    let own = |record: Value| match record {
        Value::Object(mut record) => {
            record.insert("on".into(), name.into());
            Some(record)
        }
        _ => None,
    };
    Ok((records.into_iter().filter_map(own).collect(), memory))
}

/// Remembers what was seen.
///
/// # Errors
/// What the system says.
pub fn save(state: &StateDir, memory: &Memory) -> Result<()> {
    let folder = state.folder("state")?;
    let write = || -> std::io::Result<()> {
        let bytes = serde_json::to_vec(memory).expect("plain data");
        let temporary = atomic::create(folder.as_fd(), "awake.new")?;
        atomic::write_all(temporary.as_fd(), &bytes)?;
        // Not synced: after a power cut nothing is remembered, and nothing is claimed.
        Ok(rustix::fs::renameat(&folder, "awake.new", &folder, NAME)?)
    };
    write().map_err(|e| EngineError::io("write", state.path("state/awake"), e))
}

fn load(state: &StateDir) -> Result<Option<Memory>> {
    let folder = state.folder("state")?;
    let bytes = atomic::read(folder.as_fd(), NAME)
        .map_err(|e| EngineError::io("read", state.path("state/awake"), e))?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// How long the machine slept, or was off, and by how much its clock was set, since `before`.
fn awake(before: &Clocks, now: &Clocks) -> Option<Value> {
    let times = |milliseconds: i64| clock::rfc3339_ms(milliseconds);
    let (from, to) = (times(before.wall), times(now.wall));
    let seconds = |milliseconds: i64| milliseconds as f64 / 1000.0;
    if before.era != now.era {
        if !now.boots {
            return None;
        }
        // From the last run to the start it may have been awake for a while; that is not known.
        let off = (now.wall - now.passed - before.wall).max(0) + (now.passed - now.awake);
        return Some(json!({
            "event": "awake", "from": from, "to": to, "slept_seconds": seconds(off),
            "boot": now.era, "restarted": true,
        }));
    }
    let passed = now.passed - before.passed;
    let slept = passed - (now.awake - before.awake);
    let jump = now.wall - before.wall - passed;
    if slept < SLEPT && jump.abs() < JUMPED {
        return None;
    }
    Some(json!({
        "event": "awake", "from": from, "to": to, "slept_seconds": seconds(slept.max(0)),
        "boot": now.era, "clock_jump": seconds(jump),
    }))
}

fn versions(memory: &mut Memory) -> Option<Value> {
    let program = env!("CARGO_PKG_VERSION");
    let known = memory.versions.as_ref().is_some_and(|known| known.program == program);
    let now = memory.clocks.wall;
    if known && (0..DAY).contains(&(now - memory.versions_asked)) {
        return None;
    }
    memory.versions_asked = now;
    let (system, architecture) = platform::system();
    let found = Versions {
        program: program.to_owned(),
        system: format!("{system} {architecture}"),
        rsync: link::rsync_version(),
        ssh: link::ssh_version(),
    };
    let before = memory.versions.replace(found.clone());
    (before.as_ref() != Some(&found)).then(|| {
        json!({
            "event": "versions", "program": found.program, "system": found.system,
            "rsync": found.rsync, "ssh": found.ssh,
        })
    })
}

fn storage(state: &StateDir, memory: &mut Memory) -> Result<Option<Value>> {
    let now = memory.clocks.wall;
    if (0..HOUR).contains(&(now - memory.storage_noted)) {
        return Ok(None);
    }
    memory.storage_noted = now;
    let (free, total) = space(state)?;
    Ok(Some(json!({"event": "storage", "free_bytes": free, "total_bytes": total})))
}

/// Free and all bytes of the file system that the root is on.
///
/// # Errors
/// What the system says.
pub fn space(state: &StateDir) -> Result<(u64, u64)> {
    let stat = rustix::fs::fstatvfs(state.root().fd())
        .map_err(|e| EngineError::io("look at", state.root().path(), e))?;
    Ok((stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(era: &str, wall: i64, passed: i64, awake: i64) -> Clocks {
        Clocks { era: era.into(), boots: true, wall, passed, awake }
    }

    #[test]
    fn sleep_a_set_clock_and_a_restart_are_told_apart_and_small_differences_are_not_told() {
        let before = clocks("a", 1_000_000, 500_000, 400_000);
        assert_eq!(awake(&before, &clocks("a", 1_300_500, 800_000, 699_000)), None);
        let slept = awake(&before, &clocks("a", 8_200_000, 7_700_000, 500_000)).unwrap();
        assert_eq!((&slept["slept_seconds"], &slept["clock_jump"]), (&json!(7100.0), &json!(0.0)));
        assert_eq!(slept["from"], "1970-01-01T00:16:40.000Z");
        let set = awake(&before, &clocks("a", 2_100_000, 600_000, 500_000)).unwrap();
        assert_eq!((&set["slept_seconds"], &set["clock_jump"]), (&json!(0.0), &json!(1000.0)));
        let started = awake(&before, &clocks("b", 2_000_000, 60_000, 50_000)).unwrap();
        assert_eq!(
            (&started["slept_seconds"], &started["restarted"]),
            (&json!(950.0), &json!(true))
        );
        let process = Clocks { boots: false, ..clocks("b", 2_000_000, 60_000, 50_000) };
        assert_eq!(awake(&before, &process), None);
    }

    #[test]
    fn versions_and_free_space_are_noted_once_and_not_again_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        let events = || {
            let (records, memory) = look(&state, "here").unwrap();
            save(&state, &memory).unwrap();
            records.iter().map(|record| record["event"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(events(), ["versions", "storage"]);
        assert!(events().is_empty());
    }
}
