use std::collections::HashMap;

use accounts::Accounts;
use async_trait::async_trait;
use ids::PersonId;
use storage::Failure;

/// Tells conversations the names that accounts keep.
pub(crate) struct Names(pub(crate) Accounts);

#[async_trait]
impl chat::Names for Names {
    async fn names(&self, ids: Vec<PersonId>) -> Result<HashMap<PersonId, chat::Author>, Failure> {
        let names = self.0.names(ids).await?;
        Ok(names.into_values().map(|name| (name.id, author(&name))).collect())
    }
}

/// Somebody as conversations show them.
pub(crate) fn author(name: &accounts::Name) -> chat::Author {
    chat::Author {
        id: name.id,
        first_name: name.first_name.clone(),
        last_name: name.last_name.clone(),
        profile_picture: name.profile_picture.clone(),
    }
}
