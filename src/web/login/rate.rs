//! How often people may log in: DingTalk allows an app twenty exchanges a second, and no flood must use them up.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::web::guard::ClientAddress;

/// A steady rate with room for a rush.
#[derive(Debug, Clone, Copy)]
pub struct LoginRate {
    /// Logins a second, for ever.
    pub per_second: NonZeroU32,
    /// Logins at once, after a pause.
    pub burst: NonZeroU32,
}

/// The rate of one address and that of all together.
#[derive(Debug, Clone, Copy)]
pub struct LoginRates {
    /// Of one address.
    pub per_address: LoginRate,
    /// Of everybody.
    pub total: LoginRate,
}

impl Default for LoginRates {
    /// A company comes in at nine o'clock behind one address: the rush is let in, a flood is not. The steady rate of all stays below
    /// DingTalk's (20 calls of one API a second, standard edition), and that of one address leaves something for the others.
    fn default() -> Self {
        const PER_ADDRESS: LoginRate =
            LoginRate { per_second: NonZeroU32::new(10).unwrap(), burst: NonZeroU32::new(1200).unwrap() };
        const TOTAL: LoginRate = LoginRate { per_second: NonZeroU32::new(18).unwrap(), burst: NonZeroU32::new(2400).unwrap() };
        Self { per_address: PER_ADDRESS, total: TOTAL }
    }
}

impl LoginRate {
    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

/// Counts logins, by address and in total.
pub struct LoginLimiter {
    per_address: DefaultKeyedRateLimiter<IpAddr>,
    total: DefaultDirectRateLimiter,
    sweeps: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl LoginLimiter {
    /// With this many addresses in memory, those that have been quiet are forgotten, once a second at most.
    const MANY: usize = 10_000;
    /// With this many not even one login of each could be let in: nobody's is, until some have been quiet.
    const TOO_MANY: usize = 100_000;

    /// Starts with nobody counted.
    pub fn new(rates: LoginRates) -> Self {
        Self {
            per_address: RateLimiter::keyed(rates.per_address.quota()),
            total: RateLimiter::direct(rates.total.quota()),
            sweeps: RateLimiter::direct(Quota::per_second(NonZeroU32::MIN)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one login; `Err` says how long to wait for the next. An address beyond its own rate takes nothing from the others.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        let known = self.per_address.len();
        if known > Self::MANY && self.sweeps.check().is_ok() {
            self.per_address.retain_recent();
        }
        if known >= Self::TOO_MANY {
            return Err(Duration::from_secs(1));
        }
        let now = self.clock.now();
        self.per_address
            .check_key(&ClientAddress(address).network())
            .and_then(|()| self.total.check())
            .map_err(|refused| refused.wait_time_from(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn ten_million_addresses_fill_no_memory_and_get_no_more_than_the_total() {
        let limiter = LoginLimiter::new(LoginRates::default());
        let mut let_in = 0;
        for address in 0..10_000_000 {
            let_in += u32::from(limiter.check(Ipv4Addr::from_bits(address).into()).is_ok());
        }
        assert!(limiter.per_address.len() <= LoginLimiter::TOO_MANY);
        assert!(let_in >= 2400, "{let_in}");
        let steady = 18 * 60;
        assert!(let_in < 2400 + steady, "{let_in}: this takes less than a minute");
    }

    #[test]
    fn an_address_beyond_its_rate_takes_nothing_from_the_others() {
        let limiter = LoginLimiter::new(LoginRates::default());
        let loud: IpAddr = "2001:db8::1".parse().unwrap();
        let neighbour = "2001:db8::2".parse().unwrap();
        let refused = (0..100_000).filter(|_| limiter.check(loud).is_err()).count();
        assert!(refused > 90_000);
        assert!(limiter.check(neighbour).is_err(), "the same network");
        for other in 0..1000 {
            assert!(limiter.check(Ipv4Addr::from_bits(other).into()).is_ok());
        }
    }
}
