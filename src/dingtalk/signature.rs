//! The signature that `dd.config` asks for, and which addresses get one: those of our own pages, as browsers write them. Pure: what goes in
//! decides what comes out ("JSAPI authentication" in DingTalk's documentation).

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::JsapiTicket;

/// Scheme, host and port of a page: the part of its address that decides whether we sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// Takes `text` if it is written as browsers write origins, with or without a final slash. The host has 253 bytes at most: no name is
    /// longer (RFC 1035, section 2.3.4).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).ok().filter(|url| url.host_str().is_some_and(|host| host.len() <= 253));
        let origin = url.as_ref().and_then(Self::of);
        origin.filter(|origin| text.strip_suffix('/').unwrap_or(text) == origin.0).ok_or(
            "it must be http:// or https://, a host as browsers send it (in lower case, of 253 bytes at most, xn--… for letters beyond \
             ASCII), a port if it is not the default one, and nothing behind",
        )
    }

    /// None for a `blob:` address and the like, which has the origin of what is inside it.
    pub(super) fn of(url: &Url) -> Option<Self> {
        matches!(url.scheme(), "http" | "https").then(|| Self(url.origin().ascii_serialization()))
    }

    /// As browsers send it in the `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether pages of this origin travel encrypted.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether `url` belongs to this origin.
    pub fn owns(&self, url: &Url) -> bool {
        Self::of(url).as_ref() == Some(self)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some browsers write these characters as they are, others percent-encode them, and the standard has changed about it (URL Standard,
/// "percent-encode sets"). `location.href` has them as the browser sends them.
const EITHER_WAY: &AsciiSet = &CONTROLS.add(b'\'').add(b'[').add(b']').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The address of a page of ours, as the signature needs it: without fragment, and otherwise byte for byte what the browser shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageUrl(String);

/// Why an address is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPageUrl(&'static str);

impl PageUrl {
    /// Takes what a page says its `location.href` is, if it is a page of `origin`. Nothing is rebuilt: only the fragment is cut.
    pub fn parse(origin: &Origin, href: &str) -> Result<Self, InvalidPageUrl> {
        let (page, _fragment) = href.split_once('#').unwrap_or((href, ""));
        if page.len() > 2048 {
            return Err(InvalidPageUrl("it is longer than 2048 bytes"));
        }
        let is_written_as = |url: Url| page.is_ascii() && either_way(url.as_str()).eq(either_way(page));
        if !Url::parse(page).is_ok_and(is_written_as) {
            // `location.href` is always written so.
            return Err(InvalidPageUrl("it is not an address as browsers write it"));
        }
        // Without the slash, our origin may be the user name in another site's address (`https://our.origin@other/`).
        let is_ours = page.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'));
        is_ours.then(|| Self(page.to_owned())).ok_or(InvalidPageUrl("it does not belong to this server"))
    }

    /// The page of `origin` that was asked for with this path and query, exactly as received.
    pub fn of_request(origin: &Origin, path_and_query: &str) -> Result<Self, InvalidPageUrl> {
        Self::parse(origin, &format!("{origin}{path_and_query}"))
    }

    /// Without fragment.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.0[..behind_origin(&self.0).unwrap_or(self.0.len())]
    }
}

/// The index at which the path of an address begins.
pub(super) fn behind_origin(url: &str) -> Option<usize> {
    url.match_indices('/').nth(2).map(|(slash, _)| slash)
}

fn either_way(address: &str) -> impl Iterator<Item = u8> {
    utf8_percent_encode(address, EITHER_WAY).flat_map(str::bytes)
}

/// How the signature is computed. DingTalk's own sources disagree, so it is a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// As in all of DingTalk's demos.
    Sha1,
    /// As in DingTalk's present documentation.
    Sha256,
}

