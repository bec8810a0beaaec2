//! Storing what is sent: one [`Desk`] for each transaction, which looks up only once what several messages need.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::{Connection, OptionalExtension, params};

use crate::message::{message_id, seq_in};
use crate::moderation::store as moderation;
use crate::packing::{Packed, sent_key};
use crate::store::{EMOJI, ON_REPLAY, by_id, counters, nobody, place};
use crate::{Author, Draft, Error, Kind, Mention, Message, Refusal, SEQ_LIMIT, mentions};

/// What [`Desk::post`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The message as it is kept.
    pub message: Message,
    /// False when it had been kept before under the same `client_id`.
    pub created: bool,
}

/// Who posts, where and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) live_id: i64,
    pub(crate) author_id: i64,
    /// Whether the live has ended.
    pub(crate) on_replay: bool,
    /// The time, in milliseconds since 1970 UTC.
    pub(crate) now_ms: i64,
}

/// What a message must pass before it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Nothing: who writes leads the conversation.
    Open,
    /// The rules of the conversation.
    Led {
        /// Shortest time between two messages of one person, in milliseconds.
        slow_ms: i64,
        /// Whether it waits for approval.
        hold: bool,
    },
}

/// Where messages of one transaction are stored. [`Desk::close`] writes what they have in common.
pub(crate) struct Desk<'a> {
    conn: &'a Connection,
    /// How far each live that got messages has come.
    newest: HashMap<i64, Newest>,
    /// Whether anybody is silenced or banned in a live.
    sanctions: HashMap<i64, bool>,
    authors: HashMap<i64, Author>,
}

/// How far a live has come.
struct Newest {
    seq: i64,
    /// From when its times are counted.
    base_ms: i64,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(conn: &'a Connection) -> Self {
        Self { conn, newest: HashMap::new(), sanctions: HashMap::new(), authors: HashMap::new() }
    }

    /// Stores a message under the next number of its live, or counts a reaction. What is refused has changed nothing.
    /// The same `client_id` of the same author in the same live finds what was kept the first time.
    pub(crate) fn post(
        &mut self,
        posting: Posting,
        draft: &Draft,
        packed: &Packed,
        gate: Gate,
    ) -> Result<Posted, Error> {
        if let Some(kept) = self.already_sent(posting, draft)? {
            return Ok(Posted { message: kept, created: false });
        }
        let counted = draft.kind == Kind::Reaction;
        let mentions = mentions::wanted(self.conn, posting, draft)?;
        if let Gate::Led { slow_ms, hold } = gate {
            self.may_write(posting, if counted { 0 } else { slow_ms })?;
            if hold && !counted {
                let reply_to = self.reply_to(posting, draft)?;
                moderation::hold(self.conn, posting, draft, reply_to, &mentions)?;
                let message =
                    Message { held: true, mentions, ..self.message(posting, draft, None, reply_to)? };
                return Ok(Posted { message, created: true });
            }
        }
        Ok(Posted { message: self.keep(posting, draft, packed, mentions)?, created: true })
    }

    /// Stores a message under the next number of its live, or counts a reaction.
    pub(crate) fn keep(
        &mut self,
        posting: Posting,
        draft: &Draft,
        packed: &Packed,
        mentions: Vec<Mention>,
    ) -> Result<Message, Error> {
        let reply_to = self.reply_to(posting, draft)?;
        let seq = match draft.kind {
            Kind::Reaction => {
                self.count_reaction(posting.live_id, draft)?;
                None
            }
            Kind::Text | Kind::Emoji => Some(self.insert(posting, draft, packed, reply_to, &mentions)?),
        };
        remember_sent(self.conn, posting, draft, seq)?;
        Ok(Message { mentions, ..self.message(posting, draft, seq, reply_to)? })
    }

    /// The message as somebody reads it, without reading it back.
    pub(crate) fn message(
        &mut self,
        posting: Posting,
        draft: &Draft,
        seq: Option<i64>,
        reply_to: Option<i64>,
    ) -> Result<Message, Error> {
        Ok(Message {
            live_id: posting.live_id,
            seq,
            content: draft.content.clone(),
            created_at_ms: posting.now_ms,
            kind: draft.kind,
            reply_to,
            position: draft.position,
            author: self.author(posting.author_id)?,
            mentions: Vec::new(),
            deleted: false,
            on_replay: posting.on_replay,
            held: false,
        })
    }

    /// Writes down how far each live has come.
    pub(crate) fn close(self) -> Result<(), Error> {
        for (live_id, Newest { seq, base_ms }) in self.newest {
            self.conn
                .prepare_cached(
                    "INSERT INTO chat_counters (live_id, last_seq, base_ms) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (live_id) DO UPDATE SET (last_seq, base_ms) = (excluded.last_seq, excluded.base_ms)",
                )?
                .execute([live_id, seq, base_ms])?;
        }
        Ok(())
    }

