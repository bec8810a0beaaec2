//! Moderation: rules, silences and bans, approval, the acts that were done.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Time;
use crate::conversation::Message;
use crate::people::given;

/// How a conversation is led.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChatRules<'a> {
    /// Shortest time between two messages of one person; 0 without slow mode. Milliseconds.
    #[schema(minimum = 0, maximum = 3600000)]
    pub slow_ms: i64,
    /// Whether messages wait for approval.
    pub hold: bool,
    /// Whether everybody may see who is here; those who lead always may.
    pub show_members: bool,
    /// The message that stands on top.
    #[schema(required = true)]
    pub pinned: Option<Message<'a>>,
    /// Unwanted words; only for those who lead.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub words: Option<&'a [String]>,
}

/// What is to change in how a conversation is led; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRulesChange {
    /// Shortest time between two messages of one person. Milliseconds.
    #[schema(minimum = 0, maximum = 3600000)]
    pub slow_ms: Option<i64>,
    /// Whether messages wait for approval.
    pub hold: Option<bool>,
    /// Whether everybody may see who is here.
    pub show_members: Option<bool>,
    /// The id of a message; null takes the pin away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    pub pinned: Option<Option<i64>>,
    /// Unwanted words, of at most 60 characters.
    #[schema(max_items = 500)]
    pub words: Option<Vec<String>>,
}

/// Somebody who may not write.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Sanction {
    /// Who.
    pub person_id: i64,
    /// Until when; null for a ban.
    #[schema(required = true)]
    pub until: Option<Time>,
}

/// How somebody is kept from writing.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewSanction {
    /// A silence of so long; without it a ban.
    #[schema(minimum = 0, maximum = 31536000)]
    pub seconds: Option<u32>,
    /// Their messages in this live are deleted too, the newest thousand at most.
    #[serde(default)]
    pub delete_messages: bool,
}

/// A message that waits for approval.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldMessage<'a> {
    /// By what it is approved or rejected.
    pub held_id: i64,
    /// The message, which has no number yet.
    pub message: Message<'a>,
}

/// One act of somebody who leads, as it was written down.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ModerationAct<'a> {
    /// Its number among all acts.
    pub id: i64,
    /// When.
    pub timestamp: Time,
    /// Who did it.
    pub by_id: i64,
    /// What: `delete`, `silence`, `ban`, `lift`, `slow`, `hold`, `show members`, `words`, `pin`, `moderator`, `no moderator`,
    /// `approve`, `reject`.
    pub act: &'a str,
    /// The person or the message it was done to.
    #[schema(required = true)]
    pub subject: Option<i64>,
    /// More about it.
    pub detail: &'a str,
}

/// The person in a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SubjectPath {
    /// The person's id.
    pub person_id: i64,
}

/// The message that waits in a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct HeldPath {
    /// By what it is approved or rejected.
    pub held_id: i64,
}

/// Which acts are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActsQuery {
    /// Only acts before the one with this id.
    pub before: Option<i64>,
}
