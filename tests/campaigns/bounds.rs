//! What a build is held to. Bounds are those of a build for speed; others have more time, and say so.

/// How many times longer everything may take in this build.
pub(crate) fn slower() -> f64 {
    if cfg!(debug_assertions) { 3.0 } else { 1.0 }
}

/// A sentence that says so, where it is so.
pub(crate) fn said() -> &'static str {
    if cfg!(debug_assertions) {
        "; NOT BUILT FOR SPEED: bounds of time are three times as long (RELEASE=1 has them as promised)"
    } else {
        ""
    }
}
