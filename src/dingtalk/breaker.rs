//! When DingTalk shuts this server's address out, asking on makes it worse: all calls stop, and one of them tries again later.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;

/// Lets calls through, or not.
pub(super) struct Breaker {
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open {
        until: Instant,
    },
    /// One call is out to see whether the ban is over. Should it vanish, another one may go after this time.
    Probing {
        until: Instant,
    },
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
    /// DingTalk's bans last five minutes (contract, section 11).
    const SHORTEST: Duration = Duration::from_secs(5 * 60);
    /// No call takes longer than this.
    const PROBE: Duration = Duration::from_secs(10);

    pub fn new(clock: Clock) -> Self {
        Self {
            state: Mutex::new(State::Closed),
            clock,
        }
    }

    /// Asks to make a call; `Err` says how long none is made.
    pub fn admit(&self) -> Result<(), Duration> {
        let (now, mut state) = (self.clock.now(), self.state());
        match *state {
            State::Closed => Ok(()),
            State::Open { until } | State::Probing { until } if now < until => Err(until - now),
            State::Open { .. } | State::Probing { .. } => {
                *state = State::Probing {
                    until: now + Self::PROBE,
                };
                Ok(())
            }
        }
    }

    /// DingTalk answered a call, if only with a refusal: it listens.
    pub fn heard(&self) {
        let mut state = self.state();
        // An answer to a call from before the ban says nothing about the ban.
        if matches!(*state, State::Probing { .. }) {
            *state = State::Closed;
            tracing::info!("dingtalk answers again");
        }
    }

    /// DingTalk said that it shuts this address out, for `wait` at least; for how long no call is made. Logged once, however many calls
    /// hear it.
    pub fn banned(&self, wait: Duration) -> Duration {
        let (now, mut state) = (self.clock.now(), self.state());
        let length = wait.max(Self::SHORTEST);
        if !matches!(*state, State::Open { .. }) {
            *state = State::Open { until: now + length };
            tracing::error!(
                seconds = length.as_secs(),
                "dingtalk has shut this server's address out (more than 10,000 calls in 20 seconds), or something between answers \
                 in its place: no call is made meanwhile, sessions and cached signatures go on"
            );
        }
        length
    }

    /// For whoever watches.
    pub fn shows(&self) -> BreakerState {
        match *self.state() {
            State::Closed => BreakerState::Closed,
            State::Open { until } if self.clock.now() < until => BreakerState::Open,
            State::Open { .. } | State::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// The state is changed in single assignments, so it is whole even if a holder panicked.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Hands;
    use super::*;

    #[test]
    fn a_ban_stops_all_calls_until_one_has_tried() {
        let hands = Hands::default();
        let breaker = Breaker::new(Clock::from_source(hands.clone()));
        assert!(breaker.admit().is_ok());
        breaker.banned(Duration::ZERO);
        hands.advance(299);
        assert_eq!(breaker.admit(), Err(Duration::from_secs(1)));
        hands.advance(1);
        assert_eq!(breaker.shows(), BreakerState::HalfOpen);
        assert!(breaker.admit().is_ok(), "the probe");
        assert!(breaker.admit().is_err(), "and nobody else");
        breaker.heard();
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok());
    }

    #[test]
    fn a_probe_that_hears_of_the_ban_again_shuts_for_another_time_and_one_that_vanishes_is_followed() {
        let hands = Hands::default();
        let breaker = Breaker::new(Clock::from_source(hands.clone()));
        breaker.banned(Duration::from_secs(600));
        hands.advance(599);
        assert!(breaker.admit().is_err());
        hands.advance(1);
        assert!(breaker.admit().is_ok());
        breaker.banned(Duration::ZERO);
        hands.advance(299);
        assert!(breaker.admit().is_err());
        hands.advance(1);
        assert!(breaker.admit().is_ok(), "this probe never comes back");
        assert!(breaker.admit().is_err());
        hands.advance(10);
        assert!(breaker.admit().is_ok());
    }

    #[test]
    fn a_late_answer_to_an_earlier_call_does_not_end_a_ban() {
        let breaker = Breaker::new(Clock::from_source(Hands::default()));
        breaker.banned(Duration::ZERO);
        breaker.heard();
        assert!(breaker.admit().is_err());
    }
}
