//! Before somebody is logged in: proof that the browser which ends a login is the one that began it.
//!
//! The entry page carries a `state`, and its browser a cookie with a random id, the pre-session. The state proves that the server gave it
//! to that browser, when, and for which organisation. A login that has to post again brings a place along, which proves when it first
//! came. So the server stores nothing until a state is used, and a restart loses nothing.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, SET_COOKIE, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};

use super::organisation_of;
use crate::dingtalk::{CorpId, Moment};
use crate::state::{LOGIN_STATE_LIVES, LoginStateId, State};
use crate::web::{Problem, RequestSession, Site, shared};

/// The purpose that a state is proved for.
const PURPOSE: &str = "login state";
/// How long a login may take from the entry page to its end, or until it gets a place in the line.
const GOOD_FOR: Duration = Duration::from_secs(600);

/// The content of a state.
#[derive(Serialize, Deserialize)]
struct Issued {
    at: Moment,
    #[serde(with = "hex")]
    id: LoginStateId,
    corp_id: CorpId,
}

/// The place of a login in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The state of that login.
    #[serde(with = "hex")]
    state: LoginStateId,
    /// When the login joined the line, in Unix milliseconds.
    since: u64,
    /// When its turn is expected, in Unix milliseconds.
    due: u64,
}

impl Place {
    /// The purpose that a place is proved for.
    const PURPOSE: &str = "place in the line of logins";
    /// Nobody waits longer.
    const LONGEST_WAIT: Duration = LOGIN_STATE_LIVES.saturating_sub(GOOD_FOR);
    /// A login that posts later than this after its turn loses its place, so it is useless to collect places before a rush.
    const GRACE: Duration = Duration::from_secs(30);

    /// Whether the login may still wait at `now`: then its state, whose age was checked when it joined the line, counts as fresh.
    fn is_good(self, now: u64) -> bool {
        now <= self.since.saturating_add(Self::LONGEST_WAIT.as_millis() as u64)
    }

    /// Whether the login has not yet lost its place at `now`.
    fn keeps_order(self, now: u64) -> bool {
        now <= self.due.saturating_add(Self::GRACE.as_millis() as u64)
    }
}

/// A login whose state was accepted.
pub struct Attempt {
    pub(super) state: LoginStateId,
    /// The organisation to log in to.
    pub corp_id: CorpId,
    pub(super) presession: String,
    /// When it joined the line, in Unix milliseconds: logins are exchanged in this order.
    pub(super) since: u64,
}

impl Attempt {
    /// The login of `state`, if the state was issued to the browser that made `request`, is ten minutes old at most and was not used. Its
    /// age is checked when the login first posts. When it posts again, `place` proves that this was done, and when it joined the line.
    pub fn of(request: &HttpRequest, state: &str, place: Option<&str>) -> Result<Self, Problem> {
        let site = shared::<Site>(request)?;
        let keys = &site.settings.session_keys;
        let presession = presession_of(request)?.ok_or(Problem::StateRejected)?;
        let Issued { at, id, corp_id } = keys.proved(PURPOSE, &presession, state).ok_or(Problem::StateRejected)?;
        let now = site.clock.unix_millis();
        let place: Option<Place> = place.and_then(|place| keys.proved(Place::PURPOSE, &presession, place));
        let place = place.filter(|place| place.state == id && place.is_good(now));
        let limit = if place.is_some() { LOGIN_STATE_LIVES } else { GOOD_FOR };
        let is_fresh = site.clock.age(at).is_some_and(|age| age < limit);
        if !is_fresh || shared::<State>(request)?.was_used(&id) {
            return Err(Problem::StateRejected);
        }
        let kept = place.filter(|place| place.keeps_order(now));
        Ok(Self { state: id, corp_id, presession, since: kept.map_or(now, |place| place.since) })
    }

    /// A place for this login, whose turn comes after `wait`.
    pub(super) fn place(&self, site: &Site, wait: Duration) -> String {
        let due = site.clock.unix_millis().saturating_add(wait.as_millis() as u64);
        let place = Place { state: self.state, since: self.since, due };
        site.settings.session_keys.prove(Place::PURPOSE, &self.presession, &place)
    }
}

/// The Set-Cookie header that stores a pre-session in the browser for ten minutes.
pub(super) fn presession_kept(site: &Site, presession: &str) -> Option<HeaderValue> {
    site.presession_cookie.header(presession, Some(GOOD_FOR))
}

/// The pre-session of the browser that made `request`, which has one if it was given an entry page: in its cookie, or, after a login, in
/// the session.
pub fn presession_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let well_formed = |value: &&str| value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit());
    match shared::<Site>(request)?.presession_cookie.value_in(request.headers()).filter(well_formed) {
        Some(in_cookie) => Ok(Some(in_cookie.to_owned())),
        None => Ok(RequestSession::of(request)?.presession()),
    }
}

/// What a browser needs to begin a login: a state, and the pre-session that it is bound to.
pub struct Challenge {
    /// To be posted with the authCode.
    pub state: String,
    presession: Option<HeaderValue>,
}

impl Challenge {
    /// A challenge for the browser that made `request`, to log in to the organisation of that request. A browser that has a pre-session
    /// keeps it, so that several of its pages can log in at the same time.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let site = shared::<Site>(request)?;
        let corp_id = organisation_of(request)?;
        let presession = presession_of(request)?.unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
        let issued = Issued { at: site.clock.moment(), id: rand::random(), corp_id };
        let state = site.settings.session_keys.prove(PURPOSE, &presession, &issued);
        Ok(Self { state, presession: presession_kept(site, &presession) })
    }

    /// Sets the pre-session cookie. A 401 also gets the state, in WWW-Authenticate (RFC 9110, 11.6.1): a script can then log in.
    pub fn put_on<B>(&self, response: &mut HttpResponse<B>) {
        let is_refusal = response.status() == StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        if is_refusal && let Ok(header) = HeaderValue::from_str(&format!("DingTalk state=\"{}\"", self.state)) {
            headers.insert(WWW_AUTHENTICATE, header);
        }
        if let Some(cookie) = &self.presession {
            headers.append(SET_COOKIE, cookie.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { state: [7; 8], since: 1_000_000, due: 1_030_000 };

    #[test]
    fn a_place_that_nobody_claims_within_half_a_minute_of_its_time_has_lost_its_order() {
        assert!(PLACE.keeps_order(1_000_000) && PLACE.keeps_order(1_060_000));
        assert!(!PLACE.keeps_order(1_060_001));
    }

    #[test]
    fn nobody_waits_longer_than_ten_minutes() {
        assert!(PLACE.is_good(1_600_000));
        assert!(!PLACE.is_good(1_600_001));
    }
}
