//! What is new goes to a remote: at its time, whole, never forced, whatever the remote does.

use std::os::unix::fs::PermissionsExt;

use ubos_tiers::git::command::Git;
use ubos_tiers::git::names::{LOGS_BRANCH, MANIFEST_BRANCH};
use ubos_tiers::git::objects::Oid;
use ubos_tiers::git::remote::diverged;
use ubos_tiers::git::remote::place::Place;
use ubos_tiers::git::remote::push::{Outcome, When};
use ubos_tiers::git::remote::record::Relation;

use crate::history::{EVERY, Laptop, MAIN, START, branches, commit, given, grow};

/// A laptop with one snapshot, and a remote in a folder.
fn with_remote() -> (Laptop, Git, Place) {
    let mut laptop = Laptop::new();
    laptop.snapshot("one");
    let there = laptop.other("remote.git");
    let place = laptop.remote(there.dir().to_str().unwrap());
    (laptop, there, place)
}

/// The branches there for what went another way.
fn apart(there: &Git) -> Vec<String> {
    branches(there).into_iter().filter(|name| name.contains("/ubos/diverged/")).collect()
}

fn at(git: &Git, name: &str) -> Oid {
    Oid(git.resolve(name).unwrap().unwrap())
}

fn holds(git: &Git, outer: &str, inner: &Oid) -> bool {
    git.ask(["merge-base", "--is-ancestor", inner.as_str(), outer]).unwrap().ok()
}

#[test]
fn a_remote_gets_all_branches_and_then_only_what_is_new() {
    let (mut laptop, there, place) = with_remote();
    let first = laptop.give(&place);
    given(&first);
    assert_eq!((first.given.len(), first.snapshots), (3, 1));
    laptop.all_there(&there);
    assert_eq!(laptop.give(&place).outcome, Outcome::UpToDate);
    laptop.snapshot("two");
    laptop.snapshot("three");
    let second = laptop.give(&place);
    given(&second);
    assert_eq!(second.snapshots, 2);
    laptop.all_there(&there);
}

#[test]
fn a_named_remote_is_what_the_user_made_it() {
    let (laptop, there, _) = with_remote();
    let url = there.dir().to_str().unwrap();
    laptop.git.run(["remote", "add", "github", url]).unwrap();
    laptop.git.run(["config", "remote.github.push", "+refs/*:refs/*"]).unwrap();
    laptop.git.run(["config", "push.followTags", "true"]).unwrap();
    let tag = ["-c", "user.name=a", "-c", "user.email=a@b", "tag", "-a", "-m", "x", "v1", MAIN];
    laptop.git.run(tag).unwrap();
    laptop.git.run(["update-ref", "refs/heads/private", MAIN]).unwrap();
    given(&laptop.give(&laptop.remote("github")));
    laptop.all_there(&there);
    let all = there.run(["for-each-ref", "--format=%(refname)"]).unwrap().text();
    assert_eq!(all.lines().count(), 3, "nothing but the backup's own branches: {all}");
}

#[test]
fn snapshots_go_in_batches() {
    let (mut laptop, there, place) = with_remote();
    let mut pushes = 0;
    for number in 0..24 {
        laptop.snapshot(&format!("note {number}"));
        match laptop.tick(&place).outcome {
            Outcome::Given => pushes += 1,
            outcome => assert_eq!(outcome, Outcome::NotDue),
        }
    }
    assert_eq!(pushes, 4, "one in half an hour, of a snapshot in five minutes");
    assert!(laptop.record(&place).unpushed_since.is_some());
    laptop.now += i64::try_from(EVERY.as_secs()).unwrap();
    given(&laptop.tick(&place));
    laptop.all_there(&there);
    laptop.now += 86_400;
    assert_eq!(laptop.tick(&place).outcome, Outcome::UpToDate);
    assert_eq!(laptop.record(&place).unpushed_since, None);
}

