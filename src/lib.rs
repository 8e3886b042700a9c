//! The backend a DingTalk H5 micro-app starts from.
//!
//! Three rings, each of which knows only those inside it: [`app`] → [`web`] → [`dingtalk`].

/// Your app: its pages and their routes. A fork edits this, `templates/` and `static/app/`.
pub mod app;
/// Puts the rings together and serves them.
pub mod application;
/// The client for DingTalk: credentials that renew themselves, and the calls of silent login.
pub mod dingtalk;
mod faults;
/// What must hold whatever comes in.
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
/// What the HTTP library does not bound. Skip this at first reading.
pub mod server;
/// What can be set, and the checks.
pub mod settings;
/// Logging.
pub mod telemetry;
/// The plumbing between browser and DingTalk: login, sessions, signatures, errors.
pub mod web;
