use ubos_core::entry::{Digest, Kind};
use ubos_core::manifest::ManifestPaths;
use ubos_engine::state::config::backup::BackupSettings;

use super::super::facts::{Held, Shelved};
use super::*;

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn form(content: &str, mtime: i64) -> Form {
    let digest = Digest::of(content.as_bytes());
    Form { kind: Kind::File, digest, size: content.len() as u64, mode: 0o644, mtime }
}

/// `path=content@time` words.
fn tree(text: &str) -> BTreeMap<RelPath, Form> {
    let word = |word: &str| {
        let (at, rest) = word.split_once('=').unwrap();
        let (content, time) = rest.split_once('@').unwrap();
        (path(at), form(content, time.parse().unwrap()))
    };
    text.split_whitespace().map(word).collect()
}

/// As [`tree`]; what ends in `!` is withheld as a secret.
fn shelved(text: &str) -> Shelved {
    let held = |word: &str| {
        let plain = word.trim_end_matches('!');
        let (path, form) = tree(plain).pop_first().unwrap();
        (path, Held { form, gap: (plain != word).then_some(Gap::Secret) })
    };
    Shelved { paths: text.split_whitespace().map(held).collect(), ..Shelved::default() }
}

fn place(tree_text: Option<&str>, repository: Option<&str>) -> Known {
    let facts = Facts {
        tree: tree_text.map(tree),
        repository: repository.map(shelved),
        ..Facts::default()
    };
    Known::Looked(Box::new(facts))
}

fn covered(places: &PerPlace<Known>) -> Coverage {
    covered_with(places, &Rivals::default())
}

fn covered_with(places: &PerPlace<Known>, rivals: &Rivals) -> Coverage {
    let manifests = ManifestPaths::for_peer("balaur").unwrap();
    let classes = Classes::new(&BackupSettings::default(), &manifests).unwrap();
    compare(places, &BTreeMap::new(), &classes, rivals)
}

fn gaps(coverage: &Coverage) -> Vec<(Class, Place, &'static str, u64)> {
    let rows = coverage.classes.iter();
    let gaps = |row: &ClassRow| {
        let class = row.class;
        row.gaps.iter().map(move |g| (class, g.place, g.reason.word(), g.count)).collect::<Vec<_>>()
    };
    rows.flat_map(gaps).collect()
}

#[test]
fn what_is_everywhere_has_three_copies() {
    let all = "docs/a=x@1 config/b=y@2 p.jsonl=z@3";
    let places = PerPlace {
        laptop: place(Some(all), Some(all)),
        server: place(Some(all), Some(all)),
        remote: place(None, Some(all)),
    };
    let coverage = covered(&places);
    assert!(!coverage.is_short());
    assert_eq!(gaps(&coverage), []);
    let told: Vec<_> =
        coverage.classes.iter().map(|row| (row.class, row.files, row.copies)).collect();
    let expected = [Class::Constitution, Class::Configuration, Class::Logs];
    assert_eq!(told, expected.map(|class| (class, 1, 3)));
    let row = coverage.classes[2].places.remote;
    assert_eq!(row, PlaceRow { files: 1, bytes: 1, versioned: 1, newest: Some(3) });
}

#[test]
fn every_gap_has_its_reason() {
    let laptop = "docs/a=new@5 docs/b=x@1 docs/c=x@1 docs/key=k@1 docs/d=x@1";
    let places = PerPlace {
        laptop: place(
            Some(laptop),
            Some("docs/a=old@1 docs/b=x@1 docs/c=x@1 docs/key=k@1! docs/d=x@1"),
        ),
        server: place(Some("docs/a=new@5 docs/b=x@1 docs/key=k@1 docs/d=x@1"), None),
        remote: place(None, Some("docs/a=old@1 docs/b=x@1 docs/c=w@1 docs/key=k@1!")),
    };
    let coverage = covered(&places);
    let expected = [
        (Class::Constitution, Place::Server, "not-synced", 1),
        (Class::Constitution, Place::Remote, "no-snapshot", 1),
        (Class::Constitution, Place::Remote, "unpushed", 2),
        (Class::Withheld, Place::Remote, "secret", 1),
    ];
    assert_eq!(gaps(&coverage), expected);
    assert!(coverage.is_short());
    let short: Vec<_> = coverage.classes.iter().map(|row| (row.copies, row.short)).collect();
    assert_eq!(short, [(1, 3), (2, 0)], "a secret is promised two copies, and has them");
}

