//! The simulated time: real time plus an offset that only grows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub type Millis = u64;

/// Real time, moved forward by tests that cannot wait five minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    offset: Duration,
}

impl Clock {
    pub fn now(&self) -> Millis {
        real_now() + millis(self.offset)
    }

    pub fn advance(&mut self, by: Duration) {
        self.offset = self.offset.saturating_add(by);
    }

    pub fn offset_seconds(&self) -> u64 {
        self.offset.as_secs()
    }
}

/// The real time, which the ledger uses.
pub fn real_now() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> Millis {
    // Half of the range, so that two of them can be added without a check.
    u64::try_from(duration.as_millis()).map_or(u64::MAX / 2, |value| value.min(u64::MAX / 2))
}
