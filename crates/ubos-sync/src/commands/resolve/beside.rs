//! The name under which the peer's version stands beside ours: `plan (balaur 20261122 093015).md`.
//!
//! The file that links lead to keeps its name, and the new name has none of the characters that a
//! link cannot have. A name that already has such an addition gets the new one instead of a second.

use ubos_core::path::{MAX_NAME, RelPath, join_bytes};

/// The name beside `path` for the version of `peer`, which is none of `taken`; `now` is RFC 3339.
/// None if the path cannot be formed.
pub(super) fn beside(
    path: &RelPath,
    peer: &str,
    now: &str,
    taken: impl Fn(&RelPath) -> bool,
) -> Option<RelPath> {
    let name = String::from_utf8_lossy(path.name()).into_owned();
    let (stem, ending) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name.as_str(), ""),
    };
    let mut stem = without_addition(stem, peer).to_owned();
    let time = now.get(..19)?.replace(['-', ':'], "").replace('T', " ");
    let mut more = String::new();
    for number in 2.. {
        let name = format!("{stem} ({peer} {time}{more}){ending}");
        if name.len() > MAX_NAME && stem.pop().is_some() {
            continue;
        }
        let path = join_bytes(path.parent_bytes(), name.as_bytes()).ok()?;
        if !taken(&path) {
            return Some(path);
        }
        more = format!(" {number}");
    }
    None
}

/// The stem before an addition of ours: the peer's name and digits in brackets.
fn without_addition<'a>(stem: &'a str, peer: &str) -> &'a str {
    let Some((before, addition)) = stem.rsplit_once(" (") else { return stem };
    let digits = addition.strip_suffix(')').and_then(|inner| inner.strip_prefix(peer));
    match digits {
        Some(digits) if digits.chars().all(|c| c.is_ascii_digit() || " -".contains(c)) => before,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> String {
        let path = RelPath::new(path).unwrap();
        beside(&path, "balaur", "2026-11-22T09:30:15Z", |_| false).unwrap().to_string()
    }

    #[test]
    fn the_ending_stays_and_the_addition_comes_before_it() {
        assert_eq!(name("docs/plan.md"), "docs/plan (balaur 20261122 093015).md");
        assert_eq!(name("Makefile"), "Makefile (balaur 20261122 093015)");
        assert_eq!(name(".profile"), ".profile (balaur 20261122 093015)");
    }

    #[test]
    fn a_name_never_grows_by_a_second_addition() {
        let once = name("docs/plan.md");
        assert_eq!(name(&once), once);
        assert_eq!(
            name("plan (balaur draft).md"),
            "plan (balaur draft) (balaur 20261122 093015).md"
        );
    }

    #[test]
    fn a_name_that_is_taken_is_not_given() {
        let path = RelPath::new("plan.md").unwrap();
        let taken = |path: &RelPath| path.to_string() == "plan (balaur 20261122 093015).md";
        let name = beside(&path, "balaur", "2026-11-22T09:30:15Z", taken).unwrap();
        assert_eq!(name.to_string(), "plan (balaur 20261122 093015 2).md");
    }

    #[test]
    fn a_long_name_is_cut_and_keeps_its_ending() {
        for stem in ["x".repeat(255), "ß".repeat(126)] {
            let name = name(&format!("{}.md", stem.chars().take(250).collect::<String>()));
            assert!(name.len() <= MAX_NAME, "{name}");
            assert!(name.ends_with(" (balaur 20261122 093015).md"), "{name}");
        }
    }
}