#[test]
fn a_remote_that_is_away_for_days_gets_everything_afterwards() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    let moved = laptop.path("unplugged");
    std::fs::rename(there.dir(), &moved).unwrap();
    laptop.step = 1800;
    let lost = laptop.now + laptop.step;
    let mut attempts = 0;
    for number in 0..3 * 48 {
        laptop.snapshot(&format!("day {}, {number}", number / 48));
        let told = laptop.tick(&place);
        if told.outcome == Outcome::Failed {
            attempts += 1;
        }
        let record = told.record;
        assert_eq!(record.unpushed_since, Some(lost), "the oldest snapshot that is not there");
        if record.failures > 0 {
            let trouble = record.trouble.unwrap();
            assert_eq!(trouble.kind, "no-repository");
            assert!(trouble.hint.contains("mount the disk"), "{trouble:?}");
        }
    }
    assert!((20..40).contains(&attempts), "{attempts} attempts in three days");
    std::fs::rename(&moved, there.dir()).unwrap();
    laptop.now += 4 * 3600;
    let told = laptop.tick(&place);
    given(&told);
    assert_eq!(told.snapshots, 3 * 48);
    laptop.all_there(&there);
    let record = laptop.record(&place);
    assert_eq!((record.failures, record.unpushed_since, record.trouble), (0, None, None));
}

#[test]
fn asking_does_not_wait_for_the_back_off() {
    let (laptop, there, _) = with_remote();
    let place = laptop.remote(laptop.path("later.git").to_str().unwrap());
    assert_eq!(laptop.tick(&place).outcome, Outcome::Failed);
    assert_eq!(laptop.tick(&place).outcome, Outcome::NotDue);
    std::fs::rename(there.dir(), laptop.path("later.git")).unwrap();
    assert_eq!(laptop.tick(&place).outcome, Outcome::NotDue);
    given(&laptop.give(&place));
}

#[test]
fn another_remote_begins_anew() {
    let (mut laptop, _, place) = with_remote();
    given(&laptop.give(&place));
    laptop.snapshot("two");
    let second = laptop.other("second.git");
    let place = laptop.remote(second.dir().to_str().unwrap());
    assert_eq!(laptop.record(&place).succeeded, None);
    given(&laptop.tick(&place));
    laptop.all_there(&second);
}

#[test]
fn a_branch_that_was_deleted_there_is_given_again() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    there.run(["update-ref", "-d", MAIN]).unwrap();
    there.run(["update-ref", "-d", LOGS_BRANCH]).unwrap();
    laptop.snapshot("two");
    given(&laptop.give(&place));
    laptop.all_there(&there);
}

#[test]
fn a_commit_of_somebody_else_is_kept_on_both_sides_and_told() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    let theirs = grow(&there, MAIN, "written on the website", START + 1000);
    laptop.snapshot("two");
    let told = laptop.give(&place);
    assert_eq!(told.outcome, Outcome::Given);
    let entry = &told.record.diverged[MAIN];
    assert_eq!((entry.relation, entry.theirs.as_str()), (Relation::Diverged, theirs.as_str()));
    assert_eq!(at(&there, MAIN), theirs, "nothing was forced");
    assert_eq!(at(&laptop.git, &entry.kept), theirs, "theirs is here");
    let ours_there = entry.ours_there.clone().unwrap();
    assert!(ours_there.starts_with("refs/heads/ubos/diverged/localhost/2023"), "{ours_there}");
    assert_eq!(at(&there, &ours_there), at(&laptop.git, MAIN), "ours is there");
    for name in [LOGS_BRANCH, MANIFEST_BRANCH] {
        assert_eq!(at(&there, name), at(&laptop.git, name), "{name}");
    }
    let commands = diverged::commands(MAIN, entry).join("\n");
    assert!(commands.contains(&format!("git merge {}", entry.kept)), "{commands}");

    // The next snapshots go under the same name, and nothing is kept twice.
    laptop.snapshot("three");
    assert_eq!(laptop.give(&place).record.diverged[MAIN], *entry);
    assert_eq!(apart(&there), std::slice::from_ref(&ours_there));
    assert_eq!(at(&there, &ours_there), at(&laptop.git, MAIN));
    assert_eq!(laptop.give(&place).outcome, Outcome::UpToDate);

    // Settled: from now on as before, and what was kept stays.
    diverged::join(&laptop.git, "localhost", MAIN, entry).unwrap().unwrap();
    let told = laptop.give(&place);
    given(&told);
    laptop.all_there(&there);
    assert!(holds(&there, MAIN, &theirs));
    assert_eq!(apart(&there), [ours_there]);
}

