//! A clock that tests can move.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use dingtalk_h5::dingtalk::Clock;

/// Moves the app's clock, which runs like the machine's or stands still. It can move monotonic time and time of day together, or the time
/// of day alone.
#[derive(Clone, Default)]
pub struct ClockHands(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    stopped: Option<(Instant, SystemTime)>,
    passed: Duration,
    set_by_ms: i64,
}

impl ClockHands {
    /// A clock that nothing moves but [`ClockHands::advance`] and [`ClockHands::set_time_of_day`].
    pub fn still() -> Self {
        let hands = Self::default();
        hands.stop();
        hands
    }

    /// From now on it stands still.
    pub fn stop(&self) {
        self.0.lock().unwrap().stopped = Some((Instant::now(), SystemTime::now()));
    }

    pub fn advance(&self, time: Duration) {
        self.0.lock().unwrap().passed += time;
    }

    /// Changes only the time of day, as when somebody corrects a clock, or when a machine wakes up that was suspended.
    pub fn set_time_of_day(&self, by_seconds: i64) {
        self.0.lock().unwrap().set_by_ms += by_seconds * 1000;
    }

    /// The clock that these hands move.
    pub fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::reading(move || hands.read())
    }

    fn read(&self) -> (Instant, SystemTime) {
        let hands = self.0.lock().unwrap();
        let (monotonic, wall) = hands.stopped.unwrap_or_else(|| (Instant::now(), SystemTime::now()));
        let (wall, set_by) = (wall + hands.passed, Duration::from_millis(hands.set_by_ms.unsigned_abs()));
        (monotonic + hands.passed, if hands.set_by_ms < 0 { wall - set_by } else { wall + set_by })
    }
}
