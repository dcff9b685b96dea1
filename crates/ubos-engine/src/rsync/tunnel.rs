//! Both ends of a transfer: the client here, the server half at the agent, their bytes in data
//! frames of the connection.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{arguments, pipe};
use crate::agent::channel::Channel;
use crate::agent::frame::FrameKind;

/// Bytes read at a time.
const STEP: usize = 64 << 10;
/// How long the client may take until it starts its remote shell.
const START: Duration = Duration::from_secs(20);

/// A client that has started its remote shell, and is waiting for the server half.
pub struct Client {
    child: Child,
    socket: UnixStream,
    /// What it wants started at the other end.
    pub words: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Client {
    /// Starts rsync between the box at `local` and the peer's, for the one file `name`.
    ///
    /// # Errors
    /// What starting says; `TimedOut` if it does not come to the point.
    pub fn start(program: &Path, local: &Path, name: &str, send: bool) -> io::Result<Client> {
        let folder = tempfile::Builder::new().prefix("ubos-").tempdir()?;
        let socket_path = folder.path().join("s");
        let listener = UnixListener::bind(&socket_path)?;
        // rsync splits the command at spaces; a link of our own has none.
        let own = folder.path().join("u");
        std::os::unix::fs::symlink(program, &own)?;
        let shell = format!("{} rsync-pipe", own.display());
        let mut command = Command::new("rsync");
        command.args(arguments::client(&shell)).args(arguments::places(local, send));
        command.env(pipe::SOCKET, &socket_path).env("LC_ALL", "C");
        for name in ["RSYNC_RSH", "RSYNC_PROXY", "RSYNC_CONNECT_PROG", "RSYNC_PARTIAL_DIR"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        if let Some(mut list) = child.stdin.take() {
            list.write_all(name.as_bytes())?;
            list.write_all(&[0])?;
        }
        let mut socket = accept(&listener, &mut child)?;
        let words = pipe::read_words(&mut socket)?;
        Ok(Client { child, socket, words, _folder: folder })
    }

    /// Carries bytes between the client and the peer until both have ended; returns how many
    /// crossed. The server half was already ordered.
    ///
    /// # Errors
    /// What the connection says.
    pub fn carry(mut self, channel: &mut Channel) -> io::Result<u64> {
        let from_client = self.socket.try_clone()?;
        let mut to_client = self.socket.try_clone()?;
        let mut crossed = 0;
        let writer = channel.shared_writer();
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(move || forward(from_client, &writer));
            loop {
                match channel.reader.frame() {
                    Ok((FrameKind::Data, bytes)) => {
                        crossed += bytes.len() as u64;
                        if to_client.write_all(bytes).is_err() {
                            // The client is gone; what else comes is read and dropped.
                            continue;
                        }
                    }
                    Ok((FrameKind::End, _)) => break,
                    Ok(_) => {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "unexpected frame"));
                    }
                    Err(e) => {
                        // Frees the sender, which waits for the client.
                        let _ = self.socket.shutdown(Shutdown::Both);
                        return Err(e);
                    }
                }
            }
            // The server half has ended; nothing more is awaited from the client.
            let _ = to_client.shutdown(Shutdown::Write);
            sender.join().expect("a carrying thread does not panic")
        })?;
        self.child.wait()?;
        Ok(crossed + sent)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Ended long ago, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accept(listener: &UnixListener, child: &mut Child) -> io::Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let start = Instant::now();
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false)?;
                return Ok(socket);
            }
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => return Err(e),
            Err(_) if child.try_wait()?.is_some() => {
                return Err(io::Error::other("rsync ended early"));
            }
            Err(_) if start.elapsed() > START => return Err(io::ErrorKind::TimedOut.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Sends what comes from `from` as data frames, and an end; returns how many bytes it was.
fn forward(mut from: impl Read, writer: &crate::agent::channel::SharedWriter) -> io::Result<u64> {
    let mut buffer = vec![0u8; STEP];
    let mut sent = 0;
    loop {
        let n = from.read(&mut buffer).unwrap_or(0);
        let mut writer = writer.lock().expect("no holder of this lock panics");
        if n == 0 {
            writer.frame(FrameKind::End, &[])?;
            writer.flush()?;
            return Ok(sent);
        }
        sent += n as u64;
        writer.frame(FrameKind::Data, &buffer[..n])?;
        writer.flush()?;
    }
}

/// Runs the server half in `folder` and carries its bytes until both ends have ended.
///
/// # Errors
/// What the connection says. How rsync itself ended does not matter: the receiver looks at what
/// arrived.
pub fn serve(channel: &mut Channel, folder: &Path, arguments: &[String]) -> io::Result<()> {
    let mut command = Command::new("rsync");
    command.args(arguments).current_dir(folder).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let refused = || io::Error::other("not to be started");
    let spawned = if arguments.is_empty() { Err(refused()) } else { command.spawn() };
    let writer = channel.shared_writer();
    let (mut child, input, output) = match spawned {
        Ok(mut child) => {
            let input = child.stdin.take();
            let output = child.stdout.take().map(OwnedFd::from).map(std::fs::File::from);
            (Some(child), input, output)
        }
        Err(_) => (None, None, None),
    };
    let mut input = input;
    let result = std::thread::scope(|scope| {
        let sender = scope.spawn(move || match output {
            Some(output) => forward(output, &writer),
            None => forward(io::empty(), &writer),
        });
        let received = loop {
            match channel.reader.frame() {
                Ok((FrameKind::Data, bytes)) => {
                    if input.as_mut().is_some_and(|pipe| pipe.write_all(bytes).is_err()) {
                        input = None;
                    }
                }
                Ok((FrameKind::End, _)) => break Ok(()),
                Ok(_) => break Err(io::Error::new(io::ErrorKind::InvalidData, "unexpected frame")),
                Err(e) => break Err(e),
            }
        };
        drop(input.take());
        if received.is_err()
            && let Some(child) = &mut child
        {
            // Frees the sender, which waits for rsync's output.
            let _ = child.kill();
        }
        let sent = sender.join().expect("a carrying thread does not panic");
        received.and(sent.map(|_| ()))
    });
    if let Some(mut child) = child {
        child.wait()?;
    }
    result
}
