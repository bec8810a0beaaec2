use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::{LiveId, UnixMs};
use sha2::{Digest, Sha256};

use crate::row::Row;
use crate::{Author, Error, Recorded, Visibility};

/// Characters at most.
const TITLE: usize = 200;
/// Characters at most.
const DESCRIPTION: usize = 5_000;
/// Characters at most.
const CONTENT: usize = 10_000;

/// How long after its stop a live still takes late bytes, and its stream key opens it: 24 hours, in milliseconds.
pub const PUBLISHABLE_AFTER_STOP: i64 = 24 * 3_600 * 1_000;

/// One event, from start to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Never used again.
    pub id: LiveId,
    /// Whose it is.
    pub author: Author,
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub description: String,
    /// May be empty.
    pub content: String,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it began.
    pub started_ms: UnixMs,
    /// When it ended; `None` while it runs. With an end and no stop nothing came any more, and it may run again.
    pub ended_ms: Option<UnixMs>,
    /// When somebody stopped it.
    pub stopped_ms: Option<UnixMs>,
    /// What an unlisted live's address holds; empty, which opens nothing, where it cannot be read any more.
    pub watch_key: String,
    /// What lists show of what is recorded; `None` for one of which that is not known yet.
    pub recorded: Option<Recorded>,
    /// Grows when who may watch changes: tokens for media of an earlier epoch open nothing.
    pub epoch: u32,
    /// How long it is kept after its end, in milliseconds, 0 for ever; `None` where the server's rule holds.
    pub keep_ms: Option<i64>,
    /// How many have watched it for ten seconds or more.
    pub viewers: u64,
    pub(crate) stream_key: [u8; 32],
}

/// What a live starts with.
#[derive(Debug, Clone, Default)]
pub struct NewLive {
    /// At most 200 characters.
    pub title: String,
    /// At most 5,000 characters.
    pub description: String,
    /// At most 10,000 characters.
    pub content: String,
    /// Public unless said otherwise.
    pub visibility: Visibility,
    /// How long it is kept after its end, in milliseconds, 0 for ever; `None` for the server's rule.
    pub keep_ms: Option<i64>,
}

/// What changes; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// At most 200 characters.
    pub title: Option<String>,
    /// At most 5,000 characters.
    pub description: Option<String>,
    /// At most 10,000 characters.
    pub content: Option<String>,
    /// Who may see it from now on.
    pub visibility: Option<Visibility>,
    /// How long it is kept after its end, in milliseconds, 0 for ever; `Some(None)` for the server's rule.
    pub keep_ms: Option<Option<i64>>,
}

impl Live {
    pub(crate) fn of(row: Row, author: Author) -> Self {
        Self {
            id: row.id,
            author,
            title: row.title,
            description: row.description,
            content: row.content,
            visibility: row.visibility,
            started_ms: row.started,
            ended_ms: row.ended,
            stopped_ms: row.stopped,
            watch_key: row.watch_key,
            recorded: row.recorded,
            epoch: row.epoch,
            keep_ms: row.keep_ms,
            viewers: row.viewers,
            stream_key: row.stream_key,
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// Whether bytes are still taken: until somebody stops it, and for 24 hours from then. However long its publisher is
    /// away, what they have recorded has a place.
    #[must_use]
    pub fn takes_bytes(&self, now: UnixMs) -> bool {
        self.stopped_ms.is_none_or(|stop| now < stop.plus_ms(PUBLISHABLE_AFTER_STOP))
    }

    /// Whether this is its stream key.
    #[must_use]
    pub fn opens_with(&self, stream_key: &str) -> bool {
        // Hashes are compared: how long that takes says nothing about the key.
        hash(stream_key) == self.stream_key
    }
}

impl NewLive {
    pub(crate) fn checked(self) -> Result<Self, Error> {
        Ok(Self {
            title: line(&self.title)?,
            description: text(&self.description, DESCRIPTION, Error::BadDescription)?,
            content: text(&self.content, CONTENT, Error::BadContent)?,
            visibility: self.visibility,
            keep_ms: self.keep_ms,
        })
    }
}

impl Change {
    pub(crate) fn checked(self) -> Result<Self, Error> {
        let description = |t: String| text(&t, DESCRIPTION, Error::BadDescription);
        let content = |t: String| text(&t, CONTENT, Error::BadContent);
        Ok(Self {
            title: self.title.map(|t| line(&t)).transpose()?,
            description: self.description.map(description).transpose()?,
            content: self.content.map(content).transpose()?,
            visibility: self.visibility,
            keep_ms: self.keep_ms,
        })
    }
}

/// A key to publish with; its prefix tells it from an access token.
pub(crate) fn new_stream_key() -> String {
    format!("sk_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()))
}

pub(crate) fn new_watch_key() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
}

pub(crate) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn line(text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.chars().count() > TITLE || text.chars().any(char::is_control) {
        return Err(Error::BadTitle);
    }
    Ok(text.to_owned())
}

fn text(text: &str, limit: usize, error: Error) -> Result<String, Error> {
    let text = text.trim();
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().count() > limit || text.chars().any(odd) {
        return Err(error);
    }
    Ok(text.to_owned())
}
