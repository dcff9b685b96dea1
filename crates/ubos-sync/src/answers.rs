//! What the other territory's program may ask of this one. Every answer is about this territory alone,
//! and only for the pair that asks.

use std::path::Path;

use serde_json::Value;

use ubos_engine::error::EngineError;
use ubos_tiers::git::coverage::answer::{self as coverage, Asked, COVERAGE, Territory};
use ubos_tiers::git::drill::answer::{self as drill, DRILL};
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::mirror::Mirrors;

use crate::commands::{BUILD, graph};

/// Answers `what`, with `body` besides, for the territory at `root`.
pub(crate) fn answer(root: &Path, what: &str, body: &[u8]) -> Result<Vec<u8>, EngineError> {
    let said = match what {
        COVERAGE => {
            let (asked, territory) = territory(root, body)?;
            serde_json::to_vec(&coverage::answer(&territory, &asked).map_err(told)?)
        }
        DRILL => {
            let (asked, territory) = territory(root, body)?;
            serde_json::to_vec(&drill::answer(&territory, &asked).map_err(told)?)
        }
        graph::QUESTION => {
            return ubos_tiers::graph::desk::answer(root, body, graph::today());
        }
        _ => {
            return Err(EngineError::Config {
                message: format!("{BUILD} cannot be asked for `{what}`"),
                hint: Some("install the same version of ubos-sync on both machines".into()),
            });
        }
    };
    Ok(said.unwrap_or_else(|_| Value::Null.to_string().into_bytes()))
}

fn territory(root: &Path, body: &[u8]) -> Result<(Asked, Territory), EngineError> {
    let asked: Asked = serde_json::from_slice(body).map_err(|e| EngineError::Config {
        message: format!("the question is not understood: {e}"),
        hint: Some("install the same version of ubos-sync on both machines".into()),
    })?;
    let mirrors = Mirrors::of_user().map_err(told)?;
    let territory = Territory::open(root, &asked.pair, &mirrors).map_err(told)?;
    Ok((asked, territory))
}

/// As the connection carries it.
fn told(error: BackupError) -> EngineError {
    match error {
        BackupError::Engine(error) => error,
        other => {
            let hint = Some(other.hint().to_owned());
            EngineError::Config { message: other.to_string(), hint }
        }
    }
}
