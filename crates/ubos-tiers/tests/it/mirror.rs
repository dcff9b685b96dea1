//! The mirror: it takes what only adds, and can be filled from the remote while the laptop is away.

use ubos_tiers::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use ubos_tiers::git::remote::fetch::{Wanted, fetch};
use ubos_tiers::git::remote::place::Place;
use ubos_tiers::git::remote::push::Outcome;

use crate::history::{Laptop, MAIN, PAIR, START, branches, commit, given, grow};

const ALL: Wanted<'static> = Wanted { main: None, extra: None };

#[test]
fn a_path_peer_has_the_history_and_a_clone_of_it_shows_files() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    let place = laptop.mirror();
    given(&laptop.give(&place));
    let mirror = laptop.mirrors().open(PAIR).unwrap().unwrap();
    laptop.all_there(&mirror);
    laptop.snapshot("two");
    given(&laptop.give(&place));
    laptop.all_there(&mirror);
    ubos_tiers::git::mirror::settle_head(&mirror).unwrap();
    let clone = laptop.path("clone");
    let from = mirror.dir().to_str().unwrap().to_owned();
    laptop.git.run(["clone", "--quiet", &from, clone.to_str().unwrap()]).unwrap();
    assert_eq!(std::fs::read(clone.join("file")).unwrap(), b"two");
}

#[test]
fn it_refuses_to_be_moved_back_or_emptied() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    let first = laptop.git.resolve(MAIN).unwrap().unwrap();
    laptop.snapshot("two");
    given(&laptop.give(&laptop.mirror()));
    let mirror = laptop.mirrors().open(PAIR).unwrap().unwrap();
    let url = mirror.dir().to_str().unwrap().to_owned();
    for spec in [format!("+{first}:{MAIN}"), format!(":{MAIN}")] {
        let error = laptop.git.run(["push", &url, &spec]).unwrap_err().to_string();
        assert!(error.contains("remote rejected") || error.contains("denying"), "{error}");
    }
    laptop.all_there(&mirror);
}

#[test]
fn it_is_filled_from_the_remote_while_the_laptop_is_away() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    let remote = laptop.other("remote.git");
    given(&laptop.give(&laptop.remote(remote.dir().to_str().unwrap())));
    let mirror = laptop.mirrors().make(PAIR).unwrap();
    let place = Place::remote(&mirror, remote.dir().to_str().unwrap()).unwrap();
    let fetched = fetch(&mirror, &place, ALL, laptop.now).unwrap().unwrap();
    assert_eq!((fetched.news.len(), fetched.diverged.len()), (3, 0));
    laptop.all_there(&mirror);
    assert_eq!(fetch(&mirror, &place, ALL, laptop.now).unwrap().unwrap().news, []);
    // The laptop comes back and gives more than the remote has: that is no divergence.
    laptop.snapshot("two");
    given(&laptop.give(&laptop.mirror()));
    let again = fetch(&mirror, &place, ALL, laptop.now).unwrap().unwrap();
    assert_eq!((again.news.len(), again.diverged.len()), (0, 0));
    laptop.all_there(&mirror);
}

#[test]
fn what_was_forced_at_the_remote_goes_beside_and_the_rest_moves_on() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    let remote = laptop.other("remote.git");
    given(&laptop.give(&laptop.remote(remote.dir().to_str().unwrap())));
    given(&laptop.give(&laptop.mirror()));
    let mirror = laptop.mirrors().open(PAIR).unwrap().unwrap();
    let forced = commit(&remote, b"forced", &[], START);
    remote.run(["update-ref", MAIN, forced.as_str()]).unwrap();
    let log = grow(&remote, LOGS_BRANCH, "more", START + 900);
    let place = Place::remote(&mirror, remote.dir().to_str().unwrap()).unwrap();
    let fetched = fetch(&mirror, &place, ALL, laptop.now).unwrap().unwrap();
    assert_eq!(fetched.news, [(LOGS_BRANCH.to_owned(), log)]);
    let (name, kept) = &fetched.diverged[0];
    assert_eq!(name, MAIN);
    assert!(kept.starts_with("refs/heads/ubos/diverged/remote/"), "{kept}");
    assert_eq!(mirror.resolve(kept).unwrap(), Some(forced.0));
    assert_eq!(mirror.resolve(MAIN).unwrap(), laptop.git.resolve(MAIN).unwrap());
    let again = fetch(&mirror, &place, ALL, laptop.now + 60).unwrap().unwrap();
    assert_eq!(&again.diverged[0].1, kept, "not again each time");
    let all = branches(&mirror);
    assert_eq!(all.len(), 4, "{all:?}");
}

#[test]
fn a_remote_that_does_not_answer_is_told_and_changes_nothing() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    given(&laptop.give(&laptop.mirror()));
    let mirror = laptop.mirrors().open(PAIR).unwrap().unwrap();
    let place = Place::remote(&mirror, "/nowhere/at/all.git").unwrap();
    let trouble = fetch(&mirror, &place, ALL, laptop.now).unwrap().unwrap_err();
    assert_eq!(trouble.kind, "no-repository");
    laptop.all_there(&mirror);
}

#[test]
fn a_mirror_that_was_lost_is_made_again_with_the_whole_history() {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    given(&laptop.give(&laptop.mirror()));
    std::fs::remove_dir_all(laptop.path("data")).unwrap();
    laptop.snapshot("two");
    let told = laptop.give(&laptop.mirror());
    assert_eq!((told.outcome, told.given.len()), (Outcome::Given, 3));
    let mirror = laptop.mirrors().open(PAIR).unwrap().unwrap();
    laptop.all_there(&mirror);
    assert!(mirror.resolve(&format!("{MANIFEST_BRANCH}~1")).unwrap().is_some());
}