#[test]
fn a_place_that_is_not_reached_never_counts() {
    let all = "docs/a=x@1";
    for (remote, word) in [
        (Known::Unknown { since: None, why: "away".into() }, "unknown"),
        (Known::Unset, "no-such-place"),
    ] {
        let places = PerPlace {
            laptop: place(Some(all), Some(all)),
            server: place(Some(all), None),
            remote,
        };
        let coverage = covered(&places);
        assert_eq!(gaps(&coverage), [(Class::Constitution, Place::Remote, word, 1)]);
        assert_eq!((coverage.classes[0].copies, coverage.is_short()), (2, true));
    }
}

#[test]
fn the_later_of_two_versions_is_the_newest_and_a_log_may_be_ahead() {
    let places = PerPlace {
        laptop: place(Some("docs/a=old@1 p.jsonl=ab@1"), Some("docs/a=old@1 p.jsonl=ab@1")),
        server: place(Some("docs/a=new@2 docs/n=n@2 p.jsonl=abc@2"), None),
        remote: place(None, Some("docs/a=old@1 p.jsonl=ab@1")),
    };
    let coverage = covered(&places);
    let expected = [
        (Class::Constitution, Place::Laptop, "not-synced", 2),
        (Class::Constitution, Place::Remote, "no-snapshot", 2),
    ];
    assert_eq!(gaps(&coverage), expected);
    let log = &coverage.classes[1];
    assert_eq!((log.class, log.copies, log.short), (Class::Logs, 3, 0));
}

#[test]
fn what_could_not_be_looked_at_is_unknown_and_counts() {
    let mut facts = Facts { tree: Some(tree("docs/a=x@1")), ..Facts::default() };
    facts.troubled.insert(path("docs/secret"));
    let all = place(Some("docs/a=x@1"), Some("docs/a=x@1"));
    let places =
        PerPlace { laptop: Known::Looked(Box::new(facts)), server: all.clone(), remote: all };
    let coverage = covered(&places);
    assert_eq!((coverage.unknown, coverage.is_short()), (1, true));
}

#[test]
fn of_an_open_conflict_the_version_that_fewer_places_have_counts_and_no_sync_brings_it() {
    let rivals = crate::git::rivals::tests::open();
    for (ours, theirs) in [("docs=ours@2", "docs=theirs@1"), ("docs=ours@1", "docs=theirs@2")] {
        let places = PerPlace {
            laptop: place(Some(ours), Some(ours)),
            server: place(Some(theirs), Some(ours)),
            remote: place(None, Some(ours)),
        };
        let coverage = covered_with(&places, &rivals);
        let lacks = |place| (Class::Constitution, place, "conflict", 1);
        assert_eq!(gaps(&coverage), [lacks(Place::Laptop), lacks(Place::Remote)]);
        assert_eq!((coverage.classes[0].copies, coverage.is_short()), (1, true));
    }
    // Where both have as many, the later one counts.
    for (theirs, lacks) in [("docs=theirs@1", Place::Server), ("docs=theirs@3", Place::Laptop)] {
        let places = PerPlace {
            laptop: place(Some("docs=ours@2"), None),
            server: place(Some(theirs), None),
            remote: Known::Unset,
        };
        let coverage = covered_with(&places, &rivals);
        assert_eq!(gaps(&coverage)[0], (Class::Constitution, lacks, "conflict", 1));
    }
}
