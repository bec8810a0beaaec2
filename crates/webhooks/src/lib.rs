//! Webhooks: other programs are told what happens, by a signed request each.
//!
//! * What happens stands in outboxes, written in the transaction in which it was decided ([`Source`]). Each webhook keeps,
//!   durably, how far it has come in each of them; what it is to be told is written down in the same step. So nothing is
//!   missed by a crash, and nothing is forgotten that was not told.
//! * At least once, and in order by subject: of one live each event waits for the one before it. What fails is tried again for
//!   a day ([`schedule`]), then set aside; the events of other subjects do not wait for it.
//! * A request is signed by the Standard Webhooks scheme ([`Secret`]).
//! * It never goes to an address inside the operator's network unless the webhook may ([`address`]): each name is looked up
//!   anew for each request, and what was checked is what is connected to. Redirects are not followed.
//! * What is kept is kept by a [`Store`]: a trait, with an engine in a module of its own.

pub mod address;
mod error;
mod event;
mod run;
pub mod schedule;
mod secret;
mod sender;
mod service;
pub mod store;
mod webhook;

pub use error::Error;
pub use event::{Happening, Kind, Source, Subject};
pub use run::run;
pub use secret::Secret;
pub use service::{Tried, Webhooks};
pub use store::{MIGRATIONS, Sqlite, Store};
pub use webhook::{Added, Delivery, NewWebhook, State, Webhook};
