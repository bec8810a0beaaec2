//! Chunk streams (RTMP 1.0, 5.3 and 5.4): messages cut into pieces, several at once.

use bytes::Bytes;

use super::Error;

/// Bytes of a chunk until the other side says something else (5.4.1).
const FIRST_SIZE: usize = 128;
/// Bytes of a message at most: its length has 24 bits.
const MOST_LENGTH: usize = 0xff_ffff;
/// A time that stands in four bytes of its own (5.3.1.3).
const EXTENDED: u32 = 0xff_ffff;
/// Chunk streams that may be used in a connection: encoders use five.
const MOST_STREAMS: usize = 32;
/// Chunk streams that may be in the middle of a message at once.
const MOST_OPEN: usize = 8;
/// Bytes of a message that room is made for before they come.
const FIRST_ROOM: usize = 4 << 10;

/// Types of messages of the chunk streams themselves (5.4), which the reader keeps to itself.
const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type (5.4, 7.1).
    pub kind: u8,
    /// Its time in milliseconds; wraps.
    pub timestamp: u32,
    /// The message stream that it belongs to.
    pub stream: u32,
    /// What it says.
    pub payload: Bytes,
}

/// Puts messages together. It may be stopped at any byte, and holds no bytes but those of unfinished messages.
#[derive(Debug)]
pub struct Reader {
    /// Bytes of a header that is not whole, at most 18.
    pending: Vec<u8>,
    size: usize,
    streams: Vec<Stream>,
    /// The chunk in hand: the place of its stream, and bytes of it that are still to come.
    chunk: Option<(usize, usize)>,
    /// Bytes of unfinished messages.
    held: usize,
    limit: usize,
}

/// What is known of a chunk stream: what its next header may leave out.
#[derive(Debug, Default)]
struct Stream {
    id: u32,
    timestamp: u32,
    /// The time or the difference that its last header gave.
    field: u32,
    is_extended: bool,
    length: usize,
    kind: u8,
    message_stream: u32,
    is_open: bool,
    assembled: Vec<u8>,
}

/// A header (5.3.1).
struct Header {
    format: u8,
    id: u32,
    /// Its fields, as many as its format has.
    fields: [u8; 11],
    /// Bytes of it without an extended time.
    len: usize,
}

