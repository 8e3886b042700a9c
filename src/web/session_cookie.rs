//! The session cookie as browsers bring it: one that means somebody, or none.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use actix_web::middleware::Next;

use super::session::TypedSession;
use super::state::Web;

/// Puts an empty cookie in the place of several. Browsers send each cookie once: somebody has planted the others, and nothing tells
/// which they are. Must run before anything reads the request's cookies.
pub fn only_one(headers: &mut HeaderMap, name: &str) {
    if ours(headers, name).count() < 2 {
        return;
    }
    let others = headers.get_all(COOKIE).flat_map(pairs).filter(|pair| !is(pair, name));
    let empty = [name.as_bytes(), b"="].concat();
    let one = others.chain([&empty[..]]).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    // Parts of header values are header values.
    if let Ok(one) = HeaderValue::from_bytes(&one) {
        headers.insert(COOKIE, one);
    }
}

/// Takes a cookie that means nobody from the browser, which would otherwise send it for ever: one that was tampered with or has
/// expired. Must run inside the session's middleware.
pub async fn clear_worthless<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, actix_web::Error> {
    let web = Web::of(request.request())?.clone();
    let brought = ours(request.headers(), web.sessions.cookie_name()).next().is_some();
    let mut response = next.call(request).await?;
    if brought && !TypedSession::of(response.request())?.is_somebodys() {
        web.sessions.remove_cookie(response.headers_mut());
    }
    Ok(response)
}

fn ours<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(COOKIE).flat_map(pairs).filter(move |pair| is(pair, name))
}

fn pairs(header: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    header.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn is(pair: &[u8], name: &str) -> bool {
    pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}
