//! Finds what was only moved, so that it is renamed on the other side instead of being deleted
//! there and sent again.
//!
//! A move is a deletion and a creation on one side that carry the same content, where the side to
//! be changed still holds exactly what the baseline has at the old path and nothing at the new
//! one. Whole folders come first, the topmost that fits; then single files. Whatever does not fit
//! stays a deletion and a creation.

use std::collections::{BTreeMap, BTreeSet};

use crate::entry::{Base, Digest, Entry, State};
use crate::path::RelPath;
use crate::plan::Reason;
use crate::plan::operation::entry_bytes;
use crate::sides::Side;

use super::Context;
use super::drafts::direction_guard;
use super::folders::Settled;
use super::survey::{Spot, below};
use super::verdict::Verdict;

/// One rename on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    /// The side that renames.
    pub(crate) to: Side,
    /// The old path.
    pub(crate) from: RelPath,
    /// The new path.
    pub(crate) into: RelPath,
}

/// All moves. Everything they cover is in `covered` and needs no other operation.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// Of folders, with all that is in them.
    pub(crate) folders: Vec<Move>,
    /// Of single files.
    pub(crate) files: Vec<Move>,
    /// Of logs that were rotated at their source under a name that is synced too; the fresh log
    /// takes the old path.
    pub(crate) rotated: Vec<Move>,
    /// Old and new paths, of folders also everything below.
    pub(crate) covered: BTreeSet<RelPath>,
}

/// Finds the moves. What lies at or below a name in `respelled` is left alone: it is dealt with
/// together with that name, before anything else.
pub(crate) fn find(
    ctx: &Context,
    spots: &BTreeMap<RelPath, Spot>,
    settled: &Settled,
    respelled: &[RelPath],
) -> Moves {
    let mut moves = Moves::default();
    for to in Side::BOTH {
        let mut finder = Finder { ctx, spots, settled, respelled, to, moves: &mut moves };
        finder.find_folders();
        finder.find_files();
        finder.find_rotated();
    }
    moves
}

struct Finder<'a> {
    ctx: &'a Context<'a>,
    spots: &'a BTreeMap<RelPath, Spot>,
    settled: &'a Settled,
    respelled: &'a [RelPath],
    to: Side,
    moves: &'a mut Moves,
}

