//! How our cookies look, and which of those that a browser brings are read: each once, or not at all.

use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// The attributes that every cookie of ours has.
#[derive(Debug, Clone, Copy)]
pub struct CookiePolicy {
    /// Over https the name begins with `__Host-`, so that no other host and no plain-http page can plant the cookie. Plain http,
    /// which the settings allow on loopback only, can have neither the prefix nor `Secure`.
    pub secure: bool,
    /// The page may be framed by DingTalk's PC client: a third-party context, in which only partitioned cookies come back.
    pub embedded: bool,
}

impl CookiePolicy {
    /// The full name of our cookie `base`. Cookies of frames have names of their own: one from before EMBEDDED was set would be sent
    /// beside its successor, and of two neither counts.
    pub fn name(self, base: &str) -> String {
        match (self.secure, self.embedded) {
            (true, true) => format!("__Host-framed-{base}"),
            (true, false) => format!("__Host-{base}"),
            (false, _) => base.to_owned(),
        }
    }

    /// When the browser may send our cookies with requests that other sites started.
    pub fn same_site(self) -> SameSite {
        if self.embedded { SameSite::None } else { SameSite::Lax }
    }

    /// Sets our cookie `base` for `max_age`; zero removes it.
    pub fn set(self, headers: &mut HeaderMap, base: &str, value: &str, max_age: Duration) {
        if let Some(header) = self.header(base, value, max_age) {
            headers.append(SET_COOKIE, header);
        }
    }

    /// What sets our cookie `base`. None if `value` is no cookie's.
    pub fn header(self, base: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
        let mut cookie = Cookie::new(self.name(base), value);
        cookie.set_http_only(true);
        cookie.set_secure(self.secure);
        cookie.set_same_site(self.same_site());
        cookie.set_path("/");
        cookie.set_max_age(time::Duration::seconds(max_age.as_secs() as i64));
        HeaderValue::from_str(&cookie.to_string()).ok().map(|header| self.partitioned(header))
    }

    /// Adds `Partitioned` where it is due. The cookie library of actix-web 4 does not know that attribute.
    pub(super) fn partitioned(self, cookie: HeaderValue) -> HeaderValue {
        if !self.embedded {
            return cookie;
        }
        HeaderValue::from_bytes(&[cookie.as_bytes(), b"; Partitioned"].concat()).unwrap_or(cookie)
    }
}

/// What a browser brought under the name of one cookie of ours.
pub(super) struct Brought<'a> {
    /// Whether there is one, or several.
    pub any: bool,
    /// Its value, if it is the only one that is spelt so. Browsers send each cookie once: of several, somebody has planted some, and
    /// nothing tells which.
    pub only: Option<&'a str>,
    /// Whether the framework would read the same.
    pub is_plain: bool,
}

impl<'a> Brought<'a> {
    pub fn in_headers(headers: &'a HeaderMap, name: &str) -> Self {
        let (mut count, mut only, mut is_plain) = (0, None, true);
        for pair in pairs(headers) {
            match value_of(pair, name) {
                Some(value) => {
                    count += 1;
                    only = std::str::from_utf8(value).ok();
                    is_plain &= only.is_some();
                }
                None => is_plain &= is_harmless(pair, name),
            }
        }
        Self { any: count > 0, only: only.filter(|_| count == 1), is_plain: is_plain && count <= 1 }
    }
}

/// The value of our cookie `name`, if it is the only one that is spelt so.
pub fn only_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    Brought::in_headers(headers, name).only
}

/// Leaves `value` as the one cookie `name` in a request, or none. Of the others those go that the framework would take for ours, or
/// that would keep it from reading any.
pub(super) fn put_only_cookie(headers: &mut HeaderMap, name: &str, value: Option<&str>) {
    let ours = value.map(|value| [name, "=", value].concat());
    let others = pairs(headers).filter(|pair| value_of(pair, name).is_none() && is_harmless(pair, name));
    let all = others.chain(ours.as_deref().map(str::as_bytes)).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    // Parts of header values are header values, and so is a sealed cookie.
    if let Ok(all) = HeaderValue::from_bytes(&all) {
        headers.insert(COOKIE, all);
    }
}

/// Whether somebody else's cookie is text, since the framework reads none of them otherwise, and is still not ours when the framework has
/// trimmed and decoded its name: `__Host%2Dsession` would be, and browsers let every host of the domain set that.
fn is_harmless(pair: &[u8], name: &str) -> bool {
    let Ok(text) = std::str::from_utf8(pair) else { return false };
    let spelt = text.split('=').next().unwrap_or_default();
    let plain = spelt.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    plain || Cookie::parse_encoded(text).map_or(true, |cookie| cookie.name() != name)
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let all = headers.get_all(COOKIE).flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    all.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// What stands behind `name=`, in a request or an answer.
pub(super) fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}
