//! All tests from outside: real HTTP against the app on a free port, beside a simulated DingTalk of its own for each test.

#![allow(missing_docs, reason = "tests are named as sentences")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod broken;
mod browser;
mod cargo_dev;
mod demo;
mod doctor;
mod front_end;
mod http;
mod leaks;
mod npm;
mod own_settings;
mod process;
/// What the fuzzer tries millions of inputs on.
#[path = "fuzz/properties/mod.rs"]
mod properties;
mod seeds;
mod shared;
mod state;
mod structure;
mod support;
mod wire;
