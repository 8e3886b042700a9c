//! A token or a ticket with its expiry time, and how often it was handed out.

use super::Millis;

const TWO_HOURS: Millis = 2 * 60 * 60 * 1000;

/// A token or a ticket.
#[derive(Debug, Clone)]
pub struct Credential {
    pub value: String,
    pub expires_at: Millis,
    pub calls: u64,
    pub created_at: Millis,
}

impl Credential {
    pub fn new(value: String, now: Millis) -> Self {
        Self { value, expires_at: now, calls: 0, created_at: now }
    }

    pub fn hand_out(&mut self, expires_at: Millis) -> &Self {
        self.expires_at = expires_at;
        self.calls += 1;
        self
    }

    /// `expireIn` as the answers carry it.
    pub fn expire_in_seconds(&self, now: Millis) -> u64 {
        self.expires_at.saturating_sub(now) / 1000
    }

    pub fn is_alive(&self, now: Millis) -> bool {
        now < self.expires_at
    }
}

/// The lifetime of a token or a ticket, counted from each call that returns it.
#[derive(Debug, Clone, Copy)]
pub struct Life(pub Millis);

impl Default for Life {
    fn default() -> Self {
        Self(TWO_HOURS)
    }
}
