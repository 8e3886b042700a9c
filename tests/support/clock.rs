//! A clock to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use dingtalk_h5::dingtalk::TimeSource;

/// The app's clock. It runs like the machine's, or stands still, and can be moved, its two kinds of time together or the time of day alone.
#[derive(Clone, Default)]
pub struct ClockHands {
    stopped: Option<Instant>,
    monotonic_ms: Arc<AtomicI64>,
    wall_ms: Arc<AtomicI64>,
}

impl ClockHands {
    /// A clock of which nothing but [`ClockHands::advance`] moves the monotonic time.
    pub fn still() -> Self {
        let stopped = Some(Instant::now());
        Self { stopped, ..Self::default() }
    }

    pub fn advance(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// As somebody does who corrects a clock: only the time of day changes.
    pub fn set_time_of_day(&self, by_seconds: i64) {
        self.wall_ms.fetch_add(by_seconds * 1000, Ordering::SeqCst);
    }
}

impl TimeSource for ClockHands {
    fn monotonic(&self) -> Instant {
        self.stopped.unwrap_or_else(Instant::now) + Duration::from_millis(self.monotonic_ms.load(Ordering::SeqCst).unsigned_abs())
    }

    fn wall(&self) -> SystemTime {
        let ms = self.wall_ms.load(Ordering::SeqCst);
        let distance = Duration::from_millis(ms.unsigned_abs());
        if ms < 0 { SystemTime::now() - distance } else { SystemTime::now() + distance }
    }
}
