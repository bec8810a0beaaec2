//! A message as it is kept and as it goes over the wire.

use ids::{LiveId, MessageId, PersonId, Seq, UnixMs};
use timeline::{PlayClock, Position};
use uuid::fmt::Hyphenated;
use wire::conversation::MessageKind;
use wire::{Person, Time};

use crate::mentions::{self, Mention};
use crate::{Refusal, text};

/// Bits of a message's id that are its number in its live.
const SEQ_BITS: u32 = 24;
/// Highest number of a message in a live (16,777,215). A further message is refused.
pub const SEQ_LIMIT: Seq = Seq((1 << SEQ_BITS) - 1);
/// Highest live id whose message ids stay exact in JSON readers that have only doubles.
const LIVE_LIMIT: i64 = 1 << (53 - SEQ_BITS);
/// Longest position, 24 hours in milliseconds. A longer one is refused.
pub const POSITION_LIMIT_MS: i64 = 24 * 3_600_000;

/// The id of a message: its live and its number in one integer.
#[must_use]
pub fn message_id(live_id: LiveId, seq: Seq) -> MessageId {
    MessageId((live_id.0 << SEQ_BITS) | seq.0)
}

/// The number in `live_id` of the message with this id, if it can be one of that live.
#[must_use]
pub fn seq_in(live_id: LiveId, id: MessageId) -> Option<Seq> {
    let MessageId(id) = id;
    let seq = id & SEQ_LIMIT.0;
    ((0..LIVE_LIMIT).contains(&live_id.0) && id >> SEQ_BITS == live_id.0 && seq > 0).then_some(Seq(seq))
}

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text,
    /// A line of nothing but emoji.
    Emoji,
    /// One emoji that is counted, not numbered.
    Reaction,
}

impl Kind {
    /// Reads the wire's word for a kind.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownKind`] for any other word.
    pub fn parse(word: &str) -> Result<Self, Refusal> {
        match word {
            "text" => Ok(Self::Text),
            "emoji" => Ok(Self::Emoji),
            "reaction" => Ok(Self::Reaction),
            _ => Err(Refusal::UnknownKind),
        }
    }
}

/// Somebody as everybody sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The person's id.
    pub id: PersonId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// URL of the picture.
    pub profile_picture: Option<String>,
}

impl Author {
    /// As the wire has them.
    #[must_use]
    pub fn on_wire(&self) -> Person<'_> {
        Person {
            id: self.id.0,
            first_name: &self.first_name,
            last_name: &self.last_name,
            profile_picture: self.profile_picture.as_deref(),
        }
    }
}

/// One line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its live.
    pub live_id: LiveId,
    /// Its number in the live, from 1; `None` for a reaction, which is only counted.
    pub seq: Option<Seq>,
    /// What it says; empty once deleted.
    pub content: String,
    /// When it was stored, in milliseconds since 1970 UTC.
    pub created_at_ms: UnixMs,
    /// What kind it is.
    pub kind: Kind,
    /// Number of the message it answers.
    pub reply_to: Option<Seq>,
    /// The place its author was looking at, as sent.
    pub position: Position,
    /// Who wrote it.
    pub author: Author,
    /// Whom it speaks to or of by name.
    pub mentions: Vec<Mention>,
    /// Whether it was deleted: it keeps its place without its content.
    pub deleted: bool,
    /// Whether it was written on the replay, after the live had ended.
    pub on_replay: bool,
    /// Whether it waits for a moderator's approval: it has no number yet and nobody else sees it.
    pub held: bool,
}

impl Author {
    /// Somebody of whom only the id is known: their name is not looked up yet, or their account is gone.
    #[must_use]
    pub fn unnamed(id: PersonId) -> Self {
        Self { id, first_name: String::new(), last_name: String::new(), profile_picture: None }
    }
}

impl Message {
    /// The message as the wire's JSON object, at its place on the timeline now.
    #[must_use]
    pub fn to_json(&self, clock: &PlayClock) -> String {
        self.to_json_at(place(clock, self.position))
    }

