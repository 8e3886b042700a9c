//! How our cookies look, and which of those that a browser brings are read: each once, or not at all.

use std::time::Duration;

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// The attributes that every cookie of ours has.
#[derive(Debug, Clone, Copy)]
pub struct CookiePolicy {
    /// Over https: no other host and no plain-http page can plant a cookie whose name begins with `__Host-`. Plain http, which the
    /// settings allow on loopback only, can have neither the prefix nor `Secure`.
    pub secure: bool,
    /// The page may be framed by DingTalk's PC client: a third-party context, in which only partitioned cookies come back.
    pub embedded: bool,
}

/// One cookie of ours.
pub struct OurCookie {
    /// Over https it begins with `__Host-`. Cookies of frames have names of their own: one from before EMBEDDED was set would be sent
    /// beside its successor, and of two neither counts.
    pub name: String,
    policy: CookiePolicy,
}

impl OurCookie {
    /// The cookie `base`, by its full name.
    pub fn new(base: &str, policy: CookiePolicy) -> Self {
        let name = match (policy.secure, policy.embedded) {
            (true, true) => format!("__Host-framed-{base}"),
            (true, false) => format!("__Host-{base}"),
            (false, _) => base.to_owned(),
        };
        Self { name, policy }
    }

    /// What sets it: for `max_age`, where zero removes it, or until the browser is closed. None if `value` is no cookie's.
    pub fn header(&self, value: &str, max_age: Option<Duration>) -> Option<HeaderValue> {
        let CookiePolicy { secure, embedded } = self.policy;
        let mut cookie = Cookie::new(&self.name, value);
        cookie.set_http_only(true);
        cookie.set_secure(secure);
        // When the browser may send it with requests that other sites started.
        cookie.set_same_site(if embedded { SameSite::None } else { SameSite::Lax });
        cookie.set_path("/");
        cookie.set_max_age(max_age.map(|age| time::Duration::seconds(age.as_secs() as i64)));
        // The cookie library of actix-web 4 does not know this attribute.
        let partitioned = if embedded { "; Partitioned" } else { "" };
        HeaderValue::from_str(&format!("{cookie}{partitioned}")).ok()
    }

    /// Gives it to the browser, until that is closed.
    pub fn set(&self, headers: &mut HeaderMap, value: &str) {
        self.header(value, None).into_iter().for_each(|cookie| headers.append(SET_COOKIE, cookie));
    }

    /// Takes it from the browser.
    pub fn remove(&self, headers: &mut HeaderMap) {
        self.header("", Some(Duration::ZERO)).into_iter().for_each(|cookie| headers.append(SET_COOKIE, cookie));
    }

    /// What a browser brought under its name.
    pub(super) fn brought<'a>(&self, headers: &'a HeaderMap) -> Brought<'a> {
        let all = headers.get_all(COOKIE).flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        let mut ours = all.filter_map(|pair| pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"="));
        match (ours.next().map(std::str::from_utf8), ours.next()) {
            (None, _) => Brought::Nothing,
            (Some(Ok(value)), None) => Brought::One(value),
            _ => Brought::Junk,
        }
    }

    /// Its value, if the browser brought one of that name and no other.
    pub fn value_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        match self.brought(headers) {
            Brought::One(value) => Some(value),
            Brought::Nothing | Brought::Junk => None,
        }
    }
}

/// What a browser brought under the name of one cookie of ours.
pub(super) enum Brought<'a> {
    Nothing,
    One(&'a str),
    /// Browsers send each cookie once: of several, somebody has planted some, and nothing tells which. Or it is not even text.
    Junk,
}
