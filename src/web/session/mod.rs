//! Who is logged in. The session is in the browser's cookie, encrypted and authenticated, so that a page needs no store; the server
//! judges its limits and remembers which sessions were ended. This is the only file that reads or writes it.

/// How our cookies look, and which of those that a browser brings are read.
mod cookie;
/// What they are sealed with.
mod keys;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};

pub use self::cookie::OurCookie;
pub use self::keys::SessionKeys;
use super::origin::shows_no_other;
use super::{Began, Problem, Site, extracted, shared};
use crate::dingtalk::{CorpId, DingTalk, DisplayName, Moment, User, UserId};
use crate::state::{SessionId, State};

/// The person whose session this is. A handler that takes it needs a login: others get 401, and so does whoever comes from outside.
/// `Option<SessionUser>` does without.
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

impl SessionUser {
    /// Noted is that the session was used now. Whoever does not say where the request began is let in: programs, and old WebViews that
    /// fetch a file.
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let (session, began) = (RequestSession::of(request)?, Began::of(request)?);
        let login = session.login()?;
        if began == Began::Outside && !session.is_arriving(&login) {
            return Err(Problem::LoginRequired);
        }
        let user = Self::from(login);
        if !shows_no_other(request.headers(), &user) {
            return Err(Problem::UserChanged);
        }
        shared::<DingTalk>(request)?.admits(&user.corp_id)?;
        session.note_use(began == Began::Outside);
        Ok(user)
    }
}

/// What the cookie holds: identity and times, nothing else.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Login {
    id: SessionId,
    user_id: UserId,
    name: DisplayName,
    pub corp_id: CorpId,
    began: Moment,
    last_used: Moment,
    /// No page has been shown yet.
    arriving: bool,
}

impl From<Login> for SessionUser {
    fn from(login: Login) -> Self {
        Self { user_id: login.user_id, name: login.name, corp_id: login.corp_id }
    }
}

/// The rules that sessions end by, and the memory of those that were ended.
pub struct Sessions {
    cookie: OurCookie,
    /// The one organisation whose people they are, if it is one.
    home: Option<CorpId>,
    site: Data<Site>,
    state: Data<State>,
}

impl Sessions {
    /// Within this time a page can be the one that a login was for (see [`RequestSession::user_of_page`]).
    const JUST_BORN: Duration = Duration::from_secs(10);

    /// Sessions of the people of `home`, or of any organisation. Both limits are enforced to the millisecond.
    pub fn new(site: Data<Site>, home: Option<CorpId>, state: Data<State>) -> Self {
        Self { cookie: OurCookie::new("session", &site.settings), home, site, state }
    }

    /// The login that a browser's cookie says, whether it counts or not.
    fn brought(&self, headers: &HeaderMap) -> Option<Login> {
        self.site.settings.session_keys.open(&self.cookie.name, self.cookie.value_in(headers)?)
    }

    /// Whether `login` happened a moment ago.
    fn is_just_born(&self, login: &Login) -> bool {
        self.site.clock.age(login.began).is_some_and(|age| age <= Self::JUST_BORN)
    }

    /// Whether `login` still counts.
    fn holds(&self, login: &Login) -> bool {
        self.lives(login) && self.is_within(self.site.settings.session_idle, login.last_used)
    }

    /// Whether it may still count in another copy of its cookie: each says when it was used itself.
    fn lives(&self, login: &Login) -> bool {
        self.home.as_ref().is_none_or(|home| login.corp_id == *home)
            && self.is_within(self.site.settings.session_lifetime, login.began)
            && !self.has_ended(login)
    }

    fn is_within(&self, limit: Duration, since: Moment) -> bool {
        self.site.clock.age(since).is_some_and(|age| age < limit)
    }

    /// Whether `login` is known to have ended, here or in another process: by a logout or another login, or because the person or the
    /// organisation is gone.
    fn has_ended(&self, login: &Login) -> bool {
        self.state.has_ended(login.id, &login.corp_id, &login.user_id, login.began)
    }
}

/// The session of one request. Its copies share it.
#[derive(Clone)]
pub struct RequestSession {
    held: Rc<RefCell<Held>>,
    sessions: Data<Sessions>,
}

struct Held {
    /// As the cookie brought it or the request began it, whether it counts or not.
    login: Option<Login>,
    /// The browser does not have it like this.
    is_news: bool,
}

