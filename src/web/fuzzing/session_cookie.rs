//! Which cookie counts as the session's among all that a browser may send.

use std::sync::LazyLock;

use actix_web::cookie::{Cookie, CookieJar, Key};
use actix_web::http::header::{COOKIE, HeaderMap};
use actix_web::test::TestRequest;
use sha2::{Digest, Sha512};

use super::super::request_cookies::only_one;
use super::super::session_keys::SessionKeys;
use super::headers::lines;

const NAME: &str = "__Host-session";

/// The newest key and an older one.
pub(super) static KEYS: LazyLock<SessionKeys> = LazyLock::new(|| {
    let keys = ["newest", "older"].map(|word| hex::encode(Sha512::digest(word))).join(",");
    SessionKeys::parse(&keys.into()).unwrap_or_else(|error| panic!("{error}"))
});

fn keys() -> impl Iterator<Item = &'static Key> {
    std::iter::once(KEYS.newest()).chain(KEYS.older())
}

/// Each line of `input` is a Cookie header. They are tried as they are, and with a genuine cookie behind: one left by the newest key, one
/// by an older. A session cookie counts only if it is the one that is spelt as ours, and then the newest key opens it if any did; what
/// everybody else's cookies look like changes nothing of that, and they go on as they came.
pub fn session_cookie(input: &[u8]) {
    tried(input);
    for key in keys() {
        tried(&[input, b"; ", genuine(key).as_bytes()].concat());
    }
}

fn tried(input: &[u8]) {
    let mut request = TestRequest::default().to_srv_request();
    for line in lines(input) {
        request.headers_mut().append(COOKIE, line);
    }
    let before = pairs(request.headers());
    only_one(request.headers_mut(), NAME);
    KEYS.reseal(&mut request, NAME);
    let after = pairs(request.headers());

    let read = request
        .cookies()
        .map(|cookies| cookies.iter().filter(|cookie| cookie.name() == NAME).cloned().collect());
    let read: Vec<_> = read.unwrap_or_else(|error| panic!("{error}"));
    assert!(read.len() <= 1, "{after:?}");
    let opened = read.first().and_then(|cookie| opened(cookie, KEYS.newest()));
    let counts = match before.iter().filter(|pair| is_spelt_as_ours(pair)).collect::<Vec<_>>()[..] {
        [only] => parsed(only).and_then(|cookie| keys().find_map(|key| self::opened(&cookie, key))),
        _ => None,
    };
    assert_eq!(opened, counts, "{before:?} became {after:?}");

    let others = |pairs: &[Vec<u8>]| pairs.iter().filter(|pair| is_anothers(pair)).cloned().collect::<Vec<_>>();
    assert_eq!(others(&before), others(&after));
}

fn genuine(key: &Key) -> String {
    let mut jar = CookieJar::new();
    jar.private_mut(key).add(Cookie::new(NAME, "payload"));
    jar.get(NAME).map(|cookie| cookie.encoded().to_string()).unwrap_or_default()
}

fn opened(cookie: &Cookie<'static>, key: &Key) -> Option<String> {
    let opened = CookieJar::new().private(key).decrypt(cookie.clone())?;
    Some(opened.value().to_owned())
}

fn pairs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let all = headers
        .get_all(COOKIE)
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    all.map(|pair| pair.trim_ascii().to_vec())
        .filter(|pair| !pair.is_empty())
        .collect()
}

/// As the framework will read it.
fn parsed(pair: &[u8]) -> Option<Cookie<'static>> {
    Cookie::parse_encoded(std::str::from_utf8(pair).ok()?.to_owned()).ok()
}

fn is_spelt_as_ours(pair: &[u8]) -> bool {
    pair.strip_prefix(NAME.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
}

/// Somebody else's cookie, and text, as the framework demands of all.
fn is_anothers(pair: &[u8]) -> bool {
    let meant_as_ours = is_spelt_as_ours(pair) || parsed(pair).is_some_and(|cookie| cookie.name() == NAME);
    !meant_as_ours && std::str::from_utf8(pair).is_ok()
}
