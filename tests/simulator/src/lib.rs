//! A simulated DingTalk, server and client, for developing and testing H5 apps in any language. It is not DingTalk.
//!
//! It shares no code with the app it tests: it is the app's independent oracle.

mod client;
mod console;
mod control;
mod crowd;
mod events;
mod ledger;
mod login;
mod recording;
mod secret;
mod server;
mod simulator;
mod tls;
mod upstream;
mod web_client;
mod world;

pub use events::{Shape, StreamFault};
pub use server::{Places, within_reach};
pub use simulator::Simulator;
pub use upstream::{BanForm, Fault, Form, Limit, Pace};
pub use world::{Answers, App, Decision, Kind};
