//! authCodes: five minutes, one use, bound to app, organisation and person.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Holder, Millis, OnBehalf, Person};
use crate::secret;

const LIFETIME: Millis = 5 * 60 * 1000;
/// How long an expired code is stored, to notice that an app sends it again.
const REMEMBERED: Millis = 60 * 60 * 1000;

/// The codes that were handed out.
#[derive(Debug, Default)]
pub struct Codes {
    issued: HashMap<String, AuthCode>,
    sent_again: u64,
}

#[derive(Debug)]
struct AuthCode {
    holder: Holder,
    person: Arc<Person>,
    corp_id_asked: bool,
    expires_at: Millis,
    used: bool,
    has_been_here: bool,
}

impl Codes {
    pub fn issue(&mut self, holder: Holder, person: Arc<Person>, now: Millis) -> String {
        self.issue_to(OnBehalf { holder, person, corp_id_asked: false }, now)
    }

    /// Issues a code of the login page, for an app that may have asked for the corpId as well.
    pub fn issue_to(&mut self, who: OnBehalf, now: Millis) -> String {
        self.issued.retain(|_, code| code.expires_at + REMEMBERED > now);
        let value = secret::hex32();
        let OnBehalf { holder, person, corp_id_asked } = who;
        let expires_at = now + LIFETIME;
        let code = AuthCode { holder, person, corp_id_asked, expires_at, used: false, has_been_here: false };
        self.issued.insert(value.clone(), code);
        value
    }

    /// Notes that an app sent a code, and returns whether it was sent before. An app must not send a code again: it cannot know that the
    /// code is still valid.
    pub fn came_again(&mut self, value: &str) -> bool {
        let Some(code) = self.issued.get_mut(value) else {
            return false;
        };
        let again = std::mem::replace(&mut code.has_been_here, true);
        self.sent_again += u64::from(again);
        again
    }

    /// Exchanges a code of the login page, and uses it up. The app does not know yet from which organisation the person comes.
    pub fn exchange_anywhere(&mut self, value: &str, client_id: &str, now: Millis) -> Option<OnBehalf> {
        let code = self.issued.get(value).filter(|code| code.holder.client_id == client_id)?;
        let (holder, corp_id_asked) = (code.holder.clone(), code.corp_id_asked);
        let person = self.exchange(value, &holder, now)?;
        Some(OnBehalf { holder, person, corp_id_asked })
    }

    /// How often an app sent a code again.
    pub fn sent_again(&self) -> u64 {
        self.sent_again
    }

    /// Removes all codes of this holder.
    pub fn revoke(&mut self, holder: &Holder) {
        self.issued.retain(|_, code| code.holder != *holder);
    }

    /// Exchanges a code for its person, and uses it up. `None` does not say why a code is not valid: neither does DingTalk.
    pub fn exchange(&mut self, value: &str, holder: &Holder, now: Millis) -> Option<Arc<Person>> {
        let code = self.issued.get_mut(value).filter(|code| code.holder == *holder)?;
        let used = std::mem::replace(&mut code.used, true);
        (!used && now < code.expires_at).then(|| code.person.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Holder {
        Holder::new("app", "corp")
    }

    fn somebody() -> Arc<Person> {
        Arc::new(Person::made_up(1))
    }

    fn issued_at(now: Millis) -> (Codes, String) {
        let mut codes = Codes::default();
        let code = codes.issue(ours(), somebody(), now);
        (codes, code)
    }

    #[test]
    fn a_code_is_good_for_its_person_once() {
        let (mut codes, code) = issued_at(0);
        let person = codes.exchange(&code, &ours(), 1).expect("a person");
        assert_eq!(person.user_id, "visitor0001");
        assert!(codes.exchange(&code, &ours(), 1).is_none());
    }

    #[test]
    fn a_code_lives_for_five_minutes() {
        let (mut codes, code) = issued_at(0);
        assert!(codes.exchange(&code, &ours(), LIFETIME).is_none());
        let (mut codes, code) = issued_at(0);
        assert!(codes.exchange(&code, &ours(), LIFETIME - 1).is_some());
    }

    #[test]
    fn a_code_of_another_app_or_organisation_is_no_good() {
        let mut codes = Codes::default();
        for other in [Holder::new("another", "corp"), Holder::new("app", "elsewhere")] {
            let code = codes.issue(other, somebody(), 0);
            assert!(codes.exchange(&code, &ours(), 0).is_none());
        }
    }
}
