//! The session of one request: who is logged in, and the changes to that. The only file that reads or writes session keys.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_session::{Session, SessionExt};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use serde::Serialize;

use super::error::Problem;
use super::sessions::{Login, Sessions};
use super::state::Web;
use crate::dingtalk::{CorpId, DisplayName, User, UserId};

/// The one key in the session.
const KEY: &str = "user";

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

/// What has become of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Holds,
    /// This process has ended it.
    Ended,
    /// It has expired, or there is none.
    Worthless,
}

/// The session of one request. Nothing else reads or writes it.
pub struct TypedSession {
    session: Session,
    web: Data<Web>,
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
        let login = self.sessions().begin(user);
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
            self.sessions().end(&login);
        }
    }

    /// Who is logged in, noting that the session was used now.
    pub fn user(&self) -> Option<SessionUser> {
        self.login().map(|login| self.note_use(login, |_| {}))
    }

    /// Who is logged in, if `admits` lets a login so far behind see a page; noted is that they see it now.
    pub fn user_of_page(&self, admits: impl FnOnce(Freshness) -> bool) -> Option<SessionUser> {
        let login = self.login()?;
        admits(self.freshness(&login)).then(|| self.note_use(login, |login| login.arriving = false))
    }

    /// What has become of the login that the cookie brought or the request began.
    pub fn standing(&self) -> Standing {
        match self.stored() {
            Some(login) if self.sessions().holds(&login) => Standing::Holds,
            Some(login) if self.sessions().has_ended(&login) => Standing::Ended,
            _ => Standing::Worthless,
        }
    }

    fn freshness(&self, login: &Login) -> Freshness {
        match self.sessions().is_just_born(login) {
            true if login.arriving => Freshness::Arriving,
            true => Freshness::JustBorn,
            false => Freshness::Settled,
        }
    }

    fn note_use(&self, before: Login, note: impl FnOnce(&mut Login)) -> SessionUser {
        let mut login = before.clone();
        self.sessions().note_use(&mut login);
        note(&mut login);
        if login != before
            && let Err(error) = self.session.insert(KEY, &login)
        {
            tracing::error!(%error, "a session's use was not noted");
        }
        login.into()
    }

    fn login(&self) -> Option<Login> {
        self.stored().filter(|login| self.sessions().holds(login))
    }

    fn stored(&self) -> Option<Login> {
        self.session.get(KEY).ok().flatten()
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
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        // Not before the extractors in front of it in the handler's signature have let the request pass: one that they refuse is no use
        // of the session.
        Box::pin(async move { TypedSession::of(&request)?.user().ok_or(Problem::LoginRequired) })
    }
}
