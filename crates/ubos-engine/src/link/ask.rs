//! A question to the peer's program: words and bytes there, bytes back. The engine carries it and does
//! not know what it is about; the other territory's lock is not asked for, so that a run may go on
//! there meanwhile.

use std::io;
use std::path::Path;

use super::{Link, Target, connect};
use crate::agent::message::{ASKS, MOST_ASKED, Purpose, Request, Response};
use crate::error::{EngineError, Result};
use crate::state::config::Peer;

/// Asks the peer `what`, with `body` besides, and returns its answer. It may think as long as it
/// shows signs of life.
///
/// # Errors
/// As for a run that connects; [`EngineError::Config`] if the program over there is too old for
/// questions or does not know this one, or if `body` is longer than [`MOST_ASKED`]; what it says about
/// the matter itself is [`EngineError::Peer`].
pub fn ask(
    (name, peer): (&str, &Peer),
    (program, build): (&Path, &str),
    what: &str,
    body: &[u8],
) -> Result<Vec<u8>> {
    if body.len() > MOST_ASKED {
        return Err(EngineError::config(format!(
            "the question `{what}` is longer than {MOST_ASKED} bytes"
        )));
    }
    let target = Target::of((name, peer), (program, build))?;
    let (link, greeting, _) = connect(&target, &Purpose::Probe)?;
    if greeting.protocol < ASKS {
        return Err(EngineError::Config {
            message: format!("{name} runs {}, which cannot be asked for `{what}`", greeting.build),
            hint: Some("install the same version of ubos-sync on both machines".into()),
        });
    }
    put((name, &peer.pair), link, what, body)
}

/// Puts the question to an agent that has greeted.
///
/// # Errors
/// As [`ask`].
pub fn put((name, pair): (&str, &str), mut link: Link, what: &str, body: &[u8]) -> Result<Vec<u8>> {
    let asked = (|| {
        let mut writer = link.channel().writer();
        writer.message(&Request::Ask { pair: pair.to_owned(), what: what.to_owned() })?;
        writer.bytes(body)?;
        writer.flush()
    })();
    let answer = asked.and_then(|()| match link.channel().reader.message()? {
        Response::Answered => Ok(Ok(link.channel().reader.bytes(MOST_ASKED)?)),
        Response::Failed(failure) => Ok(Err(failure.into_error(name))),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "no answer to what was asked")),
    });
    answer.map_err(|e| link.explain(&e))?
}
