//! Which manifests rule a run: the edited ones, if only one side edited them.

use ubos_core::baseline::Baseline;
use ubos_core::entry::{Base, Digest};
use ubos_core::manifest::law::{Law, laws};
use ubos_core::manifest::{PerManifest, Role};
use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};

use crate::agent::message::Standing;
use crate::endpoint::standing::{ROLES, manifest_paths};
use crate::error::{EngineError, Result};

/// The texts that rule, in the order of [`ROLES`]. Those of `winner` count where the two sides dispute,
/// if a person named one.
///
/// What both sides last agreed on is what the rows of the three files say, never the law of the last
/// run: after a `pull` an edited manifest was the law and has not travelled yet. `memory` is `None` while
/// all that is dropped.
///
/// # Errors
/// [`EngineError::Config`] where a manifest is missing or was edited differently on both sides;
/// [`EngineError::Guard`] where a side that synced before has none of them left.
pub(super) fn rule(
    sides: Sides<&Standing>,
    names: &Sides<String>,
    peer: &str,
    memory: Option<&impl Baseline>,
    winner: Option<Side>,
) -> Result<[Vec<u8>; 3]> {
    let paths = manifest_paths(peer)?;
    let base = PerManifest::from_fn(|role| agreed(paths.get(role), memory?));
    let known = ROLES.iter().any(|role| base.get(*role).is_some());
    for side in Side::BOTH {
        let emptied = sides.get(side).manifests.iter().all(Option::is_none);
        if emptied && known {
            return Err(EngineError::guard(
                "emptied",
                format!(
                    "all manifests of {} are gone: the folder was emptied or is not mounted",
                    names.get(side)
                ),
                "bring the folder back; if it was emptied on purpose, restore the manifests in `config/` first",
            ));
        }
    }
    let texts = sides.map(|side| per_manifest(&side.manifests));
    let laws = laws(texts.as_ref(), &base);
    let mut rule: [Vec<u8>; 3] = Default::default();
    for role in ROLES {
        let path = paths.get(role);
        let text = |side: Side| texts.get(side).get(role).clone().unwrap_or_default();
        rule[index(role)] = match (laws.get(role), winner) {
            (Law::Disputed(_), Some(side)) => text(side),
            (Law::Agreed, _) => text(Side::Here),
            (Law::Of(side), _) => text(*side),
            (Law::Missing(missing), _) => {
                let on: Vec<&str> = missing.iter().map(|side| names.get(*side).as_str()).collect();
                return Err(EngineError::Config {
                    message: format!("the manifest `{path}` is missing on {}", on.join(" and ")),
                    hint: Some("restore it; an empty file is allowed, a missing one never means \"nothing\" or \"everything\"".into()),
                });
            }
            (Law::Disputed(lines), None) => {
                let mut message = format!("`{path}` was edited differently on both sides:");
                for line in lines {
                    let text = String::from_utf8_lossy(&line.text);
                    message.push_str(&format!(
                        "\n  {}, line {}: {}",
                        names.get(line.side),
                        line.number,
                        text.trim_end()
                    ));
                }
                let hint = Some("make the two files equal, then sync again".into());
                return Err(EngineError::Config { message, hint });
            }
        };
    }
    Ok(rule)
}

/// The digest of the text that both sides last agreed on; `None` for one that never reached both.
fn agreed(path: &RelPath, baseline: &impl Baseline) -> Option<Digest> {
    match baseline.row(path)?.base {
        Base::Known(entry) => entry.digest(),
        Base::Absent | Base::Unknown => None,
    }
}

/// How a person says which manifests rule while the memory of both is dropped.
pub(super) fn which(names: &Sides<String>) -> String {
    format!(
        "make the two files equal; or let one territory's versions win everywhere: `ubos-sync recover --prefer {}` or `ubos-sync recover --prefer {}`",
        names.here, names.there
    )
}

/// The digests of manifests, as the baseline keeps them.
pub(super) fn digests(texts: &[Vec<u8>; 3]) -> [Digest; 3] {
    [Digest::of(&texts[0]), Digest::of(&texts[1]), Digest::of(&texts[2])]
}

fn per_manifest(texts: &[Option<Vec<u8>>; 3]) -> PerManifest<Option<Vec<u8>>> {
    PerManifest::from_fn(|role| texts[index(role)].clone())
}

fn index(role: Role) -> usize {
    ROLES.iter().position(|r| *r == role).expect("every role is listed")
}
