//! Who is logged in. The session is in the browser's cookie, encrypted and authenticated, so that a page needs no session store; the server
//! checks its time limits and remembers which sessions were ended. Nothing outside of this folder reads or writes the cookie.

mod cookie; // How our cookies are written and read.
mod keys; // The keys that cookies are sealed with.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};

pub use self::cookie::OurCookie;
pub use self::keys::SessionKeys;
use super::origin::shows_no_other;
use super::{CameFrom, Problem, Site, extracted, shared};
use crate::dingtalk::{CorpId, DingTalk, DisplayName, Moment, Organisation, User, UserId};
use crate::state::{SessionId, State};

/// The person whose session this is. A handler that takes it requires a login: a request without a session is refused with 401, and so is
/// one from outside. `Option<SessionUser>` makes the login optional.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionUser {
    /// The person's userid in the organisation.
    pub user_id: UserId,
    /// The person's display name.
    pub name: DisplayName,
    /// The organisation.
    pub corp_id: CorpId,
}

impl SessionUser {
    /// Also records that the session was used now. A request that does not say where it came from is accepted: programs send such requests,
    /// and old WebViews that fetch a file.
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let session = RequestSession::of(request)?;
        let came_from = CameFrom::of(request)?;
        let login = session.login()?;
        if came_from == CameFrom::Outside && !session.is_first_page(&login) {
            return Err(Problem::LoginRequired);
        }
        let user = Self::from(login);
        if !shows_no_other(request.headers(), &user) {
            return Err(Problem::UserChanged);
        }
        shared::<DingTalk>(request)?.admits(&user.corp_id)?;
        if came_from == CameFrom::Outside {
            session.note_page();
        }
        session.note_use();
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
    /// Since this login no page has been shown yet. Cookies have it by the name that earlier versions know.
    #[serde(rename = "arriving")]
    shown_no_page: bool,
    /// The pre-session that the login came from. Its cookie is gone, and other pages of the browser may still be logging in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    presession: Option<String>,
}

impl From<Login> for SessionUser {
    fn from(login: Login) -> Self {
        Self { user_id: login.user_id, name: login.name, corp_id: login.corp_id }
    }
}

/// The session of one request. Clones share the same session.
#[derive(Clone)]
pub struct RequestSession {
    held: Rc<RefCell<Held>>,
    site: Data<Site>,
    state: Data<State>,
}

struct Held {
    /// The login from the cookie, or the one that this request began; whether it is valid or not.
    login: Option<Login>,
    /// The login differs from that in the browser's cookie, so the cookie has to be set.
    is_changed: bool,
    /// This request may load the first page since the login.
    may_be_first_page: bool,
}

impl RequestSession {
    /// How long after a login a page load can be the one that the login was for (see [`RequestSession::user_of_page`]).
    const JUST_BORN: Duration = Duration::from_secs(10);
    /// After a login, other pages of the browser may still log in with its pre-session for this long. A login that has waited longer in
    /// the line has set the cookie again itself.
    const OTHERS_FOLLOW: Duration = Duration::from_secs(60);

