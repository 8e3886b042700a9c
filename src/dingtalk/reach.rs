//! Whether DingTalk can be reached, as the last calls tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Error, Kind};

/// What came of the last calls.
#[derive(Default)]
pub(super) struct Reach {
    /// Since the last answer, if anything.
    silence: Mutex<Option<Silence>>,
    /// Until then, there may be no way to DingTalk at all.
    was_answered: AtomicBool,
}

/// What came of the calls since then.
struct Silence {
    began: Instant,
    calls: u32,
    is_lost: bool,
}

impl Reach {
    /// One call that is lost, or several in one bad second, say nothing about the next.
    const CALLS: u32 = 3;
    const LONG: Duration = Duration::from_secs(5);

    /// Takes note of how a call ended.
    pub fn note(&self, outcome: Result<(), &Error>, now: Instant) {
        let Some(answered) = outcome.map_or_else(|error| was_answered(&error.kind), |()| Some(true)) else { return };
        let mut silence = self.silence.lock();
        if answered {
            self.was_answered.store(true, Ordering::Relaxed);
            if silence.take().is_some_and(|silence| silence.is_lost) {
                tracing::info!("dingtalk is reached again");
            }
            return;
        }
        let silence = silence.get_or_insert(Silence { began: now, calls: 0, is_lost: false });
        silence.calls += 1;
        let lasts = silence.calls >= Self::CALLS && now >= silence.began + Self::LONG;
        if !silence.is_lost && (lasts || !self.was_answered()) {
            silence.is_lost = true;
            tracing::error!(calls = silence.calls, "dingtalk is not reached: nobody can log in, sessions go on");
        }
    }

    /// Whether the last call was not answered, or none was so far, so that another one would tell more.
    pub fn is_in_doubt(&self) -> bool {
        !self.was_answered() || self.silence.lock().is_some()
    }

    /// Whether any call was ever answered.
    pub fn was_answered(&self) -> bool {
        self.was_answered.load(Ordering::Relaxed)
    }

    /// Whether the first call, or several over some seconds, were not answered, and none was since.
    pub fn is_lost(&self) -> bool {
        self.silence.lock().as_ref().is_some_and(|silence| silence.is_lost)
    }
}

/// Whether DingTalk has answered; None for what says nothing about it. A refusal is an answer, be it for too many calls.
pub(super) fn was_answered(kind: &Kind) -> Option<bool> {
    match kind {
        Kind::NotSent(_) | Kind::AnswerLost | Kind::Unintelligible(500..) | Kind::Busy => Some(false),
        // Who calls from this server's address is not let in, whoever they are and whatever they call.
        Kind::IpNotAllowed(_) => Some(false),
        // Made for one call by something between, the breaker's matter, and nobody's.
        Kind::Unintelligible(_) | Kind::Banned(_) | Kind::NotAsked(_) | Kind::Interrupted => None,
        // Nothing was sent.
        Kind::NoTurn(_) | Kind::Crowded(_) => None,
        Kind::TokenRejected | Kind::CodeRejected | Kind::RateLimited | Kind::LimitedForLonger | Kind::QuotaSpent => Some(true),
        Kind::Credentials | Kind::Clock | Kind::Permission(_) | Kind::UserNotVisible => Some(true),
        Kind::UserUnknown | Kind::AppStopped | Kind::NotAuthorised | Kind::SuiteTicket | Kind::NoSuchCall => Some(true),
        Kind::Malformed | Kind::Unexpected => Some(true),
    }
}
