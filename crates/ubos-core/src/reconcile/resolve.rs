//! Carries out what a person decided about a conflict or a held change, if it is still the one
//! that the person saw.

use crate::conflict::{Choice, ConflictKind, HeldReason, Resolution};
use crate::entry::{Digest, Entry};
use crate::path::RelPath;
use crate::plan::Reason;
use crate::plan::operation::entry_bytes;
use crate::sides::Side;

use super::folders::Judge;
use super::survey::{Spot, below};
use super::verdict::{LOCAL_ONLY, Verdict, merged_exec};

/// Identity of a clash: what it is, where, and what both sides hold there. Times do not count, nor
/// does it matter which side initiates: the side that owns the manifests always comes first.
pub(crate) fn mark<'s, I: Iterator<Item = (&'s RelPath, &'s Spot)>>(
    owner: Side,
    word: &str,
    path: &'s RelPath,
    spot: &'s Spot,
    children: impl FnOnce() -> I,
) -> Digest {
    let mut hasher = blake3::Hasher::new();
    let mut field = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    field(word.as_bytes());
    for (path, spot) in std::iter::once((path, spot)).chain(children()) {
        field(path.as_bytes());
        field(&entry_bytes(spot.entry(owner)));
        field(&entry_bytes(spot.entry(owner.other())));
    }
    Digest(*hasher.finalize().as_bytes())
}

/// Both sides get a content that was made of both versions; the executable bit is merged like any.
fn merged(spot: &Spot, kind: Option<ConflictKind>, digest: Digest, size: u64) -> Option<Verdict> {
    let (here, there) = (spot.entry(Side::Here)?, spot.entry(Side::There)?);
    let mergeable = matches!(
        kind?,
        ConflictKind::ModifyModify | ConflictKind::CreateCreate | ConflictKind::Drift
    );
    let files = [here, there].iter().all(|entry| matches!(entry, Entry::File { .. }));
    if !mergeable || !files {
        return None;
    }
    // Without a file in the baseline there is no bit to compare with, as in a folder.
    let exec = merged_exec(spot.base.entry().unwrap_or(&Entry::Dir), here, there);
    Some(Verdict::agree(Some(&Entry::File { digest, size, exec }), Reason::Resolved))
}