#[test]
fn a_history_that_was_forced_there_is_kept_each_time_it_changes() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    let ours = at(&laptop.git, MAIN);
    let first = commit(&there, b"forced", &[], START);
    there.run(["update-ref", MAIN, first.as_str()]).unwrap();
    laptop.snapshot("two");
    let told = laptop.give(&place);
    let entry = told.record.diverged[MAIN].clone();
    assert_eq!(entry.relation, Relation::Unrelated);
    assert!(diverged::commands(MAIN, &entry).join("\n").contains("--allow-unrelated-histories"));

    let second = commit(&there, b"forced again", &[], START);
    there.run(["update-ref", MAIN, second.as_str()]).unwrap();
    laptop.snapshot("three");
    let told = laptop.give(&place);
    let again = told.record.diverged[MAIN].clone();
    assert_ne!(again.kept, entry.kept);
    assert_eq!(again.ours_there, entry.ours_there);
    assert_eq!((at(&laptop.git, &entry.kept), at(&laptop.git, &again.kept)), (first, second));

    // Whoever forced it puts ours back: that settles it too.
    there.run(["update-ref", MAIN, ours.as_str()]).unwrap();
    laptop.snapshot("four");
    given(&laptop.give(&place));
    laptop.all_there(&there);
}

#[test]
fn a_history_written_anew_with_the_same_content_is_told_as_such() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    let again = commit(&there, b"one", &[], START + 7);
    there.run(["update-ref", MAIN, again.as_str()]).unwrap();
    laptop.snapshot("two");
    let told = laptop.give(&place);
    assert_eq!(told.record.diverged[MAIN].relation, Relation::SameContent);
    assert_eq!(apart(&there).len(), 1, "ours is there all the same");
}

#[test]
fn a_remote_that_has_more_waits_for_a_person_and_gets_the_rest() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    let theirs = grow(&there, MAIN, "from another clone", START + 1000);
    grow(&laptop.git, LOGS_BRANCH, "more log", START + 1000);
    let told = laptop.give(&place);
    let entry = &told.record.diverged[MAIN];
    assert_eq!((entry.relation, &entry.ours_there), (Relation::Ahead, &None));
    assert_eq!(at(&there, LOGS_BRANCH), at(&laptop.git, LOGS_BRANCH));
    assert_eq!(apart(&there), [""; 0]);
    // The person takes it over.
    laptop.git.run(["update-ref", MAIN, &entry.kept]).unwrap();
    laptop.snapshot("two");
    given(&laptop.give(&place));
    assert!(holds(&there, MAIN, &theirs));
}

#[test]
fn a_laptop_restored_from_an_older_copy_loses_nothing_of_either_history() {
    let (mut laptop, there, place) = with_remote();
    let old: Vec<(&str, Oid)> =
        [MAIN, LOGS_BRANCH, MANIFEST_BRANCH].map(|name| (name, at(&laptop.git, name))).into();
    for number in 0..3 {
        laptop.snapshot(&format!("lost {number}"));
    }
    given(&laptop.give(&place));
    let before: Vec<Oid> = old.iter().map(|(name, _)| at(&there, name)).collect();
    for (name, oid) in &old {
        laptop.git.run(["update-ref", name, oid.as_str()]).unwrap();
    }
    // The copy is so old that it knows nothing of the remote.
    std::fs::remove_dir_all(laptop.state()).unwrap();
    laptop.snapshot("after the restore");
    let told = laptop.give(&place);
    assert_eq!(told.record.diverged.len(), 3);
    let names = apart(&there);
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("-logs")), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("-manifest")), "{names:?}");
    for ((name, _), theirs) in old.iter().zip(&before) {
        assert_eq!(at(&there, name), *theirs);
        assert_eq!(at(&laptop.git, &told.record.diverged[*name].kept), *theirs);
    }
    for (name, entry) in &told.record.diverged {
        diverged::join(&laptop.git, "localhost", name, entry).unwrap().unwrap();
    }
    laptop.snapshot("and on");
    given(&laptop.give(&place));
    laptop.all_there(&there);
}

