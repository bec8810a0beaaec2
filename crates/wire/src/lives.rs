//! Lives: from start to stop.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::keeping::{KeepDays, KeepDaysAsked};
use crate::people::given;
use crate::timeline::{Gap, LiveState, Unread};
use crate::{Time, User};

/// Who may see a live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Whoever knows its key; it is in no list.
    Unlisted,
    /// Whoever is signed in.
    Members,
}

/// One event, from start to stop.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Live<'a> {
    /// Never used again.
    pub id: i64,
    /// May be empty.
    pub title: &'a str,
    /// May be empty.
    pub description: &'a str,
    /// May be empty.
    pub content: &'a str,
    /// Whose it is.
    pub author: User<'a>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it runs.
    pub state: LiveState,
    /// When it began.
    pub started_at: Time,
    /// When it ended; null while it runs.
    #[schema(required = true)]
    pub ended_at: Option<Time>,
    /// Days that it is kept after its end, 0 for ever; null where the server's rule holds.
    #[schema(required = true, value_type = Option<f64>)]
    pub keep_days: Option<KeepDays>,
    /// Grows when earlier positions or bytes change their place.
    pub revision: u64,
    /// How much is durable now. Milliseconds.
    pub saved_ms: u64,
    /// The end of the timeline. Milliseconds.
    pub duration_ms: u64,
    /// Who is there now.
    pub viewers: u64,
    /// Who watched ten seconds or more.
    pub viewers_total: u64,
    /// In its conversation; those deleted are not counted.
    pub messages: i64,
    /// What it costs to follow all of it.
    pub cost: Cost,
    /// Null while there is no picture.
    #[schema(required = true, format = "uri")]
    pub poster_url: Option<String>,
    /// Its page. An unlisted live's holds a key for those who may know it.
    #[schema(format = "uri")]
    pub watch_url: String,
    /// Where one WebSocket carries the tails of its tracks.
    #[schema(format = "uri")]
    pub tail_url: String,
    /// Its playlists, for players of HLS; null until something is durable, and where a codec has no HLS (VP8).
    #[schema(required = true, format = "uri")]
    pub hls_url: Option<String>,
    /// The whole of it as files; null until something is durable, its members null where no one file can be given.
    #[schema(required = true)]
    pub replay: Option<Replay>,
    /// Each take as files, in the order in which they play, where no one file holds them all; else left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub takes: Vec<TakeReplay>,
}

/// Bytes of the whole replay in each way of following it; null where there is no such way. While it runs they are about right.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct Cost {
    /// Picture and sound.
    #[schema(required = true)]
    pub video: Option<u64>,
    /// A keyframe in five seconds at most, and the sound: `?video=slides`.
    #[schema(required = true)]
    pub slides: Option<u64>,
    /// The sound alone.
    #[schema(required = true)]
    pub audio: Option<u64>,
    /// The conversation as it is sent, compressed.
    pub chat: u64,
}

/// One take of a live as files.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TakeReplay {
    /// Its number.
    pub take: u32,
    /// The whole of it.
    pub replay: Replay,
}

/// The whole of a live, or of a take, as files. Null where the codecs forbid it. Media of a live that is not public carry a read-only token,
/// valid 12 hours.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Replay {
    /// As MP4.
    #[schema(required = true, format = "uri")]
    pub mp4: Option<String>,
    /// As WebM.
    #[schema(required = true, format = "uri")]
    pub webm: Option<String>,
    /// The sound alone.
    #[schema(required = true, format = "uri")]
    pub audio: Option<String>,
}

/// A live as a post, for the app's existing screens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Post<'a> {
    /// That of the live.
    pub id: i64,
    /// That of the live.
    pub content: &'a str,
    /// That of the live.
    pub title: &'a str,
    /// Whose it is.
    pub author: User<'a>,
    /// When the live began.
    pub created_at: Time,
    /// Whether the live runs.
    pub is_live_post: bool,
    /// The live.
    pub live: Live<'a>,
}

