//! From the timeline to a viewer: the tail and the replay.
