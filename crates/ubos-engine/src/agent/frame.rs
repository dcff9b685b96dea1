//! Frames: kind (1), length (4, little-endian), payload. Everything the two ends say to each other
//! goes through here, so the limits are here too.

use std::io::{self, BufReader, BufWriter, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Longest payload accepted, in bytes.
pub const MAX_PAYLOAD: usize = 1 << 20;
/// A list is cut into frames of about this many bytes.
const LIST_PART: usize = 256 << 10;
/// What a list may hold. Bounds what a peer can make us hold.
const LIST_LIMITS: ListLimits =
    ListLimits { elements: 50_000_000, bytes: 8 << 30, element: 512 << 20 };

/// Most that a list may hold.
#[derive(Debug, Clone, Copy)]
struct ListLimits {
    /// Elements.
    elements: usize,
    /// Bytes on the wire, of all elements.
    bytes: u64,
    /// Bytes on the wire, of a single element.
    element: usize,
}

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A request or response.
    Message,
    /// Some elements of a list.
    Part,
    /// The end of a list.
    End,
    /// Bytes of content.
    Data,
    /// Nothing; shows that the sender lives.
    Alive,
}

impl FrameKind {
    fn byte(self) -> u8 {
        match self {
            FrameKind::Message => 1,
            FrameKind::Part => 2,
            FrameKind::End => 3,
            FrameKind::Data => 4,
            FrameKind::Alive => 5,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => FrameKind::Message,
            2 => FrameKind::Part,
            3 => FrameKind::End,
            4 => FrameKind::Data,
            5 => FrameKind::Alive,
            _ => return None,
        })
    }
}

/// The sending half of a connection.
pub struct FrameWriter<W: Write> {
    out: BufWriter<W>,
    sent: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Wraps `out`.
    pub fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(256 << 10, out), sent: 0 }
    }

    /// Bytes given to this writer so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends bytes as they are, for the handshake.
    ///
    /// # Errors
    /// What writing says.
    pub fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Sends one frame (buffered). The payload must not exceed [`MAX_PAYLOAD`].
    ///
    /// # Errors
    /// What writing says.
    pub fn frame(&mut self, kind: FrameKind, payload: &[u8]) -> io::Result<()> {
        if payload.len() > MAX_PAYLOAD {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "frame too long"));
        }
        self.sent += payload.len() as u64 + 5;
        self.out.write_all(&[kind.byte()])?;
        self.out.write_all(&(payload.len() as u32).to_le_bytes())?;
        self.out.write_all(payload)
    }

    /// Sends a message (buffered).
    ///
    /// # Errors
    /// What writing says.
    pub fn message<T: Serialize>(&mut self, message: &T) -> io::Result<()> {
        let bytes = postcard::to_stdvec(message).expect("serialising into memory cannot fail");
        self.frame(FrameKind::Message, &bytes)
    }

    /// Sends a list of any length (buffered).
    ///
    /// # Errors
    /// What writing says; an element longer than a frame is refused.
    pub fn list<T: Serialize>(&mut self, elements: impl IntoIterator<Item = T>) -> io::Result<()> {
        let mut part = Vec::new();
        for element in elements {
            part =
                postcard::to_extend(&element, part).expect("serialising into memory cannot fail");
            if part.len() >= LIST_PART {
                self.long_part(&part)?;
                part.clear();
            }
        }
        if !part.is_empty() {
            self.long_part(&part)?;
        }
        self.frame(FrameKind::End, &[])
    }

    /// An element may be longer than a frame (a folder with 10,000 entries): parts are a byte
    /// stream, cut anywhere.
    fn long_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(MAX_PAYLOAD).try_for_each(|chunk| self.frame(FrameKind::Part, chunk))
    }

    /// Sends bytes of any length (buffered).
    ///
    /// # Errors
    /// What writing says.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(MAX_PAYLOAD).try_for_each(|chunk| self.frame(FrameKind::Data, chunk))?;
        self.frame(FrameKind::End, &[])
    }

    /// Hands everything buffered to the system.
    ///
    /// # Errors
    /// What writing says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The receiving half of a connection.
pub struct FrameReader<R: Read> {
    input: BufReader<R>,
    payload: Vec<u8>,
    received: u64,
}

