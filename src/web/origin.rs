//! Where a request comes from: the page that made it, the person whom that page shows, where the navigation began, the client's address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, X_FORWARDED_FOR};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{Problem, RequestSession, SessionUser, Site, extracted, shared};
use crate::dingtalk::{CorpId, Origin};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// The person whom the page shows: `<corpId> <userId>`, each percent-encoded. Scripts send it, navigations cannot.
const X_PAGE_USER: HeaderName = HeaderName::from_static("x-page-user");

/// A request that a page of ours made; others are refused. Browsers say so in Origin and Sec-Fetch-Site, and pages cannot forge either
/// header. Old WebViews send only Origin.
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
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let is_ours = made_by(&shared::<Site>(request)?.settings.public_url, request.headers());
        is_ours.then_some(Self).ok_or(Problem::OriginRejected)
    }
}

extracted!(SameOrigin, SameOrigin::of);

/// Where a navigation began, as far as the browser tells. A phone may have switched account or organisation while the old cookie lives on:
/// a navigation from outside may be made by somebody else than the session's person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameFrom {
    /// On a page of ours.
    Within,
    /// Anywhere else.
    Outside,
    /// An old WebView does not say.
    Unknown,
}

impl CameFrom {
    /// A query parameter of links on pages that show nobody: whoever follows such a link still counts as coming from outside.
    /// `static/entry.js` removes it from the address after the login.
    pub const MARK: &str = "sign-in";

    /// Whether links on the page that answers `request` need [`CameFrom::MARK`]: the page was not opened from within, and there is a
    /// session. Without the mark, a click would count as from within and show the person of that session, who had the phone before.
    pub fn links_need_mark(request: &HttpRequest) -> Result<bool, Problem> {
        Ok(Self::of(request)? != Self::Within && RequestSession::of(request)?.login().is_ok())
    }

    /// Whether the address of `request` has the parameter [`CameFrom::MARK`].
    pub fn is_marked(request: &HttpRequest) -> bool {
        request.query_string().split('&').any(|parameter| parameter == Self::MARK)
    }

    /// Whether `request` may load a page: old WebViews do not say.
    pub fn may_load_page(request: &HttpRequest) -> bool {
        request.headers().get(SEC_FETCH_MODE).is_none_or(|mode| mode.as_bytes() == b"navigate")
    }

    /// Where the navigation began that made `request`. Old WebViews send no Sec-Fetch-Site; for them the Referer decides, which our own
    /// pages always send to this server.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        if Self::is_marked(request) {
            return Ok(Self::Outside);
        }
        let (headers, ours) = (request.headers(), &shared::<Site>(request)?.settings.public_url);
        let within = match (headers.get(SEC_FETCH_SITE), headers.get(REFERER)) {
            (Some(site), _) => site.as_bytes() == b"same-origin",
            (None, Some(referer)) => {
                let referer = referer.to_str().ok().and_then(|referer| Url::parse(referer).ok());
                referer.is_some_and(|referer| ours.owns(&referer))
            }
            (None, None) => return Ok(Self::Unknown),
        };
        Ok(if within { Self::Within } else { Self::Outside })
    }
}

/// Whether the page that makes a request shows `user`, or nobody. The client may have switched account or organisation since that page was
/// loaded: what somebody does on their own page must not be done in another person's name.
pub fn shows_no_other(headers: &HeaderMap, user: &SessionUser) -> bool {
    headers.get_all(X_PAGE_USER).all(|value| {
        shown(value).is_some_and(|(corp_id, user_id)| corp_id == user.corp_id.as_str() && user_id == user.user_id.as_str())
    })
}

/// The organisation of the person whom the page that makes a request shows.
pub fn organisation_shown(headers: &HeaderMap) -> Option<CorpId> {
    let (corp_id, _) = shown(headers.get(X_PAGE_USER)?)?;
    CorpId::parse(corp_id).ok()
}

/// The corpId and the userId in an X-Page-User header.
fn shown(value: &HeaderValue) -> Option<(String, String)> {
    let (corp_id, user_id) = value.to_str().ok()?.split_once(' ')?;
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(corp_id), decoded(user_id)))
}

/// Where the request came from: the peer, or, behind proxies that are trusted, the nearest hop that is not one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address of the client that made `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let site = shared::<Site>(request)?;
        Ok(Self::behind(|hop| site.trusts(hop), peer, request.headers()))
    }

    fn behind(is_trusted: impl Fn(IpAddr) -> bool, peer: IpAddr, headers: &HeaderMap) -> Self {
        let mut nearest = peer;
        for hop in headers.get_all(X_FORWARDED_FOR).flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).rev() {
            if !is_trusted(nearest) {
                break;
            }
            // A hop that cannot be read was not written by a trusted proxy, so nothing before it is believed either.
            let Some(hop) = std::str::from_utf8(hop).ok().and_then(|hop| address_of(hop.trim())) else {
                break;
            };
            nearest = hop;
        }
        Self(nearest.to_canonical())
    }
}

/// The address of a hop, behind which some proxies write the port.
pub fn address_of(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

extracted!(ClientAddress, async |request| ClientAddress::of(request));

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
