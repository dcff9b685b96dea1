//! The audit log: JSON Lines in `log/`, each record chained to the one before by hash, so that a
//! missing, altered or cut record is noticed.
//!
//! A record's `hash` is BLAKE3 over the record without it, keys sorted, which includes `prev`, the
//! hash before. `head` beside the log remembers the last record, so that a cut tail shows too.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::StateDir;
use super::lock::Lock;
use crate::clock;
use crate::error::{EngineError, Result};
use crate::fs::{atomic, list};

const FOLDER: &str = "log";
const HEAD: &str = "head";
/// A segment is closed when it has grown beyond this many bytes.
const SEGMENT: u64 = 16 << 20;
/// What the first record's `prev` is.
const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last record; the first is 1.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

/// An audit log, open for adding.
#[derive(Debug)]
pub struct Audit {
    dir: OwnedFd,
    path: std::path::PathBuf,
    segment: u64,
    file: File,
    length: u64,
    head: Head,
    buffer: Vec<u8>,
}

impl Audit {
    /// Opens the log of a territory; a torn last line (a crash while writing) is cut.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(state: &StateDir) -> Result<Audit> {
        let dir = state.folder(FOLDER)?;
        let path = state.path(FOLDER);
        let open = || -> io::Result<Audit> {
            let segment = segments(&dir)?.last().copied().unwrap_or(1);
            let file = open_segment(&dir, segment)?;
            let (length, last) = last_record(&file)?;
            file.set_len(length)?;
            let head = match last {
                Some(head) => head,
                None if segment > 1 => {
                    last_record(&open_segment(&dir, segment - 1)?)?.1.unwrap_or_else(origin)
                }
                None => origin(),
            };
            Ok(Audit { dir, path: path.clone(), segment, file, length, head, buffer: Vec::new() })
        };
        open().map_err(|e| EngineError::io("open", &path, e))
    }

    /// The last record, also one that is still buffered.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Adds a record (buffered until [`Audit::sync`]). `fields` must not use `seq`, `time`, `prev`
    /// or `hash`.
    pub fn note(&mut self, run: &str, fields: Map<String, Value>) {
        self.note_at(&clock::now_rfc3339(), run, fields);
    }

    /// As [`Audit::note`], of something that happened at `time` (RFC 3339, UTC, milliseconds).
    pub fn note_at(&mut self, time: &str, run: &str, mut fields: Map<String, Value>) {
        // Also a record that a peer sends must not break the chain.
        fields.remove("hash");
        self.head.seq += 1;
        fields.insert("seq".into(), self.head.seq.into());
        fields.insert("time".into(), time.into());
        fields.insert("run".into(), run.into());
        fields.insert("prev".into(), self.head.hash.clone().into());
        let mut line = serde_json::to_vec(&fields).expect("a JSON object of plain values");
        self.head.hash = blake3::hash(&line).to_hex().to_string();
        // The hash goes behind what it covers; a reader takes it off again by name.
        line.pop();
        self.buffer.extend_from_slice(&line);
        let end = format!(",\"hash\":\"{}\"}}\n", self.head.hash);
        self.buffer.extend_from_slice(end.as_bytes());
    }

    /// Makes what was added durable.
    ///
    /// # Errors
    /// What the system says; then nothing may be done that the records announced.
    pub fn sync(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut write = || -> io::Result<()> {
            if self.length > SEGMENT {
                self.segment += 1;
                self.file = open_segment(&self.dir, self.segment)?;
                self.length = 0;
            }
            atomic::write_all_at(self.file.as_fd(), &self.buffer, self.length)?;
            crate::fs::platform::sync_file(&self.file)?;
            self.length += self.buffer.len() as u64;
            self.buffer.clear();
            let head = serde_json::to_vec(&self.head).expect("plain data");
            let temporary = atomic::create(self.dir.as_fd(), "head.new")?;
            atomic::write_all(temporary.as_fd(), &head)?;
            // Not synced: an older head only means that a cut of the very last records may go
            // unnoticed after a power cut.
            Ok(rustix::fs::renameat(&self.dir, "head.new", &self.dir, HEAD)?)
        };
        write().map_err(|e| EngineError::io("write", &self.path, e))
    }
}

fn origin() -> Head {
    Head { seq: 0, hash: ORIGIN.to_owned() }
}

fn hash_of(fields: &Map<String, Value>) -> String {
    let bytes = serde_json::to_vec(fields).expect("a JSON object of plain values");
    blake3::hash(&bytes).to_hex().to_string()
}

fn segment_name(number: u64) -> String {
    format!("audit-{number:06}.jsonl")
}

