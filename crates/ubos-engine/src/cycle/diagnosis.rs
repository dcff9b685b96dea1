//! What is the matter with two territories, in words for a person. Pure: how both stand goes in,
//! one finding or more for each territory comes out.
//!
//! [`agree`] decides what a run may do; this file only explains, also where there is
//! nothing to decide because a territory does not answer.

use ubos_core::sides::{Side, Sides};

use super::agree;
use crate::agent::message::Standing;
use crate::clock;
use crate::error::EngineError;
use crate::state::generation::Header;

/// What can be found about a territory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingKind {
    /// Nothing is wrong.
    Fine,
    /// It has not synced with this pair yet: new, or a new machine in place of a lost one.
    New,
    /// A run was cut off.
    CutOff,
    /// What it remembers is gone or damaged.
    StateLost,
    /// Folder and memory are both an older copy.
    Restored,
    /// The folder is older than what it remembers.
    FolderOlder,
    /// What it remembers is older than the folder.
    StateOlder,
    /// Its history and the other's went apart.
    Parted,
    /// The identity marker is gone, unreadable, or does not know the pair.
    MarkerGone,
    /// It is another folder than the one that was paired.
    Foreign,
    /// It was paired on another machine.
    OtherMachine,
    /// There is no territory at its address.
    NotThere,
    /// It does not answer.
    Silent,
}

impl FindingKind {
    /// The word for reports.
    pub fn word(self) -> &'static str {
        match self {
            FindingKind::Fine => "fine",
            FindingKind::New => "new",
            FindingKind::CutOff => "run-cut-off",
            FindingKind::StateLost => "state-lost",
            FindingKind::Restored => "restored",
            FindingKind::FolderOlder => "folder-older",
            FindingKind::StateOlder => "state-older",
            FindingKind::Parted => "parted",
            FindingKind::MarkerGone => "marker-gone",
            FindingKind::Foreign => "foreign",
            FindingKind::OtherMachine => "other-machine",
            FindingKind::NotThere => "not-there",
            FindingKind::Silent => "no-answer",
        }
    }

    /// Whether the folder's files are those of an earlier time.
    fn is_older_folder(self) -> bool {
        matches!(self, FindingKind::Restored | FindingKind::FolderOlder)
    }
}

/// One thing that was found about a territory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The territory.
    pub on: Side,
    /// What it is.
    pub kind: FindingKind,
    /// The same as a sentence.
    pub message: String,
    /// Whether nothing has to be done about it: it is well, or the next sync mends it.
    pub heals: bool,
}

/// The side whose folder was restored from an older copy, if it is one of them.
pub fn restored(findings: &[Finding]) -> Option<Side> {
    let older: Vec<Side> =
        findings.iter().filter(|f| f.kind.is_older_folder()).map(|f| f.on).collect();
    match older[..] {
        [side] => Some(side),
        _ => None,
    }
}

/// Looks at both. `None` is a territory that does not answer; `expected` are the replica ids that
/// they should have, empty where that is not known.
pub fn diagnose(
    sides: Sides<Option<&Standing>>,
    names: &Sides<String>,
    expected: &Sides<String>,
) -> Vec<Finding> {
    let look = Look { sides, names };
    let mut findings = Vec::new();
    for side in Side::BOTH {
        let Some(standing) = sides.get(side) else {
            let message = format!("{} does not answer", names.get(side));
            findings.push(Finding { on: side, kind: FindingKind::Silent, message, heals: false });
            continue;
        };
        let before = findings.len();
        findings.extend(look.identity(side, standing, expected.get(side)));
        findings.extend(look.memory(side, standing));
        if findings.len() == before {
            findings.push(look.fine(side, standing));
        }
    }
    findings
}

/// What the error of a peer that was reached says about it: at its address is no territory of this
/// pair.
pub fn of_refusal(error: &EngineError, peer: &str) -> Option<Finding> {
    let kind = match error.kind() {
        "root-missing" => FindingKind::NotThere,
        "foreign-root" => FindingKind::Foreign,
        _ => return None,
    };
    let message = match kind {
        FindingKind::NotThere => format!("{peer} is not at its address ({error})"),
        _ => format!("the folder at {peer}'s address does not know this pair ({error})"),
    };
    Some(Finding { on: Side::There, kind, message, heals: false })
}

/// Both sides, one of which may be silent.
struct Look<'a> {
    sides: Sides<Option<&'a Standing>>,
    names: &'a Sides<String>,
}

