//! Scenarios M01–M15: time, mode and owner.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::time::{Duration, SystemTime};

use rustix::fs::{XattrFlags, getxattr, setxattr};
use ubos_testkit::{Side, World};

use crate::{BINARY, agreed};

fn years(count: u64) -> Duration {
    Duration::from_secs(count * 365 * 24 * 3600)
}

#[test]
fn m01_a_touched_file_is_not_sent() {
    let world = agreed();
    world.laptop().touch("notes/f", SystemTime::now() + Duration::from_secs(60));
    world.laptop().sync().exits(0).clean().actions([]).both("").no_backups().again();
}

#[test]
fn m02_an_edit_of_the_same_size_with_its_time_put_back_travels() {
    let world = agreed();
    let before = world.laptop().meta("notes/f").modified().unwrap();
    world.laptop().write("notes/f", "B");
    world.laptop().touch("notes/f", before);
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = B").backups("", "notes/f = A").again();
}

#[test]
fn m03_an_edit_right_after_a_run_travels_with_the_next() {
    let world = agreed();
    for version in ["B", "C", "D", "E", "F"] {
        world.laptop().write("notes/f", version);
        world.laptop().sync().exits(0).clean().both(&format!("notes/f = {version}"));
    }
}

#[test]
fn m04_the_executable_bit_travels_without_content() {
    let world = agreed();
    world.laptop().chmod("notes/f", 0o755);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("mode", "notes/f", Side::Server)]);
    run.both("notes/f * = A").no_backups().again();
    assert_eq!(run.report.raw["totals"]["bytes"], 0);
}

#[test]
fn m05_the_executable_bit_here_and_content_there_are_merged() {
    let world = agreed();
    world.laptop().chmod("notes/f", 0o755);
    world.server().write("notes/f", "C");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f * = C").backups("notes/f * = A", "").again();
}

#[test]
fn m06_the_executable_bit_is_taken_away_too() {
    let world = agreed();
    world.server().chmod("notes/f", 0o755);
    world.laptop().sync().exits(0).clean().both("notes/f * = A");
    world.laptop().chmod("notes/f", 0o644);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("mode", "notes/f", Side::Server)]).both("").again();
}

#[test]
fn m07_a_deletion_wins_over_a_mode_or_a_time() {
    let world = agreed();
    world.laptop().remove("notes/f");
    world.server().chmod("notes/f", 0o755);
    world.laptop().remove("notes/g");
    world.server().touch("notes/g", SystemTime::now() + Duration::from_secs(60));
    let run = world.laptop().sync();
    run.exits(0).clean().both("- notes/f\n- notes/g");
    run.backups("", "notes/f * = A\nnotes/g = old").again();
}

#[test]
fn m08_other_permission_bits_stay_where_they_are() {
    let world = agreed();
    world.laptop().chmod("notes/f", 0o640);
    world.laptop().sync().exits(0).clean().actions([]).both("").no_backups().again();
    assert_eq!((world.laptop().mode("notes/f"), world.server().mode("notes/f")), (0o640, 0o644));
}

#[test]
fn m09_a_secret_is_as_secret_there() {
    let world = agreed();
    world.laptop().write("notes/secret", "hush");
    world.laptop().chmod("notes/secret", 0o600);
    world.laptop().sync().exits(0).clean().both("notes/secret = hush").again();
    assert_eq!(world.server().mode("notes/secret"), 0o600);
}

#[test]
fn m10_a_replaced_file_keeps_the_attributes_of_its_side() {
    let world = agreed();
    let path = world.server().path("notes/f");
    world.server().chmod("notes/f", 0o640);
    if rustix::process::geteuid().is_root() {
        chown(&path, None, Some(33)).unwrap();
    }
    let group = world.server().meta("notes/f").gid();
    let marked = setxattr(&path, "user.mark", b"kept", XattrFlags::empty()).is_ok();
    world.laptop().write("notes/f", "B");
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/f = B").backups("", "notes/f = A").again();
    assert_eq!(
        (world.server().mode("notes/f"), world.server().meta("notes/f").gid()),
        (0o640, group)
    );
    if marked {
        let mut value = [0; 8];
        let length = getxattr(&path, "user.mark", &mut value).unwrap();
        assert_eq!(&value[..length], b"kept");
    } else {
        eprintln!("the extended attribute is not tested: this file system has none");
    }
}

