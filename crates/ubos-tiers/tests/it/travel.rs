//! Earlier states: by time, by run, by commit; and the versions of a path.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use ubos_core::path::RelPath;
use ubos_engine::agent::message::PutBackSource;
use ubos_engine::history::mark::Mark;
use ubos_tiers::git::commit::{Author, NewCommit, advance};
use ubos_tiers::git::error::BackupError;
use ubos_tiers::git::names::MANIFEST_BRANCH;
use ubos_tiers::git::objects::Oid;
use ubos_tiers::git::snapshot::{self, Order, Phase};
use ubos_tiers::git::travel::point::{At, open};
use ubos_tiers::git::travel::restore::{Present, plan};
use ubos_tiers::git::travel::versions::versions;

use crate::place::{Place, rel};
use crate::survivors::{age, log, size};

fn snapshot(place: &Place, run: &str, phase: Phase) {
    snapshot::take(&Order {
        root: &place.root(),
        inventory: &place.inventory(),
        settings: &place.settings,
        phase,
        run: Some(run),
        what: None,
    })
    .unwrap();
}

fn content(place: &Place, at: &At, path: &str) -> String {
    let mut shelf = open(&place.plumbing(), at).unwrap();
    String::from_utf8(shelf.text(&rel(path)).unwrap()).unwrap()
}

fn commit(name: &str) -> At {
    At::Commit(name.to_owned())
}

const ONE: &str = "20260101T000000-aaaaaa";
const TWO: &str = "20260102T000000-bbbbbb";

#[test]
fn a_run_means_what_stood_before_it() {
    let place = Place::new();
    place.write("notes/a.md", "1\n");
    snapshot(&place, ONE, Phase::Post);
    place.write("notes/a.md", "2\n");
    snapshot(&place, TWO, Phase::Pre);
    place.write("notes/a.md", "3\n");
    snapshot(&place, TWO, Phase::Post);
    assert_eq!(content(&place, &At::Run(TWO.into()), "notes/a.md"), "2\n");
    assert_eq!(content(&place, &At::Newest, "notes/a.md"), "3\n");
    assert_eq!(content(&place, &commit("main~1"), "notes/a.md"), "2\n");
    assert_eq!(content(&place, &commit("main~2"), "notes/a.md"), "1\n");
    let first = open(&place.plumbing(), &At::Run(ONE.into())).err().unwrap();
    assert!(first.to_string().contains("is the first"), "{first}");
    let none = open(&place.plumbing(), &At::Run("20250101T000000-cccccc".into())).err().unwrap();
    assert!(matches!(none, BackupError::Usage { .. }), "{none}");
    assert!(open(&place.plumbing(), &commit("--all")).is_err());
}

/// Moves the manifests to other times, as they would be after days.
fn back_date(place: &Place, times: &[i64]) {
    let git = place.plumbing();
    let all = git.run(["rev-list", "--reverse", MANIFEST_BRANCH]).unwrap().text();
    let author = Author { name: "a".into(), email: "a@b".into() };
    let mut parent: Option<Oid> = None;
    for (old, at) in all.lines().zip(times) {
        let tree = Oid(git.resolve(&format!("{old}^{{tree}}")).unwrap().unwrap());
        let message = git.run(["log", "-1", "--format=%B", old]).unwrap().text();
        let parents: Vec<Oid> = parent.into_iter().collect();
        let made = NewCommit {
            tree: &tree,
            parents: &parents,
            author: &author,
            committer: &author,
            at: Some(*at),
            message: &message,
        };
        parent = Some(made.write(&git).unwrap());
    }
    let tip = Oid(git.resolve(MANIFEST_BRANCH).unwrap().unwrap());
    assert!(advance(&git, MANIFEST_BRANCH, &parent.unwrap(), Some(&tip), "test").unwrap());
}

#[test]
fn a_time_means_the_newest_state_until_then() {
    let place = Place::new();
    for text in ["1\n", "2\n", "3\n"] {
        place.write("notes/a.md", text);
        place.snapshot();
    }
    back_date(&place, &[1_700_000_000, 1_700_000_100, 1_700_000_200]);
    let at = |time: &str| At::Time(time.to_owned());
    assert_eq!(content(&place, &at("2023-11-14T22:13:20.000Z"), "notes/a.md"), "1\n");
    assert_eq!(content(&place, &at("2023-11-14T22:14:59.000Z"), "notes/a.md"), "1\n");
    assert_eq!(content(&place, &at("2023-11-14T22:15:00.000Z"), "notes/a.md"), "2\n");
    assert_eq!(content(&place, &at("2030-01-01T00:00:00.000Z"), "notes/a.md"), "3\n");
    let early = open(&place.plumbing(), &at("2020-01-01T00:00:00.000Z")).err().unwrap();
    assert!(early.hint().contains("2023-11-14"), "{}", early.hint());
}

