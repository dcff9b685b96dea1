//! Conflicts on the screen, whole and to the last blank.

use ubos_core::conflict::{Conflict, ConflictKind, Held, HeldReason, Seen};
use ubos_core::entry::{Base, Digest, Entry, Problem};
use ubos_core::path::RelPath;
use ubos_core::sides::{Side, Sides};

use super::actions::{Circumstances, Deed, Merging, actions, choice_line, chosen};
use super::conflict::{conflict, held, question};
use super::settle::{settle_commands, settle_commands_of_conflict};
use crate::ui::Ui;

fn names() -> Sides<String> {
    Sides::new("localhost".into(), "balaur".into())
}

fn file(content: &str, size: u64, minute: i64) -> Option<Seen> {
    let entry = Entry::File { digest: Digest::of(content.as_bytes()), size, exec: false };
    Some(Seen { entry, mtime: Some((1_759_840_200 + 60 * minute, 0)) })
}

fn folder() -> Option<Seen> {
    Some(Seen { entry: Entry::Dir, mtime: None })
}

fn clash(path: &str, kind: ConflictKind, here: Option<Seen>, there: Option<Seen>) -> Conflict {
    Conflict {
        path: RelPath::new(path).unwrap(),
        kind,
        base: Base::Known(Entry::File { digest: Digest::of(b"base"), size: 4100, exec: false }),
        sides: Sides::new(here, there),
        children: Vec::new(),
        mark: Digest::of(b"mark"),
    }
}

fn both_changed() -> Conflict {
    let (here, there) = (file("a", 4301, 0), file("b", 4500, 5));
    clash("config/CLAUDE.md", ConflictKind::ModifyModify, here, there)
}

fn deleted_folder() -> Conflict {
    let mut conflict = clash("docs/old", ConflictKind::DirDelete, folder(), None);
    conflict.base = Base::Known(Entry::Dir);
    conflict.children = ["docs/old/a.md", "docs/old/b.md"].map(|p| RelPath::new(p).unwrap()).into();
    conflict
}

fn asked(conflict: &Conflict, columns: usize) -> String {
    question(conflict, &names(), &Circumstances::of(conflict), (1, 1), &Ui::fixed(columns, false))
}

/// What the keys 1 and 2 say.
fn keeps(conflict: &Conflict, authority: Option<Side>) -> [String; 2] {
    let known = Circumstances { authority, ..Circumstances::of(conflict) };
    let list = actions(conflict, &names(), &known);
    [list[0].text.clone(), list[1].text.clone()]
}

#[track_caller]
fn check(actual: &str, expected: &str) {
    assert_eq!(actual, expected.trim_start_matches('\n'), "\n{actual}");
}

#[test]
fn the_question_shows_both_versions_the_last_agreed_one_and_what_can_be_done() {
    check(
        &asked(&both_changed(), 80),
        r"
CONFLICT DETECTED: config/CLAUDE.md
both territories changed it

localhost version (modified 2025-10-07 12:30 UTC):
  Size: 4.3 kB
  Hash: 17762fddd969…

balaur version (modified 2025-10-07 12:35, 5 minutes newer):
  Size: 4.5 kB
  Hash: 10e5cf3d3c8a…

Last agreed version: 4.1 kB, hash de8f3fcf327e…

Actions:
  1. Keep localhost's version (it replaces balaur's)
  2. Keep balaur's version (it replaces localhost's)
  3. Show the differences [d]
  4. Merge by hand [m]
  5. Abort (what is not answered stays as it is) [q]
  b. Keep both (balaur's beside it, under a name of its own)
  s. Skip it for now
  a. The same answer for all that is open below a folder
  l. Leave it as it is, on purpose
",
    );
}

#[test]
fn a_narrow_terminal_wraps_words_only() {
    check(
        &asked(&both_changed(), 40),
        r"
CONFLICT DETECTED: config/CLAUDE.md
both territories changed it

localhost version (modified 2025-10-07
12:30 UTC):
  Size: 4.3 kB
  Hash: 17762fddd969…

balaur version (modified 2025-10-07
12:35, 5 minutes newer):
  Size: 4.5 kB
  Hash: 10e5cf3d3c8a…

Last agreed version: 4.1 kB, hash
                     de8f3fcf327e…

Actions:
  1. Keep localhost's version (it
     replaces balaur's)
  2. Keep balaur's version (it replaces
     localhost's)
  3. Show the differences [d]
  4. Merge by hand [m]
  5. Abort (what is not answered stays
     as it is) [q]
  b. Keep both (balaur's beside it,
     under a name of its own)
  s. Skip it for now
  a. The same answer for all that is
     open below a folder
  l. Leave it as it is, on purpose
",
    );
}

#[test]
fn colour_adds_nothing_but_colour() {
    let conflict = both_changed();
    let known = Circumstances::of(&conflict);
    let shown = question(&conflict, &names(), &known, (2, 3), &Ui::fixed(140, true));
    assert!(
        shown
            .starts_with("\x1b[1m\x1b[33mCONFLICT DETECTED: config/CLAUDE.md\x1b[0m\n2 of 3: both")
    );
    let mut plain = shown;
    for escape in ["\x1b[0m", "\x1b[1m", "\x1b[33m"] {
        plain = plain.replace(escape, "");
    }
    check(&plain, &question(&conflict, &names(), &known, (2, 3), &Ui::fixed(140, false)));
}

