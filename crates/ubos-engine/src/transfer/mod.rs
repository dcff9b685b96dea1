//! Moving content from one side to the other: the sending half reads live files, the receiving
//! half fills staging and verifies. What connects them is a [`ContentSink`], in memory or over the
//! wire.

pub mod receive;
pub mod send;
pub mod wire;

use crate::agent::content::Begin;
use crate::error::Result;

/// Takes a stream of contents.
pub trait ContentSink {
    /// Begins a content.
    ///
    /// # Errors
    /// When nothing more can be taken at all; trouble with one content is told at the end.
    fn begin(&mut self, begin: &Begin) -> Result<()>;
    /// The next data belongs at this offset.
    ///
    /// # Errors
    /// As [`ContentSink::begin`].
    fn seek(&mut self, offset: u64) -> Result<()>;
    /// Data of the content that was begun, in order.
    ///
    /// # Errors
    /// As [`ContentSink::begin`].
    fn data(&mut self, bytes: &[u8]) -> Result<()>;
    /// The content is complete (true) or could not be read to its end (false).
    ///
    /// # Errors
    /// As [`ContentSink::begin`].
    fn end(&mut self, whole: bool) -> Result<()>;
    /// No more contents.
    ///
    /// # Errors
    /// As [`ContentSink::begin`].
    fn close(&mut self) -> Result<()>;
}
