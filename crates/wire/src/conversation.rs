//! The conversation: messages and reactions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Named, Page, Person, Time};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Words.
    Text,
    /// A line of nothing but emoji.
    Emoji,
    /// One emoji that is counted, not numbered.
    Reaction,
}

/// A place in a live that never moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Position {
    /// The take.
    #[schema(minimum = 0)]
    pub take: i64,
    /// In it. Milliseconds, at most 24 hours.
    #[schema(minimum = 0, maximum = 86400000)]
    pub ms: i64,
}

/// One line of the conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Message<'a> {
    /// Null for a reaction, and for a message that waits for approval.
    #[schema(required = true)]
    pub id: Option<i64>,
    /// 1, 2, 3 ... in its live, without holes; null where there is no id.
    #[schema(required = true)]
    pub seq: Option<i64>,
    /// Empty once deleted.
    pub content: &'a str,
    /// When it was stored.
    pub timestamp: Time,
    /// What kind it is.
    #[serde(rename = "type")]
    pub kind: MessageKind,
    /// Id of the message that it answers.
    #[schema(required = true)]
    pub reply_to: Option<i64>,
    /// The place that its author was looking at.
    pub position: Position,
    /// That place on the timeline as it is now. Milliseconds.
    pub position_ms: i64,
    /// Who wrote it.
    pub author: Person<'a>,
    /// Whom it mentions; left out where it mentions nobody.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 10)]
    pub mentions: Vec<Named<'a>>,
    /// A deleted message keeps its place.
    pub deleted: bool,
    /// Whether it was written on the replay, after the live had ended.
    pub on_replay: bool,
    /// True, and only there, for a message that waits for a moderator's approval.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub held: bool,
}

/// A message as it is sent, over HTTP or over the WebSocket. What is wrong in it is refused with a sentence, so it is kept as it
/// was written until then.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewMessage {
    /// 1 to 2,000 characters after trimming.
    #[schema(min_length = 1, max_length = 2000)]
    pub content: String,
    /// Text unless said otherwise.
    #[serde(rename = "type", alias = "kind")]
    #[schema(value_type = Option<MessageKind>)]
    pub kind: Option<String>,
    /// Id of the message that it answers.
    pub reply_to: Option<i64>,
    /// A UUID that makes sending again harmless.
    #[schema(format = "uuid")]
    pub client_id: Option<String>,
    /// The place that its author looks at; without it the tail.
    pub position: Option<Position>,
    /// Ids of people. Kept are those who wrote in this live, moderate it or are its author.
    #[serde(default)]
    #[schema(max_items = 10)]
    pub mentions: Vec<i64>,
}

/// How often people reacted, by emoji.
#[derive(Debug, ToSchema)]
#[schema(value_type = BTreeMap<String, i64>)]
pub struct EmojiCounts(pub BTreeMap<String, i64>);

/// Reactions to a live, counted.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Reactions {
    /// Of the whole live, by emoji.
    #[schema(value_type = EmojiCounts)]
    pub totals: BTreeMap<String, i64>,
    /// Where on the timeline.
    pub seconds: Vec<ReactionSecond>,
}

/// Reactions of one second of the timeline.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ReactionSecond {
    /// Where it begins. Milliseconds.
    pub position_ms: i64,
    /// By emoji.
    #[schema(value_type = EmojiCounts)]
    pub counts: BTreeMap<String, i64>,
}

/// Who is in the conversation now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Present<'a> {
    /// Each person signed in once, and each anonymous connection.
    pub count: usize,
    /// Whether members are named to the caller.
    pub shown: bool,
    /// Empty unless they are named.
    #[schema(max_items = 200)]
    pub members: Vec<Person<'a>>,
}

/// A history: messages, or a page of them where one was asked for.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum History<'a> {
    /// The oldest first; found by a search, the newest first.
    Whole(Vec<Message<'a>>),
    /// A page.
    Page(Page<Message<'a>>),
}

/// What part of the history is asked for: all of it, or one of a page, a window by number, a window of the timeline, a search.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Pages, page 1 the oldest; pages never shift.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 2147483647)]
    pub page: Option<String>,
    /// Messages of a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    pub page_size: Option<String>,
    /// A window after this number.
    pub after: Option<i64>,
    /// A window before this number.
    pub before: Option<i64>,
    /// Of a window: more than can be had at once are as many as can.
    #[param(minimum = 1)]
    pub limit: Option<u32>,
    /// From this position on.
    pub from_ms: Option<i64>,
    /// Up to this position.
    pub to_ms: Option<i64>,
    /// Search, accents ignored; newest first, at most 200.
    pub q: Option<String>,
    /// Of a window or a search: only what was written on the replay, or only what was not.
    pub on_replay: Option<bool>,
}

/// The message in a path.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MessagePath {
    /// The message's id.
    pub message_id: i64,
}

/// In what form the conversation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// As the API answers messages.
    Json,
    /// A table.
    Csv,
    /// Subtitles (`WebVTT`).
    Vtt,
}

/// Which file of the conversation is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// JSON unless said otherwise. Kept as it was written: a wrong word is refused with the words that there are.
    #[param(value_type = Option<ExportFormat>, inline)]
    pub format: Option<String>,
}

/// Who is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PeopleQuery {
    /// Ids of people, separated by commas.
    #[serde(default)]
    #[param(required = false)]
    pub ids: String,
}

/// Where a reader of the WebSocket goes on.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SocketQuery {
    /// The last number seen.
    pub after: Option<i64>,
    /// The last deletion seen.
    pub since: Option<i64>,
}
