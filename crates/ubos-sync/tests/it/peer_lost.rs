//! A run whose starter goes away in the middle: the other side says so in its own log, and claims no
//! more than that.

use std::time::{Duration, Instant};

use ubos_testkit::failpoints::{Crash, run_with_crash, trace};
use ubos_testkit::{Side, World};

use crate::agreed;
use crate::audit::audit;

#[test]
fn a_run_whose_starter_was_lost_is_on_record_on_the_other_side() {
    let lost = |world: &World| {
        let report = audit(world, Side::Server, &[], 0);
        report["runs"]["lost"].as_u64().unwrap()
    };
    let world = agreed();
    world.laptop().write("notes/f", "B");
    // What only looks, and what comes to its end, leaves no such trace.
    world.laptop().run(["status"]).exits(0);
    world.laptop().run(["bidirectional", "--dry-run"]).exits(0);
    let (outcome, points) = trace(world.laptop(), &["bidirectional"]);
    outcome.exits(0);
    assert_eq!(lost(&world), 0);
    let at = 1 + points.here.iter().position(|point| point == "intended").unwrap();
    world.laptop().write("notes/f", "C");
    run_with_crash(world.laptop(), &["bidirectional"], Crash::Here(at));
    // The agent notices when its input ends.
    let begun = Instant::now();
    while lost(&world) == 0 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let report = audit(&world, Side::Server, &[], 0);
    assert_eq!((&report["runs"]["lost"], &report["sound"]), (&1.into(), &true.into()), "{report}");
    world.server().run(["audit"]).says("lost it before their end: 1");
    world.laptop().sync().exits(0);
    world.expect("notes/f = C", "notes/f = C");
    assert_eq!(lost(&world), 1);
}
