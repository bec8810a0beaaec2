//! From a publisher's bytes to frames on a timeline: resumable uploads.