#[test]
fn the_versions_of_a_path_are_those_that_differ() {
    let place = Place::new();
    place.write("notes/other.md", "x\n");
    place.snapshot();
    place.write("notes/a.md", "1\n");
    place.snapshot();
    place.write("notes/other.md", "y\n");
    place.snapshot();
    place.write("notes/a.md", "two\n");
    place.snapshot();
    place.remove("notes/a.md");
    place.snapshot();
    let found = versions(&place.plumbing(), &rel("notes/a.md"), 10).unwrap();
    let sizes: Vec<Option<u64>> = found
        .iter()
        .map(|version| {
            version.entry.as_ref().map(|entry| match &entry.what {
                ubos_tiers::git::manifest::What::File { size, .. } => *size,
                _ => 0,
            })
        })
        .collect();
    assert_eq!(sizes, [None, Some(4), Some(2)], "{found:#?}");
    assert_eq!(versions(&place.plumbing(), &rel("notes/a.md"), 1).unwrap().len(), 1);
    assert!(versions(&place.plumbing(), &rel("notes/none"), 10).unwrap().is_empty());
}

#[test]
fn a_log_comes_back_as_it_was() {
    let mut place = Place::new();
    place.settings.segment_above = Some(size("4KiB"));
    let whole = log(40_000);
    let cut = 10_000 + whole[10_000..].iter().position(|b| *b == b'\n').unwrap() + 1;
    place.write("logs/day.jsonl", &whole[..cut]);
    place.snapshot();
    place.write("logs/day.jsonl", &whole);
    place.snapshot();
    let git = place.plumbing();
    let mut then = Vec::new();
    let first = git.run(["rev-list", "--max-parents=0", MANIFEST_BRANCH]).unwrap().text();
    open(&git, &commit(&first)).unwrap().copy(&rel("logs/day.jsonl"), &mut then).unwrap();
    assert_eq!(then, &whole[..cut]);
    let mut now = Vec::new();
    open(&git, &At::Newest).unwrap().copy(&rel("logs/day.jsonl"), &mut now).unwrap();
    assert_eq!(now, whole);
}

#[test]
fn a_commit_that_a_person_made_can_be_looked_at_too() {
    let place = Place::new();
    place.write("notes/a.md", "by hand\n");
    place.user_commit("mine");
    place.write("notes/a.md", "later\n");
    place.snapshot();
    assert_eq!(content(&place, &commit("main~1"), "notes/a.md"), "by hand\n");
}

#[test]
fn a_restore_places_what_differs_and_fetches_it_with_mode_and_time() {
    let place = Place::new();
    place.write("notes/a.md", "1\n");
    fs::set_permissions(place.path("notes/a.md"), fs::Permissions::from_mode(0o640)).unwrap();
    age(&place.path("notes/a.md"), 1_600_000_000);
    place.write("notes/same.md", "same\n");
    place.snapshot();
    let git = place.plumbing();
    let mut shelf = open(&git, &At::Newest).unwrap();
    let given = place.beside("given");
    fs::create_dir(&given).unwrap();
    let now = |path: &RelPath| match path.as_bytes() {
        b"notes" => Mark::Folder,
        b"notes/same.md" => {
            Mark::File { digest: ubos_core::entry::Digest::of(b"same\n"), exec: false }
        }
        b"notes/new.md" => Mark::File { digest: ubos_core::entry::Digest::of(b"n"), exec: false },
        _ => Mark::Absent,
    };
    let standing = [rel("notes"), rel("notes/same.md"), rel("notes/new.md")];
    let present = Present { now: &now, standing: &standing, only_grows: &|_| false };
    let found = plan(&mut shelf, &rel("notes"), &present, true, Some(&given)).unwrap();
    let steps: Vec<_> =
        found.steps.iter().map(|step| (step.path.to_string(), step.source.clone())).collect();
    let name = "000000".to_owned();
    let expected = [
        ("notes/a.md".to_owned(), PutBackSource::Given { name: name.clone() }),
        ("notes/new.md".to_owned(), PutBackSource::Nothing),
    ];
    assert_eq!(steps, expected);
    assert_eq!(found.stands, 2);
    let fetched = given.join(name).metadata().unwrap();
    assert_eq!((fetched.mode() & 0o777, fetched.mtime()), (0o640, 1_600_000_000));
    assert_eq!(fetched.mtime_nsec(), 123_456_789);
    let none = plan(&mut shelf, &rel("notes/none"), &present, false, None).unwrap_err();
    assert!(none.to_string().contains("did not stand there"), "{none}");
}
