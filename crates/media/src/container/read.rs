//! One reader for whatever a publisher sends.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{EBML, Event, mp4, webm};
use crate::{Error, Reason};

/// Reads WebM, Matroska, fragmented MP4 and MP4 with its `moov` first, pushed in any slices.
///
/// The container is recognised by its first bytes; a recording in the other may follow one that is whole. The events depend on the bytes only, never on how they were
/// sliced. The whole state, bytes not yet understood included, can be serialised and taken up again later: that is
/// how a recording survives a restart. Order of calls: [`push`](Reader::push) and [`next`](Reader::next) until
/// `Ok(None)`, again and again; [`finish`](Reader::finish) once, then `next` until `None`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Reader {
    container: Container,
    finished: bool,
    /// Bytes that came, and frames that were given out, since the reader was made or taken up again.
    #[serde(skip)]
    pushed: u64,
    #[serde(skip)]
    frames: u64,
}

/// Frames that any recording may have before it must have [`BYTES_OF_A_FRAME`] for each of them: silence is coded in one
/// byte a packet, and this is three hours of it.
pub(crate) const FEW_FRAMES: u64 = 1 << 19;
/// Bytes that a frame has at least on average, with all that a container says of it. More frames in so few bytes are made to
/// cost.
pub(crate) const BYTES_OF_A_FRAME: u64 = 8;

/// What a recording of too many frames is refused with.
pub(crate) const TOO_MANY_FRAMES: Reason =
    Reason::OverLimit { what: "the frames in so few bytes", limit: FEW_FRAMES };

/// What the first bytes are of.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Container {
    /// Too few bytes to know; at most [`MOST_SNIFFED`].
    Unknown(Vec<u8>),
    /// Bytes of neither.
    Neither,
    Webm(Box<webm::read::Reader>),
    Mp4(Box<mp4::read::Reader>),
}

/// Bytes that tell the container: of MP4 the size and the type of the first box.
const MOST_SNIFFED: usize = 8;

impl Default for Container {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Reader {
    /// A reader at the start of its input.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of a finished MP4 whose `moov`, given whole with its header, stands after the media: the file is pushed
    /// from its start afterwards.
    ///
    /// # Errors
    /// An index that is damaged or over a limit, or names no codec that is read here.
    pub fn with_index(index: &[u8]) -> Result<Self, Error> {
        let reader = mp4::read::Reader::with_index(index)?;
        Ok(Self { container: Container::Mp4(Box::new(reader)), ..Self::default() })
    }

    /// Takes more of the input. Keeps no more than a stated limit: the caller takes all events out
    /// before it pushes again, at most 1 MiB at a time.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_bytes(Bytes::copy_from_slice(bytes));
    }

    /// Takes more of the input as [`push`](Reader::push) does, without a copy of its own. Once all events are taken out,
    /// the bytes are let go.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        self.pushed += bytes.len() as u64;
        self.push_on(bytes);
    }

    fn push_on(&mut self, mut bytes: Bytes) {
        match &mut self.container {
            Container::Unknown(head) => {
                let missing = bytes.split_to(bytes.len().min(MOST_SNIFFED - head.len()));
                head.extend_from_slice(&missing);
                if let Some(container) = sniff(head) {
                    self.container = container;
                    self.push_on(bytes);
                }
            }
            Container::Neither => {}
            Container::Webm(reader) => reader.push(bytes),
            Container::Mp4(reader) => reader.push(bytes),
        }
    }

    /// The next event, or `None` until more bytes come. After an error the reader stays at it.
    ///
    /// # Errors
    /// Bytes that are not of a container or codec that is read here, over a limit, or damaged beyond resynchronising.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.frames > FEW_FRAMES + self.pushed / BYTES_OF_A_FRAME {
            return Err(TOO_MANY_FRAMES.at(self.rest().0));
        }
        let event = self.read_on()?;
        self.frames += u64::from(matches!(event, Some(Event::Frame(_))));
        Ok(event)
    }

    fn read_on(&mut self) -> Result<Option<Event>, Error> {
        match &mut self.container {
            Container::Unknown(head) if self.finished && (head.is_empty() || !EBML.starts_with(head)) => {
                Err(Reason::UnknownContainer.at(0))
            }
            Container::Unknown(_) => Ok(None),
            Container::Neither => Err(Reason::UnknownContainer.at(0)),
            Container::Webm(reader) => match reader.next()? {
                None => self.go_on(),
                event => Ok(event),
            },
            Container::Mp4(reader) => match reader.next()? {
                None => self.go_on(),
                event => Ok(event),
            },
        }
    }

    /// Goes on in the other container where a recording in it follows.
    fn go_on(&mut self) -> Result<Option<Event>, Error> {
        let container = match &mut self.container {
            Container::Webm(reader) => {
                reader.rest_in_mp4().map(|rest| Container::Mp4(Box::new(mp4::read::Reader::of_rest(rest))))
            }
            Container::Mp4(reader) => {
                reader.rest_in_webm().map(|rest| Container::Webm(Box::new(webm::read::Reader::of_rest(rest))))
            }
            Container::Unknown(_) | Container::Neither => None,
        };
        let Some(container) = container else { return Ok(None) };
        self.container = container;
        if self.finished {
            self.finish();
        }
        self.read_on()
    }

    /// Lets go of what is held back until more bytes prove it, without saying that no more come: for a pause in the
    /// input. More may be pushed after it.
    pub fn flush(&mut self) {
        if let Container::Webm(reader) = &mut self.container {
            reader.flush();
        }
    }

    /// What was pushed and not understood, and where it begins in the input: after an error, or when all events of an input
    /// that has ended are taken out.
    #[must_use]
    pub fn rest(&self) -> (u64, Bytes) {
        match &self.container {
            Container::Unknown(head) => (0, Bytes::copy_from_slice(head)),
            Container::Neither => (0, Bytes::new()),
            Container::Webm(reader) => reader.rest(),
            Container::Mp4(reader) => reader.rest(),
        }
    }

    /// Says that no more bytes come: what was held back (a frame waiting for its successor) can be taken with `next`.
    pub fn finish(&mut self) {
        self.finished = true;
        match &mut self.container {
            Container::Unknown(_) | Container::Neither => {}
            Container::Webm(reader) => reader.finish(),
            Container::Mp4(reader) => reader.finish(),
        }
    }
}

/// Types of the box that an MP4 may begin with (ISO/IEC 14496-12, 4.3 and 8.1).
const MP4: [&[u8; 4]; 9] = [b"ftyp", b"styp", b"moov", b"moof", b"free", b"skip", b"wide", b"mdat", b"pnot"];

/// The container whose input begins with `head`, with those bytes pushed; `None` while it could be either.
fn sniff(head: &[u8]) -> Option<Container> {
    if head.starts_with(&EBML) {
        let mut reader = webm::read::Reader::default();
        reader.push(Bytes::copy_from_slice(head));
        return Some(Container::Webm(Box::new(reader)));
    }
    if head.get(4..MOST_SNIFFED).is_some_and(|kind| MP4.iter().any(|known| *known == kind)) {
        let mut reader = mp4::read::Reader::default();
        reader.push(Bytes::copy_from_slice(head));
        return Some(Container::Mp4(Box::new(reader)));
    }
    let could_be_webm = EBML.starts_with(head);
    (!could_be_webm && head.len() == MOST_SNIFFED).then_some(Container::Neither)
}