impl RequestSession {
    /// The session of `request`, read when it is first asked for.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if let Some(known) = request.extensions().get::<Self>() {
            return Ok(known.clone());
        }
        let sessions = shared::<Sessions>(request)?.clone();
        let held = Held { login: sessions.brought(request.headers()), is_news: false };
        let session = Self { held: Rc::new(RefCell::new(held)), sessions };
        request.extensions_mut().insert(session.clone());
        Ok(session)
    }

    /// Gives the answer the cookie of a session that holds.
    fn put_on<B>(&self, response: &mut ServiceResponse<B>) {
        let (held, sessions) = (self.held.borrow(), &self.sessions);
        match &held.login {
            Some(login) if held.is_news && sessions.holds(login) => {
                let value = sessions.site.settings.session_keys.seal(&sessions.cookie.name, login);
                sessions.cookie.set(response.headers_mut(), &value);
            }
            // The browser may have another by now, and this answer may come later than that one. What has expired is worth something yet:
            // the next login knows its organisation by it, and ends it for good.
            Some(_) => {}
            // The browser would send a cookie that means nobody for ever.
            None if sessions.cookie.is_in(response.request().headers()) => sessions.cookie.remove(response.headers_mut()),
            None => {}
        }
    }

    /// Logs `user` of the organisation `corp_id` in under a new id. Whatever session the browser has brought is dead.
    pub fn begin(&self, user: User, corp_id: CorpId) -> SessionUser {
        self.end();
        let now = self.sessions.site.clock.moment();
        let User { user_id, name } = user;
        let login = Login { id: rand::random(), user_id, name, corp_id, began: now, last_used: now, arriving: true };
        self.held.replace(Held { login: Some(login.clone()), is_news: true });
        login.into()
    }

    /// Ends the session for good: a copy of the cookie is worth nothing any more.
    pub fn end(&self) {
        let login = self.held.borrow_mut().login.take();
        if let Some(login) = login.filter(|login| self.sessions.lives(login)) {
            self.sessions.state.end_session(login.id);
        }
    }

    /// Who is logged in to the organisation `corp_id`, if a navigation that began there may be answered from the session; noted is that
    /// they see a page now.
    ///
    /// After a login the entry page loads itself anew. That load may still carry the first one's initiator (a reload may), or, from a
    /// WebView that says nothing, no sign at all; it must be answered, or the two would go in circles. Any other load from outside must
    /// not be, however young the session: the person in front of the client may have changed meanwhile.
    pub fn user_of_page(&self, corp_id: &CorpId, began: Began) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        let is_admitted = match began {
            Began::Within => true,
            Began::Unknown => self.sessions.is_just_born(&login),
            Began::Outside => self.is_arriving(&login),
        };
        if login.corp_id != *corp_id || !is_admitted {
            return Err(Problem::LoginRequired);
        }
        self.note_use(true);
        Ok(login.into())
    }

    /// Whether the entry page may load its address again with this very request. An extractor that let it in before has noted so already.
    fn is_arriving(&self, login: &Login) -> bool {
        self.sessions.is_just_born(login) && (login.arriving || self.held.borrow().is_news)
    }

    /// The organisation of whoever is or was logged in here.
    pub fn organisation(&self) -> Option<CorpId> {
        self.held.borrow().login.as_ref().map(|login| login.corp_id.clone())
    }

    /// Who is logged in, without that being a use.
    pub(super) fn login(&self) -> Result<Login, Problem> {
        let held = self.held.borrow();
        held.login.as_ref().filter(|login| self.sessions.holds(login)).cloned().ok_or(Problem::LoginRequired)
    }

    fn note_use(&self, is_page: bool) {
        let Held { login: Some(login), is_news } = &mut *self.held.borrow_mut() else { return };
        // It may have been used in this very millisecond.
        let now = self.sessions.site.clock.moment();
        *is_news |= std::mem::replace(&mut login.last_used, now) != now;
        *is_news |= is_page && std::mem::take(&mut login.arriving);
    }
}

/// Gives an answer the cookie that the request's session has earned. Wraps all that looks at it. On the way in it does nothing: see
/// [`RequestSession::of`].
pub async fn session<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let session = response.request().extensions().get::<RequestSession>().cloned();
    if let Some(session) = session {
        session.put_on(&mut response);
    }
    Ok(response)
}

extracted!(RequestSession, RequestSession::of);

// One that an extractor before it refuses at once is no use of the session.
extracted!(SessionUser, late SessionUser::of);
