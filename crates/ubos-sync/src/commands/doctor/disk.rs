//! The file system: what it can do, measured on the territory itself, and its room.

use ubos_engine::fs::probe::{self, Capabilities, Space};
use ubos_engine::state::StateDir;

use crate::finding::Finding;
use crate::render::units::bytes;

/// Below this many bytes a warning is due.
const LITTLE: u64 = 1_000_000_000;

/// Capabilities and room.
pub(super) fn check(state: &StateDir) -> Vec<Finding> {
    let mut findings = match probe::measure(state.fd()) {
        Ok(found) => told(&found),
        Err(e) => vec![Finding::problem(
            "file-system",
            format!("nothing can be made in `{}`: {e}", state.path("").display()),
            "see that the disk is mounted writable and not full: `df -h .`",
        )],
    };
    findings.push(match probe::space(state.root().fd()) {
        Ok(space) => room(space),
        Err(e) => Finding::warning("space", format!("cannot be measured: {e}"), "`df -h .`"),
    });
    findings
}

fn told(found: &Capabilities) -> Vec<Finding> {
    const MOVE: &str = "if you can, keep the territory on ext4, xfs, btrfs or APFS";
    let needed = |check, has, yes: &str, no: &str| {
        if has { Finding::ok(check, yes) } else { Finding::warning(check, no, MOVE) }
    };
    let fact = |check, has, yes: &str, no: &str| Finding::ok(check, if has { yes } else { no });
    vec![
        needed(
            "exchange-rename",
            found.exchange,
            "yes: a file is replaced and looked at in one step",
            "no: a write in the very moment of a replacement is found afterwards, in the backup",
        ),
        needed(
            "no-replace-rename",
            found.no_replace,
            "yes: a new file never covers another",
            "no: new files are put in place by linking",
        ),
        needed(
            "hard-links",
            found.hard_links,
            "yes",
            "no: content is copied where a link would do",
        ),
        fact(
            "case",
            found.folds_case,
            "names that differ only in case are one here; the second of two is held",
            "names that differ only in case are two",
        ),
        fact(
            "unicode",
            found.folds_unicode,
            "names that differ only in Unicode form are one here",
            "names that differ only in Unicode form are two",
        ),
        fact(
            "names",
            found.any_bytes,
            "may be any bytes",
            "must be UTF-8; others are held on the peer",
        ),
        fact(
            "times",
            found.nanoseconds,
            "kept to the nanosecond",
            "coarser than a nanosecond: fresh files are read again more often",
        ),
    ]
}

fn room(space: Space) -> Finding {
    let message = format!("{} free of {}", bytes(space.free), bytes(space.total));
    if space.free < LITTLE {
        let remedy = "free some: staging and backups lie on the same file system; `du -sh .ubos-sync/backups`";
        Finding::warning("space", message, remedy)
    } else {
        Finding::ok("space", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Status;

    #[test]
    fn a_poor_file_system_is_a_warning_and_never_a_problem() {
        let poor = Capabilities {
            exchange: false,
            no_replace: false,
            hard_links: false,
            folds_case: true,
            folds_unicode: true,
            any_bytes: false,
            nanoseconds: false,
        };
        let warned: Vec<&str> = told(&poor)
            .iter()
            .filter(|finding| finding.status == Status::Warning)
            .map(|finding| finding.check)
            .collect();
        assert_eq!(warned, ["exchange-rename", "no-replace-rename", "hard-links"]);
    }

    #[test]
    fn a_nearly_full_disk_is_a_warning() {
        let space = |free| room(Space { free, total: 100 * LITTLE }).status;
        assert_eq!(space(LITTLE - 1), Status::Warning);
        assert_eq!(space(LITTLE), Status::Ok);
    }
}
