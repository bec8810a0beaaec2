//! Storing what is sent, in SQL: one [`Desk`] for each transaction, which looks up only once what several messages need.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ids::{LiveId, Seq, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

use super::messages::{EMOJI, ON_REPLAY, by_id, counters, place, written};
use super::{Kept, gate};
use crate::compression::{Packed, sent_key};
use crate::mentions::{self, Mention};
use crate::message::{Draft, Kind, Message, message_id, seq_in};
use crate::rules::{self, Gate};
use crate::store::{Order, Posted, Posting};
use crate::{Error, Refusal};

/// Where messages of one transaction are stored. [`Desk::close`] writes what they have in common.
pub(super) struct Desk<'a> {
    conn: &'a Connection,
    /// How far each live that got messages has come.
    newest: HashMap<LiveId, Newest>,
    /// Whether anybody is silenced or banned in a live.
    sanctions: HashMap<LiveId, bool>,
}

/// How far a live has come.
struct Newest {
    seq: Seq,
    /// From when its times are counted.
    base_ms: UnixMs,
}

impl<'a> Desk<'a> {
    pub(super) fn new(conn: &'a Connection) -> Self {
        Self { conn, newest: HashMap::new(), sanctions: HashMap::new() }
    }

    /// Stores a message under the next number of its live, or counts a reaction. What is refused has changed nothing.
    /// The same `client_id` of the same author in the same live finds what was kept the first time.
    pub(super) fn post(&mut self, order: &Order) -> Result<Posted, Error> {
        let Order { posting, draft, .. } = order;
        if let Some(kept) = self.already_sent(*posting, draft)? {
            return Ok(Posted { message: kept, created: false });
        }
        let counted = draft.kind == Kind::Reaction;
        let mentions = gate::taking_part(self.conn, *posting, draft, &order.mentions)?;
        let by = |message: Message| Message { author: order.author.clone(), ..message };
        if let Gate::Guarded { slow_ms, hold } = order.gate {
            self.may_write(*posting, if counted { 0 } else { slow_ms })?;
            if hold && !counted {
                let reply_to = self.reply_to(*posting, draft)?;
                rules::may_wait(gate::waiting(self.conn, posting.live_id)?)?;
                gate::hold(self.conn, *posting, draft, reply_to, &mentions)?;
                let message = Message { held: true, mentions, ..written(*posting, draft, None, reply_to) };
                return Ok(Posted { message: by(message), created: true });
            }
        }
        let message = self.keep(*posting, draft, &order.packed, mentions)?;
        Ok(Posted { message: by(message), created: true })
    }

    /// Stores a message under the next number of its live, or counts a reaction.
    pub(super) fn keep(
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
        Ok(Message { mentions, ..written(posting, draft, seq, reply_to) })
    }

    /// Writes down how far each live has come.
    pub(super) fn close(self) -> Kept<()> {
        for (live_id, Newest { seq, base_ms }) in self.newest {
            self.conn
                .prepare_cached(
                    "INSERT INTO chat_counters (live_id, last_seq, base_ms) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (live_id) DO UPDATE SET (last_seq, base_ms) = (excluded.last_seq, excluded.base_ms)",
                )?
                .execute([live_id.0, seq.0, base_ms.0])?;
        }
        Ok(())
    }

    fn already_sent(&self, posting: Posting, draft: &Draft) -> Kept<Option<Message>> {
        let Some(client_id) = &draft.client_id else { return Ok(None) };
        let sender = params![posting.live_id.0, posting.author_id.0, client_id];
        let sent: Option<Option<i64>> = self
            .conn
            .prepare_cached("SELECT seq FROM chat_sent WHERE live_id = ?1 AND key = ?2")?
            .query_row([posting.live_id.0, sent_key(posting.author_id, client_id)], |row| row.get(0))
            .optional()?;
        match sent {
            Some(Some(seq)) => {
                let kept = by_id(self.conn, message_id(posting.live_id, Seq(seq)))?;
                // Another author's message under the same key is none of this one's.
                Ok(kept.filter(|message| message.author.id == posting.author_id))
            }
            Some(None) => Ok(Some(written(posting, draft, None, None))),
            None if self
                .conn
                .prepare_cached(
                    "SELECT 1 FROM chat_held WHERE live_id = ?1 AND author_id = ?2 AND client_id = ?3",
                )?
                .exists(sender)? =>
            {
                Ok(Some(Message { held: true, ..written(posting, draft, None, None) }))
            }
            None => Ok(None),
        }
    }

