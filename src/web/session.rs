//! Who is logged in. The cookie is sealed by actix-session; whether what it says still holds is decided here.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionExt, SessionMiddleware};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::{Deserialize, Serialize};

use super::cookie_policy::CookiePolicy;
use super::error::Problem;
use super::once::Once;
use super::presession::Challenge;
use super::session_keys::SessionKeys;
use super::state::Web;
use crate::dingtalk::{Clock, CorpId, DisplayName, Origin, User, UserId};

/// The one key in the session.
const KEY: &str = "user";
/// The cookie's name, before the prefix.
const COOKIE: &str = "session";

/// The person whose session this is. A handler that takes it needs a login: others get 401. `Option<SessionUser>` does without.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionUser {
    /// The person in the organisation.
    pub user_id: UserId,
    /// What to call them.
    pub name: DisplayName,
    /// The organisation.
    pub corp_id: CorpId,
}

type SessionId = u128;

/// What the cookie holds: identity and times, nothing else.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Login {
    id: SessionId,
    user_id: UserId,
    name: DisplayName,
    corp_id: CorpId,
    /// Unix seconds.
    began: u64,
    /// Unix seconds.
    last_used: u64,
    /// No page has been shown yet.
    arriving: bool,
}

/// The rules that sessions end by, and the memory of those that were logged out.
pub struct Sessions {
    keys: SessionKeys,
    cookies: CookiePolicy,
    idle: Duration,
    lifetime: Duration,
    corp_id: CorpId,
    ended: Once<SessionId>,
    clock: Clock,
}

impl Sessions {
    /// A login made by a clock this far ahead of ours is taken for one made now: servers' clocks differ a little.
    const CLOCK_SKEW: u64 = 60;
    /// Seconds within which a page can be the one that a login was for (see `entry`).
    const JUST_BORN: u64 = 10;

    /// Sessions of the people of `corp_id`. Both limits are enforced to the second.
    pub fn new(
        keys: SessionKeys,
        cookies: CookiePolicy,
        idle: Duration,
        lifetime: Duration,
        corp_id: CorpId,
        clock: Clock,
    ) -> Self {
        Self {
            keys,
            cookies,
            idle,
            lifetime,
            corp_id,
            ended: Once::new(lifetime),
            clock,
        }
    }

    /// The middleware that opens and seals the cookie.
    pub fn middleware(&self) -> SessionMiddleware<CookieSessionStore> {
        SessionMiddleware::builder(CookieSessionStore::default(), self.keys.newest().clone())
            .cookie_name(self.cookie_name())
            .cookie_content_security(CookieContentSecurity::Private)
            .cookie_http_only(true)
            .cookie_secure(self.cookies.secure)
            .cookie_same_site(self.cookies.same_site())
            .cookie_path("/".to_owned())
            .session_lifecycle(BrowserSession::default())
            .build()
    }

    /// The cookie's full name.
    pub fn cookie_name(&self) -> String {
        self.cookies.name(COOKIE)
    }

    /// The keys that the cookie is sealed with.
    pub fn keys(&self) -> &SessionKeys {
        &self.keys
    }

    fn holds(&self, login: &Login, now: u64) -> bool {
        login.corp_id == self.corp_id
            && login.began <= now + Self::CLOCK_SKEW
            && login.began <= login.last_used
            && now < login.began.saturating_add(self.lifetime.as_secs())
            && now < login.last_used.saturating_add(self.idle.as_secs())
            && !self.ended.is_spent(&login.id)
    }
}

/// How far behind a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Ten seconds at most, and no page was shown since: this is the page that the login was for.
    Arriving,
    /// Ten seconds at most.
    JustBorn,
    /// Longer, or there is none.
    Settled,
}

/// The session of one request. Nothing else reads or writes it.
pub struct TypedSession {
    session: Session,
    web: web::Data<Web>,
}

impl TypedSession {
    /// The session of `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let web = Web::of(request)?;
        Ok(Self {
            session: request.get_session(),
            web: web.clone(),
        })
    }

    /// Logs `user` in under a new id. Whatever session the browser had before is dead.
    pub fn begin(&self, user: User) -> Result<SessionUser, Problem> {
        self.kill();
        let now = self.sessions().clock.unix_seconds();
        let login = Login {
            id: rand::random(),
            user_id: user.user_id,
            name: user.name,
            corp_id: self.sessions().corp_id.clone(),
            began: now,
            last_used: now,
            arriving: true,
        };
        self.session.renew();
        self.session
            .insert(KEY, &login)
            .map_err(|error| Problem::Internal(error.into()))?;
        Ok(login.into())
    }

    /// Ends the session for good: a copy of the cookie is worth nothing any more.
    pub fn end(&self) {
        self.kill();
        self.session.purge();
    }

    fn kill(&self) {
        if let Some(login) = self.login() {
            self.sessions().ended.spend(login.id, self.sessions().clock.now());
        }
    }

    /// Who is logged in, noting that the session was used now.
    pub fn user(&self) -> Option<SessionUser> {
        self.login().map(|login| self.note_use(login, |_| {}))
    }

    /// Who is logged in, noting that a page is shown to them now.
    pub fn user_of_page(&self) -> Option<SessionUser> {
        self.login().map(|login| self.note_use(login, |login| login.arriving = false))
    }

    /// How far the login is behind, as far as that matters to who may see a page.
    pub fn freshness(&self) -> Freshness {
        let now = self.sessions().clock.unix_seconds();
        match self.login().filter(|login| now.abs_diff(login.began) <= Sessions::JUST_BORN) {
            Some(login) if login.arriving => Freshness::Arriving,
            Some(_) => Freshness::JustBorn,
            None => Freshness::Settled,
        }
    }

    fn note_use(&self, before: Login, note: impl FnOnce(&mut Login)) -> SessionUser {
        let mut login = before.clone();
        login.last_used = before.last_used.max(self.sessions().clock.unix_seconds());
        note(&mut login);
        if login != before
            && let Err(error) = self.session.insert(KEY, &login)
        {
            tracing::error!(%error, "a session's use was not noted");
        }
        login.into()
    }

    fn login(&self) -> Option<Login> {
        let login = self.session.get::<Login>(KEY).ok().flatten()?;
        self.sessions()
            .holds(&login, self.sessions().clock.unix_seconds())
            .then_some(login)
    }

    /// The origin that sessions are for.
    pub fn public_url(&self) -> &Origin {
        &self.web.public_url
    }

    fn sessions(&self) -> &Sessions {
        &self.web.sessions
    }
}

impl From<Login> for SessionUser {
    fn from(login: Login) -> Self {
        Self {
            user_id: login.user_id,
            name: login.name,
            corp_id: login.corp_id,
        }
    }
}

impl FromRequest for TypedSession {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for SessionUser {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(TypedSession::of(request).and_then(|session| match session.user() {
            Some(user) => Ok(user),
            None => Err(Problem::LoginRequired(Box::new(Challenge::of(request)?))),
        }))
    }
}
