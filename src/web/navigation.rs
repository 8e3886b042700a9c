//! Where a navigation began. A phone may have switched account or organisation while the old cookie lives on: whoever comes from outside
//! may be somebody else than whose session this is.

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, REFERER};
use url::Url;

use super::guard::SEC_FETCH_SITE;
use super::session::RequestSession;
use super::{Problem, Site, shared};
use crate::dingtalk::Origin;

/// As far as the browser tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Began {
    /// On a page of ours.
    Within,
    /// Anywhere else.
    Outside,
    /// An old WebView does not say.
    Unknown,
}

impl Began {
    /// A mark in the query of an address that a page which shows nobody leads people from outside to: they still count as that there.
    /// `static/entry.js` takes it off the address when they have signed in.
    pub const FROM_OUTSIDE: &str = "sign-in";

    /// Whether what the page of `request` leads to is to be marked so. Where somebody's session is, it may be the session of whoever had the
    /// phone before.
    pub fn stays_outside(request: &HttpRequest) -> Result<bool, Problem> {
        Ok(Self::of(request)? != Self::Within && RequestSession::of(request)?.holds())
    }

    /// Whether the address of `request` is marked so.
    pub fn is_marked(request: &HttpRequest) -> bool {
        request.query_string().split('&').any(|parameter| parameter == Self::FROM_OUTSIDE)
    }

    /// Where the navigation began that made `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        match Self::is_marked(request) {
            true => Ok(Self::Outside),
            false => Ok(Self::told_by(request.headers(), &shared::<Site>(request)?.settings.public_url)),
        }
    }

    /// Old WebViews send no Sec-Fetch-Site; for them the Referer tells, which our own pages always send to us.
    fn told_by(headers: &HeaderMap, ours: &Origin) -> Self {
        let within = match (headers.get(SEC_FETCH_SITE), headers.get(REFERER)) {
            (Some(site), _) => site.as_bytes() == b"same-origin",
            (None, Some(referer)) => {
                let referer = referer.to_str().ok().and_then(|referer| Url::parse(referer).ok());
                referer.is_some_and(|referer| ours.owns(&referer))
            }
            (None, None) => return Self::Unknown,
        };
        if within { Self::Within } else { Self::Outside }
    }
}