    /// The session of `request`, read from the cookie at the first call.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if let Some(known) = request.extensions().get::<Self>() {
            return Ok(known.clone());
        }
        let site = shared::<Site>(request)?.clone();
        let home = shared::<DingTalk>(request)?.home().map(Organisation::corp_id);
        let cookie = &site.session_cookie;
        let in_cookie = cookie.value_in(request.headers());
        let login = in_cookie.and_then(|sealed| site.settings.session_keys.open::<Login>(&cookie.name, sealed));
        // An app of one organisation knows no sessions of others.
        let login = login.filter(|login| home.is_none_or(|home| login.corp_id == *home));
        let may_be_first_page = CameFrom::may_load_page(request) && login.as_ref().is_some_and(|login| login.shown_no_page);
        let held = Rc::new(RefCell::new(Held { login, is_changed: false, may_be_first_page }));
        let session = Self { held, site, state: shared::<State>(request)?.clone() };
        request.extensions_mut().insert(session.clone());
        Ok(session)
    }

    /// Sets the cookie of the session that the request of `response` used, if it is valid and has changed, and removes the cookie if there
    /// is no session.
    pub(super) fn put_on(response: &mut ServiceResponse<BoxBody>) {
        let Some(session) = response.request().extensions().get::<Self>().cloned() else { return };
        let held = session.held.borrow();
        let cookie = &session.site.session_cookie;
        match &held.login {
            Some(login) if held.is_changed && session.is_valid(login) => {
                let sealed = session.site.settings.session_keys.seal(&cookie.name, login);
                cookie.put(response.headers_mut(), &sealed, None);
            }
            // The browser may have got a newer cookie from another answer, which this one must not overwrite. An expired cookie is still of
            // use: the next login takes its organisation from it, and ends that session for good.
            Some(_) => {}
            // Otherwise the browser would send a cookie without a session for ever.
            None if cookie.is_in(response.request().headers()) => cookie.remove(response.headers_mut()),
            None => {}
        }
    }

    /// Whether `login` is still valid: not ended, not too old, not unused for too long, to the millisecond.
    fn is_valid(&self, login: &Login) -> bool {
        self.is_valid_unless_idle(login) && self.is_within(self.site.settings.session_idle, login.last_used)
    }

    /// Whether `login` is valid apart from its idle time. Another copy of its cookie may say that the session was used later.
    fn is_valid_unless_idle(&self, login: &Login) -> bool {
        self.is_within(self.site.settings.session_lifetime, login.began)
            && !self.state.has_ended(login.id, &login.corp_id, &login.user_id, login.began)
    }

    fn is_within(&self, limit: Duration, since: Moment) -> bool {
        self.site.clock.age(since).is_some_and(|age| age < limit)
    }

    /// Logs `user` of the organisation `corp_id` in under a new session id, and ends the session that the browser had.
    pub fn begin(&self, user: User, corp_id: CorpId, presession: String) -> SessionUser {
        self.end();
        let now = self.site.clock.moment();
        let User { user_id, name } = user;
        let id = rand::random();
        let presession = Some(presession);
        let login = Login { id, user_id, name, corp_id, began: now, last_used: now, shown_no_page: true, presession };
        self.held.replace(Held { login: Some(login.clone()), is_changed: true, may_be_first_page: true });
        login.into()
    }

    /// Ends the session for good: copies of its cookie are not valid any more, either.
    pub fn end(&self) {
        let login = self.held.borrow_mut().login.take();
        if let Some(login) = login.filter(|login| self.is_valid_unless_idle(login)) {
            self.state.end_session(login.id);
        }
    }

    /// The person who is logged in to the organisation `corp_id`, if the session may answer a navigation that `came_from` there. Also
    /// records that they see a page now.
    ///
    /// After a login the entry page loads its address again. That load may still look like one from outside (a reload may), and an old
    /// WebView says nothing about it. It must get the page, or entry page and login would repeat for ever. Any other load from outside must
    /// not get the page, however new the session is: another person may have the phone by now.
    pub fn user_of_page(&self, corp_id: &CorpId, came_from: CameFrom) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        let is_admitted = match came_from {
            CameFrom::Within => true,
            CameFrom::Unknown => self.is_just_born(&login),
            CameFrom::Outside => self.is_first_page(&login),
        };
        if login.corp_id != *corp_id || !is_admitted {
            return Err(Problem::LoginRequired);
        }
        self.note_page();
        self.note_use();
        Ok(login.into())
    }

    fn is_just_born(&self, login: &Login) -> bool {
        self.site.clock.age(login.began).is_some_and(|age| age <= Self::JUST_BORN)
    }

    /// Whether this request may be the load with which the entry page follows a login.
    fn is_first_page(&self, login: &Login) -> bool {
        self.is_just_born(login) && self.held.borrow().may_be_first_page
    }

    /// The organisation of this session, also if the session has expired.
    pub fn organisation(&self) -> Option<CorpId> {
        self.held.borrow().login.as_ref().map(|login| login.corp_id.clone())
    }

    /// The pre-session that this session came from, also if it has expired.
    pub fn presession(&self) -> Option<String> {
        self.held.borrow().login.as_ref()?.presession.clone()
    }

    /// The login, if it is valid, without recording a use of the session.
    pub(super) fn login(&self) -> Result<Login, Problem> {
        let held = self.held.borrow();
        held.login.as_ref().filter(|login| self.is_valid(login)).cloned().ok_or(Problem::LoginRequired)
    }

    /// Notes that a page was shown since the login.
    fn note_page(&self) {
        if let Held { login: Some(login), is_changed, .. } = &mut *self.held.borrow_mut() {
            *is_changed |= std::mem::take(&mut login.shown_no_page);
        }
    }

    fn note_use(&self) {
        let Held { login: Some(login), is_changed, .. } = &mut *self.held.borrow_mut() else { return };
        // If it was last used in this very millisecond, the cookie need not change.
        let now = self.site.clock.moment();
        *is_changed |= std::mem::replace(&mut login.last_used, now) != now;
        login.presession = login.presession.take().filter(|_| self.is_within(Self::OTHERS_FOLLOW, login.began));
    }
}

extracted!(RequestSession, async |request| RequestSession::of(request));

extracted!(SessionUser, SessionUser::of);
