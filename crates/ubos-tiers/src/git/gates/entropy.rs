//! How random a text looks: what tells a key from a word.

/// Shannon's entropy of the bytes, in bits a byte: 0 for one letter repeated, about 4 for hexadecimal
/// digits, nearly 6 for a long text in base64.
pub(super) fn bits(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in text {
        counts[usize::from(byte)] += 1;
    }
    let total = text.len() as f64;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum()
}

/// How often a digit or a sign stands beside a letter. Random text has many such places; words, names
/// and versions have few. What joins words (`-`, `_`, `.`) makes none.
pub(super) fn turns(text: &[u8]) -> usize {
    #[derive(PartialEq)]
    enum Class {
        Letter,
        Digit,
        Joint,
        Sign,
    }
    let class = |byte: &u8| match byte {
        b if b.is_ascii_alphabetic() => Class::Letter,
        b if b.is_ascii_digit() => Class::Digit,
        b'-' | b'_' | b'.' => Class::Joint,
        _ => Class::Sign,
    };
    let beside = |pair: &[u8]| {
        let (a, b) = (class(&pair[0]), class(&pair[1]));
        a != b && a != Class::Joint && b != Class::Joint
    };
    text.windows(2).filter(|pair| beside(pair)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_grows_with_variety() {
        assert_eq!(bits(b""), 0.0);
        assert_eq!(bits(b"aaaa"), 0.0);
        assert_eq!(bits(b"abab"), 1.0);
        assert_eq!(bits(b"0123456789abcdef"), 4.0);
        assert!(bits(b"password") < 3.0);
    }

    #[test]
    fn words_turn_seldom() {
        assert_eq!(turns(b"my-app-v2-secret-10"), 1);
        assert_eq!(turns(b"OAuth2AccessTokenProvider"), 2);
        assert_eq!(turns(b"a1b2c3"), 5);
        assert_eq!(turns(b""), 0);
    }
}
