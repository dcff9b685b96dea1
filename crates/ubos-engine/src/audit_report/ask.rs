//! The peer looks at its own log: is it whole, does it have what was noted of it here, and what did
//! it note of ours?

use std::path::Path;

use crate::agent::message::{LogCheck, Purpose};
use crate::clock;
use crate::endpoint::Endpoint;
use crate::endpoint::remote::RemoteEndpoint;
use crate::error::Result;
use crate::link::{self, Target};
use crate::state::audit::Head;
use crate::state::config::{Config, Peer};

/// Asks the peer, about `heads` that were noted of its log, and for what it noted since `since`
/// (milliseconds since 1970).
///
/// # Errors
/// As for a run that connects.
pub fn ask(
    config: &Config,
    (name, peer): (&str, &Peer),
    (program, build): (&Path, &str),
    since: i64,
    heads: &[Head],
) -> Result<LogCheck> {
    let target = Target::of((name, peer), (program, build))?;
    let replica = config.replica.clone().unwrap_or_default();
    let purpose = Purpose::Run { pair: peer.pair.clone(), replica, stays: false };
    let (link, _, _) = link::connect(&target, &purpose)?;
    RemoteEndpoint::new(link, name).check_log(&clock::rfc3339_ms(since), heads)
}
