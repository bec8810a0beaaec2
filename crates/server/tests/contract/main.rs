//! The wire contract, asked of the real server in this process: people, lives, pages, rules of every answer.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod leaving;
mod lives;
mod pages;
mod people;
mod rules;
mod schema;
mod server;
