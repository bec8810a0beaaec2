//! Whom a message mentions: those who have a part in the conversation, by id, with the names they have now.

use ids::PersonId;
use wire::Named;

/// Most people that one message mentions. A message with more is refused.
pub const LIMIT: usize = 10;

/// Somebody who is mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The person's id.
    pub id: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
}

impl Mention {
    /// As the wire has them.
    pub(crate) fn on_wire(&self) -> Named<'_> {
        Named { id: self.id.0, first_name: &self.first_name, last_name: &self.last_name }
    }
}

/// The ids as they are kept, seven bits a byte, the lowest first (LEB128); nothing for nobody.
pub(crate) fn packed(mentions: &[Mention]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for mention in mentions {
        let mut rest = mention.id.0.unsigned_abs();
        while rest > 0x7F {
            bytes.push((rest & 0x7F) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    (!bytes.is_empty()).then_some(bytes)
}

/// The ids of what [`packed`] made, at most [`LIMIT`]. Of anything else, whatever ids can be read.
pub(crate) fn unpacked(bytes: &[u8]) -> Vec<PersonId> {
    let mut ids = Vec::new();
    let (mut id, mut shift) = (0_u64, 0_u32);
    for byte in bytes {
        id |= u64::from(byte & 0x7F).checked_shl(shift).unwrap_or(0);
        shift = shift.saturating_add(7);
        if byte & 0x80 == 0 {
            ids.extend(i64::try_from(std::mem::take(&mut id)).map(PersonId));
            shift = 0;
        }
    }
    ids.truncate(LIMIT);
    ids
}

/// A mention of which only the id is known yet.
pub(crate) fn unnamed(id: PersonId) -> Mention {
    Mention { id, first_name: String::new(), last_name: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_were_packed() {
        let ids = [1, 127, 128, 300, 16_384, 1 << 40, i64::MAX].map(PersonId);
        let mentions: Vec<_> = ids.into_iter().map(unnamed).collect();
        assert_eq!(unpacked(&packed(&mentions).unwrap()), ids);
        assert_eq!(packed(&[]), None);
        assert_eq!(packed(&[unnamed(PersonId(5))]).unwrap().len(), 1);
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