impl Look<'_> {
    fn find(&self, on: Side, kind: FindingKind, heals: bool, message: String) -> Finding {
        Finding { on, kind, message, heals }
    }

    fn fine(&self, on: Side, standing: &Standing) -> Finding {
        let name = self.names.get(on);
        let message = match standing.header.as_ref().and_then(when) {
            Some(time) => format!("{name} is in order; it last agreed with its peer {time}"),
            None => format!("{name} is in order; the two have not synced yet"),
        };
        self.find(on, FindingKind::Fine, true, message)
    }

    fn identity(&self, on: Side, standing: &Standing, expected: &str) -> Option<Finding> {
        let name = self.names.get(on);
        let (kind, message) = match &standing.replica {
            None => (
                FindingKind::MarkerGone,
                format!(
                    "the identity marker of {name} (`.ubos-sync/marker`) is gone or cannot be read; this may not be the folder that was paired"
                ),
            ),
            Some(replica) if !expected.is_empty() && replica != expected => (
                FindingKind::Foreign,
                format!("{name} is another folder than the one that was paired"),
            ),
            Some(_) if !standing.same_host => (
                FindingKind::OtherMachine,
                format!(
                    "{name} was paired on another machine: it was moved here, or this is a copy of it"
                ),
            ),
            Some(_) if standing.marker.is_none() => (
                FindingKind::MarkerGone,
                format!("the identity marker of {name} does not know this pair"),
            ),
            Some(_) => return None,
        };
        Some(self.find(on, kind, false, message))
    }

    fn memory(&self, on: Side, standing: &Standing) -> Option<Finding> {
        let name = self.names.get(on);
        let Some(header) = &standing.header else { return Some(self.lost(on, standing)) };
        if let Some(finding) = self.against_marker(on, standing, header) {
            return Some(finding);
        }
        if let Some(finding) = self.against_other(on, standing, header) {
            return Some(finding);
        }
        if standing.open_runs || standing.prepared.is_some() {
            let message = format!("a run was cut off on {name}; the next sync settles it first");
            return Some(self.find(on, FindingKind::CutOff, true, message));
        }
        None
    }

    fn heals(&self, on: Side) -> bool {
        match (self.sides.here, self.sides.there) {
            (Some(here), Some(there)) => agree::heals(Sides::new(here, there), on),
            _ => false,
        }
    }

    fn lost(&self, on: Side, standing: &Standing) -> Finding {
        let (name, other) = (self.names.get(on), self.names.get(on.other()));
        let why = standing.damage.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        let what = if standing.damage.is_some() { "is damaged" } else { "is gone" };
        let heals = self.heals(on);
        let other_lost = self.sides.get(on.other()).is_some_and(|other| other.header.is_none());
        let then = if heals {
            format!(
                "its folder is as new as {other}'s memory, so the next sync takes it from there"
            )
        } else if other_lost {
            format!("{other} has lost its own as well, so nobody knows what was agreed")
        } else {
            format!(
                "nothing proves that its folder is as new as {other}'s memory, so it does not heal by itself"
            )
        };
        let message = format!("what {name} remembers of this pair {what}{why}; {then}");
        self.find(on, FindingKind::StateLost, heals, message)
    }

    /// The folder's own memory, the marker, against the baseline beside it.
    fn against_marker(&self, on: Side, standing: &Standing, header: &Header) -> Option<Finding> {
        let name = self.names.get(on);
        let (generation, chain) = standing.marker?;
        let at = (header.generation, header.chain);
        let unmarked = !standing.marked && generation + 1 == header.generation;
        if (generation, chain) == at || unmarked {
            return None;
        }
        let agreed = when(header).map(|time| format!(", agreed {time}")).unwrap_or_default();
        if generation > header.generation {
            let heals = self.heals(on);
            let then = if heals { "; the next sync takes the newer one over" } else { "" };
            let message = format!(
                "what {name} remembers is an older copy (generation {}{agreed}) than its folder (generation {generation}){then}",
                header.generation
            );
            return Some(self.find(on, FindingKind::StateOlder, heals, message));
        }
        let message = format!(
            "the folder of {name} was restored from an older copy: it is at generation {generation}, what it remembers at {}{agreed}",
            header.generation
        );
        Some(self.find(on, FindingKind::FolderOlder, false, message))
    }

    fn against_other(&self, on: Side, standing: &Standing, header: &Header) -> Option<Finding> {
        let (name, other_name) = (self.names.get(on), self.names.get(on.other()));
        let other = (*self.sides.get(on.other()))?;
        let theirs = other.header.as_ref()?;
        let same = header.generation == theirs.generation && header.chain == theirs.chain;
        // A run that was cut off between the two commits leaves exactly this.
        let rolls =
            standing.prepared.as_ref() == Some(theirs) || other.prepared.as_ref() == Some(header);
        // Whoever lost its marker and its state begins again; that was told already.
        if same || rolls || header.generation > theirs.generation {
            return None;
        }
        if header.generation == theirs.generation {
            let message = format!(
                "{name} and {other_name} do not remember the same: one of them is a copy that went its own way"
            );
            return Some(self.find(on, FindingKind::Parted, false, message));
        }
        let theirs_when = when(theirs).unwrap_or_default();
        if header.generation == 0 {
            let message = format!(
                "{name} is new: it has not synced yet, but {other_name} last agreed with the {name} before it {theirs_when}"
            );
            return Some(self.find(on, FindingKind::New, false, message));
        }
        if self.heals(on) {
            let message = format!(
                "what {name} remembers is an older copy (generation {}); its folder is not, so the next sync takes {other_name}'s over",
                header.generation
            );
            return Some(self.find(on, FindingKind::StateOlder, true, message));
        }
        let message = format!(
            "{name} was restored from an older copy: it stands as agreed {} (generation {}), and {other_name} has gone on since, to {theirs_when} (generation {})",
            when(header).unwrap_or_default(),
            header.generation,
            theirs.generation
        );
        Some(self.find(on, FindingKind::Restored, false, message))
    }
}

