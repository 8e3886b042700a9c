//! The backend a DingTalk H5 micro-app starts from.
//!
//! Three rings, each of which knows only those inside it: [`app`] → [`web`] → [`dingtalk`].

/// Your app: its pages and their routes. A fork edits this, `templates/` and `static/app/`.
pub mod app;
/// Puts the rings together and serves them.
pub mod application;
/// How many connections are taken at once.
pub mod capacity;
/// The client for DingTalk: credentials that renew themselves, and the calls of silent login.
pub mod dingtalk;
mod faults;
/// What can be set, and the checks.
pub mod settings;
/// Logging.
pub mod telemetry;
/// TLS without a proxy in front.
pub mod tls;
/// The plumbing between browser and DingTalk: login, sessions, signatures, errors.
pub mod web;
