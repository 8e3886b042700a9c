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
    /// Takes `text`, with or without a final slash, as browsers write origins. No host has a longer name (RFC 1035, section 2.3.4).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).ok().filter(|url| url.host_str().is_some_and(|host| host.len() <= 253));
        let origin = url.as_ref().and_then(Self::of);
        origin.filter(|origin| text.strip_suffix('/').unwrap_or(text) == origin.0).ok_or(
            "it must be http:// or https://, a host in lower case of 253 bytes at most, a port if it is not the default one, and \
             nothing behind",
        )
    }

    /// None for a `blob:` address and the like, which has the origin of what is inside it.
    fn of(url: &Url) -> Option<Self> {
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

/// Some browsers write these as they are, some encoded, and the standard has changed about it (URL Standard, "percent-encode sets"):
/// `location.href` has what the browser sends.
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
            // `location.href` always is.
            return Err(InvalidPageUrl("it is not an address as browsers write it"));
        }
        // With a user name in it, it is another's as well.
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
        let end = self.0.match_indices('/').nth(2).map_or(self.0.len(), |(slash, _)| slash);
        &self.0[..end]
    }
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

    /// Fails for an address that goes on as the signed text does behind the nonce, which may be any text: as nothing is escaped, the
    /// signature would be good for the page that is named there as well.
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sign(digest: Digest, ticket: &str, nonce: &str, timestamp: u64, url: &str) -> String {
        let ticket = Arc::new(JsapiTicket::parse(ticket).unwrap());
        let recipe = Recipe { digest, form: UrlForm::AsOpened };
        SignedPage { url: PageUrl::unchecked(url), recipe, ticket, nonce_str: NonceStr(nonce.into()), timestamp }.signature()
    }

    #[test]
    fn signatures_agree_with_the_vectors() {
        let page = "https://app.example.com/h5/index.html?corpid=ding0000000000000001";
        let vectors = [
            (
                "https://app.example.com/".to_owned(),
                "92cfab9ca141d3c45f4a642676cf50d92cc6aa59",
                "6ee00f9597af4d446248e58abf17b85cab5364e454946c0695fe5ff370a4acd5",
            ),
            (
                format!("{page}&q=中"),
                "76792a4a0cabcdcce80b0c5870752f03367f825b",
                "b92434f23431ac74948fb9479b34ededf036bcd7a1ccd9276da67e76101bea1c",
            ),
            (
                format!("{page}&q=%E4%B8%AD"),
                "614bd97a250a103b69fcb236865667150d8d6f15",
                "5ef4fe04de6e0cfb5df5e902077acc66d96ef5edf0e2c8c596d0512b01674bff",
            ),
        ];
        for (url, sha1, sha256) in vectors {
            let signed = |digest| sign(digest, "ticketSAMPLE0123456789", "noncesample01", 1_700_000_000, &url);
            assert_eq!(signed(Digest::Sha1), sha1, "{url}");
            assert_eq!(signed(Digest::Sha256), sha256, "{url}");
        }
        assert_eq!(
            sign(Digest::Sha1, "ticket", "nonce", 1, "https://a.example/?q=1"),
            "00cf183db49b3ab9f215712f2c6dfb1759a5d1e7"
        );
    }

    #[test]
    fn a_nonce_has_128_random_bits() {
        let (one, other) = (NonceStr::random(), NonceStr::random());
        assert_eq!(one.0.len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn each_form_of_an_address_is_what_the_samples_make_of_it() {
        let url = PageUrl::unchecked("https://app.example.com/h5?q=%E4%B8%AD+%2B%20x");
        let form = |form| Recipe { digest: Digest::Sha1, form }.address(&url);
        assert_eq!(form(UrlForm::AsOpened), "https://app.example.com/h5?q=%E4%B8%AD+%2B%20x");
        assert_eq!(form(UrlForm::QueryDecoded), "https://app.example.com/h5?q=中++ x");
        assert_eq!(form(UrlForm::QueryFormDecoded), "https://app.example.com/h5?q=中 + x");
        assert_eq!(form(UrlForm::OriginOnly), "https://app.example.com/");
    }

    #[test]
    fn only_an_address_that_reads_like_the_rest_of_what_is_signed_is_not() {
        let form = |form, query: &str| {
            let url = PageUrl::unchecked(&format!("https://app.example.com/?{query}"));
            Recipe { digest: Digest::Sha1, form }.check(&url).is_ok()
        };
        let encoded = "a=1&timestamp=1&url=https%3A%2F%2Fb.example";
        for good in [encoded, "a=1&url=https://b.example&timestamp=1", "timestamp=1&url=2", "url=https://b.example"] {
            assert!(form(UrlForm::AsOpened, good), "{good}");
        }
        for bad in ["a=1&timestamp=1&url=https://b.example", "&timestamp=1&x=2&url=http://b.example/?"] {
            assert!(!form(UrlForm::AsOpened, bad) && form(UrlForm::OriginOnly, bad), "{bad}");
        }
        assert!(!form(UrlForm::QueryDecoded, encoded) && !form(UrlForm::QueryFormDecoded, encoded));
    }

    impl PageUrl {
        pub(crate) fn unchecked(text: &str) -> Self {
            Self(text.to_owned())
        }
    }

    #[test]
    fn only_pages_of_our_own_origin_are_signed_and_only_as_browsers_write_them() {
        let ours = Origin::parse("https://app.example.com").unwrap();
        for good in [
            "https://app.example.com/",
            "https://app.example.com/a/b?q=%E4%B8%AD&x=a+b%20c",
            "https://app.example.com/?next=https://evil.example/",
            "https://app.example.com/?who=O'Hara&city=L'Aquila",
            "https://app.example.com/?who=O%27Hara",
            "https://app.example.com/it's/a[1]/{x}|y^z`",
            "https://app.example.com/%7Bx%7D%7Cy%5Ez%60%5B1%5D",
            "https://app.example.com/?ids[]=1&filter={%22a%22:[1]}",
            "https://app.example.com/?q=a|b^c`d\\e%",
        ] {
            assert_eq!(PageUrl::parse(&ours, good).unwrap().as_str(), good);
        }
        assert_eq!(PageUrl::parse(&ours, "https://app.example.com/?q=1#part").unwrap().as_str(), "https://app.example.com/?q=1");
        for bad in [
            "",
            "/",
            "//app.example.com/",
            "https://app.example.com",
            "https://app.example.com:443/",
            "https://app.example.com:8443/",
            "http://app.example.com/",
            "blob:https://app.example.com/x",
            "HTTPS://app.example.com/",
            "https://APP.example.com/",
            "https://app.example.com./",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "https://u:p@app.example.com/",
            "https://u@app.example.com/",
            "https:app.example.com/",
            "https:/app.example.com/",
            "https:\\\\app.example.com\\",
            "https://app.example.com\\@evil.example/",
            "https://app.example.com/a/../b",
            "https://app.example.com/?q=中",
            "https://app.example.com/a b",
            "https://app.example.com/a\\b",
            "https://app.example.com/\"x\"",
            "https://app.example.com/?q=\"x\"",
            "https://app.example.com/?q=<x>",
            "https://app.example.com/?q='中'",
            "https://app.example.com/'/../x",
            "https://app.example.com/%2e%2E/x",
            "https://app.example.com'/",
            "https://[app.example.com]/",
            " https://app.example.com/",
            "https://app.example.com/\n",
            "https://app.exam\tple.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app%2eexample.com/",
            "https://evil.example/#https://app.example.com/",
            "https://app.example.com#@evil.example/",
        ] {
            assert!(PageUrl::parse(&ours, bad).is_err(), "{bad:?}");
        }
        assert!(PageUrl::parse(&ours, &format!("https://app.example.com/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_else() {
        for good in ["https://app.example.com", "https://app.example.com/", "http://127.0.0.1:8080", "http://[::1]:8080"] {
            assert!(Origin::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "app.example.com",
            "ftp://app.example.com",
            "https://app.example.com/path",
            "https://app.example.com?q",
            "https://app.example.com:443",
            "https://App.example.com",
            "https://u@app.example.com",
            "https://app.example.com//",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_signed_begins_with_our_origin_and_is_ascii(rest in any::<String>(), lead in "[a-z:/@.\\\\]{0,20}") {
            let ours = Origin::parse("https://app.example.com").unwrap();
            for href in [format!("{ours}{rest}"), format!("{ours}/{rest}"), format!("{lead}{ours}{rest}"), rest.clone()] {
                if let Ok(page) = PageUrl::parse(&ours, &href) {
                    prop_assert!(page.as_str().starts_with("https://app.example.com/"));
                    prop_assert!(page.as_str().is_ascii() && !page.as_str().contains('#'));
                    prop_assert!(href.starts_with(page.as_str()));
                }
            }
        }
    }
}