#[test]
fn m11_the_setuid_bit_is_never_sent() {
    let world = agreed();
    world.laptop().chmod("notes/f", 0o4644);
    world.laptop().write("notes/tool", "run");
    world.laptop().chmod("notes/tool", 0o4755);
    let run = world.laptop().sync();
    run.exits(0).clean().actions([("create", "notes/tool", Side::Server)]);
    run.both("notes/tool * = run").again();
    assert_eq!((world.server().mode("notes/f"), world.server().mode("notes/tool")), (0o644, 0o755));
}

#[test]
fn m12_what_cannot_be_read_is_not_deleted() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        return;
    };
    world.laptop().chmod("notes/f", 0o000);
    world.server().write("notes/g", "C");
    let run = world.laptop().sync();
    run.exits(7).actions([("update", "notes/g", Side::Laptop)]).backups("notes/g = old", "");
    run.skipped([("notes/f", Side::Laptop)]).conflicts([]).held([]);
    world.laptop().chmod("notes/f", 0o644);
    world.laptop().sync().exits(0).clean().actions([]).both("notes/g = C").again();
}

#[test]
fn m12_an_edit_there_does_not_replace_what_cannot_be_read() {
    let Some(world) = World::agreed_unprivileged(BINARY) else {
        return;
    };
    world.laptop().write("notes/f", "B");
    world.laptop().chmod("notes/f", 0o000);
    world.server().write("notes/f", "C");
    world.laptop().sync().exits(7).actions([]).skipped([("notes/f", Side::Laptop)]);
    world.laptop().chmod("notes/f", 0o644);
    let run = world.laptop().sync();
    run.exits(3).live("notes/f = B", "notes/f = C").conflicts([("notes/f", "modify-modify")]);
}

#[test]
fn m13_a_strange_date_is_copied_and_decides_nothing() {
    let world = agreed();
    let future = SystemTime::UNIX_EPOCH + years(129);
    let past = SystemTime::UNIX_EPOCH - years(10);
    for (path, time) in [("notes/future", future), ("notes/past", past)] {
        world.laptop().write(path, path);
        world.laptop().touch(path, time);
    }
    let run = world.laptop().sync();
    run.exits(0).clean().both("notes/future = notes/future\nnotes/past = notes/past");
    run.notices("notes/future").notices("notes/past").again();
    for path in ["notes/future", "notes/past"] {
        let [here, there] = Side::BOTH.map(|side| world.at(side).meta(path).modified().unwrap());
        assert_eq!(here, there, "{path}");
    }
}

#[test]
fn m14_times_rounded_by_a_file_system_send_nothing() {
    let world = agreed();
    for (path, _) in world.laptop().tree().iter() {
        let path = world.laptop().path(path);
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_file() {
            let even = u64::try_from(meta.mtime()).unwrap() / 2 * 2;
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(even);
            fs::File::open(&path).unwrap().set_modified(time).unwrap();
        }
    }
    world.mark();
    world.laptop().sync().exits(0).clean().actions([]).both("").again();
}

#[test]
fn m15_an_executable_bit_on_one_side_wins_the_first_sync() {
    let world = World::unpaired(BINARY);
    world.server().chmod("notes/f", 0o755);
    world.init().exits(0);
    let run = world.laptop().sync();
    run.exits(0).clean().notices("notes/f").no_backups();
    run.both("notes/f * = A").again();
}

#[test]
fn a_delivered_file_has_the_mode_and_the_time_of_its_source() {
    let world = agreed();
    let time = SystemTime::UNIX_EPOCH + Duration::new(1_600_000_000, 123_456_789);
    world.laptop().write("notes/new", "X");
    world.laptop().chmod("notes/new", 0o750);
    world.laptop().touch("notes/new", time);
    world.laptop().sync().exits(0).clean().both("notes/new * = X");
    assert_eq!(world.server().meta("notes/new").modified().unwrap(), time);
    assert_eq!(world.server().mode("notes/new") & !0o750, 0, "never wider than its source");
}
