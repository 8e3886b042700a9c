//! The app over HTTP, as browsers and other programs see it.

mod clinic;
mod entry;
mod jsapi;
mod login;
mod problems;
mod reports;
mod session;
mod upstream;
