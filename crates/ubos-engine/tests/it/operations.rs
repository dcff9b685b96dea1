//! What every endpoint owes when it carries out operations: each kind does what it says and keeps
//! what it replaces; each acts only if the disk still holds what the plan saw.

use std::fs;
use std::os::unix::fs::symlink;

use ubos_core::entry::Entry;
use ubos_core::plan::{OpKind, Operation};
use ubos_core::sides::Side;
use ubos_engine::agent::message::{FolderMode, Outcome};

use crate::subject::{
    RUN, Subject, create, delete, executable, file, item, link, on_both, op, path, rename, replace,
    slot, want,
};

fn done(subject: &mut Subject, op: Operation, content: &[u8]) {
    let outcomes = subject.carry_out(vec![op], &[content]);
    assert_eq!(outcomes, [Outcome::Done]);
}

#[test]
fn a_file_is_created_with_the_mode_and_time_of_its_source() {
    on_both(|subject| {
        done(subject, create("notes/deep/down/a", "A"), b"A");
        assert_eq!(subject.read("notes/deep/down/a").unwrap(), b"A");
        let meta = fs::metadata(subject.root().join("notes/deep/down/a")).unwrap();
        let since = meta.modified().unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(since.as_secs(), 1_500_000_000);
        assert_eq!(subject.tree()["notes/deep/down/a"].split(' ').next(), Some("644"));
    });
}

#[test]
fn an_empty_file_and_a_link_are_created() {
    on_both(|subject| {
        let made = op("notes/l", OpKind::Create, None, Some(link("elsewhere")));
        let outcomes = subject.carry_out(vec![create("notes/empty", ""), made], &[b""]);
        assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
        assert_eq!(subject.read("notes/empty").unwrap(), b"");
        assert_eq!(subject.tree()["notes/l"], "-> elsewhere");
    });
}

#[test]
fn a_replaced_file_is_in_the_backups_and_gives_its_permissions() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        subject.chmod("notes/a", 0o640);
        done(subject, replace("notes/a", "A", "B"), b"B");
        assert_eq!(subject.read("notes/a").unwrap(), b"B");
        assert_eq!(subject.backup("notes/a").unwrap(), b"A");
        assert_eq!(subject.tree()["notes/a"].split(' ').next(), Some("640"));
        assert!(subject.endpoint().recheck().unwrap().is_empty());
        subject.write(&format!(".ubos-sync/backups/{RUN}/notes/a"), "late");
        assert_eq!(subject.endpoint().recheck().unwrap(), [path("notes/a")]);
    });
}

#[test]
fn a_folder_becomes_a_file_and_is_kept_whole() {
    on_both(|subject| {
        subject.write("notes/D/a", "A");
        subject.write("notes/D/e/b", "B");
        let contents = vec![
            (path("notes/D/a"), file("A")),
            (path("notes/D/e"), Entry::Dir),
            (path("notes/D/e/b"), file("B")),
        ];
        let kind = OpKind::Replace { contents };
        done(subject, op("notes/D", kind, Some(Entry::Dir), Some(file("flat"))), b"flat");
        assert_eq!(subject.read("notes/D").unwrap(), b"flat");
        assert_eq!(subject.backup("notes/D/e/b").unwrap(), b"B");
    });
}

fn append(old: &str, new: &str) -> Operation {
    let kind = OpKind::Append { from: old.len() as u64 };
    op("logs/l.jsonl", kind, Some(file(old)), Some(file(new)))
}

#[test]
fn a_log_grows_in_place() {
    on_both(|subject| {
        subject.write("logs/l.jsonl", "1\n");
        let before = inode(subject, "logs/l.jsonl");
        done(subject, append("1\n", "1\n2\n"), b"2\n");
        assert_eq!(subject.read("logs/l.jsonl").unwrap(), b"1\n2\n");
        assert_eq!(inode(subject, "logs/l.jsonl"), before, "a `tail -f` goes on");
    });
}

fn inode(subject: &Subject, at: &str) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(subject.root().join(at)).unwrap().ino()
}

#[test]
fn a_rotated_log_is_sealed_for_ever() {
    on_both(|subject| {
        subject.write("logs/l.jsonl", "old\n");
        let sealed =
            op("logs/l.jsonl", OpKind::SealAndCreate, Some(file("old\n")), Some(file("n\n")));
        done(subject, sealed, b"n\n");
        assert_eq!(subject.read("logs/l.jsonl").unwrap(), b"n\n");
        let kept = subject.read(&format!(".ubos-sync/sealed/logs/l.jsonl.{RUN}"));
        assert_eq!(kept.unwrap(), b"old\n");
    });
}