fn segments(dir: &OwnedFd) -> io::Result<Vec<u64>> {
    let mut numbers: Vec<u64> = list(dir.as_fd())?
        .iter()
        .filter_map(|entry| std::str::from_utf8(&entry.name).ok())
        .filter_map(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn open_segment(dir: &OwnedFd, number: u64) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(openat(dir, segment_name(number), flags, Mode::RUSR | Mode::WUSR)?))
}

/// The length up to the last whole line, and the record in it. Reads the end of the file only.
fn last_record(file: &File) -> io::Result<(u64, Option<Head>)> {
    let length = file.metadata()?.len();
    let mut window = 64 << 10;
    loop {
        let start = length.saturating_sub(window);
        let mut bytes = vec![0u8; (length - start) as usize];
        atomic::read_full_at(file.as_fd(), &mut bytes, start)?;
        let Some(end) = bytes.iter().rposition(|&b| b == b'\n') else {
            if start == 0 {
                return Ok((0, None));
            }
            window *= 4;
            continue;
        };
        let line = match bytes[..end].iter().rposition(|&b| b == b'\n') {
            Some(before) => &bytes[before + 1..end],
            None if start == 0 => &bytes[..end],
            None => {
                window *= 4;
                continue;
            }
        };
        let head = serde_json::from_slice::<Head>(line).ok();
        return Ok((start + end as u64 + 1, head));
    }
}

/// Adds records about `run`, durably, from outside of a run.
///
/// # Errors
/// [`EngineError::Locked`] while another run writes the log; what the system says.
pub fn add(
    state: &StateDir,
    territory: &str,
    run: &str,
    records: impl IntoIterator<Item = Map<String, Value>>,
) -> Result<()> {
    let _lock = Lock::take(state, territory)?;
    let mut log = Audit::open(state)?;
    records.into_iter().for_each(|record| log.note(run, record));
    log.sync()
}

/// What a check of the whole log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Records read.
    pub records: u64,
    /// The first thing that is wrong, as a sentence, if anything is.
    pub fault: Option<String>,
}