    fn may_write(&mut self, posting: Posting, slow_ms: i64) -> Result<(), Error> {
        let sanctioned = match self.sanctions.entry(posting.live_id) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(gate::has_sanctions(self.conn, posting.live_id)?),
        };
        if sanctioned {
            rules::allowed(gate::sanction(self.conn, posting)?, posting.now_ms)?;
        }
        if slow_ms > 0 {
            rules::slow_enough(gate::last_sent(self.conn, posting)?, slow_ms, posting.now_ms)?;
        }
        Ok(())
    }

    /// The number of the message that is answered, which must be one of this live.
    fn reply_to(&self, posting: Posting, draft: &Draft) -> Result<Option<Seq>, Error> {
        let Some(id) = draft.reply_to else { return Ok(None) };
        let seq = seq_in(posting.live_id, id).ok_or(Refusal::ReplyTo)?;
        let exists = self.conn.prepare_cached("SELECT 1 FROM messages WHERE id = ?1")?.exists([id.0])?;
        if exists { Ok(Some(seq)) } else { Err(Refusal::ReplyTo.into()) }
    }

    fn insert(
        &mut self,
        posting: Posting,
        draft: &Draft,
        packed: &Packed,
        reply_to: Option<Seq>,
        mentions: &[Mention],
    ) -> Result<Seq, Error> {
        let newest = match self.newest.entry(posting.live_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(newest(self.conn, posting)?),
        };
        let seq = rules::next_seq(newest.seq)?;
        let on_replay = if posting.on_replay { ON_REPLAY } else { 0 };
        let emoji = if draft.kind == Kind::Emoji { EMOJI } else { 0 };
        self.conn.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute(
            params![
                message_id(posting.live_id, seq).0,
                place(draft.position),
                posting.author_id.0,
                posting.now_ms.since_ms(newest.base_ms),
                on_replay | emoji,
                reply_to.map(|seq| seq.0),
                mentions::packed(mentions),
                packed,
            ],
        )?;
        newest.seq = seq;
        Ok(seq)
    }

    fn count_reaction(&self, live_id: LiveId, draft: &Draft) -> Kept<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO chat_reactions VALUES (?1, ?2, ?3, ?4, 1) \
                 ON CONFLICT (live_id, take, second, emoji) DO UPDATE SET count = count + 1",
            )?
            .execute(params![live_id.0, draft.position.take, draft.position.ms / 1_000, draft.content])?;
        Ok(())
    }
}

/// How far a live has come; its times are counted from its first message on.
fn newest(conn: &Connection, posting: Posting) -> Kept<Newest> {
    let counters = counters(conn, posting.live_id)?;
    let base_ms = if counters.last_seq == Seq(0) { posting.now_ms } else { base_ms(conn, posting.live_id)? };
    Ok(Newest { seq: counters.last_seq, base_ms })
}

fn base_ms(conn: &Connection, live_id: LiveId) -> Kept<UnixMs> {
    let mut statement = conn.prepare_cached("SELECT base_ms FROM chat_counters WHERE live_id = ?1")?;
    Ok(statement.query_row([live_id.0], |row| row.get(0).map(UnixMs))?)
}

/// Remembers that something was sent, so that sending it again is harmless.
pub(super) fn remember_sent(
    conn: &Connection,
    posting: Posting,
    draft: &Draft,
    seq: Option<Seq>,
) -> Kept<()> {
    if let Some(client_id) = &draft.client_id {
        let key = sent_key(posting.author_id, client_id);
        conn.prepare_cached("INSERT OR IGNORE INTO chat_sent VALUES (?1, ?2, ?3)")?.execute(params![
            posting.live_id.0,
            key,
            seq.map(|seq| seq.0)
        ])?;
    }
    Ok(())
}
