use std::collections::HashMap;

use accounts::Accounts;
use async_trait::async_trait;
use ids::PersonId;
use storage::Failure;

/// Tells conversations the names that accounts keep.
pub(crate) struct Names(pub(crate) Accounts);

#[async_trait]
impl chat::Names for Names {
    async fn names(&self, ids: Vec<i64>) -> Result<HashMap<i64, chat::Author>, Failure> {
        let names = self.0.names(ids.into_iter().map(PersonId).collect()).await?;
        Ok(names.into_values().map(|name| (name.id.0, author(&name))).collect())
    }
}

/// Somebody as conversations show them.
pub(crate) fn author(name: &accounts::Name) -> chat::Author {
    chat::Author {
        id: name.id.0,
        first_name: name.first_name.clone(),
        last_name: name.last_name.clone(),
        profile_picture: name.profile_picture.clone(),
    }
}
