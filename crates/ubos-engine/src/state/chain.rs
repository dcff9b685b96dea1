//! Two logs that vouch for one another: each territory notes the other's last record at the end of a
//! run (`peer-head`), so that a log which was rewritten or cut shows in the other one.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::StateDir;
use super::audit::{self, Head};
use crate::agent::message::LogCheck;
use crate::error::Result;

/// The record that notes the last record of `peer`'s log.
pub fn record(peer: &str, head: &Head) -> Map<String, Value> {
    let fields: [(&str, Value); 4] = [
        ("event", "peer-head".into()),
        ("peer", peer.into()),
        ("peer_seq", head.seq.into()),
        ("peer_hash", head.hash.clone().into()),
    ];
    fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// What such a record notes, if it is one about `peer`.
pub fn noted(record: &Map<String, Value>, peer: &str) -> Option<Head> {
    let is = |key: &str, word: &str| record.get(key).and_then(Value::as_str) == Some(word);
    if !is("event", "peer-head") || !is("peer", peer) {
        return None;
    }
    let hash = record.get("peer_hash")?.as_str()?.to_owned();
    Some(Head { seq: record.get("peer_seq")?.as_u64()?, hash })
}

/// The first thing in `heads`, noted one after the other, that a log which only grows cannot show.
pub fn contradiction(heads: &[Head]) -> Option<String> {
    heads.windows(2).find_map(|pair| {
        let (earlier, later) = (&pair[0], &pair[1]);
        let rewritten = earlier.seq == later.seq && earlier.hash != later.hash;
        let cut = later.seq < earlier.seq;
        (cut || rewritten)
            .then(|| format!("it ended at record {}, later at {}", earlier.seq, later.seq))
    })
}

/// Checks this territory's log against `heads` that `peer` noted of it, and collects what was noted
/// here of the peer's since `since` (RFC 3339, UTC), and last before.
///
/// # Errors
/// What reading says.
pub fn check(state: &StateDir, peer: &str, since: &str, heads: &[Head]) -> Result<LogCheck> {
    let mut unmet: BTreeMap<u64, &str> = BTreeMap::new();
    let mut wrong: Vec<u64> = Vec::new();
    for head in heads {
        if unmet.insert(head.seq, &head.hash).is_some_and(|other| other != head.hash) {
            wrong.push(head.seq);
        }
    }
    let mut found = Vec::new();
    let mut before = None;
    let (verdict, end) = audit::examine(state, &mut |record, own| {
        if unmet.get(&own.seq).is_some_and(|hash| *hash == own.hash) {
            unmet.remove(&own.seq);
        }
        if let Some(head) = noted(record, peer) {
            let time = record.get("time").and_then(Value::as_str).unwrap_or_default();
            if time >= since { found.push(head) } else { before = Some(head) }
        }
    })?;
    wrong.extend(unmet.into_keys());
    wrong.sort_unstable();
    wrong.dedup();
    let noted = before.into_iter().chain(found).collect();
    Ok(LogCheck { records: verdict.records, fault: verdict.fault, end, wrong, noted })
}
