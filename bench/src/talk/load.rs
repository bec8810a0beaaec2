//! Many sockets on one thread, and a clock that says when to send.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use mio::{Events, Interest, Poll, Token};

use crate::socket::{Came, Socket};

/// Bytes read at once.
const SCRATCH: usize = 256 << 10;
/// What stands before the time in a message.
const MARK: &str = "@t";

/// The sockets of the load, by number.
pub(crate) struct Load {
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    scratch: Vec<u8>,
    start: Instant,
}

impl Load {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(4_096),
            sockets: Vec::new(),
            scratch: vec![0; SCRATCH],
            start: Instant::now(),
        })
    }

    /// The time of the load, in microseconds.
    pub(crate) fn now(&self) -> u64 {
        micros(self.start)
    }

    /// One more connection, which begins to open.
    pub(crate) fn connect(&mut self, address: SocketAddr, path: &str) -> io::Result<usize> {
        let (mut socket, number) = (Socket::connect(address, path)?, self.sockets.len());
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket.stream, Token(number), both)?;
        self.sockets.push(socket);
        Ok(number)
    }

    pub(crate) fn send(&mut self, number: usize, text: &str) -> io::Result<()> {
        self.sockets[number].send(text.as_bytes())
    }

    /// Waits until `until` at the latest for whatever comes, and tells of it: the number of the connection, and the
    /// time. What `came` answers is sent back.
    pub(crate) fn turn(
        &mut self,
        until: u64,
        came: &mut impl FnMut(usize, u64, Came<'_>) -> Option<String>,
    ) -> io::Result<()> {
        let wait = Duration::from_micros(until.saturating_sub(self.now()));
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in &self.events {
            let number = event.token().0;
            let socket = &mut self.sockets[number];
            if event.is_writable() {
                socket.flush()?;
            }
            if event.is_readable() {
                let now = micros(self.start);
                socket.read(&mut self.scratch, |what| came(number, now, what))?;
            }
        }
        Ok(())
    }

    /// Opens so many connections with what `path` says of each, some at a time, and waits until all are open and
    /// nothing has come for a moment.
    pub(crate) fn open_all(
        &mut self,
        address: SocketAddr,
        count: usize,
        path: impl Fn(usize) -> String,
    ) -> io::Result<()> {
        let (mut begun, mut open, mut last) = (0, 0, 0);
        while open < count || self.now() < last + 500_000 {
            while begun < count && begun < open + 200 {
                self.connect(address, &path(begun))?;
                begun += 1;
            }
            let until = self.now() + 100_000;
            self.turn(until, &mut |_, now, what| {
                open += usize::from(matches!(what, Came::Open));
                last = now;
                None
            })?;
        }
        Ok(())
    }
}

fn micros(start: Instant) -> u64 {
    start.elapsed().as_micros() as u64
}

/// What somebody says at a time: the length of what people say, and the time.
pub(crate) fn words(at: u64) -> String {
    format!("Bonsoir à tous, quelle belle image {MARK}{at:012}")
}

/// Finds the times in frames.
pub(crate) struct Times(Finder<'static>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(Finder::new(MARK))
    }

    /// When the messages in a frame were said.
    pub(crate) fn of<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        self.0.find_iter(frame).filter_map(move |at| {
            let digits = frame.get(at + MARK.len()..at + MARK.len() + 12)?;
            Some(digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit.wrapping_sub(b'0'))))
        })
    }
}
