//! The wire contract as types: what is asked, what is answered, and how both are described.
//!
//! Each type is serialised as it stands (serde) and describes itself (`utoipa`), so that answers and schema cannot disagree.
//! Nothing here knows a domain, a database or HTTP: whoever answers fills these types from what it has.
//! Durations and positions are whole milliseconds, sizes are bytes.

pub mod admin;
pub mod conversation;
pub mod frames;
pub mod keeping;
pub mod lives;
pub mod moderation;
pub mod page;
pub mod people;
pub mod problem;
pub mod publishing;
pub mod readiness;
pub mod search;
pub mod tail;
pub mod time;
pub mod timeline;
pub mod webhooks;

pub use page::Page;
pub use people::{Named, Person, User};
pub use problem::{Problem, Refusal};
pub use time::Time;
