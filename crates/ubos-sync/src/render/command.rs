//! Commands that a person can copy into a shell.

/// Bytes as one word of a shell. What a terminal must not see, or what is not UTF-8, is written in
/// the `$'…'` form that bash and zsh read.
pub(crate) fn word(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if crate::ui::sanitize::one_line(text) == text => quote(text),
        _ => {
            let mut word = String::from("$'");
            for &byte in bytes {
                match byte {
                    b'\'' | b'\\' => word.extend(['\\', byte as char]),
                    0x20..0x7f => word.push(byte as char),
                    _ => word.push_str(&format!("\\x{byte:02x}")),
                }
            }
            word + "'"
        }
    }
}

/// Harmless text as one word of a shell.
pub(crate) fn quote(text: &str) -> String {
    let plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+@%,:".contains(c));
    if plain && !text.starts_with('-') && !text.is_empty() {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// `ubos-sync COMMAND PATH OPTIONS`; a path that looks like an option comes last, after `--`.
pub(crate) fn about(command: &str, path: &[u8], options: &str) -> String {
    let gap = if options.is_empty() { "" } else { " " };
    if path.starts_with(b"-") {
        format!("ubos-sync {command}{gap}{options} -- {}", word(path))
    } else {
        format!("ubos-sync {command} {}{gap}{options}", word(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_path_is_called_the_command_can_be_copied() {
        let resolve = |path: &[u8]| about("resolve", path, "--keep balaur");
        assert_eq!(resolve(b"docs/a.md"), "ubos-sync resolve docs/a.md --keep balaur");
        assert_eq!(resolve(b"it's a.md"), "ubos-sync resolve 'it'\\''s a.md' --keep balaur");
        assert_eq!(resolve(b"-x"), "ubos-sync resolve --keep balaur -- '-x'");
        assert_eq!(resolve(b"a\xff\x1b'"), "ubos-sync resolve $'a\\xff\\x1b\\'' --keep balaur");
        assert_eq!(about("revert", b"a", ""), "ubos-sync revert a");
        // A terminal could read this one from right to left.
        assert_eq!(word("\u{202e}a".as_bytes()), "$'\\xe2\\x80\\xaea'");
        // In the other form, a digit after an escape is no part of it: bash takes two digits.
        assert_eq!(word(b"\x01f"), "$'\\x01f'");
    }
}