impl Reader {
    /// Begins to read; unfinished messages may have `limit` bytes, all together.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), size: FIRST_SIZE, streams: Vec::new(), chunk: None, held: 0, limit }
    }

    /// Lets unfinished messages have so many bytes from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes bytes off the front of the input until a message is whole; `None` when all of the input was taken.
    ///
    /// # Errors
    /// What breaks the protocol or a limit. The connection is of no use then.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            if self.chunk.is_none() && !self.begin_chunk(input)? {
                return Ok(None);
            }
            if let Some(message) = self.go_on(input)? {
                match message.kind {
                    SET_CHUNK_SIZE => self.set_size(&message.payload)?,
                    ABORT => self.abort(&message.payload)?,
                    _ => return Ok(Some(message)),
                }
            } else if self.chunk.is_some() {
                return Ok(None);
            }
        }
    }

    /// Takes what came of the chunk in hand; gives the message that it completes.
    fn go_on(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        let Some((place, mut left)) = self.chunk else { return Ok(None) };
        let Some(stream) = self.streams.get_mut(place) else { return Ok(None) };
        let early = left.min(self.pending.len());
        let count = (left - early).min(input.len());
        if self.held + early + count > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        let (came, rest) = input.split_at(count);
        stream.make_room(early + count);
        stream.assembled.extend(self.pending.drain(..early));
        stream.assembled.extend_from_slice(came);
        *input = rest;
        left -= early + count;
        self.held += early + count;
        self.chunk = Some((place, left)).filter(|_| left > 0);
        if left > 0 || stream.assembled.len() < stream.length {
            return Ok(None);
        }
        self.held -= stream.assembled.len();
        stream.is_open = false;
        Ok(Some(Message {
            kind: stream.kind,
            timestamp: stream.timestamp,
            stream: stream.message_stream,
            payload: std::mem::take(&mut stream.assembled).into(),
        }))
    }

    /// Reads the header of a chunk; false where it is not whole yet.
    fn begin_chunk(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let Some(header) = self.header(input) else { return Ok(false) };
        let known = self.streams.iter().position(|stream| stream.id == header.id);
        let is_extended = match (header.format, known) {
            (3, Some(place)) => self.streams[place].is_extended,
            (3, None) => return Err(Error::Malformed("a chunk stream begins without a length")),
            _ => header.time() == EXTENDED,
        };
        if is_extended && !self.gather(header.len + 4, input) {
            return Ok(false);
        }
        let extended = self.pending.get(header.len..header.len + 4).filter(|_| is_extended);
        let extended = extended.and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes));
        let place = match known {
            Some(place) => place,
            None => self.add_stream(&header)?,
        };
        let open = self.streams.iter().filter(|stream| stream.is_open).count();
        let stream = &mut self.streams[place];
        // Some encoders leave the extended time out of headers without fields, against 5.3.1.3.
        let is_there = header.format != 3 || extended == Some(stream.field);
        let len = header.len + if is_extended && is_there { 4 } else { 0 };
        if !stream.is_open {
            if open == MOST_OPEN {
                return Err(Error::TooManyStreams { limit: MOST_OPEN });
            }
            stream.begin_message(&header, extended.filter(|_| is_there));
            if stream.length > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
        } else if header.format != 3 {
            return Err(Error::Malformed("a message begins in the middle of another one"));
        }
        self.pending.drain(..len);
        self.chunk = Some((place, self.size.min(stream.length - stream.assembled.len())));
        Ok(true)
    }

    /// The header at the front, without an extended time; `None` where it is not whole yet.
    fn header(&mut self, input: &mut &[u8]) -> Option<Header> {
        if !self.gather(1, input) {
            return None;
        }
        let first = self.pending[0];
        let basic = match first & 0x3f {
            0 => 2,
            1 => 3,
            _ => 1,
        };
        let format = first >> 6;
        let count = [11, 7, 3, 0][usize::from(format)];
        if !self.gather(basic + count, input) {
            return None;
        }
        let id = match self.pending[..basic] {
            [_, low] => 64 + u32::from(low),
            [_, low, high] => 64 + u32::from(low) + (u32::from(high) << 8),
            _ => u32::from(first & 0x3f),
        };
        let mut fields = [0; 11];
        fields[..count].copy_from_slice(&self.pending[basic..basic + count]);
        Some(Header { format, id, fields, len: basic + count })
    }

    /// Moves bytes of the input to those that wait until these are so many; false where there are too few.
    fn gather(&mut self, count: usize, input: &mut &[u8]) -> bool {
        let missing = count.saturating_sub(self.pending.len()).min(input.len());
        let (came, rest) = input.split_at(missing);
        self.pending.extend_from_slice(came);
        *input = rest;
        self.pending.len() >= count
    }

    fn add_stream(&mut self, header: &Header) -> Result<usize, Error> {
        if header.format > 1 {
            return Err(Error::Malformed("a chunk stream begins without a length"));
        }
        if self.streams.len() == MOST_STREAMS {
            return Err(Error::TooManyStreams { limit: MOST_STREAMS });
        }
        self.streams.push(Stream { id: header.id, ..Stream::default() });
        Ok(self.streams.len() - 1)
    }

    /// Set Chunk Size (5.4.1): its first bit is 0, and no chunk is longer than a message.
    fn set_size(&mut self, payload: &[u8]) -> Result<(), Error> {
        let size = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match size {
            Some(size @ 1..=0x7fff_ffff) => self.size = (size as usize).min(MOST_LENGTH),
            _ => return Err(Error::ChunkSize),
        }
        Ok(())
    }

    /// Abort Message (5.4.2): what came of a message is dropped.
    fn abort(&mut self, payload: &[u8]) -> Result<(), Error> {
        let id = payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let id = id.ok_or(Error::Malformed("an abort names no chunk stream"))?;
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.id == id) {
            self.held -= stream.assembled.len();
            stream.is_open = false;
            stream.assembled = Vec::new();
        }
        Ok(())
    }
}

impl Header {
    fn time(&self) -> u32 {
        u32::from_be_bytes([0, self.fields[0], self.fields[1], self.fields[2]])
    }
}

