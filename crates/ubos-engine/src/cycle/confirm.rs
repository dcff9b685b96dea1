//! Plans that were shown, so that a person can confirm exactly what was seen. Kept beside the
//! audit log: for each plan the digests of its items. A dry run writes nothing else.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::fs::AtFlags;

use ubos_core::entry::Digest;
use ubos_core::plan::Plan;
use ubos_core::sides::Sides;

use super::{ConflictPolicy, Request};
use crate::error::{EngineError, Result};
use crate::fs::{Stamp, atomic, list, stat_in};
use crate::state::{StateDir, matters};

const FOLDER: &str = "log/plans";
/// So many plans are kept; the one shown longest ago goes first.
const KEPT: usize = 20;

/// What kind of run showed a plan. A plan of `recover` drops the memory of the pair and may name the
/// territory that wins, so it is another one than a sync's, and than that of another choice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown(Option<String>);

impl Shown {
    /// The kind of run that was asked for.
    pub fn by(request: &Request, names: &Sides<String>) -> Self {
        let choice = match &request.conflicts {
            ConflictPolicy::Take(side) => names.get(*side).as_str(),
            _ => "",
        };
        Self(request.merge_lost.then(|| choice.to_owned()))
    }

    /// The id under which a plan is shown.
    pub fn id(&self, plan: &str) -> String {
        match &self.0 {
            None => plan.to_owned(),
            Some(choice) => Digest::of(format!("recover\0{choice}\0{plan}").as_bytes()).to_hex()
                [..16]
                .to_owned(),
        }
    }

    /// What a remembered plan is recognised by, besides its items.
    fn marks(&self) -> Vec<Digest> {
        let of = |choice: &str| Digest::of(format!("recover\0{choice}").as_bytes());
        self.0.iter().flat_map(|choice| [Digest::of(RECOVER), of(choice)]).collect()
    }
}

/// Stands among the digests of every plan of `recover`.
const RECOVER: &[u8] = b"plan of recover";

/// Remembers a plan that was shown.
///
/// # Errors
/// What the system says.
pub fn remember(state: &StateDir, plan: &Plan, shown: &Shown) -> Result<()> {
    let folder = state.folder(FOLDER)?;
    let failed = |e| EngineError::io("write", state.path(FOLDER), e);
    let items = plan.items.iter().map(ubos_core::plan::Item::digest);
    let digests: Vec<Digest> = shown.marks().into_iter().chain(items).collect();
    let bytes = postcard::to_stdvec(&digests).expect("serialising into memory cannot fail");
    atomic::write(folder.as_fd(), &plan.id, &bytes).map_err(failed)?;
    let mut kept = Vec::new();
    for entry in list(folder.as_fd()).map_err(failed)? {
        if let Ok(Some(stat)) = stat_in(folder.as_fd(), &entry.name) {
            kept.push((Stamp::of(&stat).mtime, entry.name));
        }
    }
    kept.sort_unstable();
    for (_, name) in kept.iter().take(kept.len().saturating_sub(KEPT)) {
        rustix::fs::unlinkat(&folder, &name[..], AtFlags::empty()).map_err(|e| failed(e.into()))?;
    }
    Ok(())
}

/// The digests of the items of a plan that was shown, or that `conflicts` shows for what a guard
/// holds.
///
/// # Errors
/// [`EngineError::Config`] if no such plan is known, or if it was shown for another choice.
pub fn recall(state: &StateDir, pair: &str, id: &str, shown: &Shown) -> Result<BTreeSet<Digest>> {
    let unknown = || EngineError::Config {
        message: format!("no plan `{id}` was shown here"),
        hint: Some(match shown.0 {
            None => "`ubos-sync status` shows the present plan and its id".into(),
            Some(_) => "`ubos-sync recover -n` shows the present plan and its id".into(),
        }),
    };
    let held = matters::guarded(state, pair, id)?;
    if !held.is_empty() && shown.0.is_none() {
        return Ok(held);
    }
    let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit());
    let folder = state.existing_folder(FOLDER)?.filter(|_| plain).ok_or_else(unknown)?;
    let bytes = atomic::read(folder.as_fd(), id)
        .map_err(|e| EngineError::io("read", state.path(FOLDER), e))?
        .ok_or_else(unknown)?;
    let digests: Vec<Digest> = postcard::from_bytes(&bytes).map_err(|_| unknown())?;
    let digests: BTreeSet<Digest> = digests.into_iter().collect();
    let fits = shown.marks().iter().all(|mark| digests.contains(mark))
        && shown.0.is_some() == digests.contains(&Digest::of(RECOVER));
    if fits { Ok(digests) } else { Err(of_another_choice(id)) }
}

fn of_another_choice(id: &str) -> EngineError {
    EngineError::Config {
        message: format!("plan `{id}` was shown for another command or another choice"),
        hint: Some(
            "repeat the command with the options under which the plan was shown, `--prefer` too"
                .into(),
        ),
    }
}
