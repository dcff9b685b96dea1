//! Append-only logs, row by row (rules §4): the server's log grows on the laptop, by whole lines,
//! in place, and is never shortened.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ubos_testkit::{Node, Side, Sketch, World};

use crate::agreed;

const LOG: &str = "logs/day.jsonl";
const THREE_LINES: &str = "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n";

/// The content of the log on a side.
fn log(world: &World, side: Side) -> String {
    let node = world.at(side).get(LOG).expect("the log is there");
    String::from_utf8(node.content().expect("it is a file").to_vec()).unwrap()
}

/// The sealed versions of the log on the laptop: file names and contents.
fn sealed(world: &World) -> Vec<(String, String)> {
    let found = Sketch::read(&world.laptop().own("sealed"));
    let files = found.iter().filter_map(|(path, node)| {
        let content = String::from_utf8(node.content()?.to_vec()).unwrap();
        Some((String::from_utf8(path.clone()).unwrap(), content))
    });
    files.collect()
}

#[test]
fn row_1_what_is_no_file_at_the_source_leaves_the_copy() {
    let world = agreed();
    world.server().remove(LOG);
    world.server().mkdir(LOG);
    let run = world.laptop().sync();
    run.exits(3).actions([]).no_backups().again();
    assert_eq!(log(&world, Side::Laptop), THREE_LINES);
}

#[test]
fn row_2_a_log_that_vanished_at_its_source_is_kept() {
    let world = agreed();
    world.server().remove(LOG);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([]).live("", &format!("- {LOG}")).no_backups();
    run.notices_that(LOG, "source-gone").again();
}

#[test]
fn row_3_a_copy_that_is_missing_is_fetched_whole() {
    let world = agreed();
    world.laptop().remove(LOG);
    world.laptop().sync().exits(0).clean().both("").no_backups().again();
}

#[test]
fn row_3_a_new_log_is_fetched() {
    let world = agreed();
    world.server().write("logs/new.jsonl", "{}\n");
    world.server().write("logs/new.txt", "not a log of ours");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("create", "logs/new.jsonl", Side::Laptop)]).again();
    assert_eq!(world.laptop().get("logs/new.txt"), None);
}

#[test]
fn row_4_equal_growth_is_adopted() {
    let world = agreed();
    for side in Side::BOTH {
        world.at(side).append(LOG, "{\"n\":4}\n");
    }
    world.laptop().sync().exits(0).clean().actions([]).no_backups().again();
}

#[test]
fn row_5_only_the_new_lines_travel_and_the_inode_stays() {
    let world = agreed();
    let inode = world.laptop().meta(LOG).ino();
    world.server().append(LOG, "{\"n\":4}\n{\"n\":5}\n");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("append", LOG, Side::Laptop)]).no_backups();
    assert_eq!(run.report.raw["totals"]["bytes"], 16);
    assert_eq!(log(&world, Side::Laptop), log(&world, Side::Server));
    assert_eq!(world.laptop().meta(LOG).ino(), inode);
    run.again();
}

#[test]
fn row_5_a_log_that_waited_still_grows_in_place() {
    let world = agreed();
    world.server().append(LOG, "{\"n\":4}\n");
    // Old enough that its hash is remembered.
    thread::sleep(Duration::from_millis(50));
    for _ in 0..2 {
        world.laptop().push();
        thread::sleep(Duration::from_millis(50));
    }
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("append", LOG, Side::Laptop)]).no_backups();
    assert!(sealed(&world).is_empty());
}

#[test]
fn row_5_half_a_line_waits_for_its_end() {
    let world = agreed();
    world.server().append(LOG, "{\"n\":4}\n{\"n\":");
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("append", LOG, Side::Laptop)]);
    assert_eq!(log(&world, Side::Laptop), format!("{THREE_LINES}{{\"n\":4}}\n"));
    run.again();
    world.server().append(LOG, "5}\n");
    world.laptop().sync().exits(0).clean().actions([("append", LOG, Side::Laptop)]);
    assert_eq!(log(&world, Side::Laptop), log(&world, Side::Server));
}

#[test]
fn row_6_a_log_that_was_cut_seals_the_old_copy() {
    let world = agreed();
    world.server().write(LOG, "{\"n\":9}\n");
    let run = world.laptop().sync();
    run.exits(0).clean().notices_that(LOG, "rotated");
    assert_eq!(log(&world, Side::Laptop), "{\"n\":9}\n");
    let sealed = sealed(&world);
    assert_eq!(sealed.len(), 1, "{sealed:?}");
    assert!(sealed[0].0.starts_with("logs/day.jsonl."), "{sealed:?}");
    assert_eq!(sealed[0].1, THREE_LINES);
    run.again();
}