impl Stream {
    /// The first chunk of a message: a header has what is not as before.
    fn begin_message(&mut self, header: &Header, extended: Option<u32>) {
        let [_, _, _, l0, l1, l2, kind, s0, s1, s2, s3] = header.fields;
        if header.format < 3 {
            self.is_extended = header.time() == EXTENDED;
            self.field = extended.unwrap_or(header.time());
        }
        if header.format < 2 {
            self.length = u32::from_be_bytes([0, l0, l1, l2]) as usize;
            self.kind = kind;
        }
        if header.format == 0 {
            self.message_stream = u32::from_le_bytes([s0, s1, s2, s3]);
            self.timestamp = self.field;
        } else {
            self.timestamp = self.timestamp.wrapping_add(self.field);
        }
        self.is_open = true;
    }

    /// Makes room for bytes that came: never for more than twice as many as there are, nor for more than the message has.
    fn make_room(&mut self, more: usize) {
        let needed = self.assembled.len() + more;
        if needed > self.assembled.capacity() {
            let room = (2 * needed).max(FIRST_ROOM).min(self.length);
            self.assembled.reserve_exact(room - self.assembled.len());
        }
    }
}

/// Bytes of our own chunks, which [`write_size`] announces.
const OUR_SIZE: usize = 4 << 10;

/// Says how long our chunks are from now on.
pub(super) fn write_size(out: &mut Vec<u8>) {
    write(
        out,
        2,
        &Message { kind: SET_CHUNK_SIZE, timestamp: 0, stream: 0, payload: u32_bytes(OUR_SIZE as u32) },
    );
}

