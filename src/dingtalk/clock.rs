//! Where time comes from, so that tests can move it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A source of both kinds of time: the machine's, unless it says otherwise.
pub trait TimeSource: Send + Sync + 'static {
    /// Time that never jumps.
    fn monotonic(&self) -> Instant {
        Instant::now()
    }

    /// The time of day. It is asked once: see [`Clock`].
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

struct Machine;

impl TimeSource for Machine {}

/// The clock that everything asks instead of the operating system.
///
/// The time of day is read when the clock is made and carried on by the monotonic one from there. Somebody who sets the machine's
/// clock a day forward therefore ends no session, and a day back makes none live longer.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn TimeSource>,
    made: Instant,
    made_since_epoch: Duration,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self::from_source(Machine)
    }

    /// A clock that shows what `source` says.
    pub fn from_source(source: impl TimeSource) -> Self {
        let (made, wall) = (source.monotonic(), source.wall());
        let made_since_epoch = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { source: Arc::new(source), made, made_since_epoch }
    }

    /// Monotonic time. Lifetimes of credentials are judged by it.
    pub fn now(&self) -> Instant {
        self.source.monotonic()
    }

    /// Time of day in whole seconds since 1970. It goes into signatures and cookies, which outlive the process.
    pub fn unix_seconds(&self) -> u64 {
        self.unix_millis() / 1000
    }

    /// The same in milliseconds.
    pub fn unix_millis(&self) -> u64 {
        (self.made_since_epoch + self.now().saturating_duration_since(self.made)).as_millis() as u64
    }
}

/// Lets something happen, but not soon again: what others can set off must not be theirs to repeat.
pub struct Seldom {
    between: Duration,
    last: Mutex<Option<Instant>>,
}

impl Seldom {
    /// Once in this time at most.
    pub const fn every(between: Duration) -> Self {
        Self { between, last: Mutex::new(None) }
    }

    /// Whether it may happen now, which is taken for happening.
    pub fn may(&self, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let may = last.is_none_or(|last| now >= last + self.between);
        if may {
            *last = Some(now);
        }
        may
    }
}
