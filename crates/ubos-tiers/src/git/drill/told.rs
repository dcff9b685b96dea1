//! What a territory answers to "backup-drill": the drill is done there, and only what differs from a
//! manifest that both have is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use ubos_core::path::RelPath;

use super::super::coverage::facts::Held;
use super::super::error::{BackupError, Result};
use super::super::form::{Named, Row};
use super::super::manifest::Gap;
use super::verdict::{Broken, Got, Recovered, Source};

/// The format of answers.
const SCHEMA: u32 = 1;

/// What was built again over there, told against a manifest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    schema: u32,
    /// The manifest against which it is told; without one everything is.
    pub base: Option<String>,
    manifest: Option<String>,
    made: Option<String>,
    snapshots: u64,
    since: Option<String>,
    changed: Vec<Changed>,
    absent: Vec<Named>,
    gaps: Vec<(Named, Gap)>,
    broken: Vec<(Option<Named>, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Changed {
    #[serde(flatten)]
    row: Row,
    tree: bool,
}

impl Told {
    /// Tells `recovered` against the manifest `base`.
    pub fn new(recovered: &Recovered, base: Option<(&str, &BTreeMap<RelPath, Held>)>) -> Self {
        let known = |path: &RelPath| base.and_then(|(_, paths)| paths.get(path));
        let changed = recovered.holds.iter().filter(|(path, got)| {
            got.from == Source::Tree || known(path).is_none_or(|held| held.form != got.form)
        });
        let changed = changed.map(|(path, got)| Changed {
            row: Row::new(path, &got.form),
            tree: got.from == Source::Tree,
        });
        let paths = base.map(|(_, paths)| paths.keys()).into_iter().flatten();
        let absent = paths.filter(|path| !recovered.holds.contains_key(*path));
        Self {
            schema: SCHEMA,
            base: base.map(|(name, _)| name.to_owned()),
            manifest: recovered.manifest.clone(),
            made: recovered.made.clone(),
            snapshots: recovered.snapshots,
            since: recovered.since.clone(),
            changed: changed.collect(),
            absent: absent.map(Named::new).collect(),
            gaps: recovered.gaps.iter().map(|(path, gap)| (Named::new(path), *gap)).collect(),
            broken: recovered
                .broken
                .iter()
                .map(|broken| (broken.path.as_ref().map(Named::new), broken.why.clone()))
                .collect(),
        }
    }

    /// What was built again, given the paths of the manifest [`Told::base`].
    ///
    /// # Errors
    /// [`BackupError::Damaged`] if the answer makes no sense.
    pub fn read(&self, base: &BTreeMap<RelPath, Held>) -> Result<Recovered> {
        if self.schema != SCHEMA {
            let why = format!("schema {} is not known here", self.schema);
            return Err(BackupError::damaged("the peer's answer", why));
        }
        let shelved = |held: &Held| Got { form: held.form, from: Source::Repository };
        let mut holds: BTreeMap<RelPath, Got> =
            base.iter().map(|(path, held)| (path.clone(), shelved(held))).collect();
        for path in &self.absent {
            holds.remove(&path.read()?);
        }
        for changed in &self.changed {
            let (path, form) = changed.row.read()?;
            let from = if changed.tree { Source::Tree } else { Source::Repository };
            holds.insert(path, Got { form, from });
        }
        let gaps = self.gaps.iter().map(|(path, gap)| Ok((path.read()?, *gap)));
        let broken = self.broken.iter().map(|(path, why)| {
            let path = path.as_ref().map(Named::read).transpose()?;
            Ok(Broken { path, why: why.clone() })
        });
        Ok(Recovered {
            manifest: self.manifest.clone(),
            made: self.made.clone(),
            holds,
            gaps: gaps.collect::<Result<_>>()?,
            broken: broken.collect::<Result<_>>()?,
            snapshots: self.snapshots,
            since: self.since.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::form::Form;
    use super::*;
    use ubos_core::entry::{Digest, Kind};

    fn form(content: &str) -> Form {
        let digest = Digest::of(content.as_bytes());
        Form { kind: Kind::File, digest, size: 1, mode: 0o644, mtime: 1 }
    }

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn what_is_told_is_what_was_built() {
        let held = |content, gap| Held { form: form(content), gap };
        let base = BTreeMap::from([
            (path("same"), held("s", None)),
            (path("gone"), held("g", None)),
            (path("other"), held("o", None)),
            (path("key"), held("k", Some(Gap::Secret))),
        ]);
        let got = |content, from| Got { form: form(content), from };
        let recovered = Recovered {
            manifest: Some("m".into()),
            made: Some("t".into()),
            holds: BTreeMap::from([
                (path("same"), got("s", Source::Repository)),
                (path("other"), got("n", Source::Tree)),
                (path("key"), got("k", Source::Tree)),
                (path("new"), got("w", Source::Tree)),
            ]),
            gaps: BTreeMap::from([(path("key"), Gap::Secret)]),
            broken: vec![Broken { path: Some(path("gone")), why: "missing".into() }],
            snapshots: 3,
            since: None,
        };
        for known in [Some(("m", &base)), None] {
            let text = serde_json::to_vec(&Told::new(&recovered, known)).unwrap();
            let told: Told = serde_json::from_slice(&text).unwrap();
            let nothing = BTreeMap::new();
            let back = told.read(known.map_or(&nothing, |(_, base)| base)).unwrap();
            assert_eq!(back.holds, recovered.holds);
            assert_eq!(
                (back.gaps, back.broken),
                (recovered.gaps.clone(), recovered.broken.clone())
            );
            assert_eq!((back.snapshots, back.manifest), (3, Some("m".into())));
            assert!(known.is_none() || !String::from_utf8_lossy(&text).contains("\"same\""));
        }
    }
}
