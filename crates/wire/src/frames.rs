//! The frames of the conversation's WebSocket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::User;
use crate::conversation::{EmojiCounts, Message, MessageKind, NewMessage, Position};
use crate::moderation::ChatRules;
use crate::timeline::LiveState;

/// How a live stands, told while it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LiveUpdate {
    /// Whether it runs.
    pub state: LiveState,
    /// Grows when earlier positions or bytes change their place.
    pub revision: u64,
    /// How much is durable now. Milliseconds.
    pub saved_ms: u64,
    /// Who is there now.
    pub viewers: u64,
}

/// What the server says on the conversation's WebSocket.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    /// The token was good.
    Authenticated {
        /// Whose it is.
        user: User<'a>,
    },
    /// In the order of their numbers.
    Messages {
        /// At least one.
        messages: Vec<Message<'a>>,
        /// Number of the newest deletion that these messages show.
        change: i64,
    },
    /// What the reader sent is stored.
    Ack {
        /// As it was sent.
        #[schema(required = true)]
        client_id: Option<&'a str>,
        /// The message, numbered.
        message: Message<'a>,
    },
    /// What the reader sent is refused.
    Refused {
        /// As it was sent, if it could be read.
        #[schema(required = true)]
        client_id: Option<&'a str>,
        /// As HTTP would have it.
        status: u16,
        /// In a sentence.
        error: &'a str,
        /// With 429: after how many seconds to try again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        retry_after_s: Option<u64>,
    },
    /// These messages were deleted.
    Deleted {
        /// Their numbers.
        seqs: &'a [i64],
        /// Number of the newest of these deletions.
        change: i64,
    },
    /// People reacted, a moment ago.
    Reactions {
        /// By emoji.
        #[schema(value_type = EmojiCounts)]
        counts: &'a BTreeMap<String, u64>,
        /// Where on the timeline. Milliseconds.
        position_ms: i64,
    },
    /// How the conversation is led: once there are rules, and when they change.
    Rules {
        /// As everybody sees them.
        rules: ChatRules<'a>,
    },
    /// How the live stands.
    Live {
        /// Now.
        live: LiveUpdate,
    },
}

/// What a reader says on the conversation's WebSocket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Signs in; may be repeated with a fresh token.
    Auth {
        /// An access token.
        token: String,
    },
    /// Says something.
    Send(SendFrame),
}

/// A message in a frame, where `type` is the frame's own: what kind it is stands in `kind`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SendFrame {
    /// 1 to 2,000 characters after trimming.
    #[schema(min_length = 1, max_length = 2000)]
    pub content: String,
    /// Text unless said otherwise.
    #[schema(value_type = Option<MessageKind>)]
    pub kind: Option<String>,
    /// Id of the message that it answers.
    pub reply_to: Option<i64>,
    /// A UUID that makes sending again harmless, and names the message in what is answered.
    #[schema(format = "uuid")]
    pub client_id: Option<String>,
    /// The place that its author looks at; without it the tail.
    pub position: Option<Position>,
    /// Ids of people. Kept are those who wrote in this live, moderate it or are its author.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub mentions: Vec<i64>,
}

impl From<SendFrame> for NewMessage {
    fn from(frame: SendFrame) -> Self {
        let SendFrame { content, kind, reply_to, client_id, position, mentions } = frame;
        Self { content, kind, reply_to, client_id, position, mentions }
    }
}
