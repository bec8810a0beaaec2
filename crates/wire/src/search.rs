//! A search across the lives that somebody may see.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conversation::Message;
use crate::lives::Live;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words of titles, descriptions and contents, and of what was said; accents and case ignored.
    pub q: Option<String>,
}

/// A live that was found, by its own words or by what was said in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Found<'a> {
    /// The live.
    pub live: Live<'a>,
    /// What was said in it; null where the live itself has the words.
    #[schema(required = true)]
    pub message: Option<Message<'a>>,
}
