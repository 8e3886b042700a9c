//! Who may knock: extractors that turn a request away before its handler runs.

use std::future::{Future, ready};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::JsonPayloadError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use serde::de::DeserializeOwned;

use super::scope::extracted;
use super::{Problem, Site, shared};
use crate::dingtalk::{JsonObject, Origin};

pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A request that a page of ours made. Browsers say so in Origin and Sec-Fetch-Site, and pages cannot forge either; old WebViews send
/// only the first.
pub struct SameOrigin;

fn made_by(ours: &Origin, headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN);
    let mut sites = headers.get_all(SEC_FETCH_SITE);
    let origin = origins.next().map(|origin| origin.as_bytes() == ours.as_str().as_bytes());
    let site = sites.next().map(|site| site.as_bytes() == b"same-origin");
    let repeated = origins.next().is_some() || sites.next().is_some();
    !repeated && matches!((origin, site), (Some(true), Some(true) | None) | (None, Some(true)))
}

impl SameOrigin {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let is_ours = made_by(&shared::<Site>(request)?.settings.public_url, request.headers());
        is_ours.then_some(Self).ok_or(Problem::OriginRejected)
    }
}

extracted!(SameOrigin, SameOrigin::of);

/// How long a body may take: a phone on a bad network needs some, somebody who drips bytes to hold a connection gets no more.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// A body of 4 KiB at most that is a JSON object.
pub struct StrictJson<T>(pub T);

impl<T> StrictJson<T> {
    /// The longest body that any of our requests has reason to be.
    pub const MAX_BYTES: usize = 4096;
}

impl<T: DeserializeOwned + 'static> FromRequest for StrictJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let said_once = request.headers().get_all(CONTENT_TYPE).count() == 1;
        if !said_once || request.content_type() != "application/json" {
            return Box::pin(ready(Err(Problem::UnsupportedMediaType)));
        }
        let body = web::JsonBody::<JsonObject<T>>::new(request, payload, None, true).limit(Self::MAX_BYTES);
        Box::pin(async {
            let body = tokio::time::timeout(BODY_PATIENCE, body).await.map_err(|_| Problem::RequestTimeout)?;
            body.map(|JsonObject(body)| Self(body)).map_err(Problem::from)
        })
    }
}

impl From<JsonPayloadError> for Problem {
    fn from(error: JsonPayloadError) -> Self {
        match error {
            JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => Self::PayloadTooLarge,
            // What serde says may quote the body, which may hold a code.
            JsonPayloadError::Deserialize(_) => Self::BadRequest("the body is not what this route takes".into()),
            _ => Self::BadRequest("the body cannot be read".into()),
        }
    }
}

/// Where the request came from: the peer, or, behind proxies that are trusted, the nearest hop that is not one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let site = shared::<Site>(request)?;
        Ok(Self::behind(|hop| site.trusts(hop), peer, request.headers()))
    }

    fn behind(is_trusted: impl Fn(IpAddr) -> bool, peer: IpAddr, headers: &HeaderMap) -> Self {
        let mut nearest = peer;
        let forwarded: Vec<&[u8]> = headers.get_all(X_FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
        for hop in forwarded.iter().flat_map(|value| value.split(|byte| *byte == b',')).rev() {
            if !is_trusted(nearest) {
                break;
            }
            // A hop that cannot be read was not written by a trusted proxy, so nothing before it is believed either.
            let Some(hop) = std::str::from_utf8(hop).ok().and_then(|hop| address_of(hop.trim())) else {
                break;
            };
            nearest = hop;
        }
        Self(nearest)
    }
}

/// Some proxies add the port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

extracted!(ClientAddress, ClientAddress::of);

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_a_page_of_ours_passes_as_same_origin() {
        let ours = Origin::parse("https://app.example.com").unwrap();
        let good = [
            vec![(ORIGIN, "https://app.example.com"), (SEC_FETCH_SITE, "same-origin")],
            vec![(ORIGIN, "https://app.example.com")],
            vec![(SEC_FETCH_SITE, "same-origin")],
        ];
        for pairs in good {
            assert!(made_by(&ours, &headers(&pairs)), "{pairs:?}");
        }
        let bad = [
            vec![],
            vec![(ORIGIN, "null")],
            vec![(ORIGIN, "https://app.example.com.evil.example")],
            vec![(ORIGIN, "http://app.example.com")],
            vec![(ORIGIN, "https://app.example.com:443")],
            vec![(ORIGIN, "https://app.example.com/")],
            vec![(ORIGIN, "https://evil.example"), (SEC_FETCH_SITE, "same-origin")],
            vec![(ORIGIN, "https://app.example.com"), (SEC_FETCH_SITE, "same-site")],
            vec![(ORIGIN, "https://app.example.com"), (SEC_FETCH_SITE, "none")],
            vec![(SEC_FETCH_SITE, "cross-site")],
            vec![(ORIGIN, "https://app.example.com"), (ORIGIN, "https://evil.example")],
            vec![(SEC_FETCH_SITE, "same-origin"), (SEC_FETCH_SITE, "cross-site")],
        ];
        for pairs in bad {
            assert!(!made_by(&ours, &headers(&pairs)), "{pairs:?}");
        }
    }

    #[test]
    fn only_trusted_proxies_are_believed_about_the_client() {
        let proxies: ipnet::IpNet = "10.0.0.0/8".parse().unwrap();
        let seen = |peer: &str, forwarded: &'static str| {
            let headers = headers(&[(X_FORWARDED_FOR, forwarded)]);
            ClientAddress::behind(|hop| proxies.contains(&hop), peer.parse().unwrap(), &headers).0.to_string()
        };
        assert_eq!(seen("203.0.113.9", "198.51.100.1"), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", "192.0.2.66, 198.51.100.1, 10.0.0.2"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", "192.0.2.66, nonsense"), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", ""), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", "198.51.100.1:4711"), "198.51.100.1");
        assert_eq!(seen("10.0.0.1", "[2001:db8::1]:4711"), "2001:db8::1");
    }
}
