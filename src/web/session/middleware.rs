//! What happens to the session's cookie, from the request that brings it to the answer that takes it along.

use actix_session::SessionMiddleware;
use actix_session::config::{BrowserSession, CookieContentSecurity};
use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::cookie::time::Duration;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::middleware::Next;

use super::cookie::{Brought, put_only_cookie, value_of};
use super::sessions::Sessions;
use super::user::{KEY, RequestSession, Standing};
use crate::web::shared;

/// Wraps [`opened_and_sealed`], and all that looks at the session is inside that.
pub async fn session<B: MessageBody>(mut request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let sessions = shared::<Sessions>(request.request())?.clone();
    let name = sessions.cookie_name();

    // In: one cookie of ours or none, sealed with the newest key.
    let Brought { any: brought, only, is_plain } = Brought::in_headers(request.headers(), name);
    let anew = only.and_then(|value| sessions.keys().sealed_anew(name, value));
    if anew.is_some() || !is_plain {
        let value = anew.or_else(|| only.map(str::to_owned));
        put_only_cookie(request.headers_mut(), name, value.as_deref());
    }

    let mut response = next.call(request).await?;
    let Some(session) = response.request().extensions().get::<RequestSession>().cloned() else {
        return Ok(response);
    };

    // Out: the cookie of a session that holds.
    let headers = response.headers_mut();
    match session.standing() {
        Standing::Holds if sessions.cookies().embedded => {
            set_cookies(headers, name, |cookie| Some(sessions.cookies().partitioned(cookie)));
        }
        Standing::Holds => {}
        // Whatever ended it has given the browser another cookie or none, and this answer may come later than that one. What has expired
        // stays, so that the next login knows its organisation.
        Standing::Ended | Standing::Expired => set_cookies(headers, name, |_| None),
        // The browser would send a cookie that means nobody for ever.
        Standing::Nobody => {
            set_cookies(headers, name, |_| None);
            if brought {
                sessions.remove_cookie(headers);
            }
        }
    }
    Ok(response)
}

/// Changes each cookie `name` that an answer sets, or leaves it out.
fn set_cookies(headers: &mut HeaderMap, name: &str, change: impl Fn(HeaderValue) -> Option<HeaderValue>) {
    if !headers.contains_key(SET_COOKIE) {
        return;
    }
    let cookies: Vec<_> = headers.remove(SET_COOKIE).collect();
    for cookie in cookies {
        let is_ours = value_of(cookie.as_bytes(), name).is_some();
        if let Some(cookie) = if is_ours { change(cookie) } else { Some(cookie) } {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// Opens the cookie that the browser brought and seals the one that it takes along.
pub fn opened_and_sealed(sessions: &Sessions) -> SessionMiddleware<InCookie> {
    SessionMiddleware::builder(InCookie, sessions.keys().newest().clone())
        .cookie_name(sessions.cookie_name().to_owned())
        .cookie_content_security(CookieContentSecurity::Private)
        .cookie_http_only(true)
        .cookie_secure(sessions.cookies().secure)
        .cookie_same_site(sessions.cookies().same_site())
        .cookie_path("/".to_owned())
        .session_lifecycle(BrowserSession::default())
        .build()
}

/// The session is in the cookie itself: its one value, without the map around it that the library's own store would write.
pub struct InCookie;

type State = std::collections::HashMap<String, String>;

impl SessionStore for InCookie {
    async fn load(&self, cookie: &SessionKey) -> Result<Option<State>, LoadError> {
        Ok(Some(State::from([(KEY.to_owned(), cookie.as_ref().to_owned())])))
    }

    async fn save(&self, mut state: State, _: &Duration) -> Result<SessionKey, SaveError> {
        let value = state.remove(KEY).unwrap_or_default();
        SessionKey::try_from(value).map_err(|too_long| SaveError::Other(too_long.into()))
    }

    async fn update(&self, _: SessionKey, state: State, life: &Duration) -> Result<SessionKey, UpdateError> {
        self.save(state, life).await.map_err(|error| UpdateError::Other(error.into()))
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, _: &SessionKey) -> Result<(), anyhow::Error> {
        Ok(())
    }
}
