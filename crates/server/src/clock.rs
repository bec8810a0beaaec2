use ids::UnixMs;

/// What the clock says.
pub(crate) fn now_ms() -> UnixMs {
    UnixMs::now()
}
