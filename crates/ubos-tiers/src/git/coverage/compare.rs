//! The comparison: for each class and place, what of the newest content is there, and why not the rest.
//!
//! The newest content of a path is what stands in one of the two trees; where they differ, the later
//! time counts; of the two sides of an open conflict the one that fewer places have. Of a log that only grows it is what the laptop has: what the server wrote since is
//! on its way, as the age of the newest shows. A place counts as a copy of a path only if it was
//! looked at and has exactly that content, in its tree or in its repository.

use std::collections::{BTreeMap, BTreeSet};

use ubos_core::manifest::Direction;
use ubos_core::path::RelPath;

use super::super::form::Form;
use super::super::manifest::Gap;
use super::super::rivals::{Relation, Rivals};
use super::class::{Class, Classes};
use super::facts::{Facts, Known};
use super::place::{PerPlace, Place};

/// Paths that are named for each reason.
const NAMED: usize = 5;

/// How the data are covered.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// Every class that has paths.
    pub classes: Vec<ClassRow>,
    /// Selected paths that could not be looked at on the laptop, and are in no class.
    pub unknown: u64,
}

/// A class.
#[derive(Debug, Clone)]
pub struct ClassRow {
    /// Which.
    pub class: Class,
    /// Files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What each place has.
    pub places: PerPlace<PlaceRow>,
    /// The fewest places that have a path's newest content.
    pub copies: u32,
    /// Paths with fewer copies than the class is promised.
    pub short: u64,
    /// Why content is missing somewhere.
    pub gaps: Vec<GapRow>,
}

/// What a place has of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlaceRow {
    /// Files and links whose newest content is there.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files and links of which the repository there has this or a former version.
    pub versioned: u64,
    /// The latest time of what is there, nanoseconds since 1970.
    pub newest: Option<i64>,
}

/// Content that a place does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapRow {
    /// The place.
    pub place: Place,
    /// Why.
    pub reason: Reason,
    /// How many paths.
    pub count: u64,
    /// Bytes of their newest content.
    pub bytes: u64,
    /// The first few of them.
    pub paths: Vec<RelPath>,
}

/// Why a place does not have something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The backup leaves it out.
    Gap(Gap),
    /// It changed since the last snapshot.
    NoSnapshot,
    /// It is in a snapshot that was not sent there yet.
    Unpushed,
    /// The sync did not bring it yet.
    NotSynced,
    /// Both sides changed it, and nobody has decided: the place has the other version.
    Conflict,
    /// The place could not be reached.
    Unknown,
    /// There is no such place.
    Unset,
}

impl Reason {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Gap(gap) => gap.word(),
            Reason::NoSnapshot => "no-snapshot",
            Reason::Unpushed => "unpushed",
            Reason::NotSynced => "not-synced",
            Reason::Conflict => "conflict",
            Reason::Unknown => "unknown",
            Reason::Unset => "no-such-place",
        }
    }
}

impl Coverage {
    /// Whether some class has fewer copies than it is promised.
    pub fn is_short(&self) -> bool {
        self.unknown > 0 || self.classes.iter().any(|row| row.short > 0)
    }
}

/// A path of the comparison.
struct Newest<'a> {
    path: &'a RelPath,
    form: Form,
    class: Class,
    /// Whether the two sides disagree about it.
    disputed: bool,
}

/// Compares.
pub fn compare(
    places: &PerPlace<Known>,
    directions: &BTreeMap<RelPath, Direction>,
    classes: &Classes,
    rivals: &Rivals,
) -> Coverage {
    let newest = newest(places, directions, classes, rivals);
    let mut rows = Vec::new();
    for class in Class::ALL {
        let of_class: Vec<&Newest<'_>> = newest.iter().filter(|n| n.class == class).collect();
        if !of_class.is_empty() {
            rows.push(row(class, &of_class, places));
        }
    }
    let unknown = places.laptop.facts().map_or(0, |facts| facts.troubled.len() as u64);
    Coverage { classes: rows, unknown }
}

