//! The conversation of a live: stored, then announced, then replayed.
//!
//! * [`Chat::post`] stores a [`Draft`] under the next number of its live and answers once it is durable; only then do
//!   the viewers hear of it.
//! * A viewer is a cursor, [`Viewer`]: it reads on from the last number it has seen, from the newest messages of the
//!   live kept serialised in memory or from the database.
//! * A message is kept at its author's position `(take, ms)`, which never moves; its place on the timeline is worked
//!   out from the live's [`timeline::PlayClock`] when it is read.
//! * A deleted message keeps its number and loses its content everywhere; deletions are numbered too, so that whoever
//!   comes back hears of those they missed.

mod error;
mod export;
mod frame;
mod hub;
mod leading;
mod limits;
mod mentions;
mod message;
mod moderation;
mod packing;
mod posting;
mod queue;
mod reactions;
mod search;
mod service;
mod store;
mod text;
mod verify;
mod viewer;

pub use error::{Error, Refusal};
pub use export::{VTT_HEADER, csv_header, csv_row, vtt_cue};
pub use limits::{Limits, Sender};
pub use mentions::{LIMIT as MENTIONS_LIMIT, Mention};
pub use message::{Author, Draft, Kind, Message, POSITION_LIMIT_MS, SEQ_LIMIT, message_id, place, seq_in};
pub use moderation::{
    Act, Held, Rules, RulesChange, SILENCE_LIMIT_MS, SLOW_LIMIT_MS, Sanction, Speaker, WORD_LIMIT,
    WORDS_LIMIT, WordList,
};
pub use packing::{Packed, pack, sent_key};
pub use posting::Posted;
pub use search::words as search_words;
pub use service::{Chat, PAGE_LIMIT, Reactions, SEARCH_LIMIT, Tallies, Window, WindowCursor};
pub use store::{Counters, Deletion, ReactionCount, counters, forget};
pub use text::{CONTENT_LIMIT, EMOJI_LIMIT};
pub use verify::verify;
pub use viewer::Viewer;

use database::{Migration, MigrationSet};

/// The tables of the conversation. They read `users` of the accounts beside them.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    name: "chat",
    migrations: &[
        step(1, "messages, their search, reactions", include_str!("../migrations/V1__conversation.sql")),
        step(2, "moderation", include_str!("../migrations/V2__moderation.sql")),
        step(3, "search index written later", include_str!("../migrations/V3__search_later.sql")),
        step(4, "narrower rows", include_str!("../migrations/V4__narrower.sql")),
        step(5, "mentions, who is here", include_str!("../migrations/V5__mentions.sql")),
        Migration {
            then: Some(packing::migration::pack_all),
            ..step(6, "packed text, narrower still", include_str!("../migrations/V6__packed.sql"))
        },
        step(7, "every script in the search index", include_str!("../migrations/V7__every_script.sql")),
    ],
};

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql, then: None }
}