impl Judge<'_> {
    /// The verdict that follows from a resolution of the clash at `path`; `None` if there is none,
    /// or if it cannot be carried out. `kind` is `None` for a held change;
    /// one that is held because it cannot travel is not `decidable`.
    pub(crate) fn resolved(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        kind: Option<ConflictKind>,
        decidable: bool,
        mark: Digest,
    ) -> Option<Verdict> {
        let resolution = self.ctx.resolutions.get(path)?;
        // Nothing may be decided over what could not be read.
        let hidden = below(self.spots, path).any(|(_, child)| child.has_problem());
        if resolution.mark != mark || hidden || !decidable {
            self.refuse(path);
            return None;
        }
        let verdict = match resolution.choice {
            Choice::Take(side) => Some(self.take_clash(path, spot, kind, side)),
            Choice::ChangedOnly => self.take_changed(path, spot, kind),
            Choice::Both => self.place_beside(path, spot, resolution.beside.as_ref()),
            Choice::Merged { digest, size } => merged(spot, kind, digest, size),
        };
        if verdict.is_none() {
            self.refuse(path);
        }
        verdict
    }

    /// What only the mirror of a one-way area holds stays there, unless a person sends it to the
    /// authority or, having seen it as held, lets go of it. Nothing stands at the authority, so
    /// sending overwrites nothing, whatever the person saw; what lies below a folder goes with it.
    pub(crate) fn only_copy(&mut self, path: &RelPath, spot: &Spot, on: Side) -> Verdict {
        let keep = Verdict::Keep(Some((on, LOCAL_ONLY)));
        let Some(resolution) = self.ctx.resolutions.get(path) else {
            return if self.is_way_to_sent(path, spot, on) {
                Verdict::agree(Some(&Entry::Dir), Reason::Resolved)
            } else {
                keep
            };
        };
        let hidden = below(self.spots, path).any(|(_, child)| child.has_problem());
        let seen = HeldReason::DriftSourceGone.word();
        let allowed = match resolution.choice {
            Choice::Take(side) if side == on => true,
            Choice::Take(_) => {
                let shown = mark(self.ctx.owner, seen, path, spot, std::iter::empty);
                resolution.mark == shown && !spot.is_dir(on)
            }
            _ => false,
        };
        match resolution.choice {
            Choice::Take(side) if allowed && !hidden => {
                self.take(path, spot, side, Reason::Resolved)
            }
            _ => {
                self.refuse(path);
                keep
            }
        }
    }

    /// Whether `path` is a folder that something below it, which a person sends, has to stand in.
    fn is_way_to_sent(&self, path: &RelPath, spot: &Spot, on: Side) -> bool {
        let sent = |(below, resolution): (&RelPath, &Resolution)| {
            resolution.choice == Choice::Take(on) && below.is_below(path)
        };
        spot.is_dir(on) && self.ctx.resolutions.iter().any(sent)
    }

    fn take_clash(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        kind: Option<ConflictKind>,
        side: Side,
    ) -> Verdict {
        let files = Side::BOTH.iter().all(|&s| matches!(spot.entry(s), Some(Entry::File { .. })));
        let from_authority = spot.direction.authority(self.ctx.owner) == Some(side);
        if kind == Some(ConflictKind::AppendDiverged) && files && from_authority {
            return Verdict::Seal(side.other(), Reason::Resolved);
        }
        self.take(path, spot, side, Reason::Resolved)
    }

    /// The version of `side`, of the path and of everything below it.
    pub(crate) fn take(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        side: Side,
        reason: Reason,
    ) -> Verdict {
        for (path, child) in below(self.spots, path) {
            self.forced.insert(path.clone(), Verdict::agree(child.entry(side), reason));
        }
        Verdict::agree(spot.entry(side), reason)
    }

    /// Of a folder deleted on one side: what was changed on the other stays, with the folders that
    /// hold it; the rest is deleted.
    fn take_changed(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        kind: Option<ConflictKind>,
    ) -> Option<Verdict> {
        if kind != Some(ConflictKind::DirDelete) {
            return None;
        }
        let side = if spot.is_dir(Side::Here) { Side::Here } else { Side::There };
        for (path, child) in below(self.spots, path) {
            let stays = child.changed_on(side)
                || child.is_dir(side)
                    && below(self.spots, path).any(|(_, deeper)| deeper.changed_on(side));
            let post = child.entry(side).filter(|_| stays);
            self.forced.insert(path.clone(), Verdict::agree(post, Reason::Resolved));
        }
        Some(Verdict::agree(Some(&Entry::Dir), Reason::Resolved))
    }

    /// Both versions stay: the one of [`Side::Here`] at `path`, the other at `beside`.
    fn place_beside(
        &mut self,
        path: &RelPath,
        spot: &Spot,
        beside: Option<&RelPath>,
    ) -> Option<Verdict> {
        match (spot.entry(Side::Here), spot.entry(Side::There)) {
            (Some(here), Some(there)) if !here.is_dir() && !there.is_dir() => {
                let beside = beside?;
                let free = (self.ctx.direction)(beside).is_some()
                    && self.ctx.baseline.row(beside).is_none()
                    && !self.spots.contains_key(beside)
                    && !beside.is_below(path)
                    && Side::BOTH.iter().all(|&s| self.ctx.names.get(s).can_hold(beside));
                free.then(|| Verdict::Beside(beside.clone()))
            }
            // Where one version is a deletion, keeping both means keeping the other.
            (Some(_), None) => Some(self.take(path, spot, Side::Here, Reason::Resolved)),
            (None, Some(_)) => Some(self.take(path, spot, Side::There, Reason::Resolved)),
            _ => None,
        }
    }
}
