//! One WebSocket of the load (RFC 6455), as cheap as it can be: its bytes are looked at where the kernel put them.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;

/// The head of an answer is at most this long.
const HEAD: usize = 4 << 10;
const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;
const CLOSE: u8 = 0x88;

/// What a connection brings.
pub(crate) enum Came<'a> {
    /// The server has taken the upgrade.
    Open,
    /// A text frame.
    Text(&'a [u8]),
}

/// One connection; `kept` holds the beginning of a frame whose end has not come yet.
pub(crate) struct Socket {
    pub(crate) stream: TcpStream,
    open: bool,
    kept: Vec<u8>,
    unsent: Vec<u8>,
}

impl Socket {
    /// Begins to connect and to ask for the upgrade.
    pub(crate) fn connect(address: SocketAddr, path: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        Ok(Self { stream, open: false, kept: Vec::new(), unsent: request.into_bytes() })
    }

    /// Sends a text frame, what does not fit later.
    pub(crate) fn send(&mut self, text: &[u8]) -> io::Result<()> {
        self.unsent.extend_from_slice(&frame(TEXT, text));
        self.flush()
    }

    /// Writes what waits, as far as the kernel takes it.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if later(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what is there and tells of it.
    pub(crate) fn read(
        &mut self,
        scratch: &mut [u8],
        mut came: impl FnMut(Came<'_>) -> Option<String>,
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::ConnectionAborted.into()),
                Ok(count) => count,
                Err(error) if later(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            let data = &scratch[..count];
            if self.kept.is_empty() {
                let taken = self.take(data, &mut came)?;
                self.kept.extend_from_slice(&data[taken..]);
            } else {
                let mut kept = std::mem::take(&mut self.kept);
                kept.extend_from_slice(data);
                let taken = self.take(&kept, &mut came)?;
                kept.drain(..taken);
                self.kept = kept;
            }
            // A short read has emptied the socket: epoll tells of what comes after it.
            if count < scratch.len() {
                return Ok(());
            }
        }
    }

    /// Takes whole frames off the front; how many bytes these were.
    fn take(&mut self, data: &[u8], came: &mut impl FnMut(Came<'_>) -> Option<String>) -> io::Result<usize> {
        let mut at = 0;
        if !self.open {
            let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") else {
                return if data.len() > HEAD { Err(io::ErrorKind::InvalidData.into()) } else { Ok(0) };
            };
            if !data.starts_with(b"HTTP/1.1 101") {
                return Err(io::Error::other(String::from_utf8_lossy(&data[..end]).into_owned()));
            }
            self.open = true;
            at = end + 4;
            self.answer(came(Came::Open))?;
        }
        while let Some((kind, start, end)) = whole_frame(&data[at..]) {
            let payload = &data[at + start..at + end];
            match kind {
                TEXT => {
                    let reply = came(Came::Text(payload));
                    self.answer(reply)?;
                }
                PING => {
                    self.unsent.extend_from_slice(&frame(PONG, payload));
                    self.flush()?;
                }
                CLOSE => return Err(io::Error::other(String::from_utf8_lossy(payload).into_owned())),
                _ => {}
            }
            at += end;
        }
        Ok(at)
    }

    fn answer(&mut self, reply: Option<String>) -> io::Result<()> {
        reply.map_or(Ok(()), |text| self.send(text.as_bytes()))
    }
}

fn later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

/// A masked frame; the mask is zero, so the bytes stay as they are.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(len).expect("frames of the load are short").to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// The kind of the frame at the front, and where its payload begins and ends, if all of it is there.
fn whole_frame(data: &[u8]) -> Option<(u8, usize, usize)> {
    let (&kind, &short) = (data.first()?, data.get(1)?);
    let (start, len) = match short & 0x7F {
        126 => (4, usize::from(u16::from_be_bytes(data.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(data.get(2..10)?.try_into().ok()?) as usize),
        len => (2, usize::from(len)),
    };
    (data.len() >= start + len).then_some((kind, start, start + len))
}
