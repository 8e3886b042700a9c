//! The tokens of people who logged in with a browser outside the client.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Holder, Millis, Person};
use crate::secret;

const TWO_HOURS: Millis = 2 * 60 * 60 * 1000;
const THIRTY_DAYS: Millis = 30 * 24 * 60 * 60 * 1000;
/// How long an expired token is stored, to answer that it has expired.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;

/// An app at an organisation, and the person that it acts for.
#[derive(Debug, Clone)]
pub struct OnBehalf {
    pub holder: Holder,
    pub person: Arc<Person>,
    /// Whether the app asked for the corpId as well.
    pub corp_id_asked: bool,
}

/// Access tokens and refresh tokens.
#[derive(Debug, Default)]
pub struct UserTokens {
    access: HashMap<String, (OnBehalf, Millis)>,
    refresh: HashMap<String, (OnBehalf, Millis)>,
}

/// The tokens that an app is given; `seconds` is the lifetime of the access token.
pub struct Pair {
    pub access: String,
    pub refresh: String,
    pub seconds: u64,
}

impl UserTokens {
    /// Grants a pair of tokens. An access token that has not expired is granted again, and is valid for two hours from now.
    pub fn grant(&mut self, who: OnBehalf, now: Millis) -> Pair {
        for tokens in [&mut self.access, &mut self.refresh] {
            tokens.retain(|_, (_, until)| *until + REMEMBERED > now);
        }
        let same = |(other, until): &(OnBehalf, Millis)| {
            now < *until && other.holder == who.holder && other.person.user_id == who.person.user_id
        };
        let living = self.access.iter().find(|(_, token)| same(token)).map(|(access, _)| access.clone());
        let access = living.unwrap_or_else(secret::hex32);
        let pair = Pair { access, refresh: secret::hex32(), seconds: TWO_HOURS / 1000 };
        self.access.insert(pair.access.clone(), (who.clone(), now + TWO_HOURS));
        self.refresh.insert(pair.refresh.clone(), (who, now + THIRTY_DAYS));
        pair
    }

    /// Exchanges a refresh token of this app, which is used up, for a new pair.
    pub fn renew(&mut self, refresh: &str, client_id: &str, now: Millis) -> Option<(OnBehalf, Pair)> {
        self.refresh.get(refresh).filter(|(who, until)| who.holder.client_id == client_id && now < *until)?;
        let (who, _) = self.refresh.remove(refresh)?;
        let pair = self.grant(who.clone(), now);
        Some((who, pair))
    }

    /// Removes the tokens of all people for this app at this organisation.
    pub fn revoke(&mut self, holder: &Holder) {
        for tokens in [&mut self.access, &mut self.refresh] {
            tokens.retain(|_, (who, _)| who.holder != *holder);
        }
    }

    /// The app and the person that an access token is for, and whether it is still valid.
    pub fn who(&self, access: &str, now: Millis) -> Option<(&OnBehalf, bool)> {
        self.access.get(access).map(|(who, until)| (who, now < *until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_renewed_once_and_by_its_own_app_only() {
        let mut tokens = UserTokens::default();
        let who = OnBehalf { holder: Holder::new("app", "corp"), person: Arc::new(Person::made_up(1)), corp_id_asked: true };
        let first = tokens.grant(who, 0);
        assert!(tokens.who(&first.access, TWO_HOURS - 1).is_some_and(|(_, alive)| alive));
        assert!(tokens.who(&first.access, TWO_HOURS).is_some_and(|(_, alive)| !alive));
        assert!(tokens.renew(&first.refresh, "another", 0).is_none());
        assert!(tokens.renew(&first.refresh, "app", THIRTY_DAYS).is_none());
        let (_, second) = tokens.renew(&first.refresh, "app", 0).expect("a pair");
        assert!(second.access == first.access && tokens.renew(&first.refresh, "app", 0).is_none());
        let (_, third) = tokens.renew(&second.refresh, "app", TWO_HOURS - 1).expect("a pair");
        assert!(tokens.who(&first.access, TWO_HOURS).is_some_and(|(_, alive)| alive), "it was renewed");
        let (_, fourth) = tokens.renew(&third.refresh, "app", 2 * TWO_HOURS).expect("a pair");
        assert_ne!(fourth.access, first.access, "it had died");
    }

    #[test]
    fn a_dead_token_is_forgotten_after_a_day() {
        let mut tokens = UserTokens::default();
        let who = OnBehalf { holder: Holder::new("app", "corp"), person: Arc::new(Person::made_up(1)), corp_id_asked: true };
        let first = tokens.grant(who.clone(), 0);
        tokens.grant(who.clone(), TWO_HOURS + REMEMBERED - 1);
        assert!(tokens.who(&first.access, TWO_HOURS + REMEMBERED).is_some_and(|(_, alive)| !alive));
        tokens.grant(who, THIRTY_DAYS + REMEMBERED);
        assert!(tokens.who(&first.access, 0).is_none());
        assert_eq!((tokens.access.len(), tokens.refresh.len()), (1, 2));
    }
}
