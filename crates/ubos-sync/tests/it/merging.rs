//! Three-way merges through a run: with the text last agreed on, from the packs that both sides keep.

use std::fs;
use std::path::PathBuf;

use ubos_testkit::{Side, World};

use crate::policies::set_policies;
use crate::{BINARY, agreed};

const BASE: &str = "one\ntwo\nthree\nfour\n";
const HERE: &str = "ONE\ntwo\nthree\nfour\n";
const THERE: &str = "one\ntwo\nthree\nFOUR\n";
const BOTH: &str = "ONE\ntwo\nthree\nFOUR\n";
const MERGE: [&str; 3] = ["bidirectional", "--conflicts", "merge"];

/// Both sides agree on `base` at `path`, then hold two versions.
fn edited(path: &str, base: &str, here: &str, there: &str) -> World {
    let world = agreed();
    world.laptop().write(path, base);
    world.laptop().write("notes/long.md", "agreed on\nlong ago\n");
    world.laptop().sync().exits(0);
    world.laptop().write(path, here);
    world.server().write(path, there);
    world
}

fn text(world: &World, side: Side, path: &str) -> String {
    String::from_utf8(world.at(side).get(path).unwrap().content().unwrap().to_vec()).unwrap()
}

#[track_caller]
fn holds(world: &World, path: &str, expected: &str) {
    for side in Side::BOTH {
        assert_eq!(text(world, side, path), expected, "{side:?}");
    }
}

/// The pack of agreed texts, or the book beside it.
fn pack(world: &World, side: Side, name: &str) -> PathBuf {
    let pairs = fs::read_dir(world.at(side).own("state")).unwrap();
    let mut folders = pairs.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.next().unwrap().join(name)
}

#[test]
fn edits_that_fit_together_are_merged_on_both_sides() {
    for command in ["flag", "policy", "resolve"] {
        let world = edited("notes/m.md", BASE, HERE, THERE);
        match command {
            "flag" => {
                let run = world.laptop().sync_with(MERGE);
                run.exits(0).clean().backups(
                    "notes/m.md = ONE\\ntwo\\nthree\\nfour\\n",
                    "notes/m.md = one\\ntwo\\nthree\\nFOUR\\n",
                );
                run.actions([
                    ("update", "notes/m.md", Side::Laptop),
                    ("update", "notes/m.md", Side::Server),
                ]);
            }
            "policy" => {
                set_policies(&world, "\"*.md\" = \"ask\"\n\"notes/*.md\" = \"merge\"");
                world.laptop().sync().exits(0).clean();
            }
            _ => {
                world.laptop().sync().exits(3).conflicts([("notes/m.md", "modify-modify")]);
                world.laptop().resolve(["notes/m.md", "--keep", "merge"]).exits(0);
            }
        }
        holds(&world, "notes/m.md", BOTH);
        world.laptop().sync().exits(0).clean().actions([]);
        world.server().sync().exits(0).clean().actions([]);
    }
}

#[test]
fn the_server_merges_as_well() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.server().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/m.md", BOTH);
}

#[test]
fn a_merge_is_the_base_of_the_next_one() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().sync_with(MERGE).exits(0).clean();
    world.laptop().write("notes/m.md", BOTH.replace("ONE", "1"));
    world.server().write("notes/m.md", BOTH.replace("FOUR", "4"));
    world.laptop().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/m.md", "1\ntwo\nthree\n4\n");
}

#[test]
fn the_record_has_both_former_hashes() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    let run = world.laptop().sync_with(MERGE);
    let hash = |text: &str| ubos_core::entry::Digest::of(text.as_bytes()).to_hex();
    for side in Side::BOTH {
        let log = world.at(side).own("log");
        let lines: String = fs::read_dir(log)
            .unwrap()
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        let of_run: String = lines.lines().filter(|l| l.contains(&run.report.run)).collect();
        for text in [HERE, THERE, BOTH] {
            assert!(of_run.contains(&hash(text)), "{side:?} lacks {text:?}:\n{of_run}");
        }
    }
}

#[test]
fn edits_of_one_place_stay_open() {
    let world = edited("notes/m.md", BASE, "ONE\n", "uno\n");
    let run = world.laptop().sync_with(MERGE);
    run.exits(3).conflicts([("notes/m.md", "modify-modify")]).actions([]).no_backups();
    let told = world.laptop().resolve(["notes/m.md", "--keep", "merge"]);
    told.exits(3).says("notes/m.md").says("the same place");
    assert_eq!(text(&world, Side::Laptop, "notes/m.md"), "ONE\n");
}

