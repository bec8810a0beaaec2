//! Pages of lists: `?page=1&page_size=50`.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// How many there are in all.
    pub count: u64,
    /// Address of the next page.
    #[schema(required = true, format = "uri")]
    pub next: Option<String>,
    /// Address of the page before.
    #[schema(required = true, format = "uri")]
    pub previous: Option<String>,
    /// What stands on this one.
    pub results: Vec<T>,
}

/// Which page of a list is asked for.
#[derive(Debug, Clone, Copy, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 2147483647, default = 1, required = false)]
    pub page: u32,
    /// Results of a page.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    pub page_size: u32,
}
