//! How our cookies are written and read. A cookie that a browser sends more than once is not read at all.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::web::Settings;

/// One cookie of ours, or of the app. It is sent back to this host only, and no script can read it.
pub struct OurCookie {
    /// Over https it begins with `__Host-`. Cookies of frames have names of their own: one from before EMBEDDED was set would be sent
    /// beside its successor, and of two neither counts.
    pub name: String,
    /// Its attributes before and behind its age.
    attributes: (&'static str, &'static str),
}

/// What the value of a cookie must not have (RFC 6265, section 4.1.1).
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

impl OurCookie {
    /// The cookie `base`, by its full name. `base` consists of letters, digits and `-`.
    pub fn new(base: &str, settings: &Settings) -> Self {
        // Over https: no other host and no plain-http page can plant a cookie whose name begins with `__Host-`. Plain http, which the
        // settings allow on loopback only, can have neither the prefix nor `Secure`.
        let (prefix, attributes) = match (settings.public_url.is_https(), settings.embedded) {
            // DingTalk's PC client frames the page: a third-party context, in which only partitioned cookies come back.
            (true, true) => ("__Host-framed-", ("; HttpOnly; SameSite=None; Secure; Path=/", "; Partitioned")),
            (true, false) => ("__Host-", ("; HttpOnly; SameSite=Lax; Secure; Path=/", "")),
            (false, _) => ("", ("; HttpOnly; SameSite=Lax; Path=/", "")),
        };
        Self { name: [prefix, base].concat(), attributes }
    }

    /// Sets the cookie to any text: for `max_age`, or until the browser is closed. Browsers store 4 KiB at most.
    pub fn set(&self, headers: &mut HeaderMap, text: &str, max_age: Option<Duration>) {
        self.put(headers, &utf8_percent_encode(text, ESCAPED).to_string(), max_age);
    }

    /// Sets the cookie to a value that need not be escaped, such as base64.
    pub(in crate::web) fn put(&self, headers: &mut HeaderMap, value: &str, max_age: Option<Duration>) {
        if let Some(cookie) = self.header(value, max_age) {
            headers.append(SET_COOKIE, cookie);
        }
    }

    /// The Set-Cookie header: for `max_age`, where zero removes the cookie, or until the browser is closed. None if `value` has a character
    /// that no header may have.
    pub(in crate::web) fn header(&self, value: &str, max_age: Option<Duration>) -> Option<HeaderValue> {
        let age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        let (before, behind) = self.attributes;
        HeaderValue::try_from([&self.name, "=", value, before, &age, behind].concat()).ok()
    }

    /// Removes the cookie from the browser.
    pub fn remove(&self, headers: &mut HeaderMap) {
        self.put(headers, "", Some(Duration::ZERO));
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

    /// The text that the cookie was set to, if it is the only one of this name.
    pub fn text_in<'a>(&self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        percent_decode_str(self.value_in(headers)?).decode_utf8().ok()
    }

    /// The cookie's value, if it is text and the only one of this name. Browsers send each cookie once: of several, some were planted, and
    /// nothing tells which.
    pub(in crate::web) fn value_in<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut values = self.all_in(headers);
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        std::str::from_utf8(value).ok()
    }
}
