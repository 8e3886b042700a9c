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

    /// What sets our cookie `base`: for `max_age`, where zero removes it, or until the browser is closed. None if `value` is no cookie's.
    pub fn header(self, base: &str, value: &str, max_age: Option<Duration>) -> Option<HeaderValue> {
        let mut cookie = Cookie::new(self.name(base), value);
        cookie.set_http_only(true);
        cookie.set_secure(self.secure);
        // When the browser may send it with requests that other sites started.
        cookie.set_same_site(if self.embedded { SameSite::None } else { SameSite::Lax });
        cookie.set_path("/");
        cookie.set_max_age(max_age.map(|age| time::Duration::seconds(age.as_secs() as i64)));
        // The cookie library of actix-web 4 does not know this attribute.
        let partitioned = if self.embedded { "; Partitioned" } else { "" };
        HeaderValue::from_str(&format!("{cookie}{partitioned}")).ok()
    }

    /// Gives the browser the cookie that [`CookiePolicy::header`] makes.
    pub fn set(self, headers: &mut HeaderMap, base: &str, value: &str, max_age: Option<Duration>) {
        if let Some(cookie) = self.header(base, value, max_age) {
            headers.append(SET_COOKIE, cookie);
        }
    }

    /// Takes our cookie `base` from the browser.
    pub fn remove(self, headers: &mut HeaderMap, base: &str) {
        self.set(headers, base, "", Some(Duration::ZERO));
    }
}

/// What a browser brought under the name of one cookie of ours.
pub(super) enum Brought<'a> {
    Nothing,
    One(&'a str),
    /// Browsers send each cookie once: of several, somebody has planted some, and nothing tells which. Or it is not even text.
    Junk,
}

impl<'a> Brought<'a> {
    pub fn in_headers(headers: &'a HeaderMap, name: &str) -> Self {
        let all = headers.get_all(COOKIE).flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        let mut ours = all.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        match (ours.next().map(std::str::from_utf8), ours.next()) {
            (None, _) => Self::Nothing,
            (Some(Ok(value)), None) => Self::One(value),
            _ => Self::Junk,
        }
    }
}

/// The value of our cookie `name`, if it is the only one that is spelt so.
pub fn only_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    match Brought::in_headers(headers, name) {
        Brought::One(value) => Some(value),
        Brought::Nothing | Brought::Junk => None,
    }
}