/// When a baseline was agreed on, to the second, UTC; `None` before the first sync.
fn when(header: &Header) -> Option<String> {
    (header.made.0 > 0).then(|| {
        let time = clock::rfc3339(header.made);
        format!("{} UTC", time.get(..19).unwrap_or(&time).replace('T', " "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::standings::{at, header};

    fn names() -> Sides<String> {
        Sides::new("one".into(), "two".into())
    }

    /// What is found about two sides, of which the first was changed: the words, and whether each
    /// mends itself.
    fn found(change: impl FnOnce(&mut Standing)) -> Vec<(Side, &'static str, bool)> {
        let (mut one, two) = (at("one", 5), at("two", 5));
        change(&mut one);
        let findings = diagnose(Sides::new(Some(&one), Some(&two)), &names(), &names());
        findings.iter().map(|f| (f.on, f.kind.word(), f.heals)).collect()
    }

    const FINE: (Side, &str, bool) = (Side::There, "fine", true);

    #[test]
    fn each_territory_is_told_about() {
        assert_eq!(found(|_| ()), [(Side::Here, "fine", true), FINE]);
        let cut = |one: &mut Standing| one.open_runs = true;
        assert_eq!(found(cut), [(Side::Here, "run-cut-off", true), FINE]);
        let foreign = |one: &mut Standing| one.replica = Some("else".into());
        assert_eq!(found(foreign), [(Side::Here, "foreign", false), FINE]);
        let copied = |one: &mut Standing| one.same_host = false;
        assert_eq!(found(copied), [(Side::Here, "other-machine", false), FINE]);
        let unmarked = |one: &mut Standing| one.marker = None;
        assert_eq!(found(unmarked), [(Side::Here, "marker-gone", false), FINE]);
    }

    #[test]
    fn lost_state_says_whether_it_heals() {
        assert_eq!(found(|one| one.header = None), [(Side::Here, "state-lost", true), FINE]);
        let unproved = |one: &mut Standing| {
            one.header = None;
            one.marker = Some((4, header(4, 0).chain));
        };
        assert_eq!(found(unproved), [(Side::Here, "state-lost", false), FINE]);
        let older = |one: &mut Standing| one.header = Some(header(4, 0));
        assert_eq!(found(older), [(Side::Here, "state-older", true), FINE]);
    }

    #[test]
    fn an_older_folder_is_told_from_a_new_one_and_from_one_that_went_its_own_way() {
        let restored = |one: &mut Standing| *one = at("one", 3);
        assert_eq!(found(restored), [(Side::Here, "restored", false), FINE]);
        let new = |one: &mut Standing| *one = at("one", 0);
        assert_eq!(found(new), [(Side::Here, "new", false), FINE]);
        let folder = |one: &mut Standing| one.marker = Some((4, header(4, 0).chain));
        assert_eq!(found(folder), [(Side::Here, "folder-older", false), FINE]);
        let parted = |one: &mut Standing| {
            one.header = Some(header(5, 1));
            one.marker = Some((5, header(5, 1).chain));
        };
        assert_eq!(found(parted), [(Side::Here, "parted", false), (Side::There, "parted", false)]);
    }

    #[test]
    fn only_one_older_folder_is_a_restored_one() {
        let of = |kinds: [FindingKind; 2]| {
            let finding = |(on, kind)| Finding { on, kind, message: String::new(), heals: false };
            let findings: Vec<Finding> = Side::BOTH.into_iter().zip(kinds).map(finding).collect();
            restored(&findings)
        };
        assert_eq!(of([FindingKind::Fine, FindingKind::Restored]), Some(Side::There));
        assert_eq!(of([FindingKind::FolderOlder, FindingKind::Fine]), Some(Side::Here));
        assert_eq!(of([FindingKind::FolderOlder, FindingKind::FolderOlder]), None);
        assert_eq!(of([FindingKind::Fine, FindingKind::New]), None);
    }

    #[test]
    fn a_territory_that_is_silent_hides_nothing_of_the_other() {
        let lost = Standing { header: None, ..at("one", 5) };
        let findings = diagnose(Sides::new(Some(&lost), None), &names(), &names());
        let words: Vec<&str> = findings.iter().map(|finding| finding.kind.word()).collect();
        assert_eq!(words, ["state-lost", "no-answer"]);
        let gone = EngineError::guard("root-missing", "no folder", "");
        assert_eq!(of_refusal(&gone, "two").unwrap().kind, FindingKind::NotThere);
        assert_eq!(of_refusal(&EngineError::unreachable("cut"), "two"), None);
    }
}