#[test]
fn of_several_those_that_fit_are_merged_and_the_others_named() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().write("notes/f", "here");
    world.server().write("notes/f", "there");
    world.laptop().sync().exits(3);
    let told = world.laptop().resolve([".", "--keep", "merge"]);
    told.exits(3).says("notes/f");
    holds(&world, "notes/m.md", BOTH);
    assert_eq!(text(&world, Side::Laptop, "notes/f"), "here");
}

#[test]
fn without_the_text_last_agreed_on_it_stays_open() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    for side in Side::BOTH {
        fs::remove_file(pack(&world, side, "texts")).unwrap();
    }
    world.laptop().sync_with(MERGE).exits(3).conflicts([("notes/m.md", "modify-modify")]);
    let told = world.laptop().resolve(["notes/m.md", "--keep", "merge"]);
    told.exits(3).says("last agreed on is not kept");
}

#[test]
fn two_new_files_stay_open() {
    let world = agreed();
    world.laptop().write("notes/new.md", "a\nb\n");
    world.server().write("notes/new.md", "a\nb\nc\n");
    world.laptop().sync_with(MERGE).exits(3).conflicts([("notes/new.md", "create-create")]);
}

#[test]
fn settings_are_merged_by_key() {
    let world = edited(
        "notes/app.json",
        "{\n  \"a\": 1,\n  \"b\": [\"x\"]\n}\n",
        "{\n  \"a\": 2,\n  \"b\": [\"x\"]\n}\n",
        "{\n  \"a\": 1,\n  \"b\": [\"x\", \"y\"]\n}\n",
    );
    world.laptop().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/app.json", "{\n  \"a\": 2,\n  \"b\": [\"x\", \"y\"]\n}\n");
}

#[test]
fn what_is_no_text_or_too_long_stays_open() {
    let long = "line of a long text\n".repeat(60_000);
    let (long_here, long_there) = (format!("here\n{long}"), format!("{long}there\n"));
    for (base, here, there) in [
        ("a\n\0\nb\nc\n", "A\n\0\nb\nc\n", "a\n\0\nb\nC\n"),
        (long.as_str(), long_here.as_str(), long_there.as_str()),
    ] {
        let world = edited("notes/m.bin", base, here, there);
        world.laptop().sync_with(MERGE).exits(3).conflicts([("notes/m.bin", "modify-modify")]);
        world.laptop().resolve(["notes/m.bin", "--keep", "merge"]).exits(3).says("notes/m.bin");
        assert_eq!(text(&world, Side::Laptop, "notes/m.bin"), here);
    }
}

#[test]
fn the_executable_bit_is_merged_too() {
    for (bit, expected) in [(Side::Laptop, 0o111), (Side::Server, 0o111)] {
        let world = edited("notes/run.sh", BASE, HERE, THERE);
        world.at(bit).chmod("notes/run.sh", 0o755);
        world.laptop().sync_with(MERGE).exits(0).clean();
        holds(&world, "notes/run.sh", BOTH);
        for side in Side::BOTH {
            assert_eq!(world.at(side).mode("notes/run.sh") & 0o111, expected, "{side:?}");
        }
    }
}

#[test]
fn a_merged_file_keeps_the_mode_it_has_on_each_side() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().chmod("notes/m.md", 0o640);
    world.server().chmod("notes/m.md", 0o664);
    world.laptop().sync_with(MERGE).exits(0).clean();
    assert_eq!(world.laptop().mode("notes/m.md") & 0o777, 0o640);
    assert_eq!(world.server().mode("notes/m.md") & 0o777, 0o664);
    let times = Side::BOTH.map(|side| world.at(side).meta("notes/m.md").modified().unwrap());
    assert_eq!(times[0], times[1]);
}

#[test]
fn edits_on_both_sides_of_a_one_way_area_are_not_merged_by_a_policy() {
    let world = agreed();
    world.laptop().write("in/x", BASE);
    world.server().write("in/x", THERE);
    world.laptop().sync_with(MERGE).exits(3).conflicts([("in/x", "drift")]);
}