/// What a live is started with, and what may be changed of it; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct LiveFields {
    /// On one line.
    #[schema(max_length = 200)]
    pub title: Option<String>,
    /// What it is about.
    #[schema(max_length = 5000)]
    pub description: Option<String>,
    /// The text of its post.
    #[schema(max_length = 10000)]
    pub content: Option<String>,
    /// Public unless said otherwise. Kept as it was written: a wrong word is refused with the words that there are.
    #[schema(value_type = Option<Visibility>)]
    pub visibility: Option<String>,
    /// Days that it is kept after its end, 0 or `forever` for ever; null for the server's rule.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<KeepDaysAsked>)]
    pub keep_days: Option<Option<KeepDaysAsked>>,
}

/// A live that was started, with the doors to publish to it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StartedLive {
    /// Its id.
    pub live_id: i64,
    /// The same.
    pub post_id: i64,
    /// Publishes to this live in place of the author's token, until 24 hours after its stop. Shown once.
    pub stream_key: String,
    /// Where uploads are begun.
    #[schema(format = "uri")]
    pub upload_url: String,
    /// Null where the server has no such door.
    #[schema(required = true, format = "uri")]
    pub rtmp_url: Option<String>,
    /// Null where the server has no such door.
    #[schema(required = true, format = "uri")]
    pub whip_url: Option<String>,
    /// Null: nothing is durable yet. The live has it once something is.
    #[schema(required = true, format = "uri")]
    pub hls_url: Option<String>,
    /// Its page.
    #[schema(format = "uri")]
    pub watch_url: String,
    /// For a person to read.
    pub message: &'static str,
}

/// A live that was stopped: what is kept of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StoppedLive {
    /// For a person to read.
    pub message: &'static str,
    /// Whether anything is recorded.
    pub video_saved: bool,
    /// The live's id, if anything is recorded.
    #[schema(required = true)]
    pub video_id: Option<i64>,
    /// What is kept. Milliseconds.
    pub duration_ms: u64,
    /// In its conversation.
    pub messages: i64,
    /// What was not recorded.
    pub gaps: Vec<Gap>,
    /// What was acknowledged and stands in no take.
    pub unread: Vec<Unread>,
    /// Where it can be watched.
    #[schema(required = true, format = "uri")]
    pub replay_url: Option<String>,
}

/// A live's new stream key.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewStreamKey {
    /// Publishes to this live in place of the author's token, until 24 hours after its stop. Shown once.
    pub stream_key: String,
}

/// The new key of a live's address.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct NewWatchKey {
    /// Opens an unlisted live.
    pub watch_key: String,
    /// The live's page, with the key.
    #[schema(format = "uri")]
    pub watch_url: String,
}

/// Which lives are asked for. Words are kept as they were written: wrong ones are refused with those that there are.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LivesQuery {
    /// Running or ended ones only.
    #[param(value_type = Option<LiveState>)]
    pub state: Option<String>,
    /// Words of the title, description or content; accents ignored.
    pub q: Option<String>,
    /// Only mine, unlisted ones too.
    #[param(value_type = Option<bool>)]
    pub mine: Option<String>,
    /// Only those of this person.
    #[param(value_type = Option<i64>, minimum = 1)]
    pub author: Option<String>,
}

/// Which posts are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PostsQuery {
    /// true: lives that run; false: lives that ended.
    #[param(value_type = Option<bool>)]
    pub is_live_post: Option<String>,
    /// Only those of this person.
    #[param(value_type = Option<i64>, minimum = 1)]
    pub author: Option<String>,
}

/// The live in a path.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LivePath {
    /// The live's number.
    pub id: i64,
}

/// Unread bytes of a live in a path.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UnreadPath {
    /// The live's number.
    pub id: i64,
    /// Their number in the live.
    pub unread: u32,
}

/// What an address carries to open an unlisted live.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyQuery {
    /// The key of an unlisted live.
    pub key: Option<String>,
}

/// Which poster is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PosterQuery {
    /// A picture for slow networks: a keyframe is a JPEG, its longer side at most 480 pixels. What the publisher sent is sent as
    /// it is.
    pub size: Option<PosterSize>,
}

/// How large a poster is.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PosterSize {
    /// For slow networks.
    Small,
}

/// What an address carries to open media of a live that is not public.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// A read-only token of this live, valid 12 hours.
    pub token: Option<String>,
}
