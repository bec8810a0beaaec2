//! The conversation through the real server: HTTP and WebSocket.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod bad_input;
mod exports;
mod hardship;
mod history;
mod leading;
mod people;
mod posting;
mod sockets;
mod world;
