//! The session of one request: who is logged in, and the changes to that. The only file that reads or writes the session.

use std::cell::RefCell;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::Serialize;

use super::sessions::{Login, Sessions};
use super::shown;
use crate::dingtalk::{CorpId, DingTalk, DisplayName, User, UserId};
use crate::web::{Problem, shared};

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

/// How far behind a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Ten seconds at most, and no page was shown since: this is the page that the login was for.
    Arriving,
    /// Ten seconds at most.
    JustBorn,
    /// Longer.
    Settled,
}

/// What has become of the login that the cookie brought or the request began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It counts.
    Holds,
    /// Another request has ended it.
    Ended,
    /// It has expired, and still tells the organisation.
    Expired,
    /// It has expired, this request has ended it, or there is none.
    Nobody,
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
    /// The browser brought something.
    brought: bool,
}

impl RequestSession {
    /// The session of `request`, read when it is first asked for.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if let Some(known) = request.extensions().get::<Self>() {
            return Ok(known.clone());
        }
        let sessions = shared::<Sessions>(request)?.clone();
        let (brought, login) = sessions.brought(request.headers());
        let session = Self { held: Rc::new(RefCell::new(Held { login, is_news: false, brought })), sessions };
        request.extensions_mut().insert(session.clone());
        Ok(session)
    }

    /// Gives the answer the cookie of a session that holds.
    pub(super) fn put_on(&self, headers: &mut HeaderMap) {
        let (standing, held) = (self.standing(), self.held.borrow());
        match (standing, &held.login) {
            (Standing::Holds, Some(login)) if held.is_news => self.sessions.set_cookie(headers, login),
            (Standing::Holds, _) => {}
            // Whatever ended it has given the browser another cookie or none, and this answer may come later than that one. What has
            // expired stays, so that the next login knows its organisation.
            (Standing::Ended | Standing::Expired, _) => {}
            // The browser would send a cookie that means nobody for ever.
            (Standing::Nobody, _) if held.brought => self.sessions.remove_cookie(headers),
            (Standing::Nobody, _) => {}
        }
    }

    /// Logs `user` of the organisation `corp_id` in under a new id. Whatever session the browser had before is dead.
    pub fn begin(&self, user: User, corp_id: CorpId) -> SessionUser {
        self.end();
        let login = self.sessions.begin(user, corp_id);
        let mut held = self.held.borrow_mut();
        (held.login, held.is_news) = (Some(login.clone()), true);
        login.into()
    }

    /// Ends the session for good: a copy of the cookie is worth nothing any more.
    pub fn end(&self) {
        let login = self.held.borrow_mut().login.take();
        if let Some(login) = login.filter(|login| self.sessions.holds(login)) {
            self.sessions.end(&login);
        }
    }

    /// Who is logged in, if `admits` lets them; noted is that the session was used now.
    fn user(&self, admits: impl FnOnce(&SessionUser) -> Result<(), Problem>) -> Result<SessionUser, Problem> {
        let user = self.login()?.into();
        admits(&user)?;
        self.note_use(false);
        Ok(user)
    }

    /// Who is logged in to the organisation `corp_id`, if `admits` lets a login so far behind see a page; noted is that they see it now.
    pub fn user_of_page(&self, corp_id: &CorpId, admits: impl FnOnce(Freshness) -> bool) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        if login.corp_id != *corp_id || !admits(self.freshness(&login)) {
            return Err(Problem::LoginRequired);
        }
        self.note_use(true);
        Ok(login.into())
    }

    /// The organisation of whoever is or was logged in here.
    pub fn organisation(&self) -> Option<CorpId> {
        self.held.borrow().login.as_ref().map(|login| login.corp_id.clone())
    }

    /// The organisation of whoever is logged in, without that being a use.
    pub fn holding_organisation(&self) -> Result<CorpId, Problem> {
        Ok(self.login()?.corp_id)
    }

    /// Whether somebody is logged in, without that being a use.
    pub fn holds(&self) -> bool {
        self.standing() == Standing::Holds
    }

    fn standing(&self) -> Standing {
        match &self.held.borrow().login {
            Some(login) if self.sessions.holds(login) => Standing::Holds,
            Some(login) if self.sessions.has_ended(login) => Standing::Ended,
            Some(login) if self.sessions.tells_organisation(login) => Standing::Expired,
            _ => Standing::Nobody,
        }
    }

    fn login(&self) -> Result<Login, Problem> {
        let held = self.held.borrow();
        held.login.as_ref().filter(|login| self.sessions.holds(login)).cloned().ok_or(Problem::LoginRequired)
    }

    fn freshness(&self, login: &Login) -> Freshness {
        match self.sessions.is_just_born(login) {
            true if login.arriving => Freshness::Arriving,
            true => Freshness::JustBorn,
            false => Freshness::Settled,
        }
    }

    fn note_use(&self, is_page: bool) {
        let Held { login: Some(login), is_news, .. } = &mut *self.held.borrow_mut() else { return };
        *is_news |= self.sessions.note_use(login);
        *is_news |= is_page && std::mem::take(&mut login.arriving);
    }
}

impl From<Login> for SessionUser {
    fn from(login: Login) -> Self {
        Self { user_id: login.user_id, name: login.name, corp_id: login.corp_id }
    }
}

impl FromRequest for RequestSession {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for SessionUser {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        // Not before the extractors in front of it in the handler's signature have let the request pass: one that they refuse is no use
        // of the session.
        Box::pin(async move {
            let dingtalk = shared::<DingTalk>(&request)?;
            RequestSession::of(&request)?.user(|user| {
                let is_shown = shown::is_no_other(request.headers(), user);
                is_shown.then_some(()).ok_or(Problem::UserChanged)?;
                Ok(dingtalk.admits(&user.corp_id)?)
            })
        })
    }
}
