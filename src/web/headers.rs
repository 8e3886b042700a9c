//! Headers that every response has, whatever made it.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{RequestScope, Settings};
use crate::dingtalk::Origin;

/// What the headers depend on, prepared once.
pub struct Headers {
    page_policy_tail: String,
    embedded: bool,
    https: bool,
}

/// What an answer that is not a page may do: nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const PERMISSIONS: HeaderValue =
    HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

impl Headers {
    /// `local_dingtalk` is a DingTalk on this very machine, in whose client the pages may be shown as in the real one.
    pub fn new(settings: &Settings, local_dingtalk: Option<&Origin>) -> Self {
        let library = settings.jsapi_script_url.origin().ascii_serialization();
        let local = local_dingtalk.map(|origin| format!(" {origin}")).unwrap_or_default();
        let ancestors = match (settings.embedded, local_dingtalk) {
            (true, _) => format!("'self' https://*.dingtalk.com{local}"),
            (false, Some(local)) => format!("'self' {local}"),
            (false, None) => "'none'".to_owned(),
        };
        Self {
            page_policy_tail: format!(
                "'; style-src 'self'; img-src 'self' https: data:{local}; connect-src 'self' {library}; base-uri 'none'; \
                 form-action 'self'; frame-ancestors {ancestors}"
            ),
            embedded: settings.embedded,
            https: settings.public_url.is_https(),
        }
    }

    /// Puts them on the answer to the request of `scope`.
    pub fn put_on(&self, headers: &mut HeaderMap, scope: &RequestScope) {
        let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let page_policy = || {
            let text = ["default-src 'none'; script-src 'nonce-", scope.script_nonce(), &self.page_policy_tail].concat();
            HeaderValue::try_from(text).ok()
        };
        let policy = is_page.then(page_policy).flatten().unwrap_or(NOTHING);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        if !self.embedded {
            headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        }
        if self.https {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
    }
}
