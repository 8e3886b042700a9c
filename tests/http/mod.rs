//! The app over HTTP, as browsers and other programs see it.

mod clinic;
mod clock;
mod entry;
mod jsapi;
mod languages;
mod login;
mod metrics;
mod problems;
mod raw;
mod reports;
mod session;
mod surface;
mod tls;
mod upstream;
