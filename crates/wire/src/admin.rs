//! What administrators see and do of lives, reports, bans and invitations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Time;
use crate::lives::Visibility;
use crate::timeline::LiveState;

/// Somebody in a list of administrators.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Owner {
    /// Never anybody else's.
    pub id: i64,
    /// Null for people of another app, and for whoever is gone.
    #[schema(required = true)]
    pub email: Option<String>,
    /// May be empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
}

/// A live as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OwnedLive {
    /// Never used again.
    pub id: i64,
    /// May be empty.
    pub title: String,
    /// Whose it is.
    pub owner: Owner,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it runs.
    pub state: LiveState,
    /// When it began.
    pub started_at: Time,
    /// When it ended; null while it runs.
    #[schema(required = true)]
    pub ended_at: Option<Time>,
    /// The end of its timeline. Milliseconds.
    pub duration_ms: u64,
    /// Bytes of its frames.
    pub bytes: u64,
    /// Who watched ten seconds or more.
    pub viewers_total: u64,
}

/// Which lives are looked for.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OwnedLivesQuery {
    /// Words of its title or description.
    pub q: Option<String>,
    /// `live` or `ended`.
    pub state: Option<String>,
    /// Only those of the person with this id.
    pub owner: Option<i64>,
}

/// Why a message is reported.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReport {
    /// At most 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub reason: String,
}

/// A report that was kept.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Reported {
    /// Its number.
    pub report_id: i64,
}

/// A message that somebody reported.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Report {
    /// Its number.
    pub id: i64,
    /// Where the message stands.
    pub live_id: i64,
    /// The message.
    pub message_id: i64,
    /// What it says.
    pub content: String,
    /// Who wrote it.
    pub author: Owner,
    /// Who reported it.
    pub reported_by: Owner,
    /// Why; may be empty.
    pub reason: String,
    /// When it was reported.
    pub created_at: Time,
}

/// The report in a path.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ReportPath {
    /// Its number.
    pub id: i64,
}

/// Somebody who may not write in a live.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Ban {
    /// Where.
    pub live_id: i64,
    /// Who.
    pub person: Owner,
    /// Until when; null for as long as the live is there.
    #[schema(required = true)]
    pub until: Option<Time>,
}

/// Which bans are asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BansQuery {
    /// Only those of this live.
    pub live_id: Option<i64>,
}

/// Somebody who is to write no more in a live.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// Where.
    pub live_id: i64,
    /// Who.
    pub person_id: i64,
    /// For so long, a year at most; without it for as long as the live is there.
    #[schema(minimum = 0, maximum = 31536000)]
    pub seconds: Option<u32>,
}

/// The ban in a path.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct BanPath {
    /// Where.
    pub live_id: i64,
    /// Who.
    pub person_id: i64,
}

/// An invitation that was made and not yet used. Its link was told once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Invitation {
    /// What tells it from others; opens nothing.
    pub id: String,
    /// When it ends.
    pub expires_at: Time,
}
