//! Our cookies as browsers bring them: each once, or not at all, and sealed with the newest key.

use actix_web::cookie::Cookie;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};

use super::state::Web;

/// Must run before anything reads the request's cookies.
pub fn settle(request: &mut ServiceRequest, web: &Web) {
    if !request.headers().contains_key(COOKIE) {
        return;
    }
    let session = web.sessions.cookie_name();
    for name in [session, web.login_states.cookie_name()] {
        only_one(request.headers_mut(), name);
    }
    web.sessions.keys().reseal(request, session);
}

/// Leaves our cookie as it came if it is the only one of its name, and puts an empty one in the place of several: browsers send each
/// cookie once, so somebody has planted the others, and nothing tells which they are. Of the rest, those go that would be mistaken for
/// ours or would keep all others from being read.
pub fn only_one(headers: &mut HeaderMap, name: &str) {
    let is_text = |pair: &&[u8]| std::str::from_utf8(pair).is_ok();
    let (ours, others): (Vec<_>, Vec<_>) = headers.get_all(COOKIE).flat_map(pairs).partition(|pair| is(pair, name));
    let harmless: Vec<_> = others.iter().copied().filter(|pair| is_harmless(pair, name)).collect();
    if harmless.len() == others.len() && ours.len() <= 1 && ours.iter().all(is_text) {
        return;
    }
    let empty = [name.as_bytes(), b"="].concat();
    let one = match ours[..] {
        [] => None,
        [only] if is_text(&only) => Some(only),
        _ => Some(&empty[..]),
    };
    let left = harmless.into_iter().chain(one).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    // Parts of header values are header values.
    if !left.is_empty()
        && let Ok(left) = HeaderValue::from_bytes(&left)
    {
        headers.insert(COOKIE, left);
    }
}

/// Whether somebody else's cookie is text, since the framework reads none of them otherwise, and is still not ours when the framework has
/// trimmed and decoded its name: `__Host%2Dsession` would be, and browsers let every host of the domain set that.
fn is_harmless(pair: &[u8], name: &str) -> bool {
    let Ok(text) = std::str::from_utf8(pair) else { return false };
    Cookie::parse_encoded(text).map_or(true, |cookie| cookie.name() != name)
}

/// Our cookies of this name.
pub fn ours<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.get_all(COOKIE).flat_map(pairs).filter(move |pair| is(pair, name))
}

fn pairs(header: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    header.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

/// Whether this is the cookie `name`, as a request or an answer has it.
pub fn is(pair: &[u8], name: &str) -> bool {
    pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}