impl<'a> Finder<'a> {
    /// What is to be deleted at `path`, if the side still holds exactly what was agreed on.
    fn deleted(&self, path: &RelPath, spot: &'a Spot) -> Option<&'a Entry> {
        let plain = matches!(
            self.settled.verdicts.get(path),
            Some(Verdict::Agree { post: None, reason: Reason::Deleted, .. })
        );
        let Base::Known(base) = &spot.base else {
            return None;
        };
        let untouched = spot.entry(self.to) == Some(base);
        let gone = spot.state(self.to.other()).is_absent();
        let free = !direction_guard(self.ctx.owner, spot, self.to, true);
        (plain && untouched && gone && free && !self.is_respelled(path)).then_some(base)
    }

    fn is_respelled(&self, path: &RelPath) -> bool {
        self.respelled.iter().any(|name| path == name || path.is_below(name))
    }

    /// What is to be created at `path`, where neither the side nor the baseline has anything.
    fn created(&self, path: &RelPath, spot: &'a Spot) -> Option<&'a Entry> {
        let plain = matches!(
            self.settled.verdicts.get(path),
            Some(Verdict::Agree { post: Some(_), reason: Reason::Created, .. })
        );
        let free = spot.base == Base::Absent && *spot.state(self.to) == State::Absent;
        spot.entry(self.to.other()).filter(|_| plain && free && !self.is_respelled(path))
    }

    fn find_folders(&mut self) {
        let gone: Vec<&RelPath> = self.folders(|finder, path, spot| finder.deleted(path, spot));
        let new: Vec<&RelPath> = self.folders(|finder, path, spot| finder.created(path, spot));
        if gone.is_empty() || new.is_empty() {
            return;
        }
        let deleted = self.by_content(&gone, |finder, path, spot| finder.deleted(path, spot));
        let created = self.by_content(&new, |finder, path, spot| finder.created(path, spot));
        let content_of: BTreeMap<&RelPath, Digest> = deleted
            .iter()
            .flat_map(|(digest, paths)| paths.iter().map(|path| (*path, *digest)))
            .collect();
        for from in gone {
            let Some(content) = content_of.get(from) else {
                continue;
            };
            // Two folders with the same content: which one moved cannot be told.
            if self.moves.covered.contains(from) || deleted[content].len() > 1 {
                continue;
            }
            let candidates = created.get(content).into_iter().flatten().copied();
            let free = candidates.filter(|into| !self.moves.covered.contains(*into));
            if let Some(into) = nearest_name(from, free) {
                self.cover(from);
                self.cover(into);
                let to = self.to;
                self.moves.folders.push(Move { to, from: from.clone(), into: into.clone() });
            }
        }
    }

    fn folders(
        &self,
        pick: impl Fn(&Self, &RelPath, &'a Spot) -> Option<&'a Entry>,
    ) -> Vec<&'a RelPath> {
        self.spots
            .iter()
            .filter(|(path, spot)| pick(self, path, spot).is_some_and(Entry::is_dir))
            .map(|(path, _)| path)
            .collect()
    }

    /// The folders by a hash of all that is in them. Folders that are empty, or that hold
    /// something that is not picked, are left out.
    fn by_content(
        &self,
        folders: &[&'a RelPath],
        pick: impl Fn(&Self, &RelPath, &'a Spot) -> Option<&'a Entry>,
    ) -> BTreeMap<Digest, Vec<&'a RelPath>> {
        let mut found: BTreeMap<Digest, Vec<&RelPath>> = BTreeMap::new();
        'folders: for &folder in folders {
            let mut hasher = blake3::Hasher::new();
            let mut anything = false;
            for (path, spot) in below(self.spots, folder) {
                let Some(entry) = pick(self, path, spot) else {
                    continue 'folders;
                };
                let bytes = entry_bytes(Some(entry));
                let name = &path.as_bytes()[folder.as_bytes().len()..];
                for field in [name, &bytes] {
                    hasher.update(&(field.len() as u64).to_le_bytes());
                    hasher.update(field);
                }
                anything |= !entry.is_dir();
            }
            if anything {
                found.entry(Digest(*hasher.finalize().as_bytes())).or_default().push(folder);
            }
        }
        found
    }

    fn cover(&mut self, folder: &RelPath) {
        self.moves.covered.insert(folder.clone());
        self.moves.covered.extend(below(self.spots, folder).map(|(path, _)| path.clone()));
    }

    fn find_files(&mut self) {
        let deleted = self.files(|finder, path, spot| finder.deleted(path, spot));
        let mut created = self.files(|finder, path, spot| finder.created(path, spot));
        for (digest, gone) in deleted {
            let (&[from], Some(new)) = (&gone[..], created.get_mut(&digest)) else {
                continue;
            };
            if let Some(into) = nearest_name(from, new.iter().copied()) {
                self.moves.covered.extend([from.clone(), into.clone()]);
                let to = self.to;
                self.moves.files.push(Move { to, from: from.clone(), into: into.clone() });
            }
        }
    }

    /// Files of at least one byte that are not moved yet, by content.
    fn files(
        &self,
        pick: impl Fn(&Self, &RelPath, &'a Spot) -> Option<&'a Entry>,
    ) -> BTreeMap<Digest, Vec<&'a RelPath>> {
        let mut files: BTreeMap<Digest, Vec<&RelPath>> = BTreeMap::new();
        for (path, spot) in self.spots {
            if let Some(Entry::File { digest, size: 1.., .. }) = pick(self, path, spot)
                && !self.moves.covered.contains(path)
            {
                files.entry(*digest).or_default().push(path);
            }
        }
        files
    }

    fn find_rotated(&mut self) {
        let created = self.files(|finder, path, spot| finder.created(path, spot));
        for (path, verdict) in &self.settled.verdicts {
            let spot = &self.spots[path];
            if *verdict != Verdict::Seal(self.to, Reason::Rotated)
                || direction_guard(self.ctx.owner, spot, self.to, true)
                || self.is_respelled(path)
            {
                continue;
            }
            let Some(old) = spot.entry(self.to) else {
                continue;
            };
            let new = old.digest().and_then(|digest| created.get(&digest));
            let free = new.into_iter().flatten().copied().filter(|into| {
                self.spots[*into].entry(self.to.other()) == Some(old)
                    && !self.moves.covered.contains(*into)
            });
            if let Some(into) = nearest_name(path, free) {
                self.moves.covered.extend([path.clone(), into.clone()]);
                let to = self.to;
                self.moves.rotated.push(Move { to, from: path.clone(), into: into.clone() });
            }
        }
    }
}

/// Of several places where the content came up, the one that kept the last name, or the first.
fn nearest_name<'p>(
    from: &RelPath,
    candidates: impl Iterator<Item = &'p RelPath>,
) -> Option<&'p RelPath> {
    candidates.min_by_key(|into| (into.name() != from.name(), *into))
}
