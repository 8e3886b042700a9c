//! The rules that sessions end by, and the memory of those that were ended.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};

use super::cookie::{Brought, CookiePolicy, OurCookie};
use super::keys::SessionKeys;
use crate::dingtalk::{Clock, CorpId, DisplayName, Moment, User, UserId};
use crate::state::{SessionId, State};

/// What the cookie holds: identity and times, nothing else.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Login {
    pub id: SessionId,
    pub user_id: UserId,
    pub name: DisplayName,
    pub corp_id: CorpId,
    pub began: Moment,
    pub last_used: Moment,
    /// No page has been shown yet.
    pub arriving: bool,
}

/// Judges logins.
pub struct Sessions {
    cookie: OurCookie,
    keys: SessionKeys,
    idle: Duration,
    lifetime: Duration,
    /// The one organisation whose people they are, if it is one.
    home: Option<CorpId>,
    state: Data<State>,
    clock: Clock,
}

impl Sessions {
    /// Within this time a page can be the one that a login was for (see `login::entry`).
    const JUST_BORN: Duration = Duration::from_secs(10);

    /// Sessions of the people of `home`, or of any organisation. Both limits are enforced to the millisecond.
    pub fn new(
        settings: &crate::web::Settings,
        cookies: CookiePolicy,
        home: Option<CorpId>,
        clock: Clock,
        state: Data<State>,
    ) -> Self {
        let (idle, lifetime) = (settings.session_idle, settings.session_lifetime);
        Self {
            cookie: OurCookie::new("session", cookies),
            keys: settings.session_keys.clone(),
            idle,
            lifetime,
            home,
            state,
            clock,
        }
    }

    /// What a browser has brought: whether that is anything, and the login that it says, whether it counts or not.
    pub(super) fn brought(&self, headers: &HeaderMap) -> (bool, Option<Login>) {
        match self.cookie.brought(headers) {
            Brought::Nothing => (false, None),
            Brought::One(value) => (true, self.open(value)),
            Brought::Junk => (true, None),
        }
    }

    fn open(&self, value: &str) -> Option<Login> {
        serde_json::from_str(&self.keys.open(&self.cookie.name, value)?).ok()
    }

    /// Gives the browser the cookie of `login`, until it is closed.
    pub(super) fn set_cookie(&self, headers: &mut HeaderMap, login: &Login) {
        if let Ok(text) = serde_json::to_string(login) {
            self.cookie.set(headers, &self.keys.seal(&self.cookie.name, &text));
        }
    }

    /// Takes the cookie from the browser.
    pub(super) fn remove_cookie(&self, headers: &mut HeaderMap) {
        self.cookie.remove(headers);
    }

    /// A login of `user` in the organisation `corp_id`, now, under an id that was never used.
    pub(super) fn begin(&self, user: User, corp_id: CorpId) -> Login {
        let now = self.clock.moment();
        Login { id: rand::random(), user_id: user.user_id, name: user.name, corp_id, began: now, last_used: now, arriving: true }
    }

    /// Ends `login` for good: a copy of its cookie is worth nothing any more.
    pub(super) fn end(&self, login: &Login) {
        self.state.end_session(login.id);
    }

    /// Puts off the idle limit. Whether that changes `login`: it may have been used in this very millisecond.
    pub(super) fn note_use(&self, login: &mut Login) -> bool {
        let now = self.clock.moment();
        std::mem::replace(&mut login.last_used, now) != now
    }

    /// Whether `login` happened a moment ago.
    pub(super) fn is_just_born(&self, login: &Login) -> bool {
        self.clock.age(login.began).is_some_and(|age| age <= Self::JUST_BORN)
    }

    /// Whether `login` still counts.
    pub(super) fn holds(&self, login: &Login) -> bool {
        let within = |limit, since| self.clock.age(since).is_some_and(|age| age < limit);
        self.home.as_ref().is_none_or(|home| login.corp_id == *home)
            && within(self.lifetime, login.began)
            && within(self.idle, login.last_used)
            && !self.has_ended(login)
    }

    /// Whether a login that is over is still needed to know which organisation its browser was in.
    pub(super) fn tells_organisation(&self) -> bool {
        self.home.is_none()
    }

    /// Whether this process has ended `login`: by a logout, or because somebody logged in after it.
    pub(super) fn has_ended(&self, login: &Login) -> bool {
        self.state.has_ended(login.id, &login.corp_id, &login.user_id, login.began)
    }
}