impl<R: Read> FrameReader<R> {
    /// Wraps `input`.
    pub fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(256 << 10, input), payload: Vec::new(), received: 0 }
    }

    /// Bytes taken from this reader so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The raw stream, for the handshake.
    pub fn raw(&mut self) -> &mut impl Read {
        &mut self.input
    }

    /// The next frame that is not [`FrameKind::Alive`].
    ///
    /// # Errors
    /// `UnexpectedEof` when the other end is gone; `InvalidData` for what is no frame.
    pub fn frame(&mut self) -> io::Result<(FrameKind, &[u8])> {
        loop {
            let mut head = [0u8; 5];
            self.input.read_exact(&mut head)?;
            let kind = FrameKind::of(head[0]).ok_or_else(|| invalid("unknown kind of frame"))?;
            let length = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
            if length > MAX_PAYLOAD {
                return Err(invalid("frame too long"));
            }
            self.payload.resize(length, 0);
            self.input.read_exact(&mut self.payload)?;
            self.received += length as u64 + 5;
            if kind != FrameKind::Alive {
                return Ok((kind, &self.payload));
            }
        }
    }

    /// The next frame, which must be a message.
    ///
    /// # Errors
    /// As [`FrameReader::frame`]; `InvalidData` for anything else than such a message.
    pub fn message<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        match self.frame()? {
            (FrameKind::Message, bytes) => {
                postcard::from_bytes(bytes).map_err(|_| invalid("message not understood"))
            }
            _ => Err(invalid("a message was expected")),
        }
    }

    /// A list as sent by [`FrameWriter::list`].
    ///
    /// # Errors
    /// As [`FrameReader::message`].
    pub fn list<T: DeserializeOwned>(&mut self) -> io::Result<Vec<T>> {
        self.list_within(LIST_LIMITS)
    }

    /// Bytes as sent by [`FrameWriter::bytes`], at most `most` of them.
    ///
    /// # Errors
    /// As [`FrameReader::frame`]; `InvalidData` if there are more, or something else comes.
    pub fn bytes(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.frame()? {
                (FrameKind::Data, part) if bytes.len() + part.len() <= most => {
                    bytes.extend_from_slice(part);
                }
                (FrameKind::Data, _) => return Err(invalid("more bytes than allowed")),
                (FrameKind::End, _) => return Ok(bytes),
                _ => return Err(invalid("bytes were expected")),
            }
        }
    }

    fn list_within<T: DeserializeOwned>(&mut self, limits: ListLimits) -> io::Result<Vec<T>> {
        let mut elements = Vec::new();
        let mut left: Vec<u8> = Vec::new();
        let mut bytes_so_far = 0;
        // A part may end within an element. A long element is tried again only when twice as much
        // of it is there, or at the end: trying with each part would cost the square of its length.
        let mut try_at = 0;
        loop {
            let ended = match self.frame()? {
                (FrameKind::Part, bytes) => {
                    bytes_so_far += bytes.len() as u64;
                    left.extend_from_slice(bytes);
                    false
                }
                (FrameKind::End, _) => true,
                _ => return Err(invalid("a list was expected")),
            };
            if ended || left.len() >= try_at {
                let taken = take_elements(&left, &mut elements, limits)?;
                left.drain(..taken);
                try_at = left.len() * 2;
            }
            if bytes_so_far > limits.bytes || left.len() > limits.element {
                return Err(invalid("list too long"));
            }
            match (ended, left.is_empty()) {
                (true, true) => return Ok(elements),
                (true, false) => return Err(invalid("list cut short")),
                (false, _) => {}
            }
        }
    }
}

