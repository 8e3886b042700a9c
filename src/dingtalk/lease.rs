//! How long a credential is good, as far as DingTalk is believed.

use std::time::Duration;

/// A value with the time it is good for.
#[derive(Debug)]
pub struct Lease<T> {
    pub(super) value: T,
    pub(super) life: Duration,
}

impl<T> Lease<T> {
    /// DingTalk grants two hours; more is not believed (contract 1.1, 3.3).
    const LONGEST: Duration = Duration::from_secs(7200);
    /// Beyond a day it is not a lifetime but a mistake.
    const ABSURD: Duration = Duration::from_secs(24 * 60 * 60);

    /// None when `life` is zero or absurd; clamped to two hours otherwise.
    pub fn new(value: T, life: Duration) -> Option<Self> {
        (!life.is_zero() && life <= Self::ABSURD).then(|| Self {
            value,
            life: life.min(Self::LONGEST),
        })
    }
}

/// A renewal is begun so long before the end: it may take two calls, and a call five seconds.
const LEAD: Duration = Duration::from_secs(10);

/// How much of `life` passes before a renewal: 90 %, less up to 5 % so that many servers do not renew in step. A tenth of a short life is
/// too short to renew in; there it is the lead before the end, or half-way.
pub(super) fn due_after(life: Duration) -> Duration {
    let usual = life.mul_f64(0.90 - rand::random::<f64>() * 0.05);
    usual.min(life.saturating_sub(LEAD).max(life / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_clamped_and_absurd_ones_refused() {
        assert!(Lease::new((), Duration::ZERO).is_none());
        assert!(Lease::new((), Duration::from_secs(u64::MAX)).is_none());
        assert_eq!(
            Lease::new((), Duration::from_secs(86_400)).unwrap().life,
            Duration::from_secs(7200)
        );
        assert_eq!(Lease::new((), Duration::from_secs(60)).unwrap().life, Duration::from_secs(60));
    }

    #[test]
    fn a_credential_is_due_when_there_is_still_time_to_renew_it() {
        for seconds in [1, 3, 5, 12, 20, 60, 7200] {
            let life = Duration::from_secs(seconds);
            let due = due_after(life);
            assert!(life - due >= LEAD.min(life / 2), "{life:?}: due after {due:?}");
            assert!(due >= life / 2, "{life:?}: due after {due:?}");
        }
        assert!(
            due_after(Duration::from_secs(7200)) >= Duration::from_secs(6120),
            "a long life is used"
        );
    }
}
