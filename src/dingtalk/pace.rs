//! How fast calls of one API may leave. DingTalk counts an app's calls of each API over a sliding second and refuses what is beyond
//! ("Call frequency limits"; error codes 90018 and QpsLimitForAppkeyAndApi).

use std::collections::VecDeque;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use tokio::time::Instant;

/// The calls that DingTalk may still count, and how many it allows.
pub(super) struct Pace {
    /// How many calls may leave in a second by the settings, of all processes together.
    pub allowed: usize,
    /// How this process shares the limit with others. Where they agree on each call, it has no part of its own.
    pub sharing: Sharing,
    /// How many DingTalk has allowed lately: fewer where somebody else makes calls of the same app too.
    limit: usize,
    /// The last calls, in the order in which they left. DingTalk may still count some of them.
    departures: VecDeque<Departure>,
    /// How many calls have ever left.
    departed: u64,
    /// How long the fastest answer took: of the present round of [`Self::ANSWERS`], and of the round before.
    fastest: [Option<Duration>; 2],
    answers: u32,
    /// When the limit was last changed, and by how much it is raised next.
    raised_at: Instant,
    step: usize,
    /// No call leaves before this.
    paused_until: Instant,
    pauses: u32,
    /// Until then, the calls of all processes together use up the limit.
    full_until: Instant,
    /// How many processes have calls that wait.
    waiting_processes: usize,
}

/// How processes share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// They cannot agree: the limit is divided into this many parts, and each process keeps to one.
    Apart(NonZeroUsize),
    /// They can agree again, but DingTalk still counts calls that were made apart and that no other process knows of: each keeps to its
    /// part, and they agree on each call.
    Settling(NonZeroUsize),
    /// They agree on each call.
    Together,
}

impl Sharing {
    /// Into how many parts the limit is divided, if it is.
    fn parts(self) -> Option<NonZeroUsize> {
        match self {
            Self::Apart(parts) | Self::Settling(parts) => Some(parts),
            Self::Together => None,
        }
    }

    /// Whether each call is agreed on.
    pub fn is_agreed(self) -> bool {
        !matches!(self, Self::Apart(_))
    }
}

/// A call that has left, or is about to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    number: u64,
    at: Instant,
    /// DingTalk counts it until then at most.
    until: Instant,
    is_refused: bool,
}

impl Pace {
    const SECOND: Duration = Duration::from_secs(1);
    /// Clocks and networks are not exact.
    const MARGIN: Duration = Duration::from_millis(20);
    /// How much later than the fastest call one may have reached DingTalk: more is not assumed.
    const MOST_DELAY: Duration = Duration::from_secs(2);
    /// After this time without a refusal, a higher limit is tried. If each try causes a refusal, that is one call in ninety at 15 a
    /// second.
    const BEFORE_MORE: Duration = Duration::from_secs(6);
    /// Over this many answers the fastest is taken, so that a route which has become slower is noticed after a while.
    const ANSWERS: u32 = 256;
    /// This few answers are not enough for that, since they had connections to open.
    const FEW_ANSWERS: u32 = 40;
    /// Calls that leave within this time may arrive in any order.
    const TOGETHER: Duration = Duration::from_millis(50);
    /// A pause is a second, doubled at most this many times.
    const MOST_DOUBLINGS: u32 = 3;

    /// Nothing has left yet.
    pub fn new(allowed: NonZeroU32, now: Instant) -> Self {
        let allowed = allowed.get() as usize;
        Self {
            allowed,
            sharing: Sharing::Apart(NonZeroUsize::MIN),
            limit: allowed,
            departures: VecDeque::new(),
            departed: 0,
            fastest: [None; 2],
            answers: 0,
            raised_at: now,
            step: 1,
            paused_until: now,
            pauses: 0,
            full_until: now,
            waiting_processes: 1,
        }
    }

    /// How many calls may leave in a second. After a pause it is one, which shows whether DingTalk admits calls again.
    pub fn per_second(&self) -> usize {
        if self.pauses > 0 {
            return 1;
        }
        self.sharing.parts().map_or(self.allowed, |parts| self.limit.min((self.allowed / parts).max(1)))
    }

    /// How long it takes until `turns` calls of this process have left, if other processes have as many waiting.
    pub fn time_for(&self, turns: usize) -> Duration {
        let processes = if self.sharing == Sharing::Together { self.waiting_processes } else { 1 };
        Duration::from_secs_f64((turns * processes) as f64 / self.per_second() as f64)
    }

    /// How many could leave now, if [`Pace::next`] is `now`.
    pub fn free(&self, now: Instant) -> usize {
        self.per_second().saturating_sub(self.counted(now).count())
    }

