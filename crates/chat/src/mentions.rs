//! Whom a message mentions: those who have a part in the conversation, by id, with the names they have now.

use rusqlite::{Connection, OptionalExtension};
use wire::Named;

use crate::posting::Posting;
use crate::{Draft, Error, Message, SEQ_LIMIT, message_id};

/// Most people that one message mentions. A message with more is refused.
pub const LIMIT: usize = 10;

/// Somebody who is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The person's id.
    pub id: i64,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

impl Mention {
    /// As the wire has them.
    pub(crate) fn on_wire(&self) -> Named<'_> {
        Named { id: self.id, first_name: &self.first_name, last_name: &self.last_name }
    }
}

/// Those of a draft's mentions who exist and lead the live, moderate it or wrote in it; each once, in their order.
pub(crate) fn wanted(conn: &Connection, posting: Posting, draft: &Draft) -> Result<Vec<Mention>, Error> {
    let mut found: Vec<Mention> = Vec::new();
    for &id in draft.mentions.iter().take(LIMIT) {
        let again = found.iter().any(|mention| mention.id == id);
        if !again && (draft.host == Some(id) || takes_part(conn, posting, id)?) {
            found.extend(named(conn, id)?);
        }
    }
    Ok(found)
}

fn takes_part(conn: &Connection, posting: Posting, id: i64) -> Result<bool, Error> {
    if posting.author_id == id {
        return Ok(true);
    }
    let mut wrote =
        conn.prepare_cached("SELECT 1 FROM messages WHERE author_id = ?1 AND id BETWEEN ?2 AND ?3 LIMIT 1")?;
    let in_live = [id, message_id(posting.live_id, 1), message_id(posting.live_id, SEQ_LIMIT)];
    let mut moderates =
        conn.prepare_cached("SELECT 1 FROM chat_moderators WHERE live_id = ?1 AND person_id = ?2")?;
    Ok(wrote.exists(in_live)? || moderates.exists([posting.live_id, id])?)
}

/// The person with this id by the name they have now.
fn named(conn: &Connection, id: i64) -> Result<Option<Mention>, Error> {
    let mut statement = conn.prepare_cached("SELECT first_name, last_name FROM users WHERE id = ?1")?;
    let mention =
        statement.query_row([id], |row| Ok(Mention { id, first_name: row.get(0)?, last_name: row.get(1)? }));
    Ok(mention.optional()?)
}

/// Gives the mentions of messages, of which the ids were read, their names. Whose account is gone is not mentioned.
pub(crate) fn name(conn: &Connection, messages: &mut [Message]) -> Result<(), Error> {
    for message in messages.iter_mut().filter(|message| !message.mentions.is_empty()) {
        message.mentions = named_all(conn, message.mentions.iter().map(|mention| mention.id))?;
    }
    Ok(())
}

/// Those with these ids who exist, by name.
pub(crate) fn named_all(conn: &Connection, ids: impl Iterator<Item = i64>) -> Result<Vec<Mention>, Error> {
    let found = ids.map(|id| named(conn, id)).collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// The ids as they are kept, seven bits a byte, the lowest first (LEB128); nothing for nobody.
pub(crate) fn packed(mentions: &[Mention]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for mention in mentions {
        let mut rest = mention.id.unsigned_abs();
        while rest > 0x7F {
            bytes.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// The ids of what [`packed`] made, at most [`LIMIT`]. Of anything else, whatever ids can be read.
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<i64> {
    let mut ids = Vec::new();
    let (mut id, mut shift) = (0_u64, 0_u32);
    for byte in bytes {
        id |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            ids.extend(i64::try_from(std::mem::take(&mut id)));
            shift = 0;
        }
    }
    ids.truncate(LIMIT);
    ids
}

/// A mention of which only the id is known yet.
pub(crate) fn unnamed(id: i64) -> Mention {
    Mention { id, first_name: String::new(), last_name: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were_packed() {
        let ids = [1, 127, 128, 300, 16_384, 1 << 40, i64::MAX];
        let mentions: Vec<_> = ids.into_iter().map(unnamed).collect();
        assert_eq!(unpacked(&packed(&mentions).unwrap()), ids);
        assert_eq!(packed(&[]), None);
        assert_eq!(packed(&[unnamed(5)]).unwrap().len(), 1);
    }

    #[test]
    fn bad_bytes_are_ids_of_nobody_at_worst() {
        for bytes in
            [&[][..], &[0x80], &[0xFF; 40], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1]]
        {
            assert!(unpacked(bytes).len() <= 1, "{bytes:?}");
        }
        assert_eq!(unpacked(&[1; 100]).len(), LIMIT);
    }
}
