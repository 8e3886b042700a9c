//! Before somebody is logged in: proof that the browser which ends a login is the one that began it.
//!
//! The entry page carries a `state`, and its browser a cookie with a random id. The state is a MAC over that id, the time and the
//! organisation that is logged in to, so the server keeps nothing until a state is used.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::place::Place;
use super::seal::Seals;
use crate::dingtalk::{Clock, CorpId, Moment};
use crate::state::{Once, State, Table};
use crate::web::Problem;
use crate::web::session::{CookiePolicy, SessionKeys, only_cookie};

/// The cookie's name, before the prefix.
const COOKIE: &str = "presession";
/// How long a login may take from the page to the end.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// Tells states apart.
pub(super) type StateId = [u8; 8];

/// Issues states and takes them back, each once.
pub struct LoginStates {
    cookie_name: String,
    seals: Seals,
    cookies: CookiePolicy,
    pub(super) used: Once<StateId>,
    clock: Clock,
}

impl LoginStates {
    /// States sealed with keys derived from the session's.
    pub fn new(keys: &SessionKeys, cookies: CookiePolicy, clock: Clock, state: &State) -> Self {
        Self {
            cookie_name: cookies.name(COOKIE),
            seals: Seals::new(keys, "login state"),
            cookies,
            // Longer than any state counts, whichever process made it, and any place in the line.
            used: state.once(Table::LoginStates, GOOD_FOR + Place::LONGEST_WAIT + Clock::SKEW),
            clock,
        }
    }

    /// A state for a login of the browser with this pre-session to the organisation `corp_id`.
    fn issue(&self, presession: &str, corp_id: &CorpId) -> String {
        let (issued, id): (_, StateId) = (self.clock.moment().to_bytes(), rand::random());
        let seal = self.seals.seal(&[presession.as_bytes(), &issued, &id, corp_id.as_str().as_bytes()]);
        hex::encode([&issued[..], &id[..], &seal[..], corp_id.as_str().as_bytes()].concat())
    }

    /// Identifies `state`, and the organisation that it is for, if it was given to the browser that made `request` and was not used. It
    /// must be ten minutes old at most, unless it was judged before, when its login joined the line.
    pub fn check(&self, request: &HttpRequest, state: &str, judged: Option<StateId>) -> Result<(StateId, CorpId), Problem> {
        let genuine = self.genuine(request, state).filter(|(id, _, fresh)| *fresh || judged == Some(*id));
        let unused = genuine.filter(|(id, ..)| !self.used.was_used(id));
        unused.map(|(id, corp_id, _)| (id, corp_id)).ok_or(Problem::StateRejected)
    }

    /// Which state it is, for which organisation, and whether it is still fresh.
    fn genuine(&self, request: &HttpRequest, state: &str) -> Option<(StateId, CorpId, bool)> {
        let presession = self.presession_of(request)?;
        let bytes = hex::decode(state).ok()?;
        let (issued, rest) = bytes.split_first_chunk::<16>()?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (seal, corp_id) = rest.split_first_chunk::<32>()?;
        let is_genuine = self.seals.is_genuine(&[presession.as_bytes(), issued, id, corp_id], seal);
        let corp_id = std::str::from_utf8(corp_id).ok().filter(|_| is_genuine).and_then(|text| CorpId::parse(text).ok())?;
        let fresh = self.clock.age(Moment::from_bytes(*issued)).is_some_and(|age| age < GOOD_FOR);
        Some((*id, corp_id, fresh))
    }

    /// Whether the browser that made `request` has a pre-session.
    pub fn knows(&self, request: &HttpRequest) -> bool {
        self.presession_of(request).is_some()
    }

    /// Takes the pre-session from the browser.
    pub fn remove_presession(&self, headers: &mut HeaderMap) {
        self.cookies.remove(headers, COOKIE);
    }

    /// The cookie that keeps a pre-session for another ten minutes.
    pub(super) fn presession_renewed(&self, presession: &str) -> Option<HeaderValue> {
        self.cookies.header(COOKIE, presession, Some(GOOD_FOR))
    }

    /// The pre-session of the browser that made `request`.
    pub(super) fn presession_of(&self, request: &HttpRequest) -> Option<String> {
        let value = only_cookie(request.headers(), &self.cookie_name)?;
        let well_formed = value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit());
        well_formed.then(|| value.to_owned())
    }
}

/// What a browser needs to begin a login: a state, and the pre-session that it is bound to.
pub struct Challenge {
    /// To be posted with the authCode.
    pub state: String,
    presession: String,
    cookies: CookiePolicy,
}

impl Challenge {
    /// A challenge for the browser that made `request`, to log in to the organisation `corp_id`. It keeps the pre-session it has, so that
    /// several pages of one browser can log in side by side.
    pub fn of(states: &LoginStates, request: &HttpRequest, corp_id: &CorpId) -> Self {
        let known = states.presession_of(request);
        let presession = known.unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
        Self { state: states.issue(&presession, corp_id), presession, cookies: states.cookies }
    }

    /// Hands the pre-session to the browser.
    pub fn set_presession(&self, headers: &mut HeaderMap) {
        self.cookies.set(headers, COOKIE, &self.presession, Some(GOOD_FOR));
    }

    /// Makes the headers of a 401 that can be answered with a login (RFC 9110, 11.6.1).
    pub fn put_on(&self, headers: &mut HeaderMap) {
        self.set_presession(headers);
        if let Ok(header) = HeaderValue::from_str(&format!("DingTalk state=\"{}\"", self.state)) {
            headers.insert(WWW_AUTHENTICATE, header);
        }
    }
}
