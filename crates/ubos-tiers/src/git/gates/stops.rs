//! What looks like a secret and stands for none: placeholders, samples, references to where the
//! secret really is.

/// Parts of placeholders, in lower case.
const WORDS: [&[u8]; 26] = [
    b"example",
    b"sample",
    b"placeholder",
    b"your",
    b"changeme",
    b"change-me",
    b"change_me",
    b"replace",
    b"insert",
    b"dummy",
    b"redacted",
    b"removed",
    b"xxxx",
    b"****",
    b"....",
    b"0000000",
    b"1234567",
    b"abcdefg",
    b"a1b2c3d4",
    b"deadbeef",
    b"t0ps3cr",
    b"secret",
    b"password",
    b"process.env",
    b"environ",
    b"getenv",
];

/// Signs that a value is filled in elsewhere, or is code.
const SIGNS: [&[u8]; 10] = [b"${", b"$(", b"{{", b"}}", b"<%", b"%>", b"%(", b"://", b"()", b"=>"];

/// Whether the value stands for a secret that is elsewhere or nowhere.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    WORDS.iter().any(|word| contains(&value, word))
}

/// Whether the value refers to something: a variable, a path, a call, an address.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let begins =
        matches!(value.first(), Some(b'<' | b'$' | b'%' | b'/' | b'~' | b'.' | b'#' | b'@'));
    begins || SIGNS.iter().any(|sign| contains(value, sign))
}

/// Whether the value names something, as an UUID or a time does, and is no secret by itself.
pub(super) fn is_name(value: &[u8]) -> bool {
    is_uuid(value) || is_time(value)
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, &byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_time(value: &[u8]) -> bool {
    let form = b"dddd-dd-dd";
    value.len() >= form.len()
        && form.iter().zip(value).all(|(form, byte)| match form {
            b'd' => byte.is_ascii_digit(),
            joint => byte == joint,
        })
}

/// Whether `part` stands somewhere in `text`.
pub(super) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_are_known() {
        for text in ["your-api-key-here", "AKIAIOSFODNN7EXAMPLE", "XXXXXXXXXXXX", "changeMe!1"] {
            assert!(is_placeholder(text.as_bytes()), "{text}");
        }
        for text in ["${TOKEN}", "<token>", "/run/keys/a1", "https://a.b/c", "{{ x }}", "$TOKEN"] {
            assert!(is_reference(text.as_bytes()), "{text}");
        }
        for text in ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "2026-11-22T18:27:09Z"] {
            assert!(is_name(text.as_bytes()), "{text}");
        }
        assert!(!is_name(b"3f2504e0-4f89-41d3-9a0c-0305e82c330g") && !is_name(b"2026"));
    }
}
