//! Scenario T12 and all its relatives: either process is killed at each step of a run that does a
//! bit of everything; then an ordinary run must bring both sides to the same, correct end.

use ubos_testkit::failpoints::{Crash, Points, run_to_crash, run_with_crash, trace};
use ubos_testkit::{Side, World};

use crate::agreed;

const SYNC: [&str; 1] = ["bidirectional"];

/// A change of every kind, from both sides.
fn prepare(world: &World) {
    world.laptop().write("notes/created", "new here");
    world.server().write("notes/other-created", "new there");
    world.laptop().write("notes/f", "B");
    world.server().write("notes/g", "C");
    world.laptop().remove("notes/others/00.md");
    world.server().remove("notes/others/01.md");
    world.laptop().rename("notes/others/02.md", "notes/renamed.md");
    world.laptop().chmod("notes/others/03.md", 0o755);
    world.server().append("logs/day.jsonl", "{\"n\":4}\n");
    world.laptop().mkdir("notes/made");
    world.laptop().remove("notes/D");
    world.laptop().write("notes/D", "a folder became a file");
    world.server().remove("notes/others/04.md");
    world.server().write("notes/others/04.md/x", "a file became a folder");
    world.laptop().link("notes/l", "f");
}

/// What both sides hold in the end.
const END: &str = "notes/created = new here
    notes/other-created = new there
    notes/f = B
    notes/g = C
    - notes/others/00.md
    - notes/others/01.md
    - notes/others/02.md
    notes/renamed.md = note number 2
    notes/others/03.md * = note number 3
    logs/day.jsonl = {\"n\":1}\\n{\"n\":2}\\n{\"n\":3}\\n{\"n\":4}\\n
    notes/made/
    notes/D = a folder became a file
    notes/others/04.md/x = a file became a folder
    notes/l -> f";

/// The points of an undisturbed run from `side`, which must come to the right end.
fn points(side: Side) -> Points {
    let world = agreed();
    prepare(&world);
    let (outcome, points) = trace(world.at(side), &SYNC);
    outcome.exits(0);
    world.expect(END, END);
    assert!(points.here.len() >= 8 && points.agent.len() >= 8, "too few points: {points:?}");
    points
}

/// Kills at `crash`, then asserts that an ordinary run from `next` repairs everything.
fn crash_and_mend(side: Side, crash: Crash, next: Side) {
    let world = agreed();
    prepare(&world);
    let outcome = run_with_crash(world.at(side), &SYNC, crash);
    if matches!(crash, Crash::Agent(_)) {
        assert!([0, 5].contains(&outcome.code()), "{crash:?}\n{}", outcome.told());
    }
    let run = world.at(next).sync();
    run.exits(0).clean().both(END);
    run.again();
}

#[test]
fn a_kill_at_any_step_of_the_laptop_is_mended_by_the_next_run() {
    for number in 1..=points(Side::Laptop).here.len() {
        crash_and_mend(Side::Laptop, Crash::Here(number), Side::Laptop);
    }
}

#[test]
fn a_kill_at_any_step_of_the_agent_is_mended_by_the_next_run() {
    for number in 1..=points(Side::Laptop).agent.len() {
        crash_and_mend(Side::Laptop, Crash::Agent(number), Side::Laptop);
    }
}

#[test]
fn a_kill_at_any_step_is_mended_from_the_other_side_too() {
    for crash in points(Side::Laptop).crashes() {
        crash_and_mend(Side::Laptop, crash, Side::Server);
    }
}

#[test]
fn a_run_of_the_server_is_mended_from_the_laptop() {
    for crash in points(Side::Server).crashes() {
        crash_and_mend(Side::Server, crash, Side::Laptop);
    }
}

#[test]
fn a_kill_during_the_repair_is_mended_as_well() {
    let crashes = points(Side::Laptop).crashes();
    for (index, crash) in crashes.iter().enumerate().step_by(3) {
        let world = agreed();
        prepare(&world);
        run_with_crash(world.laptop(), &SYNC, *crash);
        for number in [1 + index % 5, 2 + index % 7, 3 + index % 11] {
            let second = if index % 2 == 0 { Crash::Agent(number) } else { Crash::Here(number) };
            run_to_crash(world.laptop(), &SYNC, second);
        }
        world.laptop().sync().exits(0).clean().both(END).again();
    }
}

#[test]
fn edits_made_after_a_crash_are_not_overwritten() {
    for crash in points(Side::Laptop).crashes().into_iter().step_by(2) {
        let world = agreed();
        prepare(&world);
        run_with_crash(world.laptop(), &SYNC, crash);
        world.server().write("notes/f", "edited there after the crash");
        world.laptop().write("notes/g", "edited here after the crash");
        let run = world.laptop().sync();
        assert!([0, 3].contains(&run.outcome.code()), "{crash:?}\n{}", run.outcome.told());
        let [f, g] =
            ["notes/f", "notes/g"].map(|path| Side::BOTH.map(|side| world.at(side).get(path)));
        let told = format!("{crash:?} {f:?} {g:?}\n{}", run.outcome.told());
        assert!(
            f[1].as_ref().unwrap().content() == Some(b"edited there after the crash"),
            "{told}"
        );
        assert!(g[0].as_ref().unwrap().content() == Some(b"edited here after the crash"), "{told}");
        if run.outcome.code() == 0 {
            assert!(f[0] == f[1] && g[0] == g[1], "{told}");
        }
    }
}

#[test]
fn t12_a_folder_swapped_for_a_file_is_whole_or_gone_at_any_moment() {
    let world = agreed();
    world.laptop().remove("notes/D");
    world.laptop().write("notes/D", "flat");
    let (_, points) = trace(world.laptop(), &SYNC);
    let whole = "notes/D/a = first\nnotes/D/b = second";
    for crash in points.crashes() {
        let world = agreed();
        world.laptop().remove("notes/D");
        world.laptop().write("notes/D", "flat");
        run_with_crash(world.laptop(), &SYNC, crash);
        let found = world.server().tree().filtered(|path, _| path.starts_with(b"notes/D"));
        let expected = ["notes/D = flat", whole].map(|lines| {
            ubos_testkit::Sketch::parse(lines).filtered(|path, _| path.starts_with(b"notes/D"))
        });
        assert!(expected.contains(&found), "{crash:?}: neither the folder nor the file:\n{found}");
        world.laptop().sync().exits(0).clean().both("notes/D = flat");
    }
}

#[test]
fn a_killed_run_leaves_no_lock_and_no_rubbish_behind() {
    for crash in points(Side::Laptop).crashes().into_iter().step_by(5) {
        let world = agreed();
        prepare(&world);
        run_with_crash(world.laptop(), &SYNC, crash);
        world.laptop().sync().exits(0).clean();
        for side in Side::BOTH {
            let left = ubos_testkit::Sketch::read(&world.at(side).own("staging"));
            let files = left.iter().filter(|(_, node)| node.content().is_some()).count();
            assert_eq!(files, 0, "{crash:?} left on {side:?}:\n{left}");
        }
    }
}
