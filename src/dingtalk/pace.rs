//! How fast calls of one API may leave. DingTalk counts an app's calls of each API over a sliding second and refuses what is beyond
//! ("Call frequency limits"; error codes 90018 and QpsLimitForAppkeyAndApi).

use std::collections::{BTreeSet, VecDeque};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use tokio::time::Instant;

/// The calls that DingTalk may still count, and how many it allows.
pub(super) struct Pace {
    /// By the settings.
    allowed: usize,
    /// How this process shares that with others. Where all agree on each call, it has no part of its own.
    pub sharing: Sharing,
    /// What it has allowed lately, which is less where somebody else calls in the app's name too.
    limit: usize,
    /// The calls that count, by when they do no more, and their numbers.
    counted: BTreeSet<(Instant, u64)>,
    /// The last calls, in the order in which they left; the first has this number.
    departures: VecDeque<Departure>,
    first_number: u64,
    /// How long the fastest answer took, of those since it was last looked at anew, and of those before.
    fastest: [Option<Duration>; 2],
    answers: u32,
    /// When the limit may be raised, and by how much.
    raised_at: Instant,
    step: usize,
    /// Nothing leaves before.
    paused_until: Instant,
    pauses: u32,
    /// Until then DingTalk counts as much as it allows, of all processes together.
    full_until: Instant,
    /// So many processes have calls that wait.
    waiting: usize,
}

