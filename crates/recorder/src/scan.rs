//! Reading a body from its front: its init, then one whole fragment after the other. Each byte is read once.

use media::Track;
use media::container::Fragment;
use media::container::{mp4, webm};
use timeline::Container;

use crate::{DiskFile, Error};

/// An init is at most this long.
const MAX_INIT: u64 = 4 << 20;
/// What is read of a body at first, to find its init: most are a few hundred bytes.
const INIT: u64 = 4 << 10;
/// A fragment is at most this long: its frames, and what the container adds.
const MAX_FRAGMENT: u64 = 64 << 20;
/// What is read of a body at once.
const READ: u64 = 256 << 10;
/// What is looked at first of a fragment; most are shorter.
const LOOK: u64 = 64 << 10;

/// The init at the front of a body of which the first `end` bytes count: the track and the bytes; `None` where it is torn.
///
/// # Errors
/// Those of the storage; [`Error::Damaged`] where it is no init.
pub(crate) fn init(
    body: &dyn DiskFile,
    container: Container,
    end: u64,
) -> Result<Option<(Track, Vec<u8>)>, Error> {
    let most = end.min(MAX_INIT);
    let mut want = INIT;
    loop {
        let mut head = read_range(body, 0, want.min(most))?;
        if let Some((track, len)) = read_init(container, &head)? {
            head.truncate(len);
            return Ok(Some((track, head)));
        }
        if want >= most {
            return Ok(None);
        }
        want *= 8;
    }
}

/// The fragments of a body from a place on.
pub(crate) struct Scan<'a> {
    body: &'a dyn DiskFile,
    container: Container,
    track: &'a Track,
    at: u64,
    end: u64,
    /// What was read from `at` on, after `used` bytes of what came before it.
    ahead: Vec<u8>,
    used: usize,
}

impl<'a> Scan<'a> {
    /// The fragments between two places.
    pub(crate) fn new(
        body: &'a dyn DiskFile,
        container: Container,
        track: &'a Track,
        at: u64,
        end: u64,
    ) -> Self {
        Self { body, container, track, at, end, ahead: Vec::new(), used: 0 }
    }

    /// Where the next fragment begins.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The next fragment and its bytes; `None` at the end, and where none stands or it is torn.
    pub(crate) fn next(&mut self) -> Result<Option<(Fragment, &[u8])>, Error> {
        let left = self.end.saturating_sub(self.at);
        let mut look = LOOK;
        let fragment = loop {
            self.read_ahead(look.min(left))?;
            if let Some(fragment) = read_fragment(self.container, self.track, &self.ahead[self.used..]) {
                break fragment;
            }
            if look >= left.min(MAX_FRAGMENT) {
                return Ok(None);
            }
            look *= 4;
        };
        let whole = u64::from(fragment.len);
        if whole == 0 || whole > left.min(MAX_FRAGMENT) {
            return Ok(None);
        }
        self.read_ahead(whole)?;
        let from = self.used;
        self.used += usize::try_from(whole).unwrap_or(usize::MAX);
        self.at += whole;
        Ok(Some((fragment, &self.ahead[from..self.used])))
    }

    /// Reads on until so many bytes from `at` on are there.
    fn read_ahead(&mut self, want: u64) -> Result<(), Error> {
        let there = (self.ahead.len() - self.used) as u64;
        if there >= want {
            return Ok(());
        }
        self.ahead.drain(..self.used);
        self.used = 0;
        let more = (want - there).max(READ).min(self.end - self.at - there);
        let from = self.ahead.len();
        self.ahead.resize(from + usize::try_from(more).unwrap_or(0), 0);
        Ok(self.body.read_at(self.at + there, &mut self.ahead[from..])?)
    }
}

fn read_init(container: Container, head: &[u8]) -> Result<Option<(Track, usize)>, Error> {
    let read = match container {
        Container::Mp4 => mp4::index::init(head),
        Container::Webm => webm::index::init(head),
    };
    read.map_err(|error| Error::Damaged(error.to_string()))
}

/// The fragment at the front of some bytes; `None` where they do not hold its head.
fn read_fragment(container: Container, track: &Track, bytes: &[u8]) -> Option<Fragment> {
    match container {
        Container::Mp4 => mp4::index::fragment(bytes).ok()?,
        Container::Webm => webm::index::fragment(bytes, track).ok()?,
    }
}

pub(crate) fn read_range(file: &dyn DiskFile, at: u64, len: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_at(at, &mut bytes)?;
    Ok(bytes)
}
