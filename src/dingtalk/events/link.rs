//! Whether Stream is connected, for whoever watches.

use std::time::Instant;

use parking_lot::Mutex;
use serde::Serialize;

/// The connection. Nothing, while nobody listens.
#[derive(Default)]
pub(in super::super) struct StreamLink(Mutex<Option<(bool, Instant)>>);

/// How it is with the connection. Without one, events wait at DingTalk and people can log in all the same.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamState {
    /// Whether it is there.
    pub connected: bool,
    /// For how long that has been so.
    pub for_seconds: u64,
}

impl StreamLink {
    pub fn set(&self, connected: bool, now: Instant) {
        *self.0.lock() = Some((connected, now));
    }

    pub fn state(&self, now: Instant) -> Option<StreamState> {
        let (connected, since) = (*self.0.lock())?;
        Some(StreamState { connected, for_seconds: now.saturating_duration_since(since).as_secs() })
    }
}
