//! What a credential does, written down a second time: in whole seconds, without tasks or locks, and without chance. Where the product
//! lets chance decide, the model says [`Whether::Perhaps`] and is told what happened.

pub const DAY: u64 = 24 * 60 * 60;
const LONGEST_LIFE: u64 = 7200;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Whether {
    No,
    Perhaps,
    Yes,
}

impl Whether {
    fn of(sure: bool) -> Self {
        if sure { Self::Yes } else { Self::No }
    }

    /// Yes beyond `window`, no before it.
    fn past(moment: f64, window: std::ops::Range<f64>) -> Self {
        match moment {
            _ if moment >= window.end => Self::Yes,
            _ if moment < window.start => Self::No,
            _ => Self::Perhaps,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Perhaps,
        }
    }

    pub fn allows(self, happened: bool) -> bool {
        self == Self::Perhaps || self == Self::of(happened)
    }
}

/// The value, and which copy of it: a caller that holds one copy cannot reject another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copied {
    pub value: u32,
    pub copy: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Told {
    Value(Copied),
    Failure,
    /// Nothing yet: the answer is that of the fetch in flight.
    Waiting,
}

struct Held {
    what: Copied,
    first_seen: u64,
    renewed: u64,
    expires: u64,
}

/// What is known of the fetch in flight.
struct InFlight {
    rejected: Option<u32>,
}

struct Failures {
    times: u32,
    last: u64,
}

pub struct Reference {
    pub now: u64,
    greatest_age: Option<u64>,
    held: Option<Held>,
    in_flight: Option<InFlight>,
    failures: Option<Failures>,
    copies: u32,
}

impl Reference {
    pub fn new(greatest_age: Option<u64>) -> Self {
        Self { now: 0, greatest_age, held: None, in_flight: None, failures: None, copies: 0 }
    }

    fn alive(&self) -> Option<&Held> {
        self.held.as_ref().filter(|held| self.now < held.expires)
    }

    pub fn empty(&self) -> bool {
        self.held.is_none()
    }

    pub fn expired(&self) -> bool {
        !self.empty() && self.alive().is_none()
    }

    /// The last tenth of a life, or up to half a tenth more; in any case the last ten seconds, or the second half of a life that is
    /// not twice as long.
    pub fn due(&self) -> Whether {
        self.alive().map_or(Whether::No, |held| {
            let life = (held.expires - held.renewed) as f64;
            let surely = if life < 20.0 { 0.5 } else { 1.0 - 10.0 / life };
            // Divisions of whole seconds are a little off, so at the very moment either will do.
            let (earliest, latest) = (surely.min(0.85) - 1e-9, surely.min(0.901) + 1e-9);
            Whether::past((self.now - held.renewed) as f64 / life, earliest..latest)
        })
    }

    /// No fetch begins while another is in flight, nor in the pause after a failure: one second, two after the next failure, and so on up
    /// to thirty, each shortened by up to a quarter at random.
    fn may_fetch(&self) -> Whether {
        let rested = self.failures.as_ref().map_or(Whether::Yes, |failures| {
            let pause = [1.0, 2.0, 4.0, 8.0, 16.0, 30.0][failures.times.min(6) as usize - 1];
            Whether::past((self.now - failures.last) as f64 / pause, 0.75..1.0)
        });
        Whether::of(self.in_flight.is_none()).and(rested)
    }

    /// Whether a caller sets a fetch off.
    pub fn asking_fetches(&self) -> Whether {
        let wanted = if self.alive().is_some() { self.due() } else { Whether::Yes };
        wanted.and(self.may_fetch())
    }

    pub fn doubting_fetches(&self, what: Copied) -> Whether {
        Whether::of(self.holds(what)).and(self.may_fetch())
    }

    pub fn holds(&self, what: Copied) -> bool {
        self.held.as_ref().is_some_and(|held| held.what == what)
    }

    pub fn waits_for_an_answer(&self) -> bool {
        self.in_flight.is_some()
    }

    pub fn fetch_began(&mut self) {
        assert!(self.in_flight.is_none(), "two fetches at a time");
        self.in_flight = Some(InFlight { rejected: None });
    }

    /// What a caller is told at once.
    pub fn get(&self) -> Told {
        match (self.alive(), &self.in_flight) {
            (Some(held), _) => Told::Value(held.what),
            (None, Some(_)) => Told::Waiting,
            (None, None) => Told::Failure,
        }
    }

    pub fn reject(&mut self, what: Copied) {
        if self.holds(what) {
            self.held = None;
            if let Some(in_flight) = &mut self.in_flight {
                in_flight.rejected = Some(what.value);
            }
        }
    }

    /// What those who wait are told when the fetch in flight brings `value`.
    pub fn fetched(&mut self, value: u32, life: u64) -> Told {
        let in_flight = self.in_flight.take().unwrap();
        if in_flight.rejected == Some(value) {
            return Told::Waiting;
        }
        self.failures = None;
        let unchanged = self.held.take().filter(|held| {
            let young = self.greatest_age.is_none_or(|age| self.now < held.first_seen + age);
            held.what.value == value && young
        });
        let (what, first_seen) = match unchanged {
            Some(held) => (held.what, held.first_seen),
            None => {
                self.copies += 1;
                let copy = self.copies;
                (Copied { value, copy }, self.now)
            }
        };
        let granted = self.now + life.min(LONGEST_LIFE);
        let expires = self.greatest_age.map_or(granted, |age| granted.min(first_seen + age));
        let renewed = self.now;
        self.held = Some(Held { what, first_seen, renewed, expires });
        Told::Value(what)
    }

    /// What those who wait are told when the fetch in flight fails.
    pub fn failed(&mut self) -> Told {
        self.in_flight = None;
        let times = self.failures.as_ref().map_or(1, |failures| failures.times + 1);
        self.failures = Some(Failures { times, last: self.now });
        Told::Failure
    }
}
