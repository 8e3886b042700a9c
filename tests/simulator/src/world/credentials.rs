//! access_token and jsapi_ticket: what a repeated call returns, and when a value dies.

use super::Millis;
use crate::secret;

const TWO_HOURS: Millis = 2 * 60 * 60 * 1000;
const ONE_DAY: Millis = 24 * 60 * 60 * 1000;
/// How many dead tickets are remembered, to tell a page that it was signed with one of them.
const REMEMBERED: usize = 8;

/// A value with a life, and how often it was handed out.
#[derive(Debug, Clone)]
pub struct Credential {
    pub value: String,
    pub expires_at: Millis,
    pub calls: u64,
    created_at: Millis,
}

impl Credential {
    fn new(value: String, now: Millis) -> Self {
        Self { value, expires_at: now, calls: 0, created_at: now }
    }

    fn hand_out(&mut self, expires_at: Millis) -> &Self {
        self.expires_at = expires_at;
        self.calls += 1;
        self
    }

    /// `expireIn` as the answers carry it.
    pub fn expire_in_seconds(&self, now: Millis) -> u64 {
        self.expires_at.saturating_sub(now) / 1000
    }

    fn alive(&self, now: Millis) -> bool {
        now < self.expires_at
    }
}

/// How long a value lives from each call on.
#[derive(Debug, Clone, Copy)]
struct Life(Millis);

impl Default for Life {
    fn default() -> Self {
        Self(TWO_HOURS)
    }
}

/// The internal app's access_token: the same value, renewed by each call, until it expires.
#[derive(Debug, Default)]
pub struct AccessToken {
    newest: Option<Credential>,
    life: Life,
}

impl AccessToken {
    /// From the next call on.
    pub fn live_for(&mut self, life: Millis) {
        self.life = Life(life);
    }

    pub fn hand_out(&mut self, now: Millis) -> &Credential {
        self.newest.take_if(|token| !token.alive(now));
        self.newest.get_or_insert_with(|| Credential::new(secret::hex32(), now)).hand_out(now + self.life.0)
    }

    pub fn accepts(&self, value: &str, now: Millis) -> bool {
        self.current(now).is_some_and(|token| token.value == value)
    }

    pub fn revoke(&mut self) {
        self.newest = None;
    }

    pub fn current(&self, now: Millis) -> Option<&Credential> {
        self.newest.as_ref().filter(|token| token.alive(now))
    }
}

/// The app's jsapi_ticket: renewed like the token, but never past 24 hours after it was created.
#[derive(Debug, Default)]
pub struct JsapiTicket {
    newest: Option<Credential>,
    previous: Vec<String>,
    life: Life,
}

impl JsapiTicket {
    /// From the next call on.
    pub fn live_for(&mut self, life: Millis) {
        self.life = Life(life);
    }

    pub fn hand_out(&mut self, now: Millis) -> &Credential {
        if let Some(dead) = self.newest.take_if(|ticket| !ticket.alive(now)) {
            self.previous.insert(0, dead.value);
            self.previous.truncate(REMEMBERED);
        }
        let ticket = self.newest.get_or_insert_with(|| Credential::new(secret::hex64(), now));
        ticket.hand_out((now + self.life.0).min(ticket.created_at + ONE_DAY))
    }

    pub fn current(&self, now: Millis) -> Option<&Credential> {
        self.newest.as_ref().filter(|ticket| ticket.alive(now))
    }

    /// Tickets that are dead by now, the youngest first.
    pub fn previous(&self) -> &[String] {
        &self.previous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_without_a_limit_and_replaced_after_it_expired() {
        let mut token = AccessToken::default();
        let first = token.hand_out(0).value.clone();
        for hour in 1..100 {
            assert_eq!(token.hand_out(hour * TWO_HOURS / 2).value, first);
        }
        let expired = 99 * TWO_HOURS / 2 + TWO_HOURS;
        assert!(token.accepts(&first, expired - 1));
        assert!(!token.accepts(&first, expired));
        assert_ne!(token.hand_out(expired).value, first);
    }

    #[test]
    fn a_revoked_token_is_dead_and_the_next_one_is_different() {
        let mut token = AccessToken::default();
        let first = token.hand_out(0).value.clone();
        token.revoke();
        assert!(!token.accepts(&first, 0));
        assert_ne!(token.hand_out(0).value, first);
    }

    #[test]
    fn credentials_live_as_long_as_they_are_told_to() {
        let (mut token, mut ticket) = (AccessToken::default(), JsapiTicket::default());
        token.live_for(2000);
        ticket.live_for(2000);
        assert_eq!(token.hand_out(0).expire_in_seconds(0), 2);
        assert_eq!(ticket.hand_out(0).expire_in_seconds(0), 2);
        assert!(token.current(1999).is_some() && token.current(2000).is_none());
        assert!(ticket.current(1999).is_some() && ticket.current(2000).is_none());
    }

    #[test]
    fn a_ticket_lives_for_two_hours_when_nobody_renews_it() {
        let mut ticket = JsapiTicket::default();
        let first = ticket.hand_out(0).value.clone();
        assert!(ticket.current(TWO_HOURS - 1).is_some());
        assert!(ticket.current(TWO_HOURS).is_none());
        assert_ne!(ticket.hand_out(TWO_HOURS).value, first);
        assert_eq!(ticket.previous(), [first]);
    }

    #[test]
    fn a_renewed_ticket_dies_24_hours_after_its_creation() {
        let mut ticket = JsapiTicket::default();
        let first = ticket.hand_out(0).value.clone();
        for hour in 1..24 {
            let now = hour * ONE_DAY / 24;
            let renewed = ticket.hand_out(now);
            assert_eq!(renewed.value, first);
            assert_eq!(renewed.expires_at, (now + TWO_HOURS).min(ONE_DAY));
        }
        assert_ne!(ticket.hand_out(ONE_DAY).value, first);
    }
}