/// The payload of a message that says a number.
pub(super) fn u32_bytes(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

/// Writes a message on a chunk stream from 2 to 63. Its time is 0.
pub(super) fn write(out: &mut Vec<u8>, id: u8, message: &Message) {
    let length = (message.payload.len() as u32).to_be_bytes();
    out.extend([id & 0x3f, 0, 0, 0, length[1], length[2], length[3], message.kind]);
    out.extend(message.stream.to_le_bytes());
    for (number, piece) in message.payload.chunks(OUR_SIZE).enumerate() {
        if number > 0 {
            out.push(0xc0 | id & 0x3f);
        }
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 16 << 20;

    /// The messages in bytes that come in pieces of a size.
    fn read(bytes: &[u8], size: usize) -> Result<Vec<Message>, Error> {
        let mut reader = Reader::new(LIMIT);
        let mut messages = Vec::new();
        for mut piece in bytes.chunks(size) {
            while let Some(message) = reader.next(&mut piece)? {
                messages.push(message);
            }
            assert!(piece.is_empty());
        }
        Ok(messages)
    }

    fn first(id: u8, time: u32, length: usize, kind: u8) -> Vec<u8> {
        let (time, length) = (time.to_be_bytes(), (length as u32).to_be_bytes());
        vec![id, time[1], time[2], time[3], length[1], length[2], length[3], kind, 1, 0, 0, 0]
    }

    #[test]
    fn messages_of_two_streams_come_between_each_other_in_pieces_of_any_size() {
        let mut bytes = first(4, 1_000, 200, 9);
        bytes.extend([7; 128]);
        bytes.extend(first(6, 1_003, 3, 8));
        bytes.extend([1, 2, 3]);
        bytes.push(0xc4);
        bytes.extend([7; 72]);
        // The next of the same stream, 40 ms later; then one with nothing new.
        bytes.extend([0x80 | 6, 0, 0, 40, 4, 5, 6, 0xc0 | 6, 7, 8, 9]);
        let whole = read(&bytes, bytes.len()).unwrap();
        let told: Vec<_> = whole.iter().map(|m| (m.kind, m.timestamp, m.stream, m.payload.len())).collect();
        assert_eq!(told, [(8, 1_003, 1, 3), (9, 1_000, 1, 200), (8, 1_043, 1, 3), (8, 1_083, 1, 3)]);
        for size in 1..40 {
            assert_eq!(read(&bytes, size).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn times_of_four_bytes_are_read_where_they_are_repeated_and_where_they_are_not() {
        let time = 0xffff_ec78_u32;
        for repeated in [true, false] {
            let mut bytes = first(4, EXTENDED, 300, 9);
            bytes.extend(time.to_be_bytes());
            for (number, piece) in [128, 128, 44].into_iter().enumerate() {
                if number > 0 {
                    bytes.push(0xc4);
                    bytes.extend(time.to_be_bytes().iter().filter(|_| repeated));
                }
                bytes.extend(vec![5; piece]);
            }
            // Past the wrap, with a difference.
            bytes.extend([0x40 | 4, 0, 0x27, 0x10, 0, 0, 1, 9, 5]);
            for size in [1, 3, 1_000] {
                let told: Vec<_> =
                    read(&bytes, size).unwrap().iter().map(|m| (m.timestamp, m.payload.len())).collect();
                assert_eq!(told, [(time, 300), (time.wrapping_add(10_000), 1)], "{repeated} {size}");
            }
        }
    }

    #[test]
    fn a_chunk_size_that_is_none_is_refused() {
        for size in [0_u32, 1 << 31, u32::MAX] {
            let bytes = [first(2, 0, 4, SET_CHUNK_SIZE), size.to_be_bytes().to_vec()].concat();
            assert_eq!(read(&bytes, 5), Err(Error::ChunkSize));
        }
        let mut bytes = [first(2, 0, 4, SET_CHUNK_SIZE), 0x7fff_ffff_u32.to_be_bytes().to_vec()].concat();
        bytes.extend(first(4, 0, 70_000, 9));
        bytes.extend(vec![3; 70_000]);
        assert_eq!(read(&bytes, 1_000).unwrap()[0].payload.len(), 70_000);
    }

    #[test]
    fn an_aborted_message_is_dropped_and_its_bytes_count_no_more() {
        let mut bytes = [first(4, 0, 200, 9), vec![1; 128]].concat();
        bytes.extend([first(2, 0, 4, ABORT), 4_u32.to_be_bytes().to_vec()].concat());
        bytes.extend([first(4, 5, 2, 9), vec![2; 2]].concat());
        let mut reader = Reader::new(200);
        let message = reader.next(&mut &bytes[..]).unwrap().unwrap();
        assert_eq!((message.timestamp, &message.payload[..]), (5, &[2, 2][..]));
        assert_eq!(reader.held, 0);
    }

    #[test]
    fn limits_hold() {
        let too_long = first(4, 0, 2_000, 9);
        assert_eq!(Reader::new(1_999).next(&mut &too_long[..]), Err(Error::TooLarge { limit: 1_999 }));
        let open: Vec<u8> = (3..12).flat_map(|id| [first(id, 0, 1_000, 9), vec![0; 128]].concat()).collect();
        assert_eq!(read(&open, 100), Err(Error::TooManyStreams { limit: MOST_OPEN }));
        let used: Vec<u8> = (3..36).flat_map(|id| [first(id, 0, 1, 9), vec![0; 1]].concat()).collect();
        assert_eq!(read(&used, 100), Err(Error::TooManyStreams { limit: MOST_STREAMS }));
        let mut reader = Reader::new(1 << 20);
        let long = first(4, 0, 1 << 20, 9);
        reader.next(&mut &long[..]).unwrap();
        assert!(reader.streams[0].assembled.capacity() <= FIRST_ROOM, "no room for what only was announced");
    }

    #[test]
    fn headers_that_need_what_nobody_said_are_refused() {
        for bytes in [&[0xc4][..], &[0x84, 0, 0, 1]] {
            assert!(matches!(read(bytes, 1), Err(Error::Malformed(_))), "{bytes:?}");
        }
        let twice = [first(4, 0, 200, 9), vec![1; 128], first(4, 0, 200, 9)].concat();
        assert!(matches!(read(&twice, 7), Err(Error::Malformed(_))));
    }

    #[test]
    fn what_is_written_is_read() {
        let message = Message { kind: 20, timestamp: 0, stream: 1, payload: vec![9; 10_000].into() };
        let mut out = Vec::new();
        write_size(&mut out);
        write(&mut out, 3, &message);
        assert_eq!(read(&out, 77).unwrap(), [message]);
    }
}