/// In which form the page's address goes into the signed text. Only the first is documented for pages without odd characters; the
/// others are what DingTalk's own samples do, kept for finding out what a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlForm {
    /// As it stands in `location.href`.
    AsOpened,
    /// The query percent-decoded, as in the Node sample.
    QueryDecoded,
    /// The query decoded like a form, in which `+` is a space, as in the Java sample.
    QueryFormDecoded,
    /// Scheme, host, port and `/` only, as some phones are said to check it.
    OriginOnly,
}

/// How a page is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Over which digest.
    pub digest: Digest,
    /// Over which form of the address.
    pub form: UrlForm,
}

impl Recipe {
    /// Every way in which some official source signs, by name.
    pub fn all() -> impl Iterator<Item = (String, Recipe)> {
        const DIGESTS: [(&str, Digest); 2] = [("sha1", Digest::Sha1), ("sha256", Digest::Sha256)];
        const FORMS: [(&str, UrlForm); 4] = [
            ("as-opened", UrlForm::AsOpened),
            ("query-decoded", UrlForm::QueryDecoded),
            ("query-form-decoded", UrlForm::QueryFormDecoded),
            ("origin-only", UrlForm::OriginOnly),
        ];
        let named = |(digest_name, digest)| {
            FORMS.map(|(form_name, form)| (format!("{digest_name}-{form_name}"), Recipe { digest, form }))
        };
        DIGESTS.into_iter().flat_map(named)
    }

    /// Fails for an address that contains `&timestamp=` and behind it `&url=` with an address. Nothing is escaped in the signed text, and
    /// the nonce that precedes the timestamp may be any text: so the signature would also be valid for the page that is named there.
    pub fn check(self, url: &PageUrl) -> Result<(), InvalidPageUrl> {
        let is_another_page = |rest: &str| ["&url=http:", "&url=https:"].iter().any(|begin| rest.contains(begin));
        match self.address(url).split_once("&timestamp=") {
            Some((_, rest)) if is_another_page(rest) => Err(InvalidPageUrl("it reads like the rest of what is signed")),
            _ => Ok(()),
        }
    }

    fn address(self, url: &PageUrl) -> String {
        match (self.form, url.as_str().split_once('?')) {
            (UrlForm::OriginOnly, _) => format!("{}/", url.origin()),
            (UrlForm::QueryDecoded, Some((page, query))) => format!("{page}?{}", decoded(query)),
            (UrlForm::QueryFormDecoded, Some((page, query))) => format!("{page}?{}", decoded(&query.replace('+', " "))),
            (UrlForm::AsOpened, _) | (UrlForm::QueryDecoded | UrlForm::QueryFormDecoded, None) => url.as_str().to_owned(),
        }
    }
}

/// Percent-decoded.
pub(super) fn decoded(query: &str) -> String {
    percent_decode_str(query).decode_utf8_lossy().into_owned()
}

/// What makes each signature different: 128 random bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NonceStr(pub(super) String);

impl NonceStr {
    /// A new one.
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; 16]>()))
    }

    /// Takes what [`NonceStr::random`] makes.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| Self(text.to_owned()))
    }
}

/// A page that was signed, with all that the signature depends on.
#[derive(Debug, Clone)]
pub struct SignedPage {
    /// The page.
    pub url: PageUrl,
    /// How it was signed.
    pub recipe: Recipe,
    /// The credential it was signed with.
    pub ticket: Arc<JsapiTicket>,
    /// Random.
    pub nonce_str: NonceStr,
    /// Unix seconds. They must reach `dd.config` in the same digits.
    pub timestamp: u64,
}

impl SignedPage {
    /// Lower-case hex of the digest over ticket, nonce, time and address, in that order and without escaping.
    pub fn signature(&self) -> String {
        let text = format!(
            "jsapi_ticket={}&noncestr={}&timestamp={}&url={}",
            self.ticket.expose(),
            self.nonce_str.0,
            self.timestamp,
            self.recipe.address(&self.url)
        );
        match self.recipe.digest {
            Digest::Sha1 => hex::encode(Sha1::digest(text)),
            Digest::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

#[cfg(test)]
mod tests;
