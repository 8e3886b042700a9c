//! A session's cookie that has become worthless.

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::SET_COOKIE;
use actix_web::middleware::Next;

use super::request_cookies::{is, ours};
use super::session::{Standing, TypedSession};
use super::state::Web;

/// The session was ended while the answer was made, or before. Whatever ended it has given the browser another cookie or none, and this
/// answer may come later than that one: it must leave the browser's cookie alone.
struct Superseded;

/// Takes a cookie that means nobody from the browser, which would otherwise send it for ever: one that was tampered with or has
/// expired. Must run inside the session's middleware.
pub async fn clear_worthless<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let web = Web::of(request.request())?.clone();
    let brought = ours(request.headers(), web.sessions.cookie_name()).next().is_some();
    let mut response = next.call(request).await?;
    if !brought {
        return Ok(response);
    }
    match TypedSession::of(response.request())?.standing() {
        Standing::Holds => {}
        Standing::Ended => drop(response.request().extensions_mut().insert(Superseded)),
        Standing::Worthless => web.sessions.remove_cookie(response.headers_mut()),
    }
    Ok(response)
}

/// Keeps an answer whose session was ended from setting that session's cookie. Must run outside the session's middleware, which seals it
/// whatever has become of it.
pub fn withhold_superseded<B>(response: &mut ServiceResponse<B>, web: &Web) {
    if !response.request().extensions().contains::<Superseded>() {
        return;
    }
    let name = web.sessions.cookie_name();
    let cookies: Vec<_> = response.headers_mut().remove(SET_COOKIE).collect();
    for cookie in cookies.into_iter().filter(|cookie| !is(cookie.as_bytes(), name)) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