#[test]
fn a_dry_run_shows_the_merge_and_changes_nothing() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    let run = world.laptop().sync_with(["bidirectional", "--conflicts", "merge", "-n"]);
    run.exits(0).conflicts([]).no_backups();
    assert_eq!(run.report.actions.len(), 2);
    assert_eq!(text(&world, Side::Laptop, "notes/m.md"), HERE);
    assert_eq!(text(&world, Side::Server, "notes/m.md"), THERE);
}

#[test]
fn a_damaged_pack_costs_only_the_merge_and_heals() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 6] = [
        ("emptied", |bytes| bytes.clear()),
        ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
        ("a few bytes longer", |bytes| bytes.extend_from_slice(b"torn")),
        ("another head", |bytes| bytes[1] ^= 0xff),
        ("contents turned over", |bytes| {
            bytes
                .iter_mut()
                .enumerate()
                .filter(|(at, _)| at % 7 == 3)
                .for_each(|(_, b)| *b ^= 0x55);
        }),
        ("a length without end", |bytes| bytes[36..44].fill(0xff)),
    ];
    for (what, damage) in damages {
        for name in ["texts", "texts.book"] {
            let world = edited("notes/m.md", BASE, HERE, THERE);
            let path = pack(&world, Side::Laptop, name);
            let mut bytes = fs::read(&path).unwrap();
            bytes.resize(bytes.len().max(64), 0);
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
            let run = world.laptop().sync_with(MERGE);
            assert!([0, 3].contains(&run.outcome.code()), "{what} {name}\n{}", run.outcome.told());
            if run.outcome.code() == 3 {
                world.laptop().resolve(["notes/m.md", "--keep", "balaur"]).exits(0);
            }
            merges_again(&world, &format!("{what} {name}"));
        }
    }
}

/// Runs until what is missing is filled in, then edits a file that was agreed on long before.
fn merges_again(world: &World, what: &str) {
    for _ in 0..2 {
        world.laptop().sync().exits(0).clean();
    }
    let agreed = text(world, Side::Laptop, "notes/long.md");
    world.laptop().write("notes/long.md", format!("here\n{agreed}"));
    world.server().write("notes/long.md", format!("{agreed}there\n"));
    let run = world.laptop().sync_with(MERGE);
    assert_eq!(run.outcome.code(), 0, "{what}\n{}", run.outcome.told());
    holds(world, "notes/long.md", &format!("here\n{agreed}there\n"));
}

#[test]
fn a_lost_pack_is_filled_from_the_files_that_are_as_agreed() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().sync_with(MERGE).exits(0).clean();
    for side in Side::BOTH {
        for name in ["texts", "texts.book"] {
            fs::remove_file(pack(&world, side, name)).unwrap();
        }
    }
    world.laptop().sync().exits(0).clean().actions([]);
    world.laptop().write("notes/m.md", BOTH.replace("ONE", "1"));
    world.server().write("notes/m.md", BOTH.replace("FOUR", "4"));
    world.laptop().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/m.md", "1\ntwo\nthree\n4\n");
    // The server has its own.
    world.server().write("notes/m.md", "1\ntwo\nthree\n4\n5\n");
    world.laptop().write("notes/m.md", "0\n1\ntwo\nthree\n4\n");
    world.server().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/m.md", "0\n1\ntwo\nthree\n4\n5\n");
}

#[test]
fn a_run_that_agrees_on_nothing_new_touches_no_text() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().sync_with(MERGE).exits(0).clean();
    let stamps = || {
        Side::BOTH.map(|side| {
            ["texts", "texts.book"].map(|name| {
                let meta = fs::metadata(pack(&world, side, name)).unwrap();
                (meta.len(), meta.modified().unwrap())
            })
        })
    };
    let before = stamps();
    world.laptop().sync().exits(0).clean();
    world.server().sync().exits(0).clean();
    assert_eq!(stamps(), before);
}

#[test]
fn the_pack_does_not_grow_with_the_edits_of_one_file() {
    let world = agreed();
    let mut state = 7u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'!' + (state >> 33) as u8 % 90)
    };
    for _ in 0..14 {
        let text: String = (0..900_000).map(|_| noise()).collect();
        world.laptop().write("notes/long.md", text);
        world.laptop().sync().exits(0).clean();
    }
    for side in Side::BOTH {
        let length = fs::metadata(pack(&world, side, "texts")).unwrap().len();
        assert!(length < 6 << 20, "{side:?}: {length} bytes");
    }
    let agreed = text(&world, Side::Server, "notes/long.md");
    world.laptop().write("notes/long.md", format!("here\n{agreed}\nlast"));
    world.laptop().sync().exits(0).clean();
}