/// Calls `visit` with every record, oldest first; lines that are no JSON objects are passed over.
/// Stops when `visit` returns false.
///
/// # Errors
/// What reading says.
pub fn read(state: &StateDir, visit: &mut dyn FnMut(&Map<String, Value>) -> bool) -> Result<()> {
    let Some(dir) = state.existing_folder(FOLDER)? else { return Ok(()) };
    let failed = |e| EngineError::io("read", state.path(FOLDER), e);
    for number in segments(&dir).map_err(failed)? {
        for line in BufReader::new(open_segment(&dir, number).map_err(failed)?).split(b'\n') {
            if let Ok(Value::Object(record)) = serde_json::from_slice(&line.map_err(failed)?)
                && !visit(&record)
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// As [`read`], for the records since `time` (RFC 3339, UTC): whole segments before it are not read.
///
/// # Errors
/// What reading says.
pub fn read_since(
    state: &StateDir,
    time: &str,
    visit: &mut dyn FnMut(&Map<String, Value>) -> bool,
) -> Result<()> {
    let Some(dir) = state.existing_folder(FOLDER)? else { return Ok(()) };
    let failed = |e| EngineError::io("read", state.path(FOLDER), e);
    let recent = |record: &Map<String, Value>| {
        record.get("time").and_then(Value::as_str).is_some_and(|t| t >= time)
    };
    let mut wanted = Vec::new();
    for number in segments(&dir).map_err(failed)?.into_iter().rev() {
        let file = open_segment(&dir, number).map_err(failed)?;
        wanted.push(number);
        let first = BufReader::new(file).split(b'\n').next();
        let first = first.transpose().map_err(failed)?.unwrap_or_default();
        if !serde_json::from_slice(&first).is_ok_and(|record| recent(&record)) {
            break;
        }
    }
    for number in wanted.into_iter().rev() {
        for line in BufReader::new(open_segment(&dir, number).map_err(failed)?).split(b'\n') {
            if let Ok(Value::Object(record)) = serde_json::from_slice(&line.map_err(failed)?)
                && recent(&record)
                && !visit(&record)
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Checks every record's hash, the chain, the numbers and the remembered end.
///
/// # Errors
/// What reading says.
pub fn verify(state: &StateDir) -> Result<Verdict> {
    Ok(examine(state, &mut |_, _| {})?.0)
}

/// As [`verify`], and calls `visit` with every record and its number and hash, oldest first; what
/// follows the first fault is shown too, as far as it can be read. Also returns the end of what is
/// sound.
///
/// # Errors
/// What reading says.
pub fn examine(
    state: &StateDir,
    visit: &mut dyn FnMut(&Map<String, Value>, &Head),
) -> Result<(Verdict, Head)> {
    let mut verdict = Verdict { records: 0, fault: None };
    let mut last = origin();
    let Some(dir) = state.existing_folder(FOLDER)? else { return Ok((verdict, last)) };
    let failed = |e| EngineError::io("read", state.path(FOLDER), e);
    for number in segments(&dir).map_err(failed)? {
        let file = open_segment(&dir, number).map_err(failed)?;
        for (line, bytes) in BufReader::new(file).split(b'\n').enumerate() {
            let bytes = bytes.map_err(failed)?;
            let (record, own) = match serde_json::from_slice::<Map<String, Value>>(&bytes) {
                Ok(record) => {
                    let own = Head { seq: seq_of(&record), hash: text_of(&record, "hash") };
                    (Some(record), own)
                }
                Err(_) => (None, origin()),
            };
            if verdict.fault.is_none() {
                let checked = match &record {
                    Some(record) => check(&bytes, record, &own, &last),
                    None => Err("is no record".to_owned()),
                };
                match checked {
                    Ok(()) => {
                        last.clone_from(&own);
                        verdict.records += 1;
                    }
                    Err(why) => {
                        let place = format!("{}, line {}", segment_name(number), line + 1);
                        verdict.fault = Some(format!("{place}: {why}"));
                    }
                }
            }
            if let Some(record) = &record {
                visit(record, &own);
            }
        }
    }
    let head = atomic::read(dir.as_fd(), HEAD).map_err(failed)?;
    if verdict.fault.is_none()
        && let Some(head) = head.and_then(|bytes| serde_json::from_slice::<Head>(&bytes).ok())
        && head.seq > last.seq
    {
        verdict.fault = Some(format!(
            "the log was cut: it ends at record {}, but {} was written",
            last.seq, head.seq
        ));
    }
    Ok((verdict, last))
}

fn seq_of(record: &Map<String, Value>) -> u64 {
    record.get("seq").and_then(Value::as_u64).unwrap_or(0)
}

fn text_of(record: &Map<String, Value>, key: &str) -> String {
    record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn check(
    line: &[u8],
    record: &Map<String, Value>,
    own: &Head,
    last: &Head,
) -> std::result::Result<(), String> {
    let seq = own.seq;
    if seq != last.seq + 1 {
        return Err(format!("record {} is missing, {seq} follows {}", last.seq + 1, last.seq));
    }
    if record.get("prev").and_then(Value::as_str) != Some(&last.hash) {
        return Err(format!("record {seq} does not continue the one before"));
    }
    // As it was written, the hash stands behind what it covers.
    let end = format!(",\"hash\":\"{}\"}}", own.hash);
    let covered = line.strip_suffix(end.as_bytes());
    let plain = covered.is_some_and(|covered| {
        let hash = blake3::Hasher::new().update(covered).update(b"}").finalize();
        hash.to_hex().as_str() == own.hash
    });
    if plain {
        return Ok(());
    }
    let mut record = record.clone();
    record.remove("hash");
    if hash_of(&record) == own.hash { Ok(()) } else { Err(format!("record {seq} was altered")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_with(records: u64) -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::create(dir.path()).unwrap();
        for i in 0..records {
            // Opened anew each time: the chain must go on across processes.
            let mut audit = Audit::open(&state).unwrap();
            let own = [("i".to_owned(), i.into()), ("hash".to_owned(), "mine".into())];
            audit.note("r", Map::from_iter(own));
            audit.sync().unwrap();
        }
        (dir, state)
    }

    #[test]
    fn altered_missing_and_cut_records_are_found() {
        let (_dir, state) = log_with(4);
        let path = state.path("log/audit-000001.jsonl");
        let good = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = good.lines().collect();
        let intact = verify(&state).unwrap();
        assert_eq!(intact, Verdict { records: 4, fault: None });
        let bad = [
            good.replace("\"i\":2", "\"i\":7"),
            [lines[0], lines[2], lines[3], ""].join("\n"),
            [lines[0], lines[1], lines[2], ""].join("\n"),
            [lines[1], lines[2], lines[3], ""].join("\n"),
            format!("{good}junk\n"),
        ];
        for text in bad {
            std::fs::write(&path, &text).unwrap();
            assert!(verify(&state).unwrap().fault.is_some(), "{text}");
        }
    }

    #[test]
    fn a_torn_last_line_is_cut_and_the_chain_goes_on() {
        let (_dir, state) = log_with(2);
        let path = state.path("log/audit-000001.jsonl");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("{\"seq\":3,\"to");
        std::fs::write(&path, text).unwrap();
        let mut audit = Audit::open(&state).unwrap();
        audit.note("r", Map::new());
        audit.sync().unwrap();
        assert_eq!(verify(&state).unwrap(), Verdict { records: 3, fault: None });
    }
}
