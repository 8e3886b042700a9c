//! The backend a DingTalk H5 micro-app starts from.
//!
//! Rings, each of which uses only those to its right: [`app`] → [`web`] → [`state`] → [`dingtalk`]. In reading order:

/// Your app: its pages and their routes. A fork edits this, `templates/` and `static/app/`.
pub mod app;
/// The plumbing between browser and DingTalk: login, sessions, signatures, problems.
pub mod web;
/// What outlives a request.
pub mod state;
/// The client for DingTalk: credentials that renew themselves, calls, signatures.
pub mod dingtalk;
/// Puts the rings together and serves them.
pub mod application;
/// What can be set, and the checks.
pub mod settings;
/// How settings are read.
pub mod environment;
/// Logging.
pub mod telemetry;
/// What to change, and where, when something does not work.
pub mod doctor;
/// Limits on connections, request heads and slow clients, which the HTTP library does not set. Skip it at first reading.
pub mod server;