    /// The message as the wire has it, at its place on the timeline now.
    #[must_use]
    pub fn on_wire(&self, clock: &PlayClock) -> wire::conversation::Message<'_> {
        self.on_wire_at(place(clock, self.position))
    }

    /// The message as the wire's JSON object, its place on the timeline already known.
    pub(crate) fn to_json_at(&self, position_ms: i64) -> String {
        serde_json::to_string(&self.on_wire_at(position_ms)).expect("a message has only strings and numbers")
    }

    /// Whether somebody's name is in it, as its author or mentioned.
    pub(crate) fn names(&self, person_id: PersonId) -> bool {
        self.author.id == person_id || self.mentions.iter().any(|mention| mention.id == person_id)
    }

    /// Puts the name that somebody has now where they are named.
    pub(crate) fn rename(&mut self, person: &Author) {
        if self.author.id == person.id {
            self.author.clone_from(person);
        }
        for mention in self.mentions.iter_mut().filter(|mention| mention.id == person.id) {
            mention.first_name.clone_from(&person.first_name);
            mention.last_name.clone_from(&person.last_name);
        }
    }

    fn on_wire_at(&self, position_ms: i64) -> wire::conversation::Message<'_> {
        let Position { take, ms } = self.position;
        wire::conversation::Message {
            id: self.seq.map(|seq| message_id(self.live_id, seq).0),
            seq: self.seq.map(|seq| seq.0),
            content: &self.content,
            timestamp: Time(self.created_at_ms.0),
            kind: match self.kind {
                Kind::Text => MessageKind::Text,
                Kind::Emoji => MessageKind::Emoji,
                Kind::Reaction => MessageKind::Reaction,
            },
            reply_to: self.reply_to.map(|seq| message_id(self.live_id, seq).0),
            position: wire::conversation::Position { take: take.into(), ms },
            position_ms,
            author: self.author.on_wire(),
            mentions: self.mentions.iter().map(Mention::on_wire).collect(),
            deleted: self.deleted,
            on_replay: self.on_replay,
            held: self.held,
        }
    }
}

/// A place on the timeline of a position; before the first take, take 1 alone makes the timeline.
#[must_use]
pub fn place(clock: &PlayClock, position: Position) -> i64 {
    if clock.spans().is_empty() && position.take == 1 { position.ms } else { clock.position_ms(position) }
}

/// A message somebody asks to store, checked as far as it can be without the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What kind it is.
    pub kind: Kind,
    /// What it says, cleaned.
    pub content: String,
    /// Id of the message it answers, checked when it is stored.
    pub reply_to: Option<MessageId>,
    /// The UUID that makes sending again harmless.
    pub client_id: Option<[u8; 16]>,
    /// The place its author was looking at.
    pub position: Position,
    /// Ids of those it is to mention; who may be mentioned is looked up when it is stored.
    pub mentions: Vec<PersonId>,
    /// Id of the live's author, who may always be mentioned.
    pub host: Option<PersonId>,
}

impl Draft {
    /// Checks what was sent. Without `position` the tail of the clock is meant.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that says what is wrong.
    pub fn new(
        kind: Kind,
        content: &str,
        reply_to: Option<MessageId>,
        client_id: Option<&str>,
        position: Option<Position>,
        clock: &PlayClock,
    ) -> Result<Self, Refusal> {
        let content = match kind {
            Kind::Text => text::clean(content)?,
            Kind::Emoji => text::emoji_line(content)?,
            Kind::Reaction => text::reaction(content)?,
        };
        let position = position.map_or(Ok(clock.tail()), |sent| check_position(sent, clock))?;
        let client_id = client_id.map(parse_uuid).transpose()?;
        Ok(Self { kind, content, reply_to, client_id, position, mentions: Vec::new(), host: None })
    }

