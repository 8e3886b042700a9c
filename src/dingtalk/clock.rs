//! Where time comes from, so that tests can move it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A source of both kinds of time.
pub trait TimeSource: Send + Sync + 'static {
    /// Time that never jumps. Lifetimes of credentials are judged by it.
    fn monotonic(&self) -> Instant;
    /// The time of day. It is written into signatures and cookies, which outlive the process.
    fn wall(&self) -> SystemTime;
}

/// The clock that everything asks instead of the operating system.
#[derive(Clone)]
pub struct Clock(Arc<dyn TimeSource>);

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self::from_source(System)
    }

    /// A clock that shows what `source` says.
    pub fn from_source(source: impl TimeSource) -> Self {
        Self(Arc::new(source))
    }

    /// Monotonic time.
    pub fn now(&self) -> Instant {
        self.0.monotonic()
    }

    /// Time of day as time since 1970; zero before it.
    pub fn since_epoch(&self) -> Duration {
        self.0.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// Time of day in whole seconds since 1970.
    pub fn unix_seconds(&self) -> u64 {
        self.since_epoch().as_secs()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

struct System;

impl TimeSource for System {
    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}
