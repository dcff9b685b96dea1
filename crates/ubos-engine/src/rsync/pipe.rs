//! `ubos-sync rsync-pipe`: what rsync starts as its remote shell. It hands the words it was started
//! with to the waiting run, and then carries bytes both ways.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

/// Names the socket of the waiting run.
pub const SOCKET: &str = "UBOS_SYNC_RSYNC_SOCKET";
/// Most bytes of words that are taken.
const MAX_WORDS: usize = 64 << 10;

/// Runs the pipe: `words` are the host and the command that rsync wants started there.
///
/// # Errors
/// What the sockets and pipes say.
pub fn run(words: &[String]) -> io::Result<()> {
    let path = std::env::var_os(SOCKET)
        .ok_or_else(|| io::Error::other("only rsync, started by a run, uses this"))?;
    let mut socket = UnixStream::connect(path)?;
    let text = words.join("\0");
    socket.write_all(&(text.len() as u32).to_le_bytes())?;
    socket.write_all(text.as_bytes())?;
    let mut to_peer = socket.try_clone()?;
    // rsync ends the transfer by closing its ends; a broken pipe then is no failure.
    // Plain files: standard output as Rust has it holds back what does not end in a newline.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let sender = std::thread::spawn(move || {
        let _ = io::copy(&mut input, &mut to_peer);
        let _ = to_peer.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut socket, &mut output);
    // The sender waits for rsync's standard input, which ends with rsync.
    drop(sender);
    Ok(())
}

/// Reads the words that a pipe sends first, less the host.
///
/// # Errors
/// What the socket says; `InvalidData` for too many.
pub fn read_words(socket: &mut UnixStream) -> io::Result<Vec<String>> {
    let mut length = [0u8; 4];
    socket.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_WORDS {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too many words"));
    }
    let mut text = vec![0u8; length];
    socket.read_exact(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(text.split('\0').skip(1).map(str::to_owned).collect())
}
