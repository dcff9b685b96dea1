//! May these two territories decide anything together? Pure: identities, generations and markers
//! in, a verdict out.
//!
//! Both sides keep the baseline; each root's marker, kept apart from the state, tells how far the
//! tree itself came. A tree or a state restored from an older copy is older than something that
//! survived, and is recognised by it.

use ubos_core::sides::{Side, Sides};

use crate::agent::message::Standing;
use crate::error::EngineError;
use crate::state::generation::Header;

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
        identity(side, sides.get(side), names, expected.get(side))?;
    }
    let healing = Side::BOTH.into_iter().find(|&side| heals(sides, side));
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
    Err(older_state(Sides::new(here, there), names))
}

/// What a person runs next, on the machine that reports the guard: either side may.
const RECOVER: &str =
    "`ubos-sync recover` says what it sees and what it would do, then asks; it deletes nothing";

fn older_state(headers: Sides<&Header>, names: &Sides<String>) -> EngineError {
    let generation = |side: Side| headers.get(side).generation;
    let message = match Side::BOTH.into_iter().find(|&side| generation(side) == 0) {
        Some(new) => format!(
            "{} has not synced with {} yet, which knows this pair (generation {}): a new folder stands in its place",
            names.get(new),
            names.get(new.other()),
            generation(new.other())
        ),
        None => format!(
            "{} is at generation {} of this pair, {} at {}: one of them was restored from an older copy",
            names.here,
            generation(Side::Here),
            names.there,
            generation(Side::There)
        ),
    };
    EngineError::guard("older-state", message, RECOVER)
}

/// The sentence for a folder that is not the one that was paired, and the way to the right one.
pub(super) fn wrong_address(guard: &'static str, message: String, peer: &str) -> EngineError {
    let hint = format!(
        "if {peer} was moved: `ubos-sync init . --peer {peer}=ADDRESS`, in the top folder of this territory, with its new address; if it is lost for good: the same with the address of a new, empty folder, then `ubos-sync recover`; if a disk is not mounted over there, mount it"
    );
    EngineError::guard(guard, message, &hint)
}

/// Whether `recover` can help against a guard of [`judge`].
pub(super) fn is_recoverable(error: &EngineError) -> bool {
    matches!(error, EngineError::Guard { guard, .. } if guard != "foreign-root")
}

fn identity(
    side: Side,
    standing: &Standing,
    names: &Sides<String>,
    expected: &str,
) -> Result<(), EngineError> {
    let name = names.get(side);
    match &standing.replica {
        None => Err(EngineError::guard(
            "marker-missing",
            format!(
                "the identity marker of {name} is gone: this may not be the folder that was paired"
            ),
            RECOVER,
        )),
        Some(replica) if replica != expected => Err(foreign(side, names)),
        Some(_) if !standing.same_host => Err(EngineError::guard(
            "other-host",
            format!("{name} was paired on another machine: this is a copy of it, or it was moved"),
            "`ubos-sync recover` adopts it if it was moved, and says what to do with a copy",
        )),
        Some(_) => Ok(()),
    }
}

/// A root that has another identity than the pair knows.
pub(super) fn foreign(side: Side, names: &Sides<String>) -> EngineError {
    let message = format!("{} is another folder than the one that was paired", names.get(side));
    match side {
        Side::There => wrong_address("foreign-root", message, &names.there),
        Side::Here => EngineError::guard(
            "foreign-root",
            message,
            "its `.ubos-sync` belongs to another territory: put the right one back, or set it aside and pair this folder anew with `ubos-sync init`",
        ),
    }
}

