//! Asking whether an organisation of which nothing was heard has authorised the app. Anybody may make up corpIds: that must cost DingTalk
//! little, and the organisations that are known nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::{Call, Error, Kind};

/// How often that is asked.
pub(super) struct LookUps(DefaultDirectRateLimiter);

impl LookUps {
    const PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();
    const AT_ONCE: NonZeroU32 = NonZeroU32::new(50).unwrap();

    /// None was asked yet.
    pub fn new() -> Self {
        Self(RateLimiter::direct(Quota::per_second(Self::PER_SECOND).allow_burst(Self::AT_ONCE)))
    }

    /// Lets `call` ask, unless too many did.
    pub fn admit(&self, call: Call) -> Result<(), Error> {
        let soon = Kind::Crowded(Duration::from_secs(1));
        self.0.check().map_err(|_| Error::new(call, soon, "too many organisations are asked about that nobody has heard of"))
    }
}