#[test]
fn our_own_history_written_anew_while_apart_gets_a_further_name() {
    let (mut laptop, there, place) = with_remote();
    given(&laptop.give(&place));
    grow(&there, MAIN, "theirs", START + 1000);
    laptop.snapshot("two");
    laptop.give(&place);
    let anew = commit(&laptop.git, b"rebased", &[], START + 2000);
    laptop.git.run(["update-ref", MAIN, anew.as_str()]).unwrap();
    laptop.now += 60;
    let told = laptop.give(&place);
    assert_eq!(told.outcome, Outcome::Given);
    let names = apart(&there);
    assert_eq!(names.len(), 2, "what went there before stays");
    assert!(names.iter().any(|name| at(&there, name) == anew));
}

#[test]
fn a_hook_that_refuses_is_told_in_its_own_words_and_asked_again_later() {
    let (mut laptop, there, place) = with_remote();
    let hook = there.dir().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho 'not on a Sunday' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = laptop.push(&[place.clone(), laptop.mirror()], When::Asked);
    assert_eq!(told.exit_code(), 1);
    let trouble = told.places[0].record.trouble.clone().unwrap();
    assert_eq!(trouble.kind, "refused");
    assert!(trouble.message.contains("not on a Sunday"), "{trouble:?}");
    assert_eq!(told.places[1].outcome, Outcome::Given, "the other place has its turn");
    assert_eq!(branches(&there), [""; 0]);
    std::fs::remove_file(&hook).unwrap();
    laptop.now += 75;
    given(&laptop.tick(&place));
    laptop.all_there(&there);
}

#[test]
fn a_branch_that_is_refused_keeps_the_manifest_back() {
    let (laptop, there, place) = with_remote();
    let hook = there.dir().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\n[ \"$1\" != refs/heads/main ]\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let told = laptop.give(&place);
    assert_eq!(told.outcome, Outcome::Failed);
    assert!(told.record.trouble.unwrap().message.contains("hook of its own"));
    assert_eq!(there.resolve(MANIFEST_BRANCH).unwrap(), None, "it would name what is not there");
}

#[test]
fn a_host_that_knows_no_all_or_nothing_gets_the_manifest_last() {
    let (mut laptop, there, place) = with_remote();
    there.run(["config", "receive.advertiseAtomic", "false"]).unwrap();
    given(&laptop.give(&place));
    laptop.all_there(&there);
    laptop.snapshot("two");
    given(&laptop.give(&place));
    laptop.all_there(&there);
}

#[test]
fn much_that_is_new_goes_in_parts_and_an_interrupted_push_goes_on_where_it_was() {
    let (mut laptop, there, place) = with_remote();
    let mut dice = 7u64;
    for number in 0..6 {
        // Does not compress: each of these is about 100 kB in a pack.
        let text: String = (0..25_000)
            .map(|_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                format!("{:08x}", dice >> 32)
            })
            .collect();
        laptop.now += 300;
        grow(&laptop.git, MAIN, &format!("{number} {text}"), laptop.now);
    }
    laptop.most = 300_000;
    let log = there.dir().join("pushes");
    let hook = there.dir().join("hooks/post-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let script = format!("#!/bin/sh\necho x >> '{}'\ncat > /dev/null\n", log.display());
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let pushes = || std::fs::read_to_string(&log).unwrap_or_default().lines().count();
    // A push that was cut off after its first part, and nobody noted it.
    let early = laptop.git.run(["rev-parse", "main~4"]).unwrap().text();
    let spec = format!("{early}:{MAIN}");
    laptop.git.run(["push", "--quiet", there.dir().to_str().unwrap(), &spec]).unwrap();
    assert_eq!(pushes(), 1);
    given(&laptop.give(&place));
    assert!((2..=4).contains(&(pushes() - 1)), "{} pushes", pushes() - 1);
    laptop.all_there(&there);
}
