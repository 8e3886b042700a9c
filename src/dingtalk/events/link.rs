//! Whether Stream is connected, for whoever watches.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

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
        *self.link() = Some((connected, now));
    }

    pub fn state(&self, now: Instant) -> Option<StreamState> {
        let (connected, since) = (*self.link())?;
        Some(StreamState { connected, for_seconds: now.saturating_duration_since(since).as_secs() })
    }

    /// It is changed in single assignments, so it is whole even if a holder panicked.
    fn link(&self) -> MutexGuard<'_, Option<(bool, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
