//! When DingTalk shuts this server's address out, asking on makes it worse: all calls stop, and one of them tries again later.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Lets calls through, or not.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    /// Until then.
    Open(Instant),
    /// One call is out to see whether the ban is over. Should it vanish, another one may go after this time.
    Probing(Instant),
}

/// What the breaker does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// Calls go out.
    Closed,
    /// No call goes out.
    Open,
    /// One call goes out.
    HalfOpen,
}

impl Breaker {
    /// DingTalk's bans last five minutes.
    const SHORTEST: Duration = Duration::from_secs(5 * 60);
    /// No call takes longer than this.
    const PROBE: Duration = Duration::from_secs(10);

    /// Asks to make a call; `Err` says how long none is made.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.0.lock();
        match *state {
            State::Closed => Ok(()),
            State::Open(until) | State::Probing(until) if now < until => Err(until - now),
            State::Open(_) | State::Probing(_) => {
                *state = State::Probing(now + Self::PROBE);
                Ok(())
            }
        }
    }

    /// DingTalk answered a call, if only with a refusal: it listens.
    pub fn heard(&self) {
        let mut state = self.0.lock();
        // An answer to a call from before the ban says nothing about the ban.
        if matches!(*state, State::Probing(_)) {
            *state = State::Closed;
            tracing::info!("dingtalk answers again");
        }
    }

    /// DingTalk said that it shuts this address out, for `wait` at least; answers for how long. Logged once, however many calls hear it.
    pub fn banned(&self, wait: Duration, now: Instant) -> Duration {
        let mut state = self.0.lock();
        let length = wait.max(Self::SHORTEST);
        if !matches!(*state, State::Open(_)) {
            *state = State::Open(now + length);
            tracing::error!(
                seconds = length.as_secs(),
                "dingtalk has shut this server's address out (more than 10,000 calls in 20 seconds), or something between answers \
                 in its place: no call is made meanwhile, sessions and cached signatures go on"
            );
        }
        length
    }

    /// For whoever watches.
    pub fn shows(&self, now: Instant) -> BreakerState {
        match *self.0.lock() {
            State::Closed => BreakerState::Closed,
            State::Open(until) if now < until => BreakerState::Open,
            State::Open(_) | State::Probing(_) => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_ban_stops_all_calls_until_one_has_tried() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        assert!(breaker.admit(began).is_ok());
        breaker.banned(Duration::ZERO, began);
        assert_eq!(breaker.admit(began + seconds(299)), Err(seconds(1)));
        let over = began + seconds(300);
        assert_eq!(breaker.shows(over), BreakerState::HalfOpen);
        assert!(breaker.admit(over).is_ok(), "the probe");
        assert!(breaker.admit(over).is_err(), "and nobody else");
        breaker.heard();
        assert!(breaker.admit(over).is_ok() && breaker.admit(over).is_ok());
    }

    #[test]
    fn a_probe_that_hears_of_the_ban_again_shuts_for_another_time_and_one_that_vanishes_is_followed() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        breaker.banned(seconds(600), began);
        assert!(breaker.admit(began + seconds(599)).is_err());
        let again = began + seconds(600);
        assert!(breaker.admit(again).is_ok());
        breaker.banned(Duration::ZERO, again);
        assert!(breaker.admit(again + seconds(299)).is_err());
        let over = again + seconds(300);
        assert!(breaker.admit(over).is_ok(), "this probe never comes back");
        assert!(breaker.admit(over).is_err());
        assert!(breaker.admit(over + seconds(10)).is_ok());
    }

    #[test]
    fn a_late_answer_to_an_earlier_call_does_not_end_a_ban() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        breaker.banned(Duration::ZERO, began);
        breaker.heard();
        assert!(breaker.admit(began).is_err());
    }
}
