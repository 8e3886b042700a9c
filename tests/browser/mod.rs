//! The app in a real Chromium: what somebody sees who opens it in DingTalk.
//!
//! A test ends with `Chromium::finish`, which fails it for any error of any page that nobody saw.

pub mod accessibility;
mod account;
pub mod album;
mod chromedriver;
pub mod chromium;
mod clinic;
mod codes;
mod console;
mod container;
pub mod embedded;
mod entry;
mod errors;
pub mod faces;
pub mod hostile;
pub mod jsapi;
mod kinds;
mod languages;
mod login;
mod logout;
pub mod looks;
mod lost;
mod page;
mod queue;
mod real;
mod reports;
mod session;
mod silence;
mod tls;

/// The client's call for an authCode in the simulated DingTalk's ledger.
const AUTH_CODE: &str = "POST /client/authcode";
