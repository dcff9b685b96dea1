//! A content stream in frames.

use std::io::{Read, Write};

use super::ContentSink;
use crate::agent::content::{Begin, Content};
use crate::agent::frame::{FrameKind, FrameReader, FrameWriter};
use crate::error::{EngineError, Result};

/// Writes a content stream; what becomes of it is the other end's to tell.
pub struct WireSink<'a, W: Write> {
    out: &'a mut FrameWriter<W>,
}

impl<'a, W: Write> WireSink<'a, W> {
    /// A sink that writes to `out`.
    pub fn new(out: &'a mut FrameWriter<W>) -> Self {
        Self { out }
    }
}

/// A failure of the connection in words.
pub fn broken(error: &std::io::Error) -> EngineError {
    EngineError::unreachable(match error.kind() {
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::BrokenPipe => {
            "the connection to the peer broke".to_owned()
        }
        std::io::ErrorKind::TimedOut => "the peer has been silent for too long".to_owned(),
        _ => format!("the connection to the peer broke: {error}"),
    })
}

impl<W: Write> ContentSink for WireSink<'_, W> {
    fn begin(&mut self, begin: &Begin) -> Result<()> {
        self.out.message(&Content::Begin(begin.clone())).map_err(|e| broken(&e))
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.out.message(&Content::Seek(offset)).map_err(|e| broken(&e))
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.frame(FrameKind::Data, bytes).map_err(|e| broken(&e))
    }

    fn end(&mut self, whole: bool) -> Result<()> {
        self.out.message(&Content::End(whole)).map_err(|e| broken(&e))
    }

    fn close(&mut self) -> Result<()> {
        self.out.message(&Content::Close).map_err(|e| broken(&e))?;
        self.out.flush().map_err(|e| broken(&e))
    }
}

/// Reads a content stream up to its end into `sink`, without closing the sink.
///
/// # Errors
/// When the connection breaks, or the sink can take no more.
pub fn pump<R: Read>(input: &mut FrameReader<R>, sink: &mut dyn ContentSink) -> Result<()> {
    loop {
        let (kind, bytes) = input.frame().map_err(|e| broken(&e))?;
        if kind == FrameKind::Data {
            sink.data(bytes)?;
            continue;
        }
        let content =
            (kind == FrameKind::Message).then(|| postcard::from_bytes(bytes).ok()).flatten();
        match content {
            Some(Content::Begin(begin)) => sink.begin(&begin)?,
            Some(Content::Seek(offset)) => sink.seek(offset)?,
            Some(Content::End(whole)) => sink.end(whole)?,
            Some(Content::Close) => return Ok(()),
            None => {
                return Err(EngineError::unreachable(
                    "the peer sent a frame that is not understood",
                ));
            }
        }
    }
}
