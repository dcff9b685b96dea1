//! The audit of a soak, held against what another program computes from the same log.

use std::fs;
use std::process::Command;

use ubos_testkit::{Side, World};

/// Asserts that the audit of both territories since `since` is sound and that each figure is
/// confirmed; tells how many.
///
/// # Panics
/// If not, with each figure that differs and both values.
pub(super) fn confirm(world: &World, since: &str) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/audit-recompute.py");
    let told = Side::BOTH.map(|side| {
        let report = world.at(side).run(["audit", "--json", "--since", since]).exits(0).json();
        assert_eq!(report["sound"], true, "{report:#}");
        if side == Side::Laptop {
            // Over ssh the server has no way to ask back.
            assert_eq!(report["record"]["peer"]["wrong"], serde_json::json!([]), "{report:#}");
        }
        let path = world.base().join("report.json");
        fs::write(&path, report.to_string()).unwrap();
        let mut script = Command::new(script);
        script.arg(world.at(side).own("log")).arg("--compare").arg(&path);
        let said = script.output().expect("python3 is installed");
        let words = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert!(said.status.success(), "audit of {}:\n{words}", side.name());
        format!(
            "{}: {} ({} records, {} runs, uptime {})",
            side.name(),
            words.trim_end(),
            report["record"]["records"],
            report["runs"]["by_exit"],
            report["uptime"]["raw"],
        )
    });
    told.join("\n           ")
}
