//! How our cookies are written and read. A cookie that a browser sends more than once is not read at all.

use std::time::Duration;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

use crate::web::Settings;

/// One cookie of ours.
pub struct OurCookie {
    /// Over https it begins with `__Host-`, and with EMBEDDED with `__Host-framed-`: otherwise a cookie from before EMBEDDED was set would
    /// be sent beside the new one, and of two cookies with one name neither is read.
    pub name: String,
    /// What the browser may do with it.
    attributes: &'static str,
    /// The attribute `Partitioned`, with EMBEDDED. In a frame of DingTalk's PC client our cookies are third-party ones, and a browser sends
    /// those back only if they are partitioned.
    partitioned: &'static str,
}

impl OurCookie {
    /// The cookie `base`, by its full name. Over https no other host and no plain-http page can plant a cookie whose name begins with
    /// `__Host-`; plain http, which the settings allow on loopback only, can have neither the prefix nor `Secure`. SameSite says whether
    /// the browser sends it with requests that other sites began.
    pub fn new(base: &str, settings: &Settings) -> Self {
        let (prefix, attributes, partitioned) = match (settings.public_url.is_https(), settings.embedded) {
            (true, true) => ("__Host-framed-", "HttpOnly; SameSite=None; Secure; Path=/", "; Partitioned"),
            (true, false) => ("__Host-", "HttpOnly; SameSite=Lax; Secure; Path=/", ""),
            (false, true) => ("", "HttpOnly; SameSite=None; Path=/", "; Partitioned"),
            (false, false) => ("", "HttpOnly; SameSite=Lax; Path=/", ""),
        };
        Self { name: format!("{prefix}{base}"), attributes, partitioned }
    }

    /// The Set-Cookie header: the cookie lasts for `max_age`, where zero removes it, or until the browser is closed. `value` must be hex or
    /// base64. It is written by hand because the cookie library of actix-web 4 does not know `Partitioned`.
    pub fn header(&self, value: &str, max_age: Option<Duration>) -> Option<HeaderValue> {
        let Self { name, attributes, partitioned } = self;
        let max_age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        HeaderValue::try_from(format!("{name}={value}; {attributes}{max_age}{partitioned}")).ok()
    }

    /// Sets the cookie, until the browser is closed.
    pub fn set(&self, headers: &mut HeaderMap, value: &str) {
        self.header(value, None).into_iter().for_each(|cookie| headers.append(SET_COOKIE, cookie));
    }

    /// Removes the cookie from the browser.
    pub fn remove(&self, headers: &mut HeaderMap) {
        self.header("", Some(Duration::ZERO)).into_iter().for_each(|cookie| headers.append(SET_COOKIE, cookie));
    }

    /// The values of all cookies of this name in a request.
    fn all_in<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a [u8]> {
        let all = headers.get_all(COOKIE).flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        all.filter_map(|pair| pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"="))
    }

    /// Whether a request has any cookie of this name.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        self.all_in(headers).next().is_some()
    }

    /// The cookie's value, if it is text and the only one of this name. Browsers send each cookie once: of several, some were planted, and
    /// nothing tells which.
    pub fn value_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = self.all_in(headers);
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok()
    }
}
