use ubos_core::conflict::{Conflict, ConflictKind, Seen};
use ubos_core::sides::Sides;

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn form(content: &str, mtime: i64) -> Form {
    let digest = Digest::of(content.as_bytes());
    Form { kind: Kind::File, digest, size: 1, mode: 0o644, mtime }
}

pub(crate) fn open() -> Rivals {
    let side = |content: &str| {
        let digest = Digest::of(content.as_bytes());
        Some(Seen { entry: Entry::File { digest, size: 1, exec: false }, mtime: None })
    };
    Rivals::of(&[OpenMatter::Conflict(Box::new(Conflict {
        path: path("docs"),
        kind: ConflictKind::ModifyModify,
        base: ubos_core::entry::Base::Unknown,
        sides: Sides::new(side("ours"), side("theirs")),
        children: vec![path("docs/child")],
        mark: Digest([0; 32]),
    }))])
}

#[test]
fn without_a_conflict_the_time_tells_and_a_change_without_one_is_unexplained() {
    let none = Rivals::default();
    let relate = |one, other| none.relate(&path("docs"), &one, &other);
    assert_eq!(relate(form("a", 1), form("a", 9)), Relation::Alike);
    assert_eq!(relate(form("a", 2), form("b", 1)), Relation::Later);
    assert_eq!(relate(form("a", 1), form("b", 2)), Relation::Earlier);
    assert_eq!(relate(form("a", 1), form("b", 1)), Relation::Unexplained);
    let link = Form { kind: Kind::Symlink, ..form("b", 1) };
    assert_eq!(relate(link, form("b", 1)), Relation::Later);
}

#[test]
fn the_sides_of_an_open_conflict_are_rivals_whatever_their_times() {
    let relate = |at, one, other| open().relate(&path(at), &one, &other);
    let rivals = |later| Relation::Rivals { later };
    assert_eq!(relate("docs", form("theirs", 2), form("ours", 1)), rivals(true));
    assert_eq!(relate("docs", form("theirs", 1), form("ours", 2)), rivals(false));
    assert_eq!(relate("docs", form("theirs", 1), form("ours", 1)), rivals(false));
    // A snapshot may be older than the conflict: one known side explains it.
    assert_eq!(relate("docs", form("ours", 1), form("agreed", 1)), rivals(false));
    // Bytes that neither side was ever seen with are explained by nothing.
    assert_eq!(relate("docs", form("x", 1), form("y", 1)), Relation::Unexplained);
    assert_eq!(relate("docs/child", form("x", 2), form("y", 1)), rivals(true));
    assert_eq!(relate("else", form("theirs", 2), form("ours", 1)), Relation::Later);
    assert!(open().is_open(&path("docs/child")) && !open().is_open(&path("else")));
}