#[test]
fn a_deleted_file_and_link_are_in_the_backups() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        symlink("there", subject.root().join("notes/l")).unwrap();
        let unlink = op("notes/l", OpKind::Delete, Some(link("there")), None);
        let outcomes = subject.carry_out(vec![delete("notes/a", "A"), unlink], &[]);
        assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
        assert_eq!(subject.backup("notes/a").unwrap(), b"A");
        assert!(!subject.tree().contains_key("notes/a") && !subject.tree().contains_key("notes/l"));
    });
}

#[test]
fn folders_are_made_and_removed_only_when_empty() {
    on_both(|subject| {
        subject.write("notes/junk/.DS_Store", "junk");
        subject.write("notes/full/new", "just made");
        subject.scan();
        let items = vec![
            item(op("notes/made", OpKind::Mkdir, None, Some(Entry::Dir))),
            item(op("notes/junk", OpKind::Rmdir, Some(Entry::Dir), None)),
            item(op("notes/full", OpKind::Rmdir, Some(Entry::Dir), None)),
        ];
        subject.endpoint().intend(RUN, &items, false).unwrap();
        let modes = [FolderMode { slot: slot(0), mode: 0o710 }];
        let outcomes = subject.endpoint().apply(&modes).unwrap();
        assert!(outcomes.iter().all(|o| o.outcome == Outcome::Done), "{outcomes:?}");
        let tree = subject.tree();
        assert!(tree.contains_key("notes/made") && !tree.contains_key("notes/junk"));
        assert!(tree.contains_key("notes/full/new"), "never recursively");
        assert_eq!(subject.backup("notes/junk/.DS_Store").unwrap(), b"junk");
    });
}

#[test]
fn files_and_folders_move_without_content() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        subject.write("notes/D/b", "B");
        let kind = OpKind::Rename {
            from: path("notes/D"),
            contents: vec![(path("notes/D/b"), file("B"))],
        };
        let folder = op("notes/E", kind, Some(Entry::Dir), Some(Entry::Dir));
        let ops = vec![rename("notes/a", "notes/new/a", file("A")), folder];
        assert_eq!(subject.carry_out(ops, &[]), [Outcome::Done, Outcome::Done]);
        assert_eq!(subject.read("notes/new/a").unwrap(), b"A");
        assert_eq!(subject.read("notes/E/b").unwrap(), b"B");
        assert!(!subject.tree().contains_key("notes/D"));
    });
}

#[test]
fn the_executable_bit_is_set_and_cleared() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        done(subject, op("notes/a", OpKind::SetExec, Some(file("A")), Some(executable("A"))), b"");
        assert_eq!(subject.tree()["notes/a"].split(' ').next(), Some("755"));
        done(subject, op("notes/a", OpKind::SetExec, Some(executable("A")), Some(file("A"))), b"");
        assert_eq!(subject.tree()["notes/a"].split(' ').next(), Some("644"));
    });
}

#[test]
fn operations_of_the_other_side_are_not_carried_out_here() {
    on_both(|subject| {
        subject.write("notes/a", "A");
        let theirs = Operation { to: Side::Here, ..delete("notes/a", "A") };
        assert_eq!(subject.carry_out(vec![theirs], &[]), []);
        assert_eq!(subject.read("notes/a").unwrap(), b"A");
    });
}

/// After `spoil`, which comes between the scan and the last step, `op` must leave everything alone.
fn refused(
    begin: impl Fn(&Subject),
    op: impl Fn() -> Operation,
    content: &[u8],
    spoil: impl Fn(&Subject),
) {
    on_both(|subject| {
        begin(subject);
        subject.scan();
        subject.intend(vec![op()], &[content]);
        spoil(subject);
        let before = subject.tree();
        let outcomes = subject.apply();
        assert!(
            matches!(outcomes[..], [Outcome::Skipped(_) | Outcome::Untracked]),
            "{outcomes:?} for {:?}",
            op()
        );
        assert_eq!(subject.tree(), before, "{:?}", op());
    });
}

fn edit(at: &'static str) -> impl Fn(&Subject) {
    move |subject| subject.write(at, "edited meanwhile")
}

fn remove(at: &'static str) -> impl Fn(&Subject) {
    move |subject| fs::remove_file(subject.root().join(at)).unwrap()
}

fn link_instead(at: &'static str) -> impl Fn(&Subject) {
    move |subject| {
        let place = subject.root().join(at);
        fs::rename(&place, subject.root().join("aside")).unwrap();
        symlink(subject.root().join("aside"), place).unwrap();
    }
}

fn same_size(at: &'static str) -> impl Fn(&Subject) {
    move |subject| {
        // An editor that keeps size and mtime.
        let place = subject.root().join(at);
        let time = fs::metadata(&place).unwrap().modified().unwrap();
        fs::write(&place, "Z").unwrap();
        fs::File::options().write(true).open(&place).unwrap().set_modified(time).unwrap();
    }
}

