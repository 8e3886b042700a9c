//! The session of one request: who is logged in, and the changes to that. The only file that reads or writes the session.

use std::cell::RefCell;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde::Serialize;

use super::sessions::{Login, Sessions};
use super::shown;
use crate::dingtalk::{CorpId, DingTalk, DisplayName, User, UserId};
use crate::web::{Problem, shared};

/// The one value of a session.
pub(super) const KEY: &str = "user";

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
pub(super) enum Standing {
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
    stored: Session,
    /// As the cookie brought it or the request began it, whether it counts or not.
    login: Rc<RefCell<Option<Login>>>,
    sessions: Data<Sessions>,
}

impl RequestSession {
    /// The session of `request`, read when it is first asked for.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if let Some(known) = request.extensions().get::<Self>() {
            return Ok(known.clone());
        }
        let stored = request.get_session();
        let session = Self {
            login: Rc::new(RefCell::new(stored.get(KEY).ok().flatten())),
            stored,
            sessions: shared::<Sessions>(request)?.clone(),
        };
        request.extensions_mut().insert(session.clone());
        Ok(session)
    }

    /// Logs `user` of the organisation `corp_id` in under a new id. Whatever session the browser had before is dead.
    pub fn begin(&self, user: User, corp_id: CorpId) -> Result<SessionUser, Problem> {
        self.end_login();
        let login = self.sessions.begin(user, corp_id);
        self.stored.renew();
        self.store(&login)?;
        Ok(login.into())
    }

    /// Ends the session for good: a copy of the cookie is worth nothing any more.
    pub fn end(&self) {
        self.end_login();
        self.stored.purge();
    }

    fn end_login(&self) {
        if let Some(login) = self.login.take().filter(|login| self.sessions.holds(login)) {
            self.sessions.end(&login);
        }
    }

    /// Who is logged in, if `admits` lets them; noted is that the session was used now.
    fn user(&self, admits: impl FnOnce(&SessionUser) -> Result<(), Problem>) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        admits(&login.clone().into())?;
        self.note_use(login, |_| {})
    }

    /// Who is logged in to the organisation `corp_id`, if `admits` lets a login so far behind see a page; noted is that they see it now.
    pub fn user_of_page(&self, corp_id: &CorpId, admits: impl FnOnce(Freshness) -> bool) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        if login.corp_id != *corp_id || !admits(self.freshness(&login)) {
            return Err(Problem::LoginRequired);
        }
        self.note_use(login, |login| login.arriving = false)
    }

    /// The organisation of whoever is or was logged in here.
    pub fn organisation(&self) -> Option<CorpId> {
        self.login.borrow().as_ref().map(|login| login.corp_id.clone())
    }

    /// The organisation of whoever is logged in, without that being a use.
    pub fn holding_organisation(&self) -> Result<CorpId, Problem> {
        Ok(self.login()?.corp_id)
    }

    /// Whether somebody is logged in, without that being a use.
    pub fn holds(&self) -> bool {
        self.standing() == Standing::Holds
    }

    pub(super) fn standing(&self) -> Standing {
        match &*self.login.borrow() {
            Some(login) if self.sessions.holds(login) => Standing::Holds,
            Some(login) if self.sessions.has_ended(login) => Standing::Ended,
            Some(login) if self.sessions.tells_organisation(login) => Standing::Expired,
            _ => Standing::Nobody,
        }
    }

    fn login(&self) -> Result<Login, Problem> {
        let login = self.login.borrow();
        login.as_ref().filter(|login| self.sessions.holds(login)).cloned().ok_or(Problem::LoginRequired)
    }

    fn freshness(&self, login: &Login) -> Freshness {
        match self.sessions.is_just_born(login) {
            true if login.arriving => Freshness::Arriving,
            true => Freshness::JustBorn,
            false => Freshness::Settled,
        }
    }

    fn note_use(&self, mut login: Login, note: impl FnOnce(&mut Login)) -> Result<SessionUser, Problem> {
        self.sessions.note_use(&mut login);
        note(&mut login);
        if self.login.borrow().as_ref() != Some(&login) {
            self.store(&login)?;
        }
        Ok(login.into())
    }

    fn store(&self, login: &Login) -> Result<(), Problem> {
        self.login.replace(Some(login.clone()));
        self.stored.insert(KEY, login).map_err(|error| Problem::Internal(error.into()))
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
