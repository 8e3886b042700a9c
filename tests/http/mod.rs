//! The app over HTTP, as browsers and other programs see it.

mod callbacks;
mod calls;
mod clinic;
mod clock;
mod cookies;
mod details;
mod entry;
mod events;
mod isolation;
mod jsapi;
mod kinds;
pub mod languages;
mod login;
mod metrics;
pub mod organisations;
mod problems;
pub mod queue;
mod raw;
mod reactions;
mod readiness;
mod reports;
mod session;
pub mod surface;
mod tasks;
pub mod tls;
mod uploads;
mod upstream;