    fn already_sent(&mut self, posting: Posting, draft: &Draft) -> Result<Option<Message>, Error> {
        let Some(client_id) = &draft.client_id else { return Ok(None) };
        let sender = params![posting.live_id, posting.author_id, client_id];
        let sent: Option<Option<i64>> = self
            .conn
            .prepare_cached("SELECT seq FROM chat_sent WHERE live_id = ?1 AND key = ?2")?
            .query_row([posting.live_id, sent_key(posting.author_id, client_id)], |row| row.get(0))
            .optional()?;
        match sent {
            Some(Some(seq)) => {
                let kept = by_id(self.conn, message_id(posting.live_id, seq))?;
                // Another author's message under the same key is none of this one's.
                Ok(kept.filter(|message| message.author.id == posting.author_id))
            }
            Some(None) => self.message(posting, draft, None, None).map(Some),
            None if self
                .conn
                .prepare_cached(
                    "SELECT 1 FROM chat_held WHERE live_id = ?1 AND author_id = ?2 AND client_id = ?3",
                )?
                .exists(sender)? =>
            {
                Ok(Some(Message { held: true, ..self.message(posting, draft, None, None)? }))
            }
            None => Ok(None),
        }
    }

    fn may_write(&mut self, posting: Posting, slow_ms: i64) -> Result<(), Error> {
        let sanctioned = match self.sanctions.entry(posting.live_id) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(moderation::has_sanctions(self.conn, posting.live_id)?),
        };
        if sanctioned {
            moderation::is_allowed(self.conn, posting)?;
        }
        if slow_ms > 0 { moderation::is_slow_enough(self.conn, posting, slow_ms) } else { Ok(()) }
    }

    /// The number of the message that is answered, which must be one of this live.
    fn reply_to(&self, posting: Posting, draft: &Draft) -> Result<Option<i64>, Error> {
        let Some(id) = draft.reply_to else { return Ok(None) };
        let seq = seq_in(posting.live_id, id).ok_or(Refusal::ReplyTo)?;
        let exists = self.conn.prepare_cached("SELECT 1 FROM messages WHERE id = ?1")?.exists([id])?;
        if exists { Ok(Some(seq)) } else { Err(Refusal::ReplyTo.into()) }
    }

    fn insert(
        &mut self,
        posting: Posting,
        draft: &Draft,
        packed: &Packed,
        reply_to: Option<i64>,
        mentions: &[Mention],
    ) -> Result<i64, Error> {
        let newest = match self.newest.entry(posting.live_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(newest(self.conn, posting)?),
        };
        if newest.seq >= SEQ_LIMIT {
            return Err(Refusal::Full.into());
        }
        let seq = newest.seq + 1;
        let on_replay = if posting.on_replay { ON_REPLAY } else { 0 };
        let emoji = if draft.kind == Kind::Emoji { EMOJI } else { 0 };
        self.conn.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                message_id(posting.live_id, seq),
                place(draft.position),
                posting.author_id,
                posting.now_ms - newest.base_ms,
                on_replay | emoji,
                reply_to,
                mentions::packed(mentions),
                packed,
            ],
        )?;
        newest.seq = seq;
        Ok(seq)
    }

    fn count_reaction(&self, live_id: i64, draft: &Draft) -> Result<(), Error> {
        self.conn
            .prepare_cached(
                "INSERT INTO chat_reactions VALUES (?1, ?2, ?3, ?4, 1) \
                 ON CONFLICT (live_id, take, second, emoji) DO UPDATE SET count = count + 1",
            )?
            .execute(params![live_id, draft.position.take, draft.position.ms / 1_000, draft.content])?;
        Ok(())
    }

    fn author(&mut self, id: i64) -> Result<Author, Error> {
        let author = match self.authors.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(author(self.conn, id)?.unwrap_or_else(|| nobody(id))),
        };
        Ok(author.clone())
    }
}

/// How far a live has come; its times are counted from its first message on.
fn newest(conn: &Connection, posting: Posting) -> Result<Newest, Error> {
    let counters = counters(conn, posting.live_id)?;
    let base_ms = if counters.last_seq == 0 { posting.now_ms } else { base_ms(conn, posting.live_id)? };
    Ok(Newest { seq: counters.last_seq, base_ms })
}

fn base_ms(conn: &Connection, live_id: i64) -> Result<i64, Error> {
    let mut statement = conn.prepare_cached("SELECT base_ms FROM chat_counters WHERE live_id = ?1")?;
    Ok(statement.query_row([live_id], |row| row.get(0))?)
}

/// Remembers that something was sent, so that sending it again is harmless.
pub(crate) fn remember_sent(
    conn: &Connection,
    posting: Posting,
    draft: &Draft,
    seq: Option<i64>,
) -> Result<(), Error> {
    if let Some(client_id) = &draft.client_id {
        let key = sent_key(posting.author_id, client_id);
        conn.prepare_cached("INSERT OR IGNORE INTO chat_sent VALUES (?1, ?2, ?3)")?.execute(params![
            posting.live_id,
            key,
            seq
        ])?;
    }
    Ok(())
}

/// Somebody by their name; nobody whose account is gone.
pub(crate) fn author(conn: &Connection, id: i64) -> Result<Option<Author>, Error> {
    let author = conn
        .prepare_cached("SELECT id, first_name, last_name, profile_picture FROM users WHERE id = ?1")?
        .query_row([id], |row| {
            Ok(Author {
                id: row.get(0)?,
                first_name: row.get(1)?,
                last_name: row.get(2)?,
                profile_picture: row.get(3)?,
            })
        })
        .optional()?;
    Ok(author)
}
