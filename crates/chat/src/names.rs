//! Whose names stand in a conversation: they are kept elsewhere, and asked for.

use std::collections::HashMap;

use async_trait::async_trait;
use ids::PersonId;
use storage::Failure;

use crate::message::Author;

/// Who knows the names that people have now. Asked for every page of messages, so it remembers them.
#[async_trait]
pub trait Names: Send + Sync + 'static {
    /// Those of these people who exist.
    async fn names(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, Author>, Failure>;
}
