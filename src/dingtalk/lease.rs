//! A credential's value with the time it is good for.

use std::time::Duration;

/// A value with the time it is good for.
#[derive(Debug)]
pub struct Lease<T> {
    /// What DingTalk has granted.
    pub value: T,
    /// For so long, from when it was granted.
    pub life: Duration,
    /// Asking again does not renew it but brings another, which may be its end: it is used to its own end.
    pub is_replaced: bool,
    /// When it was granted or renewed.
    pub granted_ago: Duration,
    /// When this value was first seen, which may be before it was granted again.
    pub seen_ago: Duration,
}

impl<T> Lease<T> {
    /// DingTalk grants two hours; more is not believed.
    const LONGEST: Duration = Duration::from_secs(7200);
    /// A shorter life is not believed either. All that DingTalk grants begins with two hours and is renewed by being asked for, so a minute
    /// is a mistake, and would make a fetch of every login, which DingTalk forbids. What is dead after all is rejected, and replaced then.
    const SHORTEST: Duration = Duration::from_secs(5 * 60);
    /// Beyond a day it is not a lifetime but a mistake.
    const ABSURD: Duration = Duration::from_secs(24 * 60 * 60);

    /// None when `life` is zero or absurd; between five minutes and two hours otherwise.
    pub fn new(value: T, life: Duration) -> Option<Self> {
        (!life.is_zero() && life <= Self::ABSURD).then(|| Self {
            value,
            life: life.clamp(Self::SHORTEST, Self::LONGEST),
            is_replaced: false,
            granted_ago: Duration::ZERO,
            seen_ago: Duration::ZERO,
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
        assert_eq!(Lease::new((), Duration::from_secs(86_400)).unwrap().life, Duration::from_secs(7200));
        for (said, life) in [
            (1, 300),
            (2, 300),
            (30, 300),
            (59, 300),
            (60, 300),
            (61, 300),
            (299, 300),
            (301, 301),
            (7199, 7199),
            (7201, 7200),
            (5, 300),
            (120, 300),
            (300, 300),
            (600, 600),
            (86_400, 7200),
        ] {
            assert_eq!(Lease::new((), Duration::from_secs(said)).unwrap().life, Duration::from_secs(life));
        }
    }
}