#[test]
fn row_6_a_rotated_log_moves_here_too() {
    let world = agreed();
    let inode = world.laptop().meta(LOG).ino();
    world.server().rename(LOG, "logs/day-1.jsonl");
    world.server().write(LOG, "{\"n\":4}\n");
    let run = world.laptop().sync();
    let escaped = THREE_LINES.replace('\n', "\\n");
    run.exits(0).clean().both(&format!("logs/day-1.jsonl = {escaped}\n{LOG} = {{\"n\":4}}\\n"));
    assert_eq!(world.laptop().meta("logs/day-1.jsonl").ino(), inode);
    assert_eq!(sealed(&world), []);
    run.again();
}

#[test]
fn row_7_a_copy_that_was_edited_is_not_replaced() {
    let world = agreed();
    world.laptop().write(LOG, "edited here\n");
    world.server().write(LOG, "{\"n\":9}\n");
    let run = world.laptop().sync();
    run.exits(3).actions([]).no_backups().conflicts([(LOG, "append-diverged")]);
    assert_eq!(log(&world, Side::Laptop), "edited here\n");
    run.again();
}

#[test]
fn row_7_lines_added_here_stay_here() {
    let world = agreed();
    world.laptop().append(LOG, "mine\n");
    world.server().append(LOG, "{\"n\":4}\n");
    let run = world.laptop().sync();
    run.exits(3).actions([]).no_backups().conflicts([(LOG, "append-diverged")]);
    assert_eq!(log(&world, Side::Laptop), format!("{THREE_LINES}mine\n"));
    assert_eq!(log(&world, Side::Server), format!("{THREE_LINES}{{\"n\":4}}\n"));
    run.again();
}

#[test]
fn row_8_a_source_that_became_shorter_never_shortens_the_copy() {
    let world = agreed();
    world.server().write(LOG, "{\"n\":1}\n");
    let run = world.laptop().sync();
    run.exits(0).clean();
    assert_eq!(sealed(&world).first().map(|(_, content)| content.as_str()), Some(THREE_LINES));
    assert_eq!(log(&world, Side::Laptop), "{\"n\":1}\n");
    run.again();
}

#[test]
fn nothing_of_the_copy_ever_reaches_the_source() {
    let world = agreed();
    world.laptop().append(LOG, "mine\n");
    world.laptop().write("logs/mine.jsonl", "{}\n");
    world.server().sync();
    world.laptop().push();
    assert_eq!(log(&world, Side::Server), THREE_LINES);
    assert_eq!(world.server().get("logs/mine.jsonl"), None);
    assert_eq!(world.laptop().get("logs/mine.jsonl"), Some(Node::file("{}\n")));
}

#[test]
fn a_reader_that_follows_the_copy_goes_on_reading() {
    let world = agreed();
    let mut reader = File::open(world.laptop().path(LOG)).unwrap();
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    for number in 4..8 {
        let line = format!("{{\"n\":{number}}}\n");
        world.server().append(LOG, &line);
        world.laptop().sync().exits(0).clean();
        let mut more = String::new();
        reader.read_to_string(&mut more).unwrap();
        assert_eq!(more, line);
    }
}

#[test]
fn a_log_that_is_written_to_during_a_run_is_never_torn() {
    let world = agreed();
    let path = world.server().path(LOG);
    let stop = AtomicBool::new(false);
    let runs: Vec<(i32, String, String)> = thread::scope(|scope| {
        scope.spawn(|| {
            let mut source = File::options().append(true).open(&path).unwrap();
            for number in (4..).take_while(|_| !stop.load(Ordering::SeqCst)) {
                source.write_all(format!("{{\"n\":{number}}}\n").as_bytes()).unwrap();
                thread::sleep(Duration::from_micros(300));
            }
        });
        let runs = (0..5).map(|_| {
            let code = world.laptop().run(["bidirectional"]).code();
            (code, log(&world, Side::Laptop), log(&world, Side::Server))
        });
        let runs = runs.collect();
        stop.store(true, Ordering::SeqCst);
        runs
    });
    for (code, copy, source) in &runs {
        assert!([0, 7].contains(code), "exit {code} while the log was written to");
        assert!(source.starts_with(copy) && copy.ends_with('\n'), "torn: {copy}");
    }
    assert!(runs[4].1.len() > THREE_LINES.len(), "a growing log is never starved");
    world.laptop().sync().exits(0).clean();
    assert_eq!(log(&world, Side::Laptop), log(&world, Side::Server));
}

#[test]
fn a_large_log_sends_its_tail_alone() {
    let world = agreed();
    let line = format!("{{\"text\":\"{}\"}}\n", "x".repeat(1013));
    world.server().write("logs/large.jsonl", line.repeat(12 * 1024));
    world.laptop().sync().exits(0).clean();
    world.server().append("logs/large.jsonl", &line);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("append", "logs/large.jsonl", Side::Laptop)]);
    let sent = run.report.raw["totals"]["wire_bytes"].as_u64().unwrap();
    assert!(sent < 64 * 1024, "{sent} bytes for a line of {}", line.len());
    let [copy, source] =
        Side::BOTH.map(|side| fs::read(world.at(side).path("logs/large.jsonl")).unwrap());
    assert!(copy == source);
}
