//! The session of one request: who is logged in, and the changes to that. The only file that reads or writes the session.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest};
use serde::Serialize;

use super::sessions::{Login, Sessions};
use super::shown;
use crate::dingtalk::{CorpId, DingTalk, DisplayName, User, UserId};
use crate::web::navigation::Began;
use crate::web::scope::extracted;
use crate::web::{Problem, shared};

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
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let dingtalk = shared::<DingTalk>(request)?;
        RequestSession::of(request)?.user(Began::of(request)?, |user| {
            let is_shown = shown::is_no_other(request.headers(), user);
            is_shown.then_some(()).ok_or(Problem::UserChanged)?;
            Ok(dingtalk.admits(&user.corp_id)?)
        })
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
    fn put_on(&self, headers: &mut HeaderMap) {
        let held = self.held.borrow();
        match &held.login {
            Some(login) if held.is_news && self.sessions.holds(login) => self.sessions.set_cookie(headers, login),
            Some(login) if self.sessions.holds(login) => {}
            // Whatever ended it has given the browser another cookie or none, and this answer may come later than that one. What has
            // expired stays, so that the next login knows its organisation.
            Some(login) if self.sessions.has_ended(login) || self.sessions.tells_organisation() => {}
            // The browser would send a cookie that means nobody for ever.
            _ if held.brought => self.sessions.remove_cookie(headers),
            _ => {}
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

    /// Who is logged in, if a request that began there may be answered from the session and `admits` lets them; noted is that the session
    /// was used now. Whoever does not say where it began is let in: programs, and old WebViews that fetch a file.
    fn user(&self, began: Began, admits: impl FnOnce(&SessionUser) -> Result<(), Problem>) -> Result<SessionUser, Problem> {
        let login = self.login()?;
        if began == Began::Outside && !self.is_arriving(&login) {
            return Err(Problem::LoginRequired);
        }
        let user = login.into();
        admits(&user)?;
        self.note_use(began == Began::Outside);
        Ok(user)
    }

    /// Who is logged in to the organisation `corp_id`, if a navigation that began there may be answered from the session; noted is that
    /// they see a page now.
    ///
    /// After a login the entry page loads itself anew. That load may still carry the first one's initiator (a reload does), or, from a
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

    /// The organisation of whoever is logged in, without that being a use.
    pub fn holding_organisation(&self) -> Result<CorpId, Problem> {
        Ok(self.login()?.corp_id)
    }

    /// Whether somebody is logged in, without that being a use.
    pub fn holds(&self) -> bool {
        self.login().is_ok()
    }

    fn login(&self) -> Result<Login, Problem> {
        let held = self.held.borrow();
        held.login.as_ref().filter(|login| self.sessions.holds(login)).cloned().ok_or(Problem::LoginRequired)
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

/// Gives an answer the cookie that the request's session has earned. Wraps all that looks at it. On the way in it does nothing: see
/// [`RequestSession::of`].
pub async fn session<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut response = next.call(request).await?;
    let session = response.request().extensions().get::<RequestSession>().cloned();
    if let Some(session) = session {
        session.put_on(response.headers_mut());
    }
    Ok(response)
}

extracted!(RequestSession, RequestSession::of);

// One that an extractor before it refuses at once is no use of the session.
extracted!(SessionUser, late SessionUser::of);
