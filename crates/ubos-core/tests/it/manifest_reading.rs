//! What makes a set of manifests unusable, and what tells one set from another.

use ubos_core::manifest::defaults::DEFAULTS;
use ubos_core::manifest::{ManifestPaths, Manifests, PerManifest};
use ubos_core::selection::{Builtin, Selection};

use crate::sketches::{compile, read};

#[test]
fn the_default_texts_are_those_of_the_blueprint() {
    assert!(DEFAULTS.to.starts_with("# Constitutional documents (bidirectional)\ndocs/\n"));
    assert!(DEFAULTS.to.ends_with("\n# Boot sequences\nunified_boot_*.md\n"));
    assert!(DEFAULTS.from.starts_with("# Operational intelligence (pull-only)\n"));
    assert_eq!(DEFAULTS.exclude.lines().count(), 7);
    let manifests = read(DEFAULTS.to, DEFAULTS.from, DEFAULTS.exclude);
    let lines = PerManifest::from_fn(|role| manifests.get(role).lines().len());
    assert_eq!((lines.to, lines.from, lines.exclude), (9, 4, 7));
}

#[test]
fn nothing_selected_is_an_error() {
    for (to, from) in [("", ""), ("# only a comment\n[push-only]\n", "!a")] {
        let errors = Selection::compile(&read(to, from, "x"), &Builtin::default()).unwrap_err();
        assert!(errors.to_string().contains("sync_to_balaur.conf"), "{errors}");
    }
    assert!(Selection::compile(&read("", "a", ""), &Builtin::default()).is_ok());
}

#[test]
fn an_exclude_manifest_that_leaves_nothing_is_an_error() {
    for exclude in ["*", "**", "/*", "**/*", "/**", "*.tmp\n# all\n*\nx/"] {
        let errors = Selection::compile(&read("docs/", "a", exclude), &Builtin::default());
        let told = errors.unwrap_err().to_string();
        assert!(told.contains("sync_exclude.conf, line") && told.contains("everything"), "{told}");
    }
    for exclude in ["*\n!docs/", "!docs/\n*\n!docs/", "*/", "*.*", "docs/*", "?"] {
        let compiled = Selection::compile(&read("docs/", "a", exclude), &Builtin::default());
        assert!(compiled.is_ok(), "{exclude}");
    }
}

#[test]
fn a_broken_extra_pattern_is_an_error() {
    let builtin = Builtin { extra: vec!["[x".into()], ..Builtin::default() };
    let errors = Selection::compile(&read("a", "", ""), &builtin).unwrap_err();
    assert!(errors.to_string().contains("config.toml"), "{errors}");
}

#[test]
fn a_missing_manifest_is_an_error_that_names_it_beside_all_others() {
    let paths = ManifestPaths::for_peer("balaur").unwrap();
    let texts = PerManifest { to: Some(b"a//b\n..".to_vec()), from: None, exclude: None };
    let errors = Manifests::read(&paths, &texts).unwrap_err().0;
    let places: Vec<_> = errors.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(
        places,
        [
            ("config/sync_to_balaur.conf", Some(1)),
            ("config/sync_to_balaur.conf", Some(2)),
            ("config/sync_from_balaur.conf", None),
            ("config/sync_exclude.conf", None),
        ]
    );
    assert!(ManifestPaths::for_peer("a/b").is_err());
}

#[test]
fn the_digest_changes_with_any_of_the_three() {
    let base = read("a", "b", "c").digest();
    assert_eq!(base, read("a", "b", "c").digest());
    for other in
        [read("x", "b", "c"), read("a", "x", "c"), read("a", "b", "x"), read("b", "a", "c")]
    {
        assert_ne!(base, other.digest());
    }
}

#[test]
fn the_selections_digest_changes_with_whatever_both_sides_must_agree_on() {
    let manifests = read("a", "b", "c");
    let digest = |builtin: Builtin| Selection::compile(&manifests, &builtin).unwrap().digest();
    let base = digest(Builtin::default());
    assert_eq!(base, digest(Builtin::default()));
    assert_ne!(base, digest(Builtin { defaults: false, ..Builtin::default() }));
    assert_ne!(base, digest(Builtin { extra: vec!["x".into()], ..Builtin::default() }));
    assert_ne!(base, digest(Builtin { fold_case: true, ..Builtin::default() }));
    assert_ne!(base, compile("a", "b", "d").digest());
}
