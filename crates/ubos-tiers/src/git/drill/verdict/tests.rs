use ubos_core::entry::{Digest, Kind};
use ubos_core::manifest::ManifestPaths;
use ubos_engine::state::config::backup::BackupSettings;

use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn form(content: &str, mtime: i64) -> Form {
    let digest = Digest::of(content.as_bytes());
    Form { kind: Kind::File, digest, size: content.len() as u64, mode: 0o644, mtime }
}

fn reference() -> Reference {
    let held = |content, gap| Held { form: form(content, 5), gap };
    let paths =
        [("a", held("aa", None)), ("b", held("bb", None)), ("key", held("k", Some(Gap::Secret)))];
    Reference {
        manifest: "m2".into(),
        made: "2026-01-02T00:00:00.000Z".into(),
        paths: paths.map(|(at, held)| (path(at), held)).into(),
    }
}

fn recovered(manifest: &str, holds: &[(&str, Form, Source)]) -> Recovered {
    let holds = holds.iter().map(|(at, form, from)| (path(at), Got { form: *form, from: *from }));
    Recovered {
        manifest: Some(manifest.into()),
        made: Some("2026-01-01T00:00:00.000Z".into()),
        holds: holds.collect(),
        gaps: BTreeMap::from([(path("key"), Gap::Secret)]),
        ..Recovered::default()
    }
}

fn judged(recovered: &Recovered) -> Verdict {
    judged_with(recovered, &Rivals::default())
}

fn judged_with(recovered: &Recovered, rivals: &Rivals) -> Verdict {
    let manifests = ManifestPaths::for_peer("balaur").unwrap();
    let classes = Classes::new(&BackupSettings::default(), &manifests).unwrap();
    let known = Known { classes: &classes, directions: &BTreeMap::new(), rivals };
    judge(Place::Remote, &reference(), recovered, &known)
}

fn missing(verdict: &Verdict) -> Vec<(String, Class, &'static str)> {
    let row = |m: &Missing| (m.path.to_string(), m.class, m.reason.word());
    verdict.missing.iter().map(row).collect()
}

const REPO: Source = Source::Repository;
const TREE: Source = Source::Tree;

#[test]
fn a_stated_gap_is_missing_and_nothing_else() {
    let found = recovered("m2", &[("a", form("aa", 5), REPO), ("b", form("bb", 5), REPO)]);
    let verdict = judged(&found);
    assert_eq!(missing(&verdict), [("key".to_owned(), Class::Withheld, "secret")]);
    assert_eq!((verdict.files, verdict.complete, verdict.exit_code()), (3, 2, 3));
    assert_eq!(verdict.newest.as_deref(), Some("2026-01-01T00:00:00.000Z"));
}

#[test]
fn a_tree_brings_back_what_git_never_took() {
    let all = [("a", form("aa", 5), REPO), ("b", form("bb", 5), REPO), ("key", form("k", 5), TREE)];
    let verdict = judged(&recovered("m2", &all));
    assert_eq!((verdict.complete, verdict.exit_code(), verdict.word()), (3, 0, "complete"));
}

#[test]
fn what_should_be_there_and_is_not_is_lost() {
    let found = recovered("m2", &[("a", form("aa", 5), REPO)]);
    let verdict = judged(&found);
    assert_eq!(missing(&verdict)[0], ("b".to_owned(), Class::Constitution, "lost"));
    assert_eq!(verdict.exit_code(), 1);
}

#[test]
fn an_older_place_lacks_what_it_was_not_given_and_is_not_damaged() {
    let found = recovered("m1", &[("a", form("old", 1), REPO)]);
    let verdict = judged(&found);
    assert_eq!(verdict.behind, [path("a")]);
    assert_eq!(missing(&verdict)[0].2, "not-given-yet");
    assert_eq!((verdict.exit_code(), verdict.damaged.len()), (3, 0));
}

#[test]
fn an_edit_is_newer_and_a_change_without_a_time_is_damage() {
    let found = recovered("m2", &[("a", form("edited", 6), TREE), ("b", form("zz", 5), TREE)]);
    let verdict = judged(&found);
    assert_eq!(verdict.newer, [path("a")]);
    assert_eq!(verdict.damaged.len(), 1);
    assert_eq!(verdict.damaged[0].path, Some(path("b")));
    assert_eq!(verdict.exit_code(), 1);
}

#[test]
fn a_mode_or_time_that_did_not_come_back_is_told() {
    let other = Form { mode: 0o600, ..form("aa", 5) };
    let found = recovered("m2", &[("a", other, REPO), ("b", form("bb", 4), REPO)]);
    let told: Vec<String> = judged(&found).damaged.into_iter().map(|broken| broken.why).collect();
    assert_eq!(told, ["its mode came back as 600, not 644", "its time did not come back"]);
}

#[test]
fn damage_is_told_once() {
    let mut found = recovered("m2", &[("a", form("aa", 5), REPO)]);
    found.broken.push(Broken { path: Some(path("b")), why: "the object is missing".into() });
    let verdict = judged(&found);
    assert_eq!((verdict.damaged.len(), verdict.missing.len()), (1, 1), "{verdict:?}");
    assert_eq!(verdict.exit_code(), 1);
}

#[test]
fn gaps_are_known_where_each_has_its_reason() {
    let count = |verdict: &Verdict| verdict.known_gaps().map(Iterator::count);
    let all = [("a", form("aa", 5), REPO), ("b", form("bb", 5), REPO)];
    assert_eq!(count(&judged(&recovered("m2", &all))), Some(1), "the withheld secret");
    let older = [("a", form("old", 1), TREE), ("b", form("bb", 5), REPO)];
    let verdict = judged(&recovered("m2", &older));
    assert_eq!((count(&verdict), verdict.exit_code()), (None, 3));
    assert_eq!(count(&judged(&recovered("m1", &[("a", form("aa", 5), REPO)]))), None);
    assert_eq!(count(&judged(&recovered("m2", &[("a", form("aa", 5), REPO)]))), None);
}

#[test]
fn the_other_side_of_a_conflict_is_a_known_gap() {
    let rivals = crate::git::rivals::tests::open();
    let mut reference = reference();
    let held = Held { form: form("ours", 5), gap: None };
    reference.paths = BTreeMap::from([(path("docs"), held)]);
    let manifests = ManifestPaths::for_peer("balaur").unwrap();
    let classes = Classes::new(&BackupSettings::default(), &manifests).unwrap();
    let known = Known { classes: &classes, directions: &BTreeMap::new(), rivals: &rivals };
    for time in [1, 5] {
        let found = recovered("m1", &[("docs", form("theirs", time), TREE)]);
        let verdict = judge(Place::Server, &reference, &found, &known);
        assert_eq!((&verdict.rivals, &verdict.behind), (&vec![path("docs")], &Vec::new()));
        assert_eq!((verdict.exit_code(), verdict.word()), (3, "gaps"));
        assert_eq!(verdict.known_gaps().map(Iterator::count), Some(1));
    }
    let found = recovered("m1", &[("docs", form("theirs", 9), TREE)]);
    assert_eq!(judge(Place::Server, &reference, &found, &known).exit_code(), 0);
}
