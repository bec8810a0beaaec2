//! The conversation of a live: stored, then announced, then replayed.
//!
//! * [`Chat::post`] stores a [`Draft`] under the next number of its live and answers once it is durable; only then do
//!   the viewers hear of it.
//! * A viewer is a cursor, [`Viewer`]: it reads on from the last number it has seen, from the newest messages of the
//!   live kept serialised in memory or from the database.
//! * A message is kept at its author's position `(take, ms)`, which never moves; its place on the timeline is worked
//!   out from the live's [`timeline::PlayClock`] when it is read.
//! * What is kept is kept by a [`Store`]: a trait, with an engine in a module of its own. Who may write, how fast, and what
//!   is held is decided by pure rules, which every engine asks. Names are kept elsewhere, and asked for ([`Names`]).
//! * A deleted message keeps its number and loses its content everywhere; deletions are numbered too, so that whoever
//!   comes back hears of those they missed.

mod compression;
mod error;
mod export;
mod frame;
mod hub;
mod limits;
mod log;
mod mentions;
mod message;
mod moderation;
mod names;
mod queue;
mod reactions;
mod rules;
mod search;
mod service;
pub mod store;
mod tallies;
mod text;
mod viewer;
mod window;

pub use compression::{Packed, pack, sent_key};
pub use error::{Error, Refusal};
pub use export::{VTT_HEADER, csv_header, csv_row, vtt_cue};
pub use limits::{Limit, Limits, Sender};
pub use mentions::{LIMIT as MENTIONS_LIMIT, Mention};
pub use message::{Author, Draft, Kind, Message, POSITION_LIMIT_MS, SEQ_LIMIT, message_id, place, seq_in};
pub use moderation::{
    Act, Acting, Ban, Held, NewReport, REASON_LIMIT, Report, Rules, RulesChange, SILENCE_LIMIT_MS,
    SLOW_LIMIT_MS, Sanction, Speaker, WORD_LIMIT, WORDS_LIMIT, WordList,
};
pub use names::Names;
pub use reactions::Reactions;
pub use rules::Gate;
pub use search::{Query, words as search_words};
pub use service::{Chat, PAGE_LIMIT, SEARCH_LIMIT};
pub use store::{Counters, Deletion, Event, EventKind, MIGRATIONS, Posted, ReactionCount, Sqlite, Store};
pub use tallies::Tallies;
pub use text::{CONTENT_LIMIT, EMOJI_LIMIT};
pub use viewer::Viewer;
pub use window::{Stretch, Window, WindowCursor};