/// State lost or older, while the marker proves that the tree is as new as the other's baseline.
pub(super) fn heals(sides: Sides<&Standing>, side: Side) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::standings::{at, header, mark};

    /// Judges the two, and the two exchanged: agreements must name the other side then, and
    /// guards must stay the same.
    fn verdict(here: &Standing, there: &Standing) -> Result<Agreement, String> {
        let judged = |here: &Standing, there: &Standing| {
            let expected = Sides::new(here.name.clone(), there.name.clone());
            judge(Sides::new(here, there), &expected.clone(), &expected).map_err(|error| {
                assert_eq!(error.exit_code(), 4);
                error.kind().to_owned()
            })
        };
        let (plain, exchanged) = (judged(here, there), judged(there, here));
        let mirrored = exchanged.map(|agreement| match agreement {
            Agreement::RollForward(side) => Agreement::RollForward(side.other()),
            Agreement::Heal(side) => Agreement::Heal(side.other()),
            same => same,
        });
        assert_eq!(plain, mirrored, "who initiates makes no difference");
        plain
    }

    /// The verdict about two sides at generation 5 after `change` to the first.
    fn after(change: impl FnOnce(&mut Standing)) -> Result<Agreement, String> {
        let (mut one, two) = (at("one", 5), at("two", 5));
        change(&mut one);
        verdict(&one, &two)
    }

    fn guard(word: &str) -> Result<Agreement, String> {
        Err(word.to_owned())
    }

    #[test]
    fn what_stands_equal_needs_nothing() {
        assert_eq!(after(|_| ()), Ok(Agreement::Equal));
        assert_eq!(verdict(&at("one", 0), &at("two", 0)), Ok(Agreement::Equal));
    }

    #[test]
    fn intents_or_a_prepared_generation_are_settled_first() {
        assert_eq!(after(|one| one.open_runs = true), Ok(Agreement::Recover));
        assert_eq!(after(|one| one.prepared = Some(header(6, 0))), Ok(Agreement::Recover));
    }

    #[test]
    fn who_prepared_what_the_other_committed_rolls_forward() {
        let roll = |one: Standing, two: Standing| verdict(&one, &two);
        let prepared = |branch| Standing { prepared: Some(header(6, branch)), ..at("one", 5) };
        // The other side may not have come to its marker.
        let unmarked = Standing { marked: false, marker: mark(5, 0), ..at("two", 6) };
        for two in [at("two", 6), unmarked] {
            let rolled = Ok(Agreement::RollForward(Side::Here));
            assert_eq!(roll(prepared(0), two), rolled);
        }
        assert_eq!(roll(prepared(1), at("two", 6)), guard("older-state"), "another generation 6");
        assert_eq!(roll(prepared(0), at("two", 7)), guard("older-state"), "two generations ahead");
    }

    #[test]
    fn a_marker_that_was_not_reached_is_no_restore() {
        let cut_off = |one: &mut Standing| {
            one.marked = false;
            one.marker = mark(4, 0);
        };
        assert_eq!(after(cut_off), Ok(Agreement::Equal));
        assert_eq!(after(|one| one.marked = false), Ok(Agreement::Equal), "written, not noted");
        let two_behind = |one: &mut Standing| {
            one.marked = false;
            one.marker = mark(3, 0);
        };
        assert_eq!(after(two_behind), guard("restored-root"));
    }

    #[test]
    fn lost_or_older_state_heals_if_the_tree_is_as_new_as_the_others_baseline() {
        let healed = Ok(Agreement::Heal(Side::Here));
        assert_eq!(after(|one| one.header = None), healed);
        assert_eq!(after(|one| one.header = Some(header(4, 0))), healed);
        assert_eq!(after(|one| one.header = Some(header(0, 0))), healed);
    }

    #[test]
    fn lost_state_does_not_heal_where_nothing_proves_the_tree() {
        for marker in [mark(4, 0), mark(6, 0), mark(5, 1)] {
            let lost = |one: &mut Standing| {
                one.header = None;
                one.marker = marker;
            };
            assert_eq!(after(lost), guard("lost-state"), "{marker:?}");
        }
        let preparing = Standing { prepared: Some(header(6, 0)), ..at("two", 5) };
        let lost = Standing { header: None, ..at("one", 5) };
        assert_eq!(verdict(&lost, &preparing), guard("lost-state"));
    }

    #[test]
    fn state_lost_on_both_sides_is_never_made_up() {
        let lost = |name| Standing { header: None, ..at(name, 5) };
        assert_eq!(verdict(&lost("one"), &lost("two")), guard("lost-state"));
    }

    #[test]
    fn damage_is_told() {
        let damaged = |name| {
            let damage = Some("its checksum does not fit".to_owned());
            Standing { header: None, damage, ..at(name, 5) }
        };
        let (one, two) = (damaged("one"), damaged("two"));
        let names = Sides::new("one".to_owned(), "two".to_owned());
        let told = judge(Sides::new(&one, &two), &names, &names).unwrap_err().to_string();
        assert!(told.contains("its checksum does not fit"), "{told}");
    }

    #[test]
    fn a_root_or_state_from_an_older_copy_is_recognised() {
        // Tree and state restored together: behind the peer, and nothing prepared.
        assert_eq!(verdict(&at("one", 4), &at("two", 5)), guard("older-state"));
        assert_eq!(verdict(&at("one", 1), &at("two", 5)), guard("older-state"));
        // The tree alone restored: its marker is behind its state, which was finished.
        assert_eq!(after(|one| one.marker = mark(4, 0)), guard("restored-root"));
        // The state of both at another history than this tree's.
        assert_eq!(after(|one| one.marker = mark(5, 1)), guard("restored-root"));
        // Histories of the same length that parted.
        let parted = Standing { header: Some(header(5, 1)), marker: mark(5, 1), ..at("one", 5) };
        assert_eq!(verdict(&parted, &at("two", 5)), guard("older-state"));
        // The state alone restored, the tree newer than the peer's baseline.
        let ahead = Standing { header: Some(header(4, 0)), ..at("one", 6) };
        assert_eq!(verdict(&ahead, &at("two", 5)), guard("restored-root"));
    }

    #[test]
    fn a_root_that_is_not_the_one_that_was_paired_stops_everything() {
        assert_eq!(after(|one| one.replica = None), guard("marker-missing"));
        assert_eq!(after(|one| one.marker = None), guard("marker-missing"));
        assert_eq!(after(|one| one.replica = Some("else".into())), guard("foreign-root"));
        assert_eq!(after(|one| one.same_host = false), guard("other-host"));
        // Also where the state could heal.
        let lost = |one: &mut Standing| {
            one.header = None;
            one.replica = None;
        };
        assert_eq!(after(lost), guard("marker-missing"));
        let copied = |one: &mut Standing| {
            one.header = None;
            one.same_host = false;
        };
        assert_eq!(after(copied), guard("other-host"));
    }
}
