//! How often one address may log in: DingTalk allows an app twenty exchanges a second, and one flood must not use them up.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// A steady rate with room for a rush.
#[derive(Debug, Clone, Copy)]
pub struct LoginRate {
    /// Logins a second, for ever.
    pub per_second: NonZeroU32,
    /// Logins at once, after a pause.
    pub burst: NonZeroU32,
}

impl Default for LoginRate {
    /// A company comes in at nine o'clock behind one address: the rush is let in, a flood is not.
    fn default() -> Self {
        const PER_SECOND: NonZeroU32 = NonZeroU32::new(15).unwrap();
        const BURST: NonZeroU32 = NonZeroU32::new(1200).unwrap();
        Self {
            per_second: PER_SECOND,
            burst: BURST,
        }
    }
}

/// Counts logins by address.
pub struct LoginLimiter {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl LoginLimiter {
    /// With this many addresses in memory, those that have been quiet are forgotten.
    const MANY: usize = 10_000;

    /// Starts with nobody counted.
    pub fn new(rate: LoginRate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one login; `Err` says how long to wait for the next.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        if self.limiter.len() > Self::MANY {
            self.limiter.retain_recent();
        }
        self.limiter
            .check_key(&network(address))
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }
}

/// One household has 2⁶⁴ IPv6 addresses, so those count together.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}
