//! What was signed lately, so that a client's refusal can be explained.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::dingtalk::{Clock, SignedPage};

/// The last pages that were signed, and how often refusals of them are listened to.
pub struct SignedPages {
    latest: Mutex<VecDeque<SignedPage>>,
    reports: DefaultDirectRateLimiter,
    ticket_renewed: Mutex<Option<Instant>>,
    clock: Clock,
}

impl SignedPages {
    /// A refusal comes within seconds of its signature.
    const KEPT: usize = 1024;
    /// Reports a second, and at once: enough for a person who tries, too few to flood a log.
    const REPORTS: (NonZeroU32, NonZeroU32) = (NonZeroU32::new(1).unwrap(), NonZeroU32::new(20).unwrap());
    /// A page may claim that a ticket is dead. However often it does, a new one is fetched once in this time.
    const BETWEEN_TICKETS: Duration = Duration::from_secs(60);

    /// Nothing signed yet.
    pub fn new(clock: Clock) -> Self {
        let (per_second, burst) = Self::REPORTS;
        Self {
            latest: Mutex::new(VecDeque::with_capacity(Self::KEPT)),
            reports: RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst)),
            ticket_renewed: Mutex::new(None),
            clock,
        }
    }

    /// Remembers a signature.
    pub fn remember(&self, page: SignedPage) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == Self::KEPT {
            latest.pop_front();
        }
        latest.push_back(page);
    }

    /// The signature with this nonce.
    pub fn with_nonce(&self, nonce: &str) -> Option<SignedPage> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().rev().find(|page| page.nonce_str.as_str() == nonce).cloned()
    }

    /// Whether one more report may be listened to.
    pub fn may_report(&self) -> bool {
        self.reports.check().is_ok()
    }

    /// Whether a ticket may be renewed on a page's word now.
    pub fn may_renew_ticket(&self) -> bool {
        let now = self.clock.now();
        let mut renewed = self.ticket_renewed.lock().unwrap_or_else(PoisonError::into_inner);
        let due = renewed.is_none_or(|last| now >= last + Self::BETWEEN_TICKETS);
        if due {
            *renewed = Some(now);
        }
        due
    }
}