/// How processes share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// They cannot agree: each keeps to its one of so many parts.
    Apart(NonZeroUsize),
    /// They can again, and DingTalk still counts calls that were made apart and that nobody else knows of: each keeps to its part, and they
    /// agree on each call.
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
    /// How much later than others a call is believed to have reached DingTalk.
    const MOST_DELAY: Duration = Duration::from_secs(2);
    /// After so long without a refusal more is tried. At 15 calls a second, a refusal each time is one call in ninety.
    const BEFORE_MORE: Duration = Duration::from_secs(6);
    /// So many answers tell how long one takes at least: a way that has become longer is known after a while.
    const ANSWERS: u32 = 256;
    /// So few do not, since they had connections to open.
    const FEW_ANSWERS: u32 = 40;
    /// Calls that leave together arrive in any order.
    const TOGETHER: Duration = Duration::from_millis(50);
    /// A pause is this number of doublings of a second at most.
    const MOST_DOUBLINGS: u32 = 3;

    /// Nothing has left yet.
    pub fn new(allowed: NonZeroU32, now: Instant) -> Self {
        let allowed = allowed.get() as usize;
        Self {
            allowed,
            sharing: Sharing::Apart(NonZeroUsize::MIN),
            limit: allowed,
            counted: BTreeSet::new(),
            departures: VecDeque::new(),
            first_number: 0,
            fastest: [None; 2],
            answers: 0,
            raised_at: now,
            step: 1,
            paused_until: now,
            pauses: 0,
            full_until: now,
            waiting: 1,
        }
    }

    /// How many calls leave in a second, at most. After a pause, one tells whether it is over.
    pub fn per_second(&self) -> usize {
        if self.pauses > 0 {
            return 1;
        }
        self.sharing.parts().map_or(self.allowed, |parts| self.limit.min((self.allowed / parts).max(1)))
    }

    /// How long it takes until so many of this process have left, where others have as many waiting.
    pub fn time_for(&self, turns: usize) -> Duration {
        let processes = if self.sharing == Sharing::Together { self.waiting } else { 1 };
        Duration::from_secs_f64((turns * processes) as f64 / self.per_second() as f64)
    }

    /// How many may leave in a second, of all processes together.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// How many could leave now, if [`Pace::next`] is now.
    pub fn free(&self) -> usize {
        self.per_second().saturating_sub(self.counted.len())
    }

    /// All processes together have left no room at the moment, and so many of them have calls that wait.
    pub fn note_full(&mut self, waiting: usize, now: Instant) {
        (self.waiting, self.full_until) = (waiting, now + Self::SECOND + Self::MARGIN);
    }

    /// When the next call may leave; not later than `now` means now.
    pub fn next(&mut self, now: Instant) -> Instant {
        self.counted = self.counted.split_off(&(now, u64::MAX));
        self.try_more(now);
        let beyond = self.counted.len().checked_sub(self.per_second());
        let free = beyond.and_then(|beyond| self.counted.iter().nth(beyond)).map_or(now, |(until, _)| *until);
        // How much of the last second was whose is not known: any part of it may be that of others, with whom nothing is agreed any more.
        let others = if self.sharing.is_agreed() { now } else { self.full_until };
        free.max(self.paused_until).max(others)
    }

    /// Counts a call that leaves now.
    pub fn depart(&mut self, now: Instant) -> Departure {
        while self.departures.front().is_some_and(|first| first.at + Self::SECOND + 2 * Self::MOST_DELAY < now) {
            self.departures.pop_front();
            self.first_number += 1;
        }
        // Unless answers take longer than a second anyway, one that is still out then may be on its way to DingTalk.
        let late = if self.fastest() >= Self::SECOND { Self::MARGIN } else { Self::MOST_DELAY };
        let number = self.first_number + self.departures.len() as u64;
        let departure = Departure { number, at: now, until: now + Self::SECOND + late, is_refused: false };
        self.counted.insert((departure.until, number));
        self.departures.push_back(departure);
        departure
    }

    /// It did not leave after all.
    pub fn stay(&mut self, departure: Departure) {
        self.counted.remove(&(departure.until, departure.number));
        self.note(Departure { until: departure.at, ..departure });
    }

    /// DingTalk has answered. What this call took longer than others it may have spent on its way there: it counts from then. Tells how long
    /// that was, if it was long. A refusal slows this process down if it keeps a pace of its own.
    pub fn answered(&mut self, departure: Departure, is_refused: bool, now: Instant) -> Option<Duration> {
        let took = now - departure.at;
        self.note_time(took);
        let late = took.saturating_sub(self.fastest()).min(Self::MOST_DELAY);
        self.counted.remove(&(departure.until, departure.number));
        let departure = Departure { until: departure.at + Self::SECOND + late.max(Self::MARGIN), is_refused, ..departure };
        self.counted.insert((departure.until, departure.number));
        self.note(departure);
        match (is_refused, self.sharing.parts()) {
            (true, Some(_)) => self.slow_down(departure, now),
            (true, None) => {}
            // One that left before it tells nothing of a pause.
            (false, _) if departure.at < self.paused_until => {}
            (false, _) => self.pauses = 0,
        }
        (late > Self::MARGIN).then_some(late)
    }

    /// What has become of one of the last calls.
    fn note(&mut self, departure: Departure) {
        let known =
            departure.number.checked_sub(self.first_number).and_then(|nth| self.departures.get_mut(usize::try_from(nth).ok()?));
        known.into_iter().for_each(|known| *known = departure);
    }

    /// Somebody else calls in the app's name: what was admitted in the second before `refused` is what is left for us.
    fn slow_down(&mut self, refused: Departure, now: Instant) {
        let counted = |one: &&Departure| !one.is_refused && one.at <= refused.at + Self::TOGETHER && one.until > refused.at;
        let admitted = self.departures.iter().filter(counted).count();
        if admitted == 0 {
            self.pause(now);
        }
        self.limit = self.limit.min(admitted).max(1);
        (self.raised_at, self.step) = (now, 1);
    }

    /// Nothing leaves for a while, and for twice as long each time, until a call is admitted. Calls that were refused together are one time.
    pub fn pause(&mut self, now: Instant) {
        if now >= self.paused_until {
            self.paused_until = now + Self::SECOND * 2_u32.pow(self.pauses);
            self.pauses = (self.pauses + 1).min(Self::MOST_DOUBLINGS);
        }
    }

    /// They may have ended. Each time that more proves possible, twice as much is tried next.
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