#[test]
fn nothing_is_created_over_something() {
    refused(|_| (), || create("notes/a", "A"), b"A", edit("notes/a"));
    refused(
        |_| (),
        || create("notes/a", "A"),
        b"A",
        |subject| {
            fs::create_dir_all(subject.root().join("notes/a")).unwrap();
        },
    );
    refused(|_| (), || create("notes/x/a", "A"), b"A", edit("notes/x"));
    let link_to_outside = |subject: &Subject| {
        fs::create_dir_all(subject.root().join("notes")).unwrap();
        symlink("../priv", subject.root().join("notes/x")).unwrap();
    };
    refused(|_| (), || create("notes/x/a", "A"), b"A", link_to_outside);
    refused(
        edit("notes/made"),
        || op("notes/made", OpKind::Mkdir, None, Some(Entry::Dir)),
        b"",
        |_| (),
    );
}

#[test]
fn nothing_is_replaced_or_deleted_that_changed() {
    let begin = |subject: &Subject| subject.write("notes/a", "A");
    let spoils: [&dyn Fn(&Subject); 5] = [
        &edit("notes/a"),
        &remove("notes/a"),
        &link_instead("notes/a"),
        &same_size("notes/a"),
        &|subject| subject.chmod("notes/a", 0o755),
    ];
    for spoil in spoils {
        refused(begin, || replace("notes/a", "A", "B"), b"B", spoil);
        refused(begin, || delete("notes/a", "A"), b"", spoil);
        refused(begin, || rename("notes/a", "notes/b", file("A")), b"", spoil);
        let exec = || op("notes/a", OpKind::SetExec, Some(file("A")), Some(executable("A")));
        refused(begin, exec, b"", spoil);
    }
}

#[test]
fn no_folder_is_moved_or_replaced_with_something_new_in_it() {
    let begin = |subject: &Subject| subject.write("notes/D/a", "A");
    let contents = || vec![(path("notes/D/a"), file("A"))];
    let replaced = || {
        let kind = OpKind::Replace { contents: contents() };
        op("notes/D", kind, Some(Entry::Dir), Some(file("flat")))
    };
    let renamed = || {
        let kind = OpKind::Rename { from: path("notes/D"), contents: contents() };
        op("notes/E", kind, Some(Entry::Dir), Some(Entry::Dir))
    };
    for spoil in [edit("notes/D/new"), edit("notes/D/a"), edit("notes/D/x.tmp")] {
        refused(begin, replaced, b"flat", &spoil);
        refused(begin, renamed, b"", &spoil);
    }
    refused(begin, renamed, b"", edit("notes/E"));
    let whole = || op("notes/D", OpKind::Delete, Some(Entry::Dir), None);
    refused(begin, whole, b"", |_| ());
}

#[test]
fn no_log_grows_that_is_not_what_was_agreed() {
    let begin = |subject: &Subject| subject.write("logs/l.jsonl", "1\n");
    let sealed = || op("logs/l.jsonl", OpKind::SealAndCreate, Some(file("1\n")), Some(file("n\n")));
    let spoils: [&dyn Fn(&Subject); 2] = [&edit("logs/l.jsonl"), &remove("logs/l.jsonl")];
    for spoil in spoils {
        refused(begin, || append("1\n", "1\n2\n"), b"2\n", spoil);
        refused(begin, sealed, b"n\n", spoil);
    }
}

#[test]
fn content_that_was_not_verified_is_never_placed() {
    let ops: [fn() -> Operation; 3] =
        [|| create("notes/new", "N"), || replace("notes/a", "A", "N"), || append("1\n", "1\nN")];
    for make in ops {
        on_both(|subject| {
            subject.write("notes/a", "A");
            subject.write("logs/l.jsonl", "1\n");
            subject.scan();
            let before = subject.tree();
            let spoiled = subject.stage(&[(want(0, &make()), b"X")]);
            assert!(spoiled[0].failed.is_some());
            subject.endpoint().intend(RUN, &[item(make())], false).unwrap();
            let outcomes = subject.apply();
            assert_eq!(outcomes, [Outcome::Skipped("content-not-staged".into())]);
            assert_eq!(subject.tree(), before);
        });
    }
}

#[test]
fn an_append_that_makes_a_log_shorter_is_refused() {
    on_both(|subject| {
        subject.write("logs/l.jsonl", "12345678\n");
        subject.scan();
        let kind = OpKind::Append { from: 9 };
        let shorter = op("logs/l.jsonl", kind, Some(file("12345678\n")), Some(file("1\n")));
        subject.endpoint().intend(RUN, &[item(shorter)], false).unwrap();
        assert!(matches!(subject.apply()[..], [Outcome::Skipped(_)]));
        assert_eq!(subject.read("logs/l.jsonl").unwrap(), b"12345678\n");
    });
}
