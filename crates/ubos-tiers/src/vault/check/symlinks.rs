//! Symbolic links: those that work on one machine only, or on none.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use ubos_core::path::{RelPath, escape_bytes};

use super::{Finding, Rule};

/// Looks at the links of a vault.
pub(super) fn check(vault: &Path, links: &[RelPath], findings: &mut Vec<Finding>) {
    for link in links {
        let at = vault.join(OsStr::from_bytes(link.as_bytes()));
        let Ok(target) = std::fs::read_link(&at) else { continue };
        let is_dangling = std::fs::metadata(&at).is_err();
        let shown = escape_bytes(target.as_os_str().as_bytes());
        let what = match (leads(link, &target), is_dangling) {
            (Leads::Inside, false) => continue,
            (Leads::Inside, true) => format!("it leads to `{shown}`, where nothing is"),
            (Leads::Out, _) => format!("it leads to `{shown}`, out of the vault"),
            (Leads::Absolute, true) => {
                format!("it leads to `{shown}`: an absolute path, where nothing is on this machine")
            }
            (Leads::Absolute, false) => {
                format!(
                    "it leads to `{shown}`: an absolute path, which the other machine may not have"
                )
            }
        };
        findings.push(Finding {
            rule: Rule::Symlink,
            path: link.to_string(),
            line: None,
            what,
            remedy:
                "replace it by the file or by a note with a link; Obsidian does not follow it, \
                     and a sync holds it"
                    .to_owned(),
        });
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Leads {
    Inside,
    Out,
    Absolute,
}

fn leads(link: &RelPath, target: &Path) -> Leads {
    if target.is_absolute() {
        return Leads::Absolute;
    }
    let mut depth = link.components().count() - 1;
    for part in target.components() {
        match part {
            Component::ParentDir => match depth.checked_sub(1) {
                Some(up) => depth = up,
                None => return Leads::Out,
            },
            Component::Normal(_) => depth += 1,
            _ => {}
        }
    }
    Leads::Inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_inside_if_no_step_leaves_the_vault() {
        let link = RelPath::new("a/b/link").unwrap();
        let cases = [
            ("x", Leads::Inside),
            ("../../x", Leads::Inside),
            ("../../../x", Leads::Out),
            ("x/../../../../a", Leads::Out),
            ("/srv/janus/x", Leads::Absolute),
        ];
        for (target, expected) in cases {
            assert_eq!(leads(&link, Path::new(target)), expected, "{target}");
        }
    }
}