fn newest<'a>(
    places: &'a PerPlace<Known>,
    directions: &BTreeMap<RelPath, Direction>,
    classes: &Classes,
    rivals: &Rivals,
) -> Vec<Newest<'a>> {
    let laptop = places.laptop.facts();
    let server = places.server.facts();
    let trees = [laptop, server].into_iter().flatten().filter_map(|facts| facts.tree.as_ref());
    let paths: BTreeSet<&RelPath> = trees.flat_map(BTreeMap::keys).collect();
    let found = paths.into_iter().filter_map(|path| {
        let direction = directions.get(path).copied();
        let [ours, theirs] = [laptop, server].map(|facts| facts.and_then(|f| f.standing(path)));
        let gap = laptop.and_then(|facts| facts.shelved(path)).and_then(|held| held.gap);
        let class = |form: &Form| classes.of(path, direction, gap, form.size);
        let form = match (ours, theirs) {
            (Some(ours), Some(_)) if class(ours) == Class::Logs => ours,
            (Some(ours), Some(theirs)) => match rivals.relate(path, theirs, ours) {
                Relation::Later => theirs,
                Relation::Alike | Relation::Earlier | Relation::Unexplained => ours,
                Relation::Rivals { later } => {
                    let [mine, other] = [ours, theirs].map(|form| copies(path, form, places));
                    if other < mine || other == mine && later { theirs } else { ours }
                }
            },
            (Some(form), None) | (None, Some(form)) => form,
            (None, None) => return None,
        };
        let (class, disputed) = (class(form), rivals.is_open(path));
        (!form.is_dir()).then_some(Newest { path, form: *form, class, disputed })
    });
    found.collect()
}

/// In how many places this very content is known to be.
fn copies(path: &RelPath, form: &Form, places: &PerPlace<Known>) -> usize {
    let has =
        |place: &Place| places.get(*place).facts().is_some_and(|facts| facts.holds(path, form));
    Place::ALL.iter().filter(|place| has(place)).count()
}

fn row(class: Class, paths: &[&Newest<'_>], places: &PerPlace<Known>) -> ClassRow {
    let mut row = ClassRow {
        class,
        files: paths.len() as u64,
        bytes: paths.iter().map(|newest| newest.form.size).sum(),
        places: PerPlace::default(),
        copies: u32::MAX,
        short: 0,
        gaps: Vec::new(),
    };
    let mut gaps: BTreeMap<(Place, Reason), GapRow> = BTreeMap::new();
    for newest in paths {
        let mut copies = 0;
        for place in Place::ALL {
            if has(newest, class, places, place, row.places.get_mut(place)) {
                copies += 1;
                continue;
            }
            let reason = reason(newest, places, place);
            let empty = GapRow { place, reason, count: 0, bytes: 0, paths: Vec::new() };
            let gap = gaps.entry((place, reason)).or_insert(empty);
            gap.count += 1;
            gap.bytes += newest.form.size;
            if gap.paths.len() < NAMED {
                gap.paths.push(newest.path.clone());
            }
        }
        row.copies = row.copies.min(copies);
        row.short += u64::from(copies < class.promised());
    }
    row.gaps = gaps.into_values().collect();
    row
}

/// Whether `place` has the newest content; and its part of the row.
fn has(
    newest: &Newest<'_>,
    class: Class,
    places: &PerPlace<Known>,
    place: Place,
    row: &mut PlaceRow,
) -> bool {
    let Some(facts) = places.get(place).facts() else { return false };
    if facts.shelved(newest.path).is_some_and(|held| held.gap.is_none()) {
        row.versioned += 1;
    }
    let form = &newest.form;
    // What the source of a log has beyond ours is newer, and holds ours.
    let ahead = || {
        class == Class::Logs
            && place == Place::Server
            && facts.standing(newest.path).is_some_and(|standing| standing.size > form.size)
    };
    let has = facts.holds(newest.path, form) || ahead();
    if has {
        row.files += 1;
        row.bytes += form.size;
        row.newest = row.newest.max(Some(form.mtime));
    }
    has
}

fn reason(newest: &Newest<'_>, places: &PerPlace<Known>, place: Place) -> Reason {
    let facts = match places.get(place) {
        Known::Looked(facts) => facts,
        Known::Unknown { .. } => return Reason::Unknown,
        Known::Unset => return Reason::Unset,
    };
    if facts.tree.is_some() {
        return match facts.is_troubled(newest.path) {
            true => Reason::Unknown,
            false if newest.disputed => Reason::Conflict,
            false => Reason::NotSynced,
        };
    }
    let ours = places.laptop.facts().and_then(|laptop| laptop.shelved(newest.path));
    match ours {
        // The other side's version comes into a snapshot once the conflict is settled for it.
        Some(held) if newest.disputed && !held.form.same_content(&newest.form) => Reason::Conflict,
        Some(held) if !held.form.same_content(&newest.form) => Reason::NoSnapshot,
        None => Reason::NoSnapshot,
        Some(held) => held.gap.map_or_else(|| missing_from(facts, newest), Reason::Gap),
    }
}

/// Why a repository does not have what a snapshot on the laptop has.
fn missing_from(facts: &Facts, newest: &Newest<'_>) -> Reason {
    let gap = facts.shelved(newest.path).filter(|held| held.form.same_content(&newest.form));
    gap.and_then(|held| held.gap).map_or(Reason::Unpushed, Reason::Gap)
}

#[cfg(test)]
mod tests;
