//! The signature that `dd.config` asks for. Pure: what goes in decides what comes out ("JSAPI authentication" in
//! DingTalk's documentation).

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{JsapiTicket, PageUrl};

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
}