    /// Until when DingTalk may count each of the calls that it still counts.
    fn counted(&self, now: Instant) -> impl Iterator<Item = Instant> {
        self.departures.iter().map(|departure| departure.until).filter(move |until| *until > now)
    }

    /// Notes that all processes together have used up the limit, and that `waiting_processes` of them have calls that wait.
    pub fn note_full(&mut self, waiting_processes: usize, now: Instant) {
        self.waiting_processes = waiting_processes;
        self.full_until = now + Self::SECOND + Self::MARGIN;
    }

    /// When the next call may leave: `now` if at once.
    pub fn next(&mut self, now: Instant) -> Instant {
        self.try_more(now);
        let mut counted: Vec<_> = self.counted(now).collect();
        let beyond = counted.len().checked_sub(self.per_second());
        let free = beyond.map_or(now, |beyond| *counted.select_nth_unstable(beyond).1);
        // Any part of the calls of that second may have been other processes', with whom nothing is agreed any more. So this one waits
        // until DingTalk no longer counts them.
        let others = if self.sharing.is_agreed() { now } else { self.full_until };
        free.max(self.paused_until).max(others)
    }

    /// Counts a call that leaves now.
    pub fn depart(&mut self, now: Instant) -> Departure {
        while self.departures.front().is_some_and(|first| first.at + Self::SECOND + 2 * Self::MOST_DELAY < now) {
            self.departures.pop_front();
        }
        // A call that is not answered within a second may still be on its way to DingTalk, unless all answers take that long.
        let late = if self.fastest() >= Self::SECOND { Self::MARGIN } else { Self::MOST_DELAY };
        self.departed += 1;
        let departure = Departure { number: self.departed, at: now, until: now + Self::SECOND + late, is_refused: false };
        self.departures.push_back(departure);
        departure
    }

    /// The call did not leave after all, so it does not count.
    pub fn cancel(&mut self, departure: Departure) {
        self.departures.retain(|one| one.number != departure.number);
    }

    /// The call has ended. By as much as it took longer than the fastest, it may have reached DingTalk later, so it counts for that much
    /// longer. Returns that time if it is more than [`Self::MARGIN`]. A refusal slows this process down if it keeps to a part of its own.
    pub fn answered(&mut self, departure: Departure, is_refused: bool, now: Instant) -> Option<Duration> {
        let took = now - departure.at;
        self.note_time(took);
        let late = took.saturating_sub(self.fastest()).min(Self::MOST_DELAY);
        let departure = Departure { until: departure.at + Self::SECOND + late.max(Self::MARGIN), is_refused, ..departure };
        if let Some(known) = self.departures.iter_mut().rev().find(|known| known.number == departure.number) {
            *known = departure;
        }
        if is_refused {
            if self.sharing.parts().is_some() {
                self.slow_down(departure, now);
            }
        } else if departure.at >= self.paused_until {
            // A call that left before the end of a pause would not show that the pause is over.
            self.pauses = 0;
        }
        (late > Self::MARGIN).then_some(late)
    }

    /// A refusal shows that somebody else makes calls of the same app too. What was admitted in the second before `refused` is what is
    /// left for this process.
    fn slow_down(&mut self, refused: Departure, now: Instant) {
        let counted = |one: &&Departure| !one.is_refused && one.at <= refused.at + Self::TOGETHER && one.until > refused.at;
        let admitted = self.departures.iter().filter(counted).count();
        if admitted == 0 {
            self.pause(now);
        }
        self.limit = self.limit.min(admitted).max(1);
        self.raised_at = now;
        self.step = 1;
    }

    /// No call leaves for a while, and for twice as long each time, until a call is admitted. Calls that were refused together count as
    /// one time.
    pub fn pause(&mut self, now: Instant) {
        if now >= self.paused_until {
            self.paused_until = now + Self::SECOND * 2_u32.pow(self.pauses);
            self.pauses = (self.pauses + 1).min(Self::MOST_DOUBLINGS);
        }
    }

    /// Raises the limit again, since the calls of others may have ended: each time without a refusal by twice as much.
    fn try_more(&mut self, now: Instant) {
        while self.limit < self.allowed && now >= self.raised_at + Self::BEFORE_MORE {
            self.limit = (self.limit + self.step).min(self.allowed);
            self.raised_at += Self::BEFORE_MORE;
            self.step *= 2;
        }
    }

    fn note_time(&mut self, took: Duration) {
        self.answers += 1;
        if self.answers.is_multiple_of(Self::ANSWERS) {
            self.fastest = [None, self.fastest[0]];
        }
        self.fastest[0] = Some(self.fastest[0].map_or(took, |fastest| fastest.min(took)));
    }

    fn fastest(&self) -> Duration {
        let known = self.fastest.iter().flatten().min().filter(|_| self.answers > Self::FEW_ANSWERS);
        known.copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
