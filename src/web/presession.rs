//! Before somebody is logged in: proof that the browser which ends a login is the one that began it.
//!
//! The entry page carries a `state`, and its browser a cookie with a random id. The state is a MAC over that id and the time, so the
//! server keeps nothing until a state is used.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::Key;
use actix_web::http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::cookie_policy::CookiePolicy;
use super::once::{Claim, Once, Taken};
use super::session_keys::SessionKeys;
use super::sessions::Sessions;
use crate::dingtalk::Clock;

/// The cookie's name, before the prefix.
const COOKIE: &str = "presession";
/// How long a login may take from the page to the end.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// Identifies one use of a state.
type Nonce = [u8; 8];

/// Issues states and takes them back, each once.
pub struct LoginStates {
    cookie_name: String,
    newest: [u8; 32],
    older: Vec<[u8; 32]>,
    cookies: CookiePolicy,
    used: Once<Nonce>,
    clock: Clock,
}

/// A state was not given to this browser, is too old, or was used.
#[derive(Debug, PartialEq, Eq)]
pub struct StateRejected;

impl LoginStates {
    /// States sealed with keys derived from the session's.
    pub fn new(keys: &SessionKeys, cookies: CookiePolicy, clock: Clock) -> Self {
        let derived = |key: &Key| mac(key.signing(), &[b"login state"]);
        Self {
            cookie_name: cookies.name(COOKIE),
            newest: derived(keys.newest()),
            older: keys.older().map(derived).collect(),
            cookies,
            // Longer than any state counts, whose age is judged in whole seconds and with the same tolerance.
            used: Once::new(GOOD_FOR + Duration::from_secs(Sessions::CLOCK_SKEW + 1)),
            clock,
        }
    }

    /// The cookie's full name.
    pub fn cookie_name(&self) -> &str {
        &self.cookie_name
    }

    /// A state for the browser with this pre-session.
    fn issue(&self, presession: &str) -> String {
        let issued = self.clock.unix_seconds().to_be_bytes();
        let nonce: Nonce = rand::random();
        let seal = seal(&self.newest, presession, &issued, &nonce);
        hex::encode([&issued[..], &nonce[..], &seal[..]].concat())
    }

    /// Checks `state` against the request's pre-session. What it returns identifies the state when it is used.
    pub fn check(&self, request: &HttpRequest, state: &str) -> Result<Nonce, StateRejected> {
        let presession = self.presession_of(request).ok_or(StateRejected)?;
        let bytes: [u8; 48] = hex::decode(state)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(StateRejected)?;
        let (issued, rest) = bytes.split_first_chunk::<8>().ok_or(StateRejected)?;
        let (nonce, claimed) = rest.split_first_chunk::<8>().ok_or(StateRejected)?;
        let genuine = std::iter::once(&self.newest).chain(&self.older).any(|key| {
            let mut mac = keyed(key);
            sealed_parts(&presession, issued, nonce)
                .iter()
                .for_each(|part| mac.update(part));
            mac.verify_slice(claimed).is_ok()
        });
        let (issued_at, now) = (u64::from_be_bytes(*issued), self.clock.unix_seconds());
        let fresh = issued_at <= now + Sessions::CLOCK_SKEW && now.saturating_sub(issued_at) <= GOOD_FOR.as_secs();
        if genuine && fresh && !self.used.is_spent(nonce) {
            Ok(*nonce)
        } else {
            Err(StateRejected)
        }
    }

    /// Takes a checked state for one login.
    pub fn claim(&self, nonce: Nonce) -> Result<Claim<'_, Nonce>, Taken> {
        self.used.claim(nonce, self.clock.now())
    }

    /// Notes that a login succeeded with this state.
    pub fn spend(&self, nonce: Nonce) {
        self.used.spend(nonce, self.clock.now());
    }

    /// Takes the pre-session from the browser.
    pub fn remove_presession(&self, headers: &mut HeaderMap) {
        self.cookies.set(headers, COOKIE, "", Duration::ZERO);
    }

    fn presession_of(&self, request: &HttpRequest) -> Option<String> {
        let cookie = request.cookie(&self.cookie_name)?;
        let well_formed = cookie.value().len() == 32 && cookie.value().bytes().all(|b| b.is_ascii_hexdigit());
        well_formed.then(|| cookie.value().to_owned())
    }
}

/// What a browser needs to begin a login: a state, and the pre-session that it is bound to.
#[derive(Debug)]
pub struct Challenge {
    /// To be posted with the authCode.
    pub state: String,
    presession: String,
    cookies: CookiePolicy,
}

impl Challenge {
    /// A challenge for the browser that made `request`. It keeps the pre-session it has, so that several pages of one browser can
    /// log in side by side.
    pub fn of(states: &LoginStates, request: &HttpRequest) -> Self {
        let known = states.presession_of(request);
        let presession = known.unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
        Self {
            state: states.issue(&presession),
            cookies: states.cookies,
            presession,
        }
    }

    /// Hands the pre-session to the browser.
    pub fn set_presession(&self, headers: &mut HeaderMap) {
        self.cookies.set(headers, COOKIE, &self.presession, GOOD_FOR);
    }

    /// Makes the headers of a 401 that can be answered with a login (RFC 9110, 11.6.1).
    pub fn put_on(&self, headers: &mut HeaderMap) {
        self.set_presession(headers);
        if let Ok(header) = HeaderValue::from_str(&format!("DingTalk state=\"{}\"", self.state)) {
            headers.insert(WWW_AUTHENTICATE, header);
        }
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    Hmac::new_from_slice(key).expect("hmac takes any key")
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = keyed(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// All parts have a fixed length, so no two inputs run together to the same bytes.
fn sealed_parts<'a>(presession: &'a str, issued: &'a [u8], nonce: &'a [u8]) -> [&'a [u8]; 3] {
    [presession.as_bytes(), issued, nonce]
}

fn seal(key: &[u8], presession: &str, issued: &[u8], nonce: &[u8]) -> [u8; 32] {
    mac(key, &sealed_parts(presession, issued, nonce))
}
