//! Bytes as readable text and back, one for one: how names and contents are written in sketches
//! and in messages.

/// `bytes` with everything that is not plain printable ASCII as `\n`, `\t`, `\\` or `\xHH`.
/// Bytes in `also` are escaped too, and so are spaces at either end.
pub fn escaped(bytes: &[u8], also: &[u8]) -> String {
    let mut text = String::new();
    for (index, &byte) in bytes.iter().enumerate() {
        let edge = index == 0 || index + 1 == bytes.len();
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' ' if edge => text.push_str("\\x20"),
            0x20..=0x7e if !also.contains(&byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// What [`escaped`] wrote, as bytes. Text that is not escaped stands for itself.
///
/// # Panics
/// On an escape that does not exist: a test that is misspelt must not run.
pub fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'\\' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let (value, used) = match tail {
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', high, low, ..] => (hex_digit(*high, text) * 16 + hex_digit(*low, text), 3),
            _ => panic!("unknown escape in {text:?}"),
        };
        bytes.push(value);
        rest = &tail[used..];
    }
    bytes
}

fn hex_digit(digit: u8, text: &str) -> u8 {
    match char::from(digit).to_digit(16) {
        Some(value) => u8::try_from(value).expect("a hexadecimal digit is below 16"),
        None => panic!("unknown escape in {text:?}"),
    }
}

/// A path as it is shown in messages.
pub fn shown(path: &[u8]) -> String {
    escaped(path, b"")
}

/// Standard base64 with padding, as `path_b64` uses it; `None` for anything else.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let mut value = 0usize;
        for digit in group {
            value = value * 64 + ALPHABET.iter().position(|known| known == digit)?;
        }
        value <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&value.to_be_bytes()[size_of::<usize>() - 3..][..group.len() - 1]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unescaped(&escaped(&all, b"=")), all);
        assert!(!escaped(&all, b"=").contains('='));
    }

    #[test]
    #[should_panic(expected = "unknown escape")]
    fn a_misspelt_escape_is_refused() {
        unescaped("a\\q");
    }

    #[test]
    fn base64_of_each_length() {
        assert_eq!(from_base64(""), Some(vec![]));
        assert_eq!(from_base64("/w=="), Some(vec![0xff]));
        assert_eq!(from_base64("bm90"), Some(b"not".to_vec()));
        assert_eq!(from_base64("bm90ZXM="), Some(b"notes".to_vec()));
        assert_eq!(from_base64("bm9"), None);
        assert_eq!(from_base64("b$90"), None);
    }
}
