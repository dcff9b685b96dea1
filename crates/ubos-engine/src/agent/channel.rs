//! One end of a connection: frames over two pipes, with time limits and signs of life, so that a
//! stalled peer is noticed and a peer that is merely busy is not taken for dead.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::frame::{FrameKind, FrameReader, FrameWriter};
use crate::fs::platform;

/// After this long without a sign the other end is given up.
const SILENCE: Duration = Duration::from_secs(40);
/// So often in that time an end shows that it lives.
const HEARTBEATS: u32 = 4;

/// [`SILENCE`], or what a test has put in its place.
fn silence() -> Duration {
    #[cfg(feature = "failpoints")]
    if let Some(shorter) = crate::failpoint::silence() {
        return shorter;
    }
    SILENCE
}

/// A pipe end that gives up after a time of silence.
#[derive(Debug)]
pub struct TimedPipe {
    fd: OwnedFd,
    limit: Duration,
}

impl TimedPipe {
    /// Wraps a pipe or socket. The open file itself becomes non-blocking.
    ///
    /// # Errors
    /// What `fcntl` says.
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        platform::widen_pipe(fd.as_fd());
        let flags = fcntl_getfl(&fd)?;
        fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
        Ok(Self { fd, limit: silence() })
    }

    fn wait(&self, what: PollFlags) -> io::Result<()> {
        let limit =
            Timespec { tv_sec: self.limit.as_secs() as _, tv_nsec: self.limit.subsec_nanos() as _ };
        loop {
            let mut fds = [PollFd::from_borrowed_fd(self.fd.as_fd(), what)];
            match poll(&mut fds, Some(&limit)) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

impl Read for TimedPipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.fd, &mut *buffer) {
                Err(Errno::AGAIN) => self.wait(PollFlags::IN)?,
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }
}

impl Write for TimedPipe {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::io::write(&self.fd, buffer) {
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT)?,
                Err(Errno::INTR) => {}
                other => return Ok(other?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A writer that a heartbeat shares.
pub type SharedWriter = Arc<Mutex<FrameWriter<TimedPipe>>>;

/// A connection.
pub struct Channel {
    /// What comes in.
    pub reader: FrameReader<TimedPipe>,
    writer: SharedWriter,
    heartbeat: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Channel {
    /// Frames over two pipes; no heartbeat yet.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        let reader = FrameReader::new(TimedPipe::new(input)?);
        let writer = Arc::new(Mutex::new(FrameWriter::new(TimedPipe::new(output)?)));
        Ok(Self { reader, writer, heartbeat: None })
    }

    /// What goes out.
    pub fn writer(&self) -> MutexGuard<'_, FrameWriter<TimedPipe>> {
        self.writer.lock().expect("no holder of this lock panics")
    }

    /// What goes out, for another thread.
    pub fn shared_writer(&self) -> SharedWriter {
        Arc::clone(&self.writer)
    }

    /// Begins to show signs of life, whatever else this process does.
    pub fn start_heartbeat(&mut self) {
        let writer = Arc::clone(&self.writer);
        let (stop, stopped) = channel::<()>();
        let pause = silence() / HEARTBEATS;
        let beat = move || {
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                // Whoever holds the writer is sending, which is sign enough.
                if let Ok(mut writer) = writer.try_lock() {
                    let sent = writer.frame(FrameKind::Alive, &[]).and_then(|()| writer.flush());
                    if sent.is_err() {
                        return;
                    }
                }
            }
        };
        self.heartbeat = Some((stop, std::thread::spawn(beat)));
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.heartbeat.take() {
            drop(stop);
            // A panic there has already been reported; there is nothing left to do about it.
            let _ = thread.join();
        }
    }
}
