//! May these two territories decide anything together? Pure: identities, generations and markers
//! in, a verdict out.
//!
//! Both sides keep the baseline; each root's marker, kept apart from the state, tells how far the
//! tree itself came. A tree or a state restored from an older copy is older than something that
//! survived, and is recognised by it.

use ubos_core::sides::{Side, Sides};

use crate::agent::message::Standing;
use crate::error::EngineError;

/// What has to happen before a run may scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// Nothing: both hold the same baseline.
    Equal,
    /// A run was cut off: what became of its operations has to be settled first.
    Recover,
    /// This side prepared the generation that the other has committed.
    RollForward(Side),
    /// This side's state is lost or older, but its tree is not: it takes the other's baseline.
    Heal(Side),
}

/// Judges how two sides stand. `names` for messages, `expected` the replica ids they should have.
///
/// # Errors
/// [`EngineError::Guard`] where nothing may be decided.
pub fn judge(
    sides: Sides<&Standing>,
    names: &Sides<String>,
    expected: &Sides<String>,
) -> Result<Agreement, EngineError> {
    for side in Side::BOTH {
        identity(sides.get(side), names.get(side), expected.get(side))?;
    }
    let healing = Side::BOTH.into_iter().find(|&side| state_is_behind_tree(sides, side));
    if let Some(side) = healing {
        return Ok(Agreement::Heal(side));
    }
    for side in Side::BOTH {
        marker_fits(sides.get(side), names.get(side))?;
    }
    let (Some(here), Some(there)) = (&sides.here.header, &sides.there.header) else {
        let lost = if sides.here.header.is_none() { Side::Here } else { Side::There };
        return Err(lost_state(sides.get(lost), names.get(lost)));
    };
    if here.generation == there.generation && here.chain == there.chain {
        let open = sides.iter().any(|(_, s)| s.open_runs || s.prepared.is_some());
        return Ok(if open { Agreement::Recover } else { Agreement::Equal });
    }
    for side in Side::BOTH {
        let (own, other) = (sides.get(side), sides.get(side.other()));
        if own.prepared.is_some() && own.prepared == other.header {
            return Ok(Agreement::RollForward(side));
        }
    }
    let older = if here.generation <= there.generation { Side::Here } else { Side::There };
    Err(EngineError::guard(
        "older-state",
        format!(
            "{} is at generation {} of this pair, {} at {}: one of them was restored from an older copy",
            names.here, here.generation, names.there, there.generation
        ),
        if older == Side::Here { RECOVER } else { RECOVER_THERE },
    ))
}

const RECOVER: &str = "`ubos-sync recover` shows what would be merged; nothing is deleted by it";
const RECOVER_THERE: &str =
    "`ubos-sync recover` here shows what would be merged; nothing is deleted by it";

fn identity(standing: &Standing, name: &str, expected: &str) -> Result<(), EngineError> {
    match &standing.replica {
        None => Err(EngineError::guard(
            "marker-missing",
            format!(
                "the identity marker of {name} is gone: this may not be the folder that was paired"
            ),
            RECOVER,
        )),
        Some(replica) if replica != expected => Err(EngineError::guard(
            "foreign-root",
            format!("{name} is another folder than the one that was paired"),
            "check the address; to pair these two folders anew, run `ubos-sync init`",
        )),
        Some(_) if !standing.same_host => Err(EngineError::guard(
            "other-host",
            format!("{name} was paired on another machine: this is a copy of it, or it was moved"),
            RECOVER,
        )),
        Some(_) => Ok(()),
    }
}

/// State lost or older, while the marker proves that the tree is as new as the other's baseline.
fn state_is_behind_tree(sides: Sides<&Standing>, side: Side) -> bool {
    let (own, other) = (sides.get(side), sides.get(side.other()));
    let (Some(marker), Some(theirs)) = (own.marker, &other.header) else { return false };
    let behind = own.header.as_ref().is_none_or(|own| own.generation < theirs.generation);
    behind && marker == (theirs.generation, theirs.chain) && other.prepared.is_none()
}

fn marker_fits(standing: &Standing, name: &str) -> Result<(), EngineError> {
    let Some(header) = &standing.header else { return Ok(()) };
    match standing.marker {
        Some(marker) if marker == (header.generation, header.chain) => Ok(()),
        // The marker is written last; a crash before it leaves exactly this.
        Some((generation, _)) if !standing.marked && generation + 1 == header.generation => Ok(()),
        Some((generation, _)) => Err(EngineError::guard(
            "restored-root",
            format!(
                "the folder of {name} is at generation {generation}, its state at {}: the folder or its state was restored from an older copy",
                header.generation
            ),
            RECOVER,
        )),
        None => Err(EngineError::guard(
            "marker-missing",
            format!("the identity marker of {name} does not know this pair"),
            RECOVER,
        )),
    }
}

fn lost_state(standing: &Standing, name: &str) -> EngineError {
    let why = standing.damage.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    EngineError::guard("lost-state", format!("the state of {name} is lost{why}"), RECOVER)
}
