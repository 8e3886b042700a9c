//! authCodes: five minutes, one use, bound to app, organisation and person.

use std::collections::HashMap;

use super::{App, Millis, Person};
use crate::secret;

const LIFETIME: Millis = 5 * 60 * 1000;

/// The codes that were handed out and neither exchanged nor swept away.
#[derive(Debug, Default)]
pub struct Codes(HashMap<String, AuthCode>);

#[derive(Debug)]
struct AuthCode {
    client_id: String,
    corp_id: String,
    person: &'static Person,
    expires_at: Millis,
}

impl Codes {
    pub fn issue(&mut self, client_id: &str, corp_id: &str, person: &'static Person, now: Millis) -> String {
        self.0.retain(|_, code| code.expires_at > now);
        let value = secret::hex32();
        let code = AuthCode {
            client_id: client_id.to_owned(),
            corp_id: corp_id.to_owned(),
            person,
            expires_at: now + LIFETIME,
        };
        self.0.insert(value.clone(), code);
        value
    }

    /// Uses a code up. Why a code is no good is not told: neither does DingTalk.
    pub fn exchange(&mut self, value: &str, app: &App, now: Millis) -> Option<&'static Person> {
        let code = self.0.get(value)?;
        if code.client_id != app.client_id || code.corp_id != app.corp_id {
            return None;
        }
        let code = self.0.remove(value)?;
        (now < code.expires_at).then_some(code.person)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{APP, SEEDED};
    use super::*;

    fn issued_at(now: Millis) -> (Codes, String) {
        let mut codes = Codes::default();
        let code = codes.issue(APP.client_id, APP.corp_id, &SEEDED[1], now);
        (codes, code)
    }

    #[test]
    fn a_code_is_good_for_its_person_once() {
        let (mut codes, code) = issued_at(0);
        let person = codes.exchange(&code, &APP, 1);
        assert_eq!(person.map(|person| person.user_id), Some("alice"));
        assert!(codes.exchange(&code, &APP, 1).is_none());
    }

    #[test]
    fn a_code_lives_for_five_minutes() {
        let (mut codes, code) = issued_at(0);
        assert!(codes.exchange(&code, &APP, LIFETIME).is_none());
        let (mut codes, code) = issued_at(0);
        assert!(codes.exchange(&code, &APP, LIFETIME - 1).is_some());
    }

    #[test]
    fn a_code_of_another_app_or_organisation_is_no_good() {
        let mut codes = Codes::default();
        let other_app = codes.issue("dingsomebodyelse1", APP.corp_id, &SEEDED[0], 0);
        let other_corp = codes.issue(APP.client_id, "dingelsewhere0001", &SEEDED[0], 0);
        assert!(codes.exchange(&other_app, &APP, 0).is_none());
        assert!(codes.exchange(&other_corp, &APP, 0).is_none());
    }
}