#[test]
fn a_deleted_folder_names_what_was_changed_in_it() {
    check(
        &asked(&deleted_folder(), 80),
        r"
CONFLICT DETECTED: docs/old
localhost changed something in this folder, balaur deleted it

localhost version: a folder, 2 changed paths in it:
  docs/old/a.md
  docs/old/b.md

balaur version: deleted

Last agreed version: a folder

Actions:
  1. Keep localhost's folder (it comes back on balaur)
  2. Keep balaur's deletion (delete the folder on localhost, with what was
     changed in it)
  5. Abort (what is not answered stays as it is) [q]
  c. Keep only what was changed in it (the rest is deleted)
  s. Skip it for now
  a. The same answer for all that is open below a folder
  l. Leave it as it is, on purpose
",
    );
}

#[test]
fn a_deletion_offers_no_merge_and_says_what_comes_back() {
    check(
        &asked(&clash("a.md", ConflictKind::ModifyDelete, file("a", 12, 0), None), 80),
        r"
CONFLICT DETECTED: a.md
localhost changed it, balaur deleted it

localhost version (modified 2025-10-07 12:30 UTC):
  Size: 12 B
  Hash: 17762fddd969…

balaur version: deleted

Last agreed version: 4.1 kB, hash de8f3fcf327e…

Actions:
  1. Keep localhost's version (it comes back on balaur)
  2. Keep balaur's deletion (delete it on localhost)
  3. Show what localhost changed [d]
  5. Abort (what is not answered stays as it is) [q]
  s. Skip it for now
  a. The same answer for all that is open below a folder
  l. Leave it as it is, on purpose
",
    );
}

#[test]
fn the_first_two_keys_speak_of_what_they_do() {
    let two = |kind| clash("a", kind, file("a", 1, 0), file("b", 1, 0));
    let there = Some(Side::There);
    assert_eq!(
        keeps(&clash("a", ConflictKind::DeleteModify, None, file("b", 1, 0)), None),
        [
            "Keep localhost's deletion (delete it on balaur)",
            "Keep balaur's version (it comes back on localhost)"
        ]
    );
    assert_eq!(
        keeps(&clash("a", ConflictKind::KindChange, file("a", 1, 0), folder()), None),
        [
            "Keep localhost's file (it replaces balaur's folder)",
            "Keep balaur's folder (it replaces localhost's file)"
        ]
    );
    assert_eq!(
        keeps(&two(ConflictKind::Drift), there),
        [
            "Send localhost's version to balaur, this once",
            "Take balaur's version (what counts in this area) on localhost"
        ]
    );
    assert_eq!(
        keeps(&two(ConflictKind::AppendDiverged), there),
        [
            "Send localhost's version to balaur, this once",
            "Take balaur's log (localhost's copy is put aside and kept for good)"
        ]
    );
    assert_eq!(
        keeps(&two(ConflictKind::Drift), None),
        [
            "Keep localhost's version (it replaces balaur's)",
            "Keep balaur's version (it replaces localhost's)"
        ]
    );
}

#[test]
fn keys_keep_their_meaning_and_those_that_do_not_apply_are_left_out() {
    let line = |conflict: &Conflict, merging| {
        let known = Circumstances { merging, authority: None };
        choice_line(&actions(conflict, &names(), &known))
    };
    assert_eq!(line(&both_changed(), Merging::ByHand), "Choice [1-5, b, s, a, l, ? explains]: ");
    assert_eq!(line(&both_changed(), Merging::No), "Choice [1, 2, 3, 5, b, s, a, l, ? explains]: ");
    assert_eq!(line(&deleted_folder(), Merging::No), "Choice [1, 2, 5, c, s, a, l, ? explains]: ");
    let list = actions(&both_changed(), &names(), &Circumstances::of(&both_changed()));
    let deed = |typed: &str| chosen(&list, typed).map(|action| action.deed);
    assert_eq!(deed("1"), Some(Deed::Keep(Side::Here)));
    assert_eq!(deed(" D\n"), Some(Deed::Diff));
    assert_eq!(deed("q"), Some(Deed::Quit));
    assert_eq!([deed("c"), deed("12"), deed(""), deed("x")], [None; 4]);
}

#[test]
fn what_tells_two_versions_apart_beside_their_content_is_said() {
    let mut conflict = both_changed();
    let Some(Seen { entry: Entry::File { exec, .. }, .. }) = &mut conflict.sides.here else {
        panic!("a file");
    };
    *exec = true;
    let shown = asked(&conflict, 80);
    assert!(shown.contains("  Hash: 17762fddd969…\n  Executable: yes\n"), "{shown}");
    assert!(shown.contains("  Hash: 10e5cf3d3c8a…\n  Executable: no\n"), "{shown}");
    assert!(!asked(&both_changed(), 80).contains("Executable"));
    conflict.base = Base::Absent;
    assert!(asked(&conflict, 80).contains("\nLast agreed version: none, the path is new\n"));
    conflict.base = Base::Unknown;
    assert!(asked(&conflict, 80).contains("\nLast agreed version: not known\n"));
}