#[test]
fn hundreds_of_conflicts_are_kept_on_both_sides_and_merged() {
    let world = agreed();
    let path = |n: usize| format!("notes/many/{n:03}.md");
    for n in 0..300 {
        world.laptop().write(path(n), format!("{n}\n{BASE}"));
    }
    world.laptop().sync().exits(0).clean();
    for n in 0..300 {
        world.laptop().write(path(n), format!("{n}\n{HERE}"));
        world.server().write(path(n), format!("{n}\n{THERE}"));
    }
    // A folder of an earlier version is cleaned up.
    fs::create_dir_all(world.laptop().own("conflicts/0123456789abcdef")).unwrap();
    fs::write(world.laptop().own("conflicts/0123456789abcdef/balaur"), "old").unwrap();
    let run = world.laptop().sync();
    assert_eq!(run.exits(3).report.conflicts.len(), 300);
    assert!(!world.laptop().own("conflicts/0123456789abcdef").exists());
    let versions = |side: Side| -> Vec<(PathBuf, u64)> {
        let found = fs::read_dir(world.at(side).own("conflicts")).unwrap();
        let files = found.map(|entry| entry.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|ending| ending == "versions"))
            .map(|path| (path.clone(), fs::metadata(&path).unwrap().len()))
            .collect()
    };
    let kept = Side::BOTH.map(versions);
    assert!(kept.iter().all(|found| found.len() == 1 && found[0].1 > 0), "{kept:?}");
    world.laptop().sync().exits(3);
    assert_eq!(Side::BOTH.map(versions), kept);
    // From either side, by what is kept there.
    world.server().resolve(["notes/many", "--keep", "merge"]).exits(0);
    for n in [0, 150, 299] {
        holds(&world, &path(n), &format!("{n}\n{BOTH}"));
    }
    world.laptop().sync().exits(0).clean().actions([]);
    assert_eq!(Side::BOTH.map(versions), [vec![], vec![]]);
}

#[test]
fn lost_versions_are_fetched_again() {
    let world = edited("notes/m.md", BASE, HERE, THERE);
    world.laptop().sync().exits(3);
    for side in Side::BOTH {
        for entry in fs::read_dir(world.at(side).own("conflicts")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "versions") {
                fs::write(path, "rubbish").unwrap();
            }
        }
    }
    world.laptop().resolve(["notes/m.md", "--keep", "merge"]).exits(3).says("not kept");
    world.laptop().sync().exits(3);
    world.laptop().resolve(["notes/m.md", "--keep", "merge"]).exits(0);
    holds(&world, "notes/m.md", BOTH);
}

#[test]
fn a_first_sync_keeps_the_texts_of_both_sides() {
    let world = World::unpaired(BINARY);
    world.laptop().write("notes/m.md", BASE);
    let world = world.paired();
    world.laptop().write("notes/m.md", HERE);
    world.server().write("notes/m.md", THERE);
    world.server().sync_with(MERGE).exits(0).clean();
    holds(&world, "notes/m.md", BOTH);
}

#[cfg(feature = "failpoints")]
mod crashes {
    use ubos_testkit::failpoints::{run_with_crash, trace};

    use super::*;

    #[test]
    fn a_kill_at_any_step_of_a_merge_is_mended() {
        let (outcome, points) = trace(edited("notes/m.md", BASE, HERE, THERE).laptop(), &MERGE);
        outcome.exits(0);
        for (index, crash) in points.crashes().into_iter().enumerate() {
            let world = edited("notes/m.md", BASE, HERE, THERE);
            run_with_crash(world.laptop(), &MERGE, crash);
            let next = if index % 3 == 2 { world.server() } else { world.laptop() };
            let run = next.sync_with(MERGE);
            assert_eq!(run.outcome.code(), 0, "{crash:?}\n{}", run.outcome.told());
            holds(&world, "notes/m.md", BOTH);
            world.laptop().sync().exits(0).clean().actions([]);
        }
    }
}
