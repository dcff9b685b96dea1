//! The first bytes of a connection: a magic that no login banner prints, then hello and welcome.

use std::io::{self, Read, Write};

/// Sent by each end before anything else.
pub const MAGIC: &[u8; 16] = b"\x00\xf0\x9f\x94\x97ubos-sync\x01\xff";
/// Most bytes of noise that are skipped before the magic.
const MAX_NOISE: usize = 64 << 10;

/// Sends the magic.
///
/// # Errors
/// What writing says.
pub fn send_magic(out: &mut impl Write) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.flush()
}

/// Reads up to and with the magic; returns what a shell profile printed before it.
///
/// # Errors
/// `UnexpectedEof` with the noise in the message if the other end went away first; `InvalidData` if
/// the noise does not end.
pub fn read_magic(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut seen: Vec<u8> = Vec::new();
    let mut byte = [0u8; 1];
    while seen.len() < MAX_NOISE {
        if input.read(&mut byte)? == 0 {
            let noise = String::from_utf8_lossy(&seen).trim().to_owned();
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, noise));
        }
        seen.push(byte[0]);
        if seen.ends_with(MAGIC) {
            seen.truncate(seen.len() - MAGIC.len());
            return Ok(seen);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidData,
        "the remote shell prints without end before the agent answers",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_before_the_magic_is_skipped_and_reported() {
        let mut bytes = b"Welcome to Balaur!\n".to_vec();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(b"rest");
        let mut input = &bytes[..];
        assert_eq!(read_magic(&mut input).unwrap(), b"Welcome to Balaur!\n");
        assert_eq!(input, b"rest");
        assert!(read_magic(&mut &b"only noise"[..]).is_err());
    }
}
