//! Each rule of the contract about which paths are selected, as a table.

use ubos_core::manifest::Direction::{AppendOnly, Bidirectional, PullOnly, PushOnly};
use ubos_core::manifest::defaults::DEFAULTS;
use ubos_core::path::RelPath;
use ubos_core::selection::Verdict::{Excluded, Passage, Selected, Unselected};
use ubos_core::selection::{Builtin, Selection, Verdict};

use crate::sketches::{compile, compile_with};

/// Judges each path; one that ends in `/` is a folder.
fn check(selection: &Selection, table: &[(&str, Verdict)]) {
    for (text, expected) in table {
        let path = RelPath::new(text.trim_end_matches('/')).unwrap();
        let found = selection.judge_path(&path, text.ends_with('/'));
        let why = selection.explain(&path, text.ends_with('/')).sentence;
        assert_eq!(found, *expected, "{text}: {why}");
    }
}

#[test]
fn the_blueprints_manifests_mean_what_the_blueprint_says() {
    let selection = compile(DEFAULTS.to, DEFAULTS.from, DEFAULTS.exclude);
    check(
        &selection,
        &[
            ("docs/", Selected(Bidirectional)),
            ("docs/a/b.md", Selected(Bidirectional)),
            ("config/CLAUDE.md", Selected(Bidirectional)),
            ("config/sync_exclude.conf", Selected(Bidirectional)),
            ("ROADMAP.md", Selected(Bidirectional)),
            ("missions/x", Selected(Bidirectional)),
            ("COMMS_HUB/x", Selected(Bidirectional)),
            ("unified_boot_1.md", Selected(Bidirectional)),
            ("x/unified_boot_1.md", Unselected),
            ("proposals.jsonl", Selected(PullOnly)),
            ("mission_log.jsonl", Selected(PullOnly)),
            ("STATE_OF_THE_REPUBLIC_7.md", Selected(PullOnly)),
            ("intel_cache/deep/x.json", Selected(PullOnly)),
            ("scripts/", Unselected),
            ("scripts/x.sh", Unselected),
            ("docs/.cache/", Excluded),
            ("docs/.cache/x", Excluded),
            ("docs/a.pyc", Excluded),
            ("docs/x/node_modules/y", Excluded),
            ("docs/.DS_Store", Excluded),
            ("agent/venv/", Excluded),
            ("docs/agent/venv/", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn patterns_of_to_and_from_are_anchored_at_the_root() {
    check(
        &compile("*.md\n/top", "logs", ""),
        &[
            ("a.md", Selected(Bidirectional)),
            ("x/", Unselected),
            ("x/a.md", Unselected),
            ("top", Selected(Bidirectional)),
            ("x/top", Unselected),
            ("logs/", Selected(PullOnly)),
            ("logs/x/y", Selected(PullOnly)),
            ("x/logs", Unselected),
        ],
    );
}

#[test]
fn exclude_patterns_without_an_inner_slash_match_at_any_depth() {
    check(
        &compile("d/", "", "*.bak\nbuild/\n/d/top\nd/mid/x\n*.log\n!keep.log\ncache\n"),
        &[
            ("d/a.bak", Excluded),
            ("d/e/f/a.bak", Excluded),
            ("d/build/", Excluded),
            ("d/build/x", Excluded),
            ("d/build", Selected(Bidirectional)),
            ("d/top", Excluded),
            ("d/e/top", Selected(Bidirectional)),
            ("d/mid/x", Excluded),
            ("d/e/d/mid/x", Selected(Bidirectional)),
            ("d/a.log", Excluded),
            ("d/keep.log", Selected(Bidirectional)),
            ("d/cache", Excluded),
            ("d/cache/deep/x", Excluded),
        ],
    );
}

#[test]
fn nothing_comes_back_below_an_excluded_folder() {
    check(
        &compile("d/", "", "d/x/\n!d/x/keep\nd/y/*\n!d/y/keep"),
        &[
            ("d/x/keep", Excluded),
            ("d/y/keep", Selected(Bidirectional)),
            ("d/y/other", Excluded),
            ("d/y/", Selected(Bidirectional)),
        ],
    );
}

/// Each row is what `git check-ignore` answers.
#[test]
fn blanks_escapes_classes_and_braces_are_those_of_git() {
    let exclude = "a\\ \nb  \n\\#c\n\\!d\nx[!a]\ny[]z]\n{m,n}\np**q\n[[:digit:]]k\n/r/**\n";
    let ignored = ["a ", "b", "#c", "!d", "xb", "y]", "{m,n}", "pXq", "1k", "r/z"];
    let kept = ["a", "xa", "m", "p", "k", "t/r/z", "c", "d"];
    let selection = compile("*", "", exclude);
    check(&selection, &ignored.map(|path| (path, Excluded)));
    check(&selection, &kept.map(|path| (path, Selected(Bidirectional))));
}

#[test]
fn exclude_beats_everything() {
    check(
        &compile("a/b/very/long.md\nshared", "shared", "a/b/\nshared\n"),
        &[("a/b/very/long.md", Excluded), ("a/b/", Excluded), ("shared", Excluded)],
    );
}

#[test]
fn the_longer_literal_prefix_wins() {
    check(
        &compile("docs/\nlogs/2025-*", "docs/reports/\nlogs/*", ""),
        &[
            ("docs/a", Selected(Bidirectional)),
            ("docs/reports/", Selected(PullOnly)),
            ("docs/reports/a", Selected(PullOnly)),
            ("logs/2025-01", Selected(Bidirectional)),
            ("logs/2024-01", Selected(PullOnly)),
        ],
    );
    // Within one manifest as well, whichever stands first.
    check(
        &compile("[push-only]\ndocs/a*\n[bidirectional]\ndocs/*", "", ""),
        &[("docs/ab", Selected(PushOnly)), ("docs/b", Selected(Bidirectional))],
    );
}

#[test]
fn the_same_pattern_in_both_is_bidirectional() {
    check(
        &compile("[push-only]\nshared/\n/x*", "[append-only]\nshared/\nx*", ""),
        &[
            ("shared/", Selected(Bidirectional)),
            ("shared/a", Selected(Bidirectional)),
            ("xy", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn at_equal_length_the_from_manifest_wins() {
    check(
        &compile("d/*.md", "d/*\n", ""),
        &[("d/a.md", Selected(PullOnly)), ("d/b", Selected(PullOnly))],
    );
    // And within one manifest the later line.
    check(
        &compile("[push-only]\nd/*.md\n[bidirectional]\nd/a*", "", ""),
        &[("d/a.md", Selected(Bidirectional)), ("d/b.md", Selected(PushOnly))],
    );
}

#[test]
fn headings_set_the_direction() {
    check(
        &compile("a\n[push-only]\nb", "c\n[append-only]\nd.jsonl\n[bidirectional]\ne", ""),
        &[
            ("a", Selected(Bidirectional)),
            ("b", Selected(PushOnly)),
            ("c", Selected(PullOnly)),
            ("d.jsonl", Selected(AppendOnly)),
            ("e", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn a_bang_takes_back_what_the_lines_above_it_select() {
    check(
        &compile("docs/\n!docs/private/\ndocs/private/pub.md\n!x\nx", "docs/private/in/", ""),
        &[
            ("docs/a", Selected(Bidirectional)),
            ("docs/private/", Passage),
            ("docs/private/a", Unselected),
            ("docs/private/pub.md", Selected(Bidirectional)),
            ("docs/private/in/a", Selected(PullOnly)),
            // A line below the `!` is not taken back.
            ("x", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn folders_on_the_way_to_a_selected_path_are_passages() {
    check(
        &compile("a/b/*.md\np/**/q\nr/**\n", "", ""),
        &[
            ("a/", Passage),
            ("a", Unselected),
            ("a/b/", Passage),
            ("a/c/", Unselected),
            ("a/b/x.md", Selected(Bidirectional)),
            ("a/b/x.md/", Selected(Bidirectional)),
            ("a/b/x.md/below", Selected(Bidirectional)),
            ("a/b/c/", Unselected),
            ("p/", Passage),
            ("p/x/", Passage),
            ("p/q", Selected(Bidirectional)),
            ("p/x/y/q", Selected(Bidirectional)),
            ("r/", Passage),
            ("r/x", Selected(Bidirectional)),
            ("r/x/y", Selected(Bidirectional)),
            ("z/", Unselected),
        ],
    );
}

#[test]
fn a_pattern_with_a_slash_at_its_end_names_no_file() {
    check(
        &compile("d/\ne", "", ""),
        &[("d", Unselected), ("d/", Selected(Bidirectional)), ("e", Selected(Bidirectional))],
    );
}

#[test]
fn the_manifests_are_always_selected_both_ways() {
    let selection = compile("docs/", "config/", "config/\n*.conf");
    check(
        &selection,
        &[
            ("config/", Passage),
            ("config/sync_to_balaur.conf", Selected(Bidirectional)),
            ("config/sync_from_balaur.conf", Selected(Bidirectional)),
            ("config/sync_exclude.conf", Selected(Bidirectional)),
            ("config/sync_to_other.conf", Excluded),
            ("config/sub/", Excluded),
            ("config/sub/sync_exclude.conf", Excluded),
            ("config/sync_exclude.conf/", Excluded),
            ("other/sync_exclude.conf", Excluded),
        ],
    );
    check(&compile("docs/", "", ""), &[("config/", Passage), ("config/x", Unselected)]);
}

#[test]
fn git_and_our_own_folder_are_never_synced() {
    let nothing = Builtin { defaults: false, extra: vec!["!.git".into()], fold_case: false };
    let selection = compile_with("*\n.git/\n**/.git", ".ubos-sync/", "!.git", &nothing);
    check(
        &selection,
        &[
            (".git/", Excluded),
            (".git/config", Excluded),
            ("a/.git", Excluded),
            ("a/.GIT/x", Excluded),
            (".ubos-sync/marker", Excluded),
            ("a/.Ubos-Sync/", Excluded),
            ("a/.gitignore", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn junk_is_excluded_unless_the_configuration_says_otherwise() {
    let junk = [
        "d/.DS_Store",
        "d/._x",
        "d/Thumbs.db",
        "d/.Trashes",
        "d/x~",
        "d/x.swp",
        "d/.#x",
        "d/~$x.docx",
        "d/x.part",
        "d/x.crdownload",
        "d/x.tmp",
        "d/x.sqlite-wal",
        "d/x.sqlite-shm",
        "d/x-journal",
        "d/.obsidian/workspace.json",
        "d/.obsidian/workspace-mobile.json",
        "d/.stfolder",
        "d/.unison.x.tmp",
        "d/.rclone_chunk",
    ];
    let on = compile("d/", "", "!*.tmp");
    let off = compile_with("d/", "", "", &Builtin { defaults: false, ..Builtin::default() });
    for path in junk {
        check(&on, &[(path, Excluded)]);
        check(&off, &[(path, Selected(Bidirectional))]);
    }
    let extra = vec!["!*.tmp".to_owned(), "*.mine".to_owned()];
    let some = compile_with("d/", "", "", &Builtin { extra, ..Builtin::default() });
    check(
        &some,
        &[
            ("d/x.tmp", Selected(Bidirectional)),
            ("d/x.mine", Excluded),
            ("d/x.swp", Excluded),
            ("d/.obsidian/app.json", Selected(Bidirectional)),
        ],
    );
}

#[test]
fn names_that_are_not_utf8_match_wildcards() {
    let selection = compile("d/*.md\ne/", "", "");
    for path in [&b"d/\xff.md"[..], b"e/\xff/\xfe"] {
        let path = RelPath::new(path.to_vec()).unwrap();
        assert_eq!(selection.judge_path(&path, false), Selected(Bidirectional), "{path}");
    }
}

#[test]
fn both_unicode_forms_of_a_name_are_selected() {
    let selection = compile("Café/", "", "");
    check(
        &selection,
        &[
            ("Cafe\u{301}/x", Selected(Bidirectional)),
            ("Café/x", Selected(Bidirectional)),
            ("Cafe/x", Unselected),
        ],
    );
}

#[test]
fn case_counts_unless_it_is_folded() {
    let exact = compile("Docs/", "", "*.BAK");
    check(
        &exact,
        &[
            ("Docs/x", Selected(Bidirectional)),
            ("docs/x", Unselected),
            ("Docs/a.bak", Selected(Bidirectional)),
        ],
    );
    let folded = Builtin { fold_case: true, ..Builtin::default() };
    let selection = compile_with("Docs/\nÉ[A-C]", "", "*.BAK", &folded);
    check(
        &selection,
        &[
            ("dOCS/x", Selected(Bidirectional)),
            ("docs/a.bak", Excluded),
            ("éb", Selected(Bidirectional)),
            ("CONFIG/SYNC_EXCLUDE.conf", Selected(Bidirectional)),
        ],
    );
}
