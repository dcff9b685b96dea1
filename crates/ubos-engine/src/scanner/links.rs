//! Which symlinks stay inside their territory. A link is judged by its text alone; it is never
//! followed.

/// Whether the link in the folder `dir` (bytes relative to the root) with this text is absolute or
/// leaves the root.
pub(super) fn escapes(dir: &[u8], text: &[u8]) -> bool {
    if text.first() == Some(&b'/') {
        return true;
    }
    let mut depth = dir.split(|&b| b == b'/').filter(|name| !name.is_empty()).count();
    for name in text.split(|&b| b == b'/') {
        match name {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::escapes;

    #[test]
    fn only_relative_links_that_stay_inside_may_travel() {
        assert!(!escapes(b"", b"b.md"));
        assert!(!escapes(b"a/b", b"../../c"));
        assert!(escapes(b"a/b", b"../../../c"));
        assert!(escapes(b"", b".."));
        assert!(escapes(b"a", b"/srv/janus/a"));
        assert!(!escapes(b"a", b"./x/../../y"));
    }
}