    /// The same, with mentions of these people in a live whose author is `host`. A reaction mentions nobody.
    ///
    /// # Errors
    ///
    /// [`Refusal::Mentions`] when they are too many.
    pub fn mentioning(self, people: &[PersonId], host: PersonId) -> Result<Self, Refusal> {
        if people.len() > mentions::LIMIT {
            return Err(Refusal::Mentions);
        }
        let people = if self.kind == Kind::Reaction { &[] } else { people };
        Ok(Self { mentions: people.to_vec(), host: Some(host), ..self })
    }
}

/// A position is kept as sent if its take exists, or is take 1 before any take, and its time is within a day.
fn check_position(sent: Position, clock: &PlayClock) -> Result<Position, Refusal> {
    let take_exists = clock.has_take(sent.take) || (clock.spans().is_empty() && sent.take == 1);
    let in_bounds = (0..=POSITION_LIMIT_MS).contains(&sent.ms);
    if take_exists && in_bounds { Ok(sent) } else { Err(Refusal::Position) }
}

/// The 16 bytes of a UUID in its usual form, with hyphens (RFC 9562, section 4); the other forms are refused.
fn parse_uuid(text: &str) -> Result<[u8; 16], Refusal> {
    let uuid = text.parse::<Hyphenated>().map_err(|_| Refusal::ClientId)?;
    Ok(uuid.into_uuid().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> PlayClock {
        PlayClock::new([(1, 0, 5_000), (2, 10_000, 3_000)])
    }

    fn at(take: u32, ms: i64) -> Result<Position, Refusal> {
        Draft::new(Kind::Text, "oui", None, None, Some(Position { take, ms }), &clock())
            .map(|draft| draft.position)
    }

    #[test]
    fn a_position_is_kept_as_sent_when_its_take_exists() {
        assert_eq!(at(2, 60_000), Ok(Position { take: 2, ms: 60_000 }));
        assert_eq!(at(1, POSITION_LIMIT_MS), Ok(Position { take: 1, ms: POSITION_LIMIT_MS }));
        for (take, ms) in [(3, 0), (0, 0), (1, -1), (1, POSITION_LIMIT_MS + 1)] {
            assert_eq!(at(take, ms), Err(Refusal::Position), "{take} {ms}");
        }
    }

    #[test]
    fn without_a_position_the_tail_is_meant() {
        let draft = Draft::new(Kind::Text, "oui", None, None, None, &clock()).unwrap();
        assert_eq!(draft.position, Position { take: 2, ms: 3_000 });
        let before = Draft::new(
            Kind::Text,
            "oui",
            None,
            None,
            Some(Position { take: 1, ms: 7 }),
            &PlayClock::default(),
        );
        assert_eq!(place(&PlayClock::default(), before.unwrap().position), 7);
    }

    #[test]
    fn a_client_id_is_a_uuid() {
        let uuid = |text| {
            Draft::new(Kind::Text, "oui", None, Some(text), None, &clock()).map(|draft| draft.client_id)
        };
        assert_eq!(uuid("00000000-0000-0000-0000-00000000000f").unwrap().unwrap()[15], 15);
        assert_eq!(
            uuid("3F2504E0-4F89-41D3-9A0C-0305E82C3301"),
            uuid("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
        );
        for wrong in ["", "abc", "3f2504e04f8941d39a0c0305e82c3301", "+f2504e0-4f89-41d3-9a0c-0305e82c3301"] {
            assert_eq!(uuid(wrong), Err(Refusal::ClientId), "{wrong}");
        }
    }

    #[test]
    fn an_id_belongs_to_one_live() {
        let (here, there) = (LiveId(7), LiveId(8));
        assert_eq!(seq_in(here, message_id(here, Seq(12))), Some(Seq(12)));
        assert_eq!(seq_in(there, message_id(here, Seq(12))), None);
        for id in [0, -1, i64::MAX, i64::MIN, message_id(here, Seq(0)).0] {
            assert_eq!(seq_in(here, MessageId(id)), None, "{id}");
        }
    }
}
