//! Names that git keeps in no tree, because on some file system they would be its own folder.
//!
//! git looks at names as Windows and macOS would: `.GIT`, `git~1`, `.git.` and a `.git` with invisible
//! characters are all `.git` somewhere. A host that checks what is pushed refuses the whole push for
//! one of them.

use crate::git::tree::keepable;

/// Why git would not keep `path`; `symlink`: it is a symbolic link.
pub fn refused(path: &[u8], symlink: bool) -> Option<&'static str> {
    if !keepable(path) {
        return Some("git takes the name for its own folder");
    }
    let last = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    (symlink && is_gitmodules(last)).then_some("git keeps no link in the place of `.gitmodules`")
}

/// Whether some system could take `name` for `.gitmodules`, by its short names too.
fn is_gitmodules(name: &[u8]) -> bool {
    let folded = name.to_ascii_lowercase();
    let whole = folded.strip_prefix(b".gitmodules").is_some_and(|rest| {
        rest.iter().find(|&&b| b != b'.' && b != b' ').is_none_or(|&b| b == b':')
    });
    let short = folded.strip_prefix(b"gitmod~").or_else(|| folded.strip_prefix(b"gi7eba~"));
    whole || short.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::repository;

    #[test]
    fn names_are_refused_where_git_refuses_them() {
        let (folder, git) = repository();
        // As strict as a host: with what other systems overlook.
        let git = git.with_index(&folder.path().join("index"));
        let blob = git.run_with(["hash-object", "-w", "--stdin"], b"text").unwrap().text();
        let names: [&[u8]; 17] = [
            b"a/.git/config",
            b".GIT",
            b"x/git~1",
            b"GIT~1/x",
            b".git.",
            b".git .x",
            b".git ",
            b".git::$INDEX_ALLOCATION",
            b".git:x/y",
            ".g\u{200c}it/x".as_bytes(),
            b"a\\.git",
            b".gitignore",
            b".github/x",
            b"git~2",
            b"git",
            b"x.git/y",
            b"line\nbreak\xff",
        ];
        for name in names {
            let mut line = format!("100644 {blob}\t").into_bytes();
            line.extend_from_slice(name);
            line.push(0);
            let strict = ["-c", "core.protectHFS=true", "-c", "core.protectNTFS=true"];
            let args = strict.into_iter().chain(["update-index", "-z", "--index-info"]);
            let taken = git.ask_with(args, &line).unwrap().ok();
            let shown = String::from_utf8_lossy(name);
            assert_eq!(refused(name, false).is_none(), taken, "{shown:?}");
        }
    }

    #[test]
    fn a_link_in_the_place_of_gitmodules_is_refused() {
        for name in [&b".gitmodules"[..], b"a/.GitModules", b"gitmod~1", b".gitmodules ."] {
            assert!(refused(name, true).is_some(), "{}", String::from_utf8_lossy(name));
            assert_eq!(refused(name, false), None);
        }
        assert_eq!(refused(b"gitmod~x", true), None);
    }
}
