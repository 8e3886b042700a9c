//! Headers that every response has, whatever made it.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use anyhow::ensure;

use super::{App, RequestScope, Settings};
use crate::dingtalk::Origin;

/// What the headers depend on, prepared once.
pub struct Headers {
    /// With a word in place of the nonce.
    page_policy: String,
    permissions: HeaderValue,
    embedded: bool,
    https: bool,
}

/// What an answer that is not a page may do: nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NONCE: &str = "<nonce>";
/// What no page may use, unless the app says so.
const FEATURES: [&str; 6] = ["camera", "geolocation", "microphone", "payment", "usb", "browsing-topics"];
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

impl Headers {
    /// `local_dingtalk` is a DingTalk on this very machine, in whose client the pages may be shown as in the real one. Fails if the app
    /// asks for what no header can say, or for a feature that is not switched off.
    pub fn new(settings: &Settings, local_dingtalk: Option<&Origin>, app: &App) -> anyhow::Result<Self> {
        let library = settings.jsapi_script_url.origin().ascii_serialization();
        let local = local_dingtalk.map(|origin| format!(" {origin}")).unwrap_or_default();
        let ancestors = match (settings.embedded, local_dingtalk) {
            (true, _) => format!("'self' https://*.dingtalk.com{local}"),
            (false, Some(local)) => format!("'self' {local}"),
            (false, None) => "'none'".to_owned(),
        };
        let mut page_policy = format!(
            "default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'self'; img-src 'self' https: data:{local}; \
             connect-src 'self' {library}; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
        );
        for (directive, source) in app.sources {
            // What is not said of the others is nothing, and stays so.
            let is_directive =
                directive.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && *directive != "default-src";
            let is_source = source.bytes().all(|byte| byte.is_ascii_graphic() && !b",;".contains(&byte));
            ensure!(is_directive && is_source, "{directive:?} {source:?} is not a directive and one source");
            let begin = format!("; {directive} ");
            match page_policy.find(&begin) {
                Some(at) => page_policy.insert_str(at + begin.len(), &format!("{source} ")),
                None => page_policy += &format!("{begin}{source}"),
            }
        }
        for feature in app.features {
            ensure!(FEATURES.contains(feature), "{feature:?} is not a feature that is switched off");
        }
        let off = FEATURES.iter().filter(|feature| !app.features.contains(feature)).map(|feature| format!("{feature}=()"));
        Ok(Self {
            page_policy,
            permissions: HeaderValue::try_from(off.collect::<Vec<_>>().join(", "))?,
            embedded: settings.embedded,
            https: settings.public_url.is_https(),
        })
    }

    /// Puts them on the answer to the request of `scope`.
    pub fn put_on(&self, headers: &mut HeaderMap, scope: &RequestScope) {
        let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let page_policy = || HeaderValue::try_from(self.page_policy.replacen(NONCE, scope.script_nonce(), 1)).ok();
        let policy = is_page.then(page_policy).flatten().unwrap_or(NOTHING);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, self.permissions.clone());
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
