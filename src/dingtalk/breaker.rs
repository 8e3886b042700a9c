//! Whether DingTalk can be reached, as the last calls tell, and whether it is called at all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Error, Kind};

/// The circuit breaker. While DingTalk bans this server's address, further calls make it worse: all calls stop, and one of them tries
/// again later.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Closed,
    /// Until then.
    Open(Instant),
    /// One call was let through to see whether the ban is over. If it never ends, another one may go after this time.
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

    /// Whether a call may be made now; `Err` says for how long none may.
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

    /// Notes that DingTalk answered a call, if only with a refusal. If that call was let through to see whether a ban is over, calls are
    /// made again.
    pub fn heard(&self) {
        let mut state = self.0.lock();
        // An answer to a call from before the ban says nothing about the ban.
        if matches!(*state, State::Probing(_)) {
            *state = State::Closed;
            tracing::info!("dingtalk answers again");
        }
    }

    /// Notes that DingTalk bans this address, for `wait` at least. Returns for how long no call is made. Logged once, however many calls
    /// meet the ban.
    pub fn banned(&self, wait: Duration, now: Instant) -> Duration {
        let mut state = self.0.lock();
        if let State::Open(until) = *state
            && now < until
        {
            return until - now;
        }
        let length = wait.max(Self::SHORTEST);
        *state = State::Open(now + length);
        tracing::error!(
            seconds = length.as_secs(),
            "dingtalk has shut this server's address out (more than 10,000 calls in 20 seconds), or something between answers in \
             its place: no call is made meanwhile, sessions and cached signatures go on"
        );
        length
    }

    /// The present state, changing nothing.
    pub fn shows(&self, now: Instant) -> BreakerState {
        match *self.0.lock() {
            State::Closed => BreakerState::Closed,
            State::Open(until) if now < until => BreakerState::Open,
            State::Open(_) | State::Probing(_) => BreakerState::HalfOpen,
        }
    }
}

/// Whether DingTalk answered the last calls.
#[derive(Default)]
pub(super) struct Reachability {
    /// The calls without an answer since the last answer, if there were any.
    outage: Mutex<Option<Outage>>,
    /// Whether any call was ever answered. Until then, there may be no route to DingTalk at all.
    was_answered: AtomicBool,
}

/// A time without answers. `calls` counts those that logins depend on.
struct Outage {
    began: Instant,
    calls: u32,
    is_lost: bool,
}

impl Reachability {
    /// DingTalk counts as unreachable after this many lost calls, over at least [`Self::LONG`]. One lost call, or several in one bad
    /// second, say nothing about the next.
    const CALLS: u32 = 3;
    const LONG: Duration = Duration::from_secs(5);

    /// Takes note of how a call ended.
    pub fn note(&self, outcome: Result<(), &Error>, now: Instant) {
        let Some(answered) = outcome.map_or_else(|error| is_answer(&error.kind), |()| Some(true)) else { return };
        let mut outage = self.outage.lock();
        if answered {
            self.was_answered.store(true, Ordering::Relaxed);
            if outage.take().is_some_and(|outage| outage.is_lost) {
                tracing::info!("dingtalk is reached again");
            }
            return;
        }
        let outage = outage.get_or_insert(Outage { began: now, calls: 0, is_lost: false });
        // A lost call that logins do not depend on raises a doubt, and no more.
        if outcome.is_err_and(|error| !error.call.is_of_logins()) {
            return;
        }
        if outage.calls == 0 {
            outage.began = now;
        }
        outage.calls += 1;
        let lasts = outage.calls >= Self::CALLS && now >= outage.began + Self::LONG;
        if !outage.is_lost && (lasts || !self.was_answered()) {
            outage.is_lost = true;
            tracing::error!(calls = outage.calls, "dingtalk is not reached: nobody can log in, sessions go on");
        }
    }

    /// Whether the last call was not answered, or none was so far, so that another one would tell more.
    pub fn is_in_doubt(&self) -> bool {
        !self.was_answered() || self.outage.lock().is_some()
    }

    /// Whether any call was ever answered.
    pub fn was_answered(&self) -> bool {
        self.was_answered.load(Ordering::Relaxed)
    }

    /// Whether DingTalk is unreachable: the very first call that logins depend on, or several over some seconds, were not answered, and
    /// no call of any sort was since.
    pub fn is_lost(&self) -> bool {
        self.outage.lock().as_ref().is_some_and(|outage| outage.is_lost)
    }
}

/// Whether a failure of this kind counts as an answer of DingTalk's; None if it does not show that. A refusal is an answer, even one for
/// too many calls.
pub(super) fn is_answer(kind: &Kind) -> Option<bool> {
    match kind {
        Kind::NotSent(_) | Kind::AnswerLost | Kind::Unintelligible(500..) | Kind::Busy => Some(false),
        // DingTalk refuses every call from this server's address, whatever it is.
        Kind::IpNotAllowed(_) => Some(false),
        // Something in between answered this one call; the two about a ban are the breaker's matter; the last says nothing about
        // DingTalk.
        Kind::Unintelligible(_) | Kind::Banned(_) | Kind::NotAsked(_) | Kind::Interrupted => None,
        // Nothing was sent.
        Kind::NoTurn(_) | Kind::Crowded(_) => None,
        Kind::TokenRejected | Kind::CodeRejected | Kind::RateLimited | Kind::LimitedForLonger | Kind::QuotaSpent => Some(true),
        Kind::Credentials | Kind::Clock | Kind::Permission(_) | Kind::UserNotVisible => Some(true),
        Kind::UserUnknown | Kind::AppStopped | Kind::NotAuthorised | Kind::SuiteTicket | Kind::NoSuchCall => Some(true),
        Kind::Malformed | Kind::Unexpected => Some(true),
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
    fn who_meets_a_ban_that_is_known_waits_for_the_rest_of_it_and_one_that_has_passed_is_a_new_one() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        assert_eq!(breaker.banned(seconds(3600), began), seconds(3600));
        assert_eq!(breaker.banned(Duration::ZERO, began + seconds(60)), seconds(3540));
        assert_eq!(breaker.banned(seconds(7200), began + seconds(3599)), seconds(1));
        let passed = began + seconds(3600);
        assert_eq!(breaker.banned(Duration::ZERO, passed), seconds(300));
        assert_eq!(breaker.admit(passed + seconds(100)), Err(seconds(200)));
    }

    #[test]
    fn a_late_answer_to_an_earlier_call_does_not_end_a_ban() {
        let (breaker, began) = (Breaker::default(), Instant::now());
        breaker.banned(Duration::ZERO, began);
        breaker.heard();
        assert!(breaker.admit(began).is_err());
    }
}
