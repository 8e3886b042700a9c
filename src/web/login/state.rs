//! Before somebody is logged in: proof that the browser which ends a login is the one that began it.
//!
//! The entry page carries a `state`, and its browser a cookie with a random id, the pre-session. The state proves that the server gave it
//! to that browser, when, and for which organisation, so the server keeps nothing until a state is used.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};

use super::Logins;
use super::place::Place;
use crate::dingtalk::{Clock, CorpId, Moment};
use crate::web::Problem;

/// What states are proven for.
const PURPOSE: &str = "login state";
/// How long a login may take from the page to the end, or to its place in the line.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// How long it may take at most, however often it joins the line.
const LONGEST: Duration = GOOD_FOR.saturating_add(Place::LONGEST_WAIT);

/// Tells states apart.
pub(super) type StateId = [u8; 8];

/// What a state says.
#[derive(Serialize, Deserialize)]
struct Issued {
    at: Moment,
    #[serde(with = "hex")]
    id: StateId,
    corp_id: CorpId,
}

/// States are issued and taken back, each once.
impl Logins {
    /// How long the used ones are remembered: longer than any counts, whichever process made it.
    pub(super) const STATES_USED_FOR: Duration = LONGEST.saturating_add(Clock::SKEW);

    /// Identifies `state`, and the organisation that it is for, if it was given to the browser that made `request` and was not used. It
    /// must be ten minutes old at most; if it was `judged` before, when its login joined the line, so much older as one may wait there.
    pub fn check(&self, request: &HttpRequest, state: &str, judged: Option<StateId>) -> Result<(StateId, CorpId), Problem> {
        let presession = self.presession_of(request).ok_or(Problem::StateRejected)?;
        let Issued { at, id, corp_id } = self.keys.proved(PURPOSE, &presession, state).ok_or(Problem::StateRejected)?;
        let limit = if judged == Some(id) { LONGEST } else { GOOD_FOR };
        let is_good = self.clock.age(at).is_some_and(|age| age < limit) && !self.states.was_used(&id);
        is_good.then_some((id, corp_id)).ok_or(Problem::StateRejected)
    }

    /// Whether the browser that made `request` has a pre-session.
    pub fn knows(&self, request: &HttpRequest) -> bool {
        self.presession_of(request).is_some()
    }

    /// Takes the pre-session from the browser.
    pub fn remove_presession(&self, headers: &mut HeaderMap) {
        self.presession.remove(headers);
    }

    /// The cookie that keeps a pre-session for ten minutes.
    pub(super) fn presession_kept(&self, presession: &str) -> Option<HeaderValue> {
        self.presession.header(presession, Some(GOOD_FOR))
    }

    /// The pre-session of the browser that made `request`.
    pub(super) fn presession_of(&self, request: &HttpRequest) -> Option<String> {
        let value = self.presession.value_in(request.headers())?;
        let well_formed = value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed.then(|| value.to_owned())
    }
}

/// What a browser needs to begin a login: a state, and the pre-session that it is bound to.
pub struct Challenge {
    /// To be posted with the authCode.
    pub state: String,
    presession: Option<HeaderValue>,
}

impl Challenge {
    /// A challenge for the browser that made `request`, to log in to the organisation `corp_id`. It keeps the pre-session it has, so that
    /// several pages of one browser can log in side by side.
    pub fn of(logins: &Logins, request: &HttpRequest, corp_id: CorpId) -> Self {
        let known = logins.presession_of(request);
        let presession = known.unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
        let issued = Issued { at: logins.clock.moment(), id: rand::random(), corp_id };
        Self { state: logins.keys.prove(PURPOSE, &presession, &issued), presession: logins.presession_kept(&presession) }
    }

    /// Hands the pre-session to the browser.
    pub fn set_presession(self, headers: &mut HeaderMap) {
        self.presession.into_iter().for_each(|cookie| headers.append(SET_COOKIE, cookie));
    }

    /// Makes the headers of a 401 that can be answered with a login (RFC 9110, 11.6.1).
    pub fn put_on(self, headers: &mut HeaderMap) {
        if let Ok(header) = HeaderValue::from_str(&format!("DingTalk state=\"{}\"", self.state)) {
            headers.insert(WWW_AUTHENTICATE, header);
        }
        self.set_presession(headers);
    }
}
