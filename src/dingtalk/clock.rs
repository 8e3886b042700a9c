//! Where time comes from, so that tests can move it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// The clock that everything asks instead of the operating system.
///
/// When the time of day jumps, this clock follows it: some machines start a day behind and are set right later, and one that was
/// suspended wakes up in another hour. These two cannot be told apart, so a jump ahead counts as time that has passed. A jump back makes
/// nothing younger than it was.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    read: Box<dyn Fn() -> (Instant, SystemTime) + Send + Sync>,
    made: (Instant, SystemTime),
    /// The tick at which this clock was made. It is random, so that no two clocks count the same ticks.
    origin: u64,
    followed: Mutex<Followed>,
}

/// The jumps of the time of day so far, and the shared clock.
#[derive(Default)]
struct Followed {
    /// By how many milliseconds the time of day has advanced more than monotonic time since the clock was made, as of the last jump.
    ahead_ms: i64,
    /// The sum of the jumps ahead.
    slept: Duration,
    /// The last reading of the clock that all processes share, in Unix milliseconds, and when it was taken; None if there is no such
    /// clock. It does not go back when this machine's clock does.
    shared: Option<(Instant, u64)>,
}

/// One reading of all clocks.
struct Now {
    /// Monotonic time, plus how long the machine was suspended, which monotonic time does not count.
    with_sleep: Instant,
    /// The time of day, since 1970.
    since_1970: Duration,
    /// The time of day in milliseconds by the clock of all processes.
    shared_ms: u64,
}

/// A moment that can be stored, and that other processes understand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    #[serde(rename = "at")]
    unix_ms: u64,
    /// The tick of the clock that made it; there is one in each millisecond.
    #[serde(rename = "n")]
    tick: u64,
}

impl Clock {
    /// Servers' clocks differ a little: a moment of another server's clock that is at most this far in the future counts as now.
    pub const SKEW: Duration = Duration::from_secs(60);
    /// A smaller difference is an ordinary correction, and no jump.
    const JUMP_MS: u64 = 5000;

    /// The machine's own clock.
    pub fn system() -> Self {
        Self::reading(|| (Instant::now(), SystemTime::now()))
    }

    /// A clock that takes its time from `read`: monotonic time and the time of day.
    pub fn reading(read: impl Fn() -> (Instant, SystemTime) + Send + Sync + 'static) -> Self {
        let made = read();
        Self(Arc::new(Inner { read: Box::new(read), made, origin: rand::random(), followed: Mutex::default() }))
    }

    /// Monotonic time. It does not count suspension, so what is remembered by it is never forgotten too early.
    pub fn now(&self) -> Instant {
        (self.0.read)().0
    }

    /// Monotonic time plus the time that the machine was suspended. Lifetimes are judged by it, since they go on elsewhere meanwhile.
    pub fn now_with_sleep(&self) -> Instant {
        self.follow().with_sleep
    }

    /// This machine's time of day in whole seconds since 1970, for signatures.
    pub fn unix_seconds(&self) -> u64 {
        self.follow().since_1970.as_secs()
    }

    /// The same in milliseconds, for what DingTalk judges by its own clock.
    pub fn machine_millis(&self) -> u64 {
        millis(self.follow().since_1970)
    }

    /// Milliseconds since 1970, by the clock that all processes go by.
    pub fn unix_millis(&self) -> u64 {
        self.follow().shared_ms
    }

    /// From now on, goes by the clock that all processes share, which shows `unix_ms` at this moment. Returns by how many milliseconds
    /// that clock is ahead of this machine's.
    pub fn go_by(&self, unix_ms: u64) -> i64 {
        let now = self.follow();
        self.0.followed.lock().shared = Some((now.with_sleep, unix_ms));
        (unix_ms as i64).saturating_sub(millis(now.since_1970) as i64)
    }

    /// This moment.
    pub fn moment(&self) -> Moment {
        let now = self.follow();
        let passed = now.with_sleep.saturating_duration_since(self.0.made.0);
        Moment { unix_ms: now.shared_ms, tick: self.0.origin.wrapping_add(millis(passed)) }
    }

    /// How long ago `moment` was; None if it is in the future. For a moment of this clock, jumps of the time of day make no difference.
    /// For one of another clock, the time of day in it is believed.
    pub fn age(&self, moment: Moment) -> Option<Duration> {
        self.age_at(self.moment(), moment)
    }

    /// [`Clock::age`] at `now`, which is a moment of this clock: ages at the same moment can be compared.
    pub fn age_at(&self, now: Moment, moment: Moment) -> Option<Duration> {
        // Ticks count up from a random origin: one between that and now's is of this clock.
        let since_origin = |one: Moment| one.tick.wrapping_sub(self.0.origin);
        if since_origin(moment) <= since_origin(now) {
            return Some(Duration::from_millis(now.tick.wrapping_sub(moment.tick)));
        }
        let is_past = moment.unix_ms <= now.unix_ms + millis(Self::SKEW);
        is_past.then(|| Duration::from_millis(now.unix_ms.saturating_sub(moment.unix_ms)))
    }

    /// The moment when the time of day was `unix_ms`, or now if that is yet to come.
    pub fn moment_at(&self, unix_ms: u64) -> Moment {
        let now = self.moment();
        let ago = now.unix_ms.saturating_sub(unix_ms);
        Moment { unix_ms: now.unix_ms - ago, tick: now.tick.wrapping_sub(ago) }
    }

    /// Reads all clocks, and notes a jump of the time of day against monotonic time.
    fn follow(&self) -> Now {
        let (monotonic, wall) = (self.0.read)();
        let since_1970 = |wall: SystemTime| wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let passed = millis(monotonic.saturating_duration_since(self.0.made.0));
        let ahead_ms = (millis(since_1970(wall)) as i64) - (millis(since_1970(self.0.made.1)) as i64) - (passed as i64);
        let mut followed = self.0.followed.lock();
        let jump = ahead_ms - followed.ahead_ms;
        if jump.unsigned_abs() > Self::JUMP_MS {
            followed.ahead_ms = ahead_ms;
            followed.slept += Duration::from_millis(jump.max(0).unsigned_abs());
            tracing::warn!(
                seconds = jump / 1000,
                "the time of day jumped: it was set, or this machine was suspended. Signatures and sessions go by the new one"
            );
        }
        let with_sleep = monotonic + followed.slept;
        let since_1970 = since_1970(wall);
        let shared_since =
            |(at, unix_ms): (Instant, u64)| unix_ms.saturating_add(millis(with_sleep.saturating_duration_since(at)));
        Now { with_sleep, since_1970, shared_ms: followed.shared.map_or(millis(since_1970), shared_since) }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
