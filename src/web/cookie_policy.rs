//! How cookies look: the same for all of them, decided by where the app runs.

use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{HeaderMap, HeaderValue, SET_COOKIE};

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

    /// Sets a cookie for `max_age`; zero removes it.
    pub fn set(self, headers: &mut HeaderMap, base: &str, value: &str, max_age: std::time::Duration) {
        let mut cookie = Cookie::new(self.name(base), value);
        cookie.set_http_only(true);
        cookie.set_secure(self.secure);
        cookie.set_same_site(self.same_site());
        cookie.set_path("/");
        cookie.set_max_age(time::Duration::seconds(max_age.as_secs() as i64));
        if let Ok(header) = HeaderValue::from_str(&cookie.to_string()) {
            headers.append(SET_COOKIE, header);
        }
    }

    /// Adds `Partitioned` where it is due. The cookie library of actix-web 4 does not know that attribute.
    pub fn partition(self, headers: &mut HeaderMap) {
        if !self.embedded {
            return;
        }
        let cookies: Vec<_> = headers.remove(SET_COOKIE).collect();
        for cookie in cookies {
            let partitioned = [cookie.as_bytes(), b"; Partitioned"].concat();
            headers.append(SET_COOKIE, HeaderValue::from_bytes(&partitioned).unwrap_or(cookie));
        }
    }
}
