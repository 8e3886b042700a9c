//! The JSAPI signature, computed here a second time so that the app's own code is not its own judge.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::page_url::PageUrl;

/// The digests that are accepted. Official sources disagree, so both are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    Sha1,
    Sha256,
}

/// Which form of the page's URL was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As the page reports it.
    Raw,
    /// With its query decoded, as the official sample does it.
    Decoded,
}

/// With which digest and which form of the URL a signature was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Matched {
    pub digest: Digest,
    pub url: Form,
}

/// The values of `dd.config` that are signed together with the ticket and the URL.
#[derive(Debug, Clone)]
pub struct Signed {
    pub nonce: String,
    pub timestamp: String,
    pub signature: String,
}

impl Digest {
    pub const ALL: [Self; 2] = [Self::Sha1, Self::Sha256];

    pub fn hex(self, text: &str) -> String {
        match self {
            Self::Sha1 => hex::encode(Sha1::digest(text)),
            Self::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

impl Signed {
    /// The text that is signed.
    pub fn text(&self, ticket: &str, url: &str) -> String {
        format!("jsapi_ticket={ticket}&noncestr={}&timestamp={}&url={url}", self.nonce, self.timestamp)
    }

    /// The digest with which the signature matches this ticket and this URL.
    pub fn digest_for(&self, ticket: &str, url: &str) -> Option<Digest> {
        let text = self.text(ticket, url);
        Digest::ALL.into_iter().find(|digest| digest.hex(&text) == self.signature)
    }

    pub fn verify(&self, ticket: &str, url: &PageUrl) -> Option<Matched> {
        let raw = (Form::Raw, url.to_string());
        let decoded = decoded(url).into_iter().map(|url| (Form::Decoded, url));
        std::iter::once(raw).chain(decoded).find_map(|(form, url)| {
            let digest = self.digest_for(ticket, &url)?;
            Some(Matched { digest, url: form })
        })
    }
}

/// The URL with its query decoded: like a form (`+` is a space), as the official Java sample does, and percent escapes only,
/// as the official Node sample does.
pub fn decoded(url: &PageUrl) -> Vec<String> {
    let Some(query) = url.query.as_deref() else {
        return Vec::new();
    };
    let percent = percent_decode_str(query).decode_utf8_lossy();
    let form = percent_decode_str(&query.replace('+', " ")).decode_utf8_lossy().into_owned();
    [Cow::Owned(form), percent].into_iter().map(|query| url.with_query(Some(&query)).to_string()).collect()
}

/// One pass of form encoding over a whole URL, the classic mistake before signing.
pub fn encoded_whole(url: &str) -> String {
    form_urlencoded::byte_serialize(url.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICKET: &str = "ticketSAMPLE0123456789";
    const PLAIN: &str = "https://app.example.com/";
    const CHINESE: &str = "https://app.example.com/h5/index.html?corpid=ding0000000000000001&q=中";
    const ESCAPED: &str = "https://app.example.com/h5/index.html?corpid=ding0000000000000001&q=%E4%B8%AD";

    fn signed(signature: &str) -> Signed {
        Signed { nonce: "noncesample01".to_owned(), timestamp: "1700000000".to_owned(), signature: signature.to_owned() }
    }

    fn page(url: &str) -> PageUrl {
        PageUrl::parse(url).expect("a page URL")
    }

    #[test]
    fn the_vectors_of_the_contract() {
        let vectors = [
            (
                PLAIN,
                "92cfab9ca141d3c45f4a642676cf50d92cc6aa59",
                "6ee00f9597af4d446248e58abf17b85cab5364e454946c0695fe5ff370a4acd5",
            ),
            (
                CHINESE,
                "76792a4a0cabcdcce80b0c5870752f03367f825b",
                "b92434f23431ac74948fb9479b34ededf036bcd7a1ccd9276da67e76101bea1c",
            ),
            (
                ESCAPED,
                "614bd97a250a103b69fcb236865667150d8d6f15",
                "5ef4fe04de6e0cfb5df5e902077acc66d96ef5edf0e2c8c596d0512b01674bff",
            ),
        ];
        for (url, sha1, sha256) in vectors {
            let text = signed("").text(TICKET, url);
            assert_eq!(Digest::Sha1.hex(&text), sha1);
            assert_eq!(Digest::Sha256.hex(&text), sha256);
        }
    }

    #[test]
    fn both_digests_and_both_forms_of_the_url_are_accepted() {
        for (form, url) in [(Form::Raw, ESCAPED), (Form::Decoded, CHINESE)] {
            for digest in Digest::ALL {
                let signature = digest.hex(&signed("").text(TICKET, url));
                let matched = signed(&signature).verify(TICKET, &page(ESCAPED));
                assert_eq!(matched, Some(Matched { digest, url: form }));
            }
        }
    }

    #[test]
    fn an_escaped_url_is_not_accepted_for_a_page_that_reports_it_raw() {
        let signature = "614bd97a250a103b69fcb236865667150d8d6f15";
        assert_eq!(signed(signature).verify(TICKET, &page(CHINESE)), None);
    }

    #[test]
    fn a_plus_is_decoded_by_one_official_sample_and_kept_by_the_other() {
        let url = page("https://app.example.com/?q=a+b%20c");
        let forms = decoded(&url);
        assert_eq!(forms, ["https://app.example.com/?q=a b c", "https://app.example.com/?q=a+b c"]);
    }

    #[test]
    fn another_ticket_nonce_or_timestamp_is_not_accepted() {
        let signature = "92cfab9ca141d3c45f4a642676cf50d92cc6aa59";
        let good = signed(signature);
        assert!(good.verify(TICKET, &page(PLAIN)).is_some());
        assert!(good.verify("another", &page(PLAIN)).is_none());
        let other_nonce = Signed { nonce: "x".to_owned(), ..good.clone() };
        assert!(other_nonce.verify(TICKET, &page(PLAIN)).is_none());
        let other_time = Signed { timestamp: "1".to_owned(), ..good };
        assert!(other_time.verify(TICKET, &page(PLAIN)).is_none());
    }
}
