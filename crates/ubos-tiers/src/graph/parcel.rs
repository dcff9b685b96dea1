//! Answers on their way to the other territory: JSON as it is, packed where it is long, since what one
//! question may bring is bounded and a whole graph says much the same all the time.

/// From this many bytes on an answer is packed.
const LONG: usize = 1 << 20;
/// No answer is unpacked to more, whatever it says of itself.
const MOST: usize = 256 << 20;
/// What a packed one begins with; no JSON does.
const MARK: &[u8] = b"lz4\0";

/// The form in which an answer travels.
pub fn pack(json: Vec<u8>) -> Vec<u8> {
    if json.len() < LONG || json.len() > MOST {
        return json;
    }
    let mut packed = MARK.to_vec();
    packed.extend(lz4_flex::compress_prepend_size(&json));
    packed
}

/// The answer in what came; `None` if it is damaged or too long.
pub fn unpack(bytes: Vec<u8>) -> Option<Vec<u8>> {
    let Some(packed) = bytes.strip_prefix(MARK) else { return Some(bytes) };
    let size = u32::from_le_bytes(*packed.first_chunk()?) as usize;
    if size > MOST {
        return None;
    }
    lz4_flex::decompress_size_prepended(packed).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_out_as_it_was() {
        let short = b"{\"question\":\"stats\"}".to_vec();
        assert_eq!(pack(short.clone()), short);
        let long = short.repeat(LONG / 8);
        let packed = pack(long.clone());
        assert!(packed.len() < long.len() / 10);
        assert_eq!(unpack(packed), Some(long));
        assert_eq!(unpack(short.clone()), Some(short));
    }

    #[test]
    fn what_is_damaged_or_claims_too_much_is_refused() {
        let mut packed = pack(b"{}".repeat(LONG));
        packed.truncate(packed.len() / 2);
        assert_eq!(unpack(packed), None);
        assert_eq!(unpack([MARK, &u32::MAX.to_le_bytes(), b"x"].concat()), None);
        assert_eq!(unpack(MARK.to_vec()), None);
    }
}
