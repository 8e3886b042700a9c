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
    /// Beyond a day it is not a lifetime but a mistake.
    const ABSURD: Duration = Duration::from_secs(24 * 60 * 60);

    /// None when `life` is zero or absurd; two hours at most otherwise.
    pub fn new(value: T, life: Duration) -> Option<Self> {
        (!life.is_zero() && life <= Self::ABSURD).then(|| Self {
            value,
            life: life.min(Self::LONGEST),
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
    fn lifetimes_are_two_hours_at_most_and_absurd_ones_refused() {
        assert!(Lease::new((), Duration::ZERO).is_none());
        assert!(Lease::new((), Duration::from_secs(u64::MAX)).is_none());
        for (said, life) in [(1, 1), (299, 299), (7199, 7199), (7201, 7200), (86_400, 7200)] {
            assert_eq!(Lease::new((), Duration::from_secs(said)).unwrap().life, Duration::from_secs(life));
        }
    }
}
