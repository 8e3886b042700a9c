//! access_tokens: for whom each was granted, what a repeated call returns, and when a token expires.

use std::collections::HashMap;

use super::{Credential, Life, Millis};
use crate::secret;

/// How long an expired token is stored, to know which app still calls with it.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;

/// The app and the organisation that a token is for. Either may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    pub client_id: String,
    pub corp_id: String,
}

impl Holder {
    pub fn new(client_id: &str, corp_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), corp_id: corp_id.to_owned() }
    }

    /// An organisation, whatever the app.
    pub fn of_organisation(corp_id: &str) -> Self {
        Self::new("", corp_id)
    }
}

/// The tokens of all apps at all organisations.
#[derive(Debug, Default)]
pub struct Tokens {
    granted: HashMap<String, (Holder, Credential)>,
    newest: HashMap<Holder, String>,
    life: Life,
    /// Whether a new token of a third-party or custom app revokes the one before. DingTalk does not document it.
    pub newer_kills_older: bool,
}

impl Tokens {
    /// Sets the lifetime of tokens, from the next call on.
    pub fn live_for(&mut self, life: Millis) {
        self.life = Life(life);
    }

    /// The token, as an internal app gets it: the same value with a new expiry time, or a new value if the old one has expired.
    pub fn renew(&mut self, holder: &Holder, now: Millis) -> Credential {
        let value = match self.current(holder, now) {
            Some(alive) => alive.value.clone(),
            None => self.keep(holder, now),
        };
        self.hand_out(&value, now)
    }

    /// The token, as a third-party or custom app gets it: a new value at each call.
    pub fn grant(&mut self, holder: &Holder, now: Millis) -> Credential {
        if self.newer_kills_older {
            self.revoke(holder, now);
        }
        let value = self.keep(holder, now);
        self.hand_out(&value, now)
    }

    /// The holder of a token, even of one that has expired or was revoked.
    pub fn holder(&self, value: &str) -> Option<&Holder> {
        self.granted.get(value).map(|(holder, _)| holder)
    }

    pub fn is_alive(&self, value: &str, now: Millis) -> bool {
        self.granted.get(value).is_some_and(|(_, token)| token.is_alive(now))
    }

    /// Revokes all of this holder's tokens.
    pub fn revoke(&mut self, holder: &Holder, now: Millis) {
        for (_, token) in self.granted.values_mut().filter(|(of, _)| of == holder) {
            token.expires_at = token.expires_at.min(now);
        }
    }

    /// The newest token of this holder, unless it has expired or was revoked.
    pub fn current(&self, holder: &Holder, now: Millis) -> Option<&Credential> {
        let (_, token) = self.granted.get(self.newest.get(holder)?)?;
        token.is_alive(now).then_some(token)
    }

    fn keep(&mut self, holder: &Holder, now: Millis) -> String {
        self.granted.retain(|_, (_, token)| token.expires_at + REMEMBERED > now);
        let value = secret::hex32();
        self.granted.insert(value.clone(), (holder.clone(), Credential::new(value.clone(), now)));
        self.newest.insert(holder.clone(), value.clone());
        value
    }

    fn hand_out(&mut self, value: &str, now: Millis) -> Credential {
        let expires_at = now + self.life.0;
        match self.granted.get_mut(value) {
            Some((_, token)) => token.hand_out(expires_at).clone(),
            None => Credential::new(value.to_owned(), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_HOURS: Millis = 2 * 60 * 60 * 1000;

    fn holder() -> Holder {
        Holder::new("app", "corp")
    }

    #[test]
    fn an_internal_apps_token_is_renewed_without_a_limit_and_replaced_after_it_expired() {
        let mut tokens = Tokens::default();
        let first = tokens.renew(&holder(), 0).value;
        for hour in 1..100 {
            assert_eq!(tokens.renew(&holder(), hour * TWO_HOURS / 2).value, first);
        }
        let expired = 99 * TWO_HOURS / 2 + TWO_HOURS;
        assert!(tokens.is_alive(&first, expired - 1));
        assert!(!tokens.is_alive(&first, expired));
        assert_ne!(tokens.renew(&holder(), expired).value, first);
        assert_eq!(tokens.holder(&first), Some(&holder()), "whose it was is still known");
    }

    #[test]
    fn a_third_party_apps_token_is_a_new_one_each_time_and_what_becomes_of_the_older_can_be_chosen() {
        let mut tokens = Tokens::default();
        let [first, second] = [(); 2].map(|()| tokens.grant(&holder(), 0).value);
        assert_ne!(first, second);
        assert!(tokens.is_alive(&first, 1) && tokens.is_alive(&second, 1));
        tokens.newer_kills_older = true;
        let third = tokens.grant(&holder(), 0).value;
        assert!(!tokens.is_alive(&first, 1) && !tokens.is_alive(&second, 1) && tokens.is_alive(&third, 1));
    }

    #[test]
    fn a_revoked_token_is_dead_and_nobody_elses_dies_with_it() {
        let mut tokens = Tokens::default();
        let elsewhere = Holder::new("app", "elsewhere");
        let [ours, theirs] = [&holder(), &elsewhere].map(|holder| tokens.renew(holder, 0).value);
        tokens.revoke(&holder(), 0);
        assert!(!tokens.is_alive(&ours, 0) && tokens.is_alive(&theirs, 0));
        assert_ne!(tokens.renew(&holder(), 0).value, ours);
    }

    #[test]
    fn tokens_live_as_long_as_they_are_told_to() {
        let mut tokens = Tokens::default();
        tokens.live_for(2000);
        assert_eq!(tokens.renew(&holder(), 0).expire_in_seconds(0), 2);
        assert!(tokens.current(&holder(), 1999).is_some() && tokens.current(&holder(), 2000).is_none());
    }
}
