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
}