#[test]
fn in_a_list_a_conflict_is_short_and_comes_with_its_command() {
    let ui = Ui::fixed(80, false);
    check(
        &conflict(&both_changed(), &names(), false, &ui),
        r"
CONFLICT: config/CLAUDE.md
    both territories changed it
    localhost  4.3 kB, hash 17762fddd969…, modified 2025-10-07 12:30 UTC
    balaur     4.5 kB, hash 10e5cf3d3c8a…, modified 2025-10-07 12:35 (newer)
    settle it: ubos-sync resolve config/CLAUDE.md --keep localhost
               (or balaur, both)

",
    );
    check(
        &conflict(&deleted_folder(), &names(), false, &Ui::fixed(140, false)),
        r"
CONFLICT: docs/old
    localhost changed something in this folder, balaur deleted it
    localhost  a folder, 2 changed paths in it
    balaur     deleted
      docs/old/a.md
      docs/old/b.md
    settle it: ubos-sync resolve docs/old --keep localhost   (or balaur, changed-only)

",
    );
    check(
        &conflict(&both_changed(), &names(), true, &ui),
        r"
CONFLICT: config/CLAUDE.md
    both territories changed it
    localhost  4.3 kB, hash 17762fddd969…, modified 2025-10-07 12:30 UTC
    balaur     4.5 kB, hash 10e5cf3d3c8a…, modified 2025-10-07 12:35 (newer)
    left as it is, on purpose

",
    );
}

#[test]
fn a_held_path_says_why_and_how_to_settle_it() {
    let of = |reason, left| {
        let path = RelPath::new("proposals.jsonl").unwrap();
        let matter = Held { path, on: Side::Here, reason, mark: Digest::of(b"") };
        held(&matter, &names(), left, &Ui::fixed(80, false))
    };
    check(
        &of(HeldReason::Drift, false),
        r"
HELD: proposals.jsonl
    on localhost: edited, but in this area only balaur's version counts
    settle it: ubos-sync revert proposals.jsonl   (undo the edit)
           or: ubos-sync promote proposals.jsonl   (send it there, once)
           or: ubos-sync resolve proposals.jsonl --leave   (leave it so)

",
    );
    check(
        &of(HeldReason::Problem(Problem::Name), false),
        r"
HELD: proposals.jsonl
    on localhost: a name that balaur cannot hold
    settle it: on localhost, rename it; then sync
    or leave it so: ubos-sync resolve proposals.jsonl --leave

",
    );
    check(
        &of(HeldReason::Problem(Problem::EscapingLink), true),
        r"
HELD: proposals.jsonl
    on localhost: a link that is absolute or leaves the territory
    left as it is, on purpose

",
    );
}

#[test]
fn each_command_that_settles_can_be_copied() {
    let of = |conflict: &Conflict| settle_commands_of_conflict(conflict, &names());
    assert_eq!(
        of(&both_changed()),
        [
            "ubos-sync resolve config/CLAUDE.md --keep localhost",
            "ubos-sync resolve config/CLAUDE.md --keep balaur",
            "ubos-sync resolve config/CLAUDE.md --keep both",
            "ubos-sync resolve config/CLAUDE.md --leave",
        ]
    );
    assert_eq!(of(&deleted_folder())[2], "ubos-sync resolve docs/old --keep changed-only");
    let drift = clash("a b", ConflictKind::Drift, file("a", 1, 0), file("b", 1, 0));
    assert_eq!(
        of(&drift),
        ["ubos-sync revert 'a b'", "ubos-sync promote 'a b'", "ubos-sync resolve 'a b' --leave"]
    );
    let path = RelPath::new("-x").unwrap();
    let held =
        Held { path, on: Side::Here, reason: HeldReason::UntrackedInTheWay, mark: Digest::of(b"") };
    assert_eq!(settle_commands(&held, &names()), ["ubos-sync resolve --leave -- '-x'"]);
}

#[test]
fn a_hostile_name_reaches_the_terminal_in_no_form() {
    let path = "docs/\x1b]0;owned\x07\u{202e}cod.md\n\nCONFLICT";
    let hostile = clash(path, ConflictKind::ModifyModify, file("a", 1, 0), file("b", 1, 0));
    let ui = Ui::fixed(80, false);
    for shown in [asked(&hostile, 80), conflict(&hostile, &names(), false, &ui)] {
        assert!(!shown.contains(['\x1b', '\x07', '\u{202e}']), "{shown}");
        assert_eq!(shown.lines().filter(|line| line.starts_with("CONFLICT")).count(), 1, "{shown}");
    }
    let mut link = clash("l", ConflictKind::ModifyModify, None, file("b", 1, 0));
    let target = b"\x1b[2J\xff"[..].into();
    link.sides.here = Some(Seen { entry: Entry::Symlink { target }, mtime: None });
    assert!(asked(&link, 80).contains("  Leads to: \\x1B[2J\\xff\n"), "{}", asked(&link, 80));
}