/// Takes the whole elements at the front of `bytes`; returns how many bytes they were.
fn take_elements<T: DeserializeOwned>(
    bytes: &[u8],
    elements: &mut Vec<T>,
    limits: ListLimits,
) -> io::Result<usize> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match postcard::take_from_bytes::<T>(rest) {
            Ok((element, after)) => {
                elements.push(element);
                rest = after;
            }
            Err(postcard::Error::DeserializeUnexpectedEnd) => break,
            Err(_) => return Err(invalid("list element not understood")),
        }
        if elements.len() > limits.elements {
            return Err(invalid("list too long"));
        }
    }
    Ok(bytes.len() - rest.len())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_longer_than_a_frame_arrive_whole() {
        let long: Vec<Vec<u8>> = (0..40).map(|i| vec![i as u8; i * 100_000]).collect();
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes);
        writer.list(&long).unwrap();
        writer.list(Vec::<u8>::new()).unwrap();
        writer.frame(FrameKind::Alive, &[]).unwrap();
        writer.message(&7u32).unwrap();
        writer.flush().unwrap();
        drop(writer);
        let mut reader = FrameReader::new(&bytes[..]);
        assert_eq!(reader.list::<Vec<u8>>().unwrap(), long);
        assert_eq!(reader.list::<u8>().unwrap(), Vec::<u8>::new());
        assert_eq!(reader.message::<u32>().unwrap(), 7);
        assert!(reader.frame().is_err());
    }

    #[test]
    fn bytes_arrive_whole_or_not_at_all() {
        let long: Vec<u8> = (0..3_000_000u32).map(|i| i as u8).collect();
        let mut wire = Vec::new();
        let mut writer = FrameWriter::new(&mut wire);
        writer.bytes(&long).unwrap();
        writer.bytes(b"").unwrap();
        writer.flush().unwrap();
        drop(writer);
        let mut reader = FrameReader::new(&wire[..]);
        assert_eq!(reader.bytes(long.len()).unwrap(), long);
        assert_eq!(reader.bytes(0).unwrap(), b"");
        let too_long = FrameReader::new(&wire[..]).bytes(long.len() - 1).unwrap_err();
        assert_eq!(too_long.kind(), io::ErrorKind::InvalidData);
        let cut = FrameReader::new(&wire[..2_000_000]).bytes(long.len()).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }

    /// Part frames of this payload, without end.
    struct Endless {
        frame: Vec<u8>,
        at: usize,
        served: u64,
    }

    impl Endless {
        fn of(payload: &[u8]) -> Self {
            let mut frame = Vec::new();
            let mut writer = FrameWriter::new(&mut frame);
            writer.frame(FrameKind::Part, payload).unwrap();
            writer.flush().unwrap();
            drop(writer);
            Self { frame, at: 0, served: 0 }
        }
    }

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = buffer.len().min(self.frame.len() - self.at);
            buffer[..n].copy_from_slice(&self.frame[self.at..self.at + n]);
            self.at = (self.at + n) % self.frame.len();
            self.served += n as u64;
            Ok(n)
        }
    }

    #[test]
    fn a_list_without_end_is_refused_at_each_of_its_limits() {
        let wide = ListLimits { elements: usize::MAX, bytes: u64::MAX, element: usize::MAX };
        // An element that says it is longer than all that ever comes.
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        let never = [&huge[..], &[0xff; 4096]].concat();
        for (payload, limits) in [
            (&[7u8; 4096][..], ListLimits { elements: 100_000, ..wide }),
            (&[7u8; 4096], ListLimits { bytes: 1 << 20, ..wide }),
            (&never, ListLimits { element: 1 << 20, ..wide }),
        ] {
            let mut reader = FrameReader::new(Endless::of(payload));
            let refused = match payload[0] {
                7 => reader.list_within::<u8>(limits).map(|_| ()),
                _ => reader.list_within::<Vec<u8>>(limits).map(|_| ()),
            };
            assert_eq!(refused.unwrap_err().to_string(), "list too long");
            assert!(reader.received() < 3 << 20, "{} bytes were taken", reader.received());
        }
    }

    #[test]
    fn a_list_that_ends_within_an_element_is_refused() {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes);
        writer.frame(FrameKind::Part, &[5, 1, 2]).unwrap();
        writer.frame(FrameKind::End, &[]).unwrap();
        writer.flush().unwrap();
        drop(writer);
        assert!(FrameReader::new(&bytes[..]).list::<Vec<u8>>().is_err());
    }

    #[test]
    fn hostile_frames_are_refused_without_allocating() {
        for bytes in [&[1, 0xff, 0xff, 0xff, 0xff][..], &[9, 0, 0, 0, 0], &[1, 1, 0, 0, 0]] {
            assert!(FrameReader::new(bytes).frame().is_err());
        }
    }
}
