//! Finds out what a wrong signature was made over, so that a developer need not guess.

use sha2::{Digest as _, Sha224, Sha384, Sha512};

use super::page_url::PageUrl;
use super::signature::{Digest, Signed, decoded};
use super::variants::{Change, Part, Writing, changes};

/// More differing parts than this are not looked for: the search grows with their product.
const MOST_PARTS: usize = 3;

/// The page and the tickets that a signature that does not match is compared with.
pub struct Expectation<'a> {
    pub page: &'a PageUrl,
    pub ticket: &'a str,
    pub dead_tickets: &'a [String],
    pub home: Option<&'a PageUrl>,
}

/// The URL that was signed instead, and the parts that differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub parts: Vec<Part>,
    pub signed_url: String,
}

/// The fewest parts whose change makes the signature right.
pub fn find(signed: &Signed, expected: &Expectation<'_>) -> Option<Finding> {
    let seal = Seal::of(&signed.signature)?;
    let groups = changes(expected.page, expected.home, expected.dead_tickets.len());
    let search = Search { signed, expected, seal };
    let as_is = Candidate { url: expected.page.without_fragment(), writing: Writing::Verbatim, dead_ticket: None };
    (0..=MOST_PARTS).find_map(|parts| search.among(&as_is, &groups, parts, Vec::new()))
}

/// The digest that the signature was made with, as far as its length and its letters show.
#[derive(Clone, Copy)]
enum Seal {
    Accepted(Digest),
    UpperCase(Digest),
    Sha224,
    Sha384,
    Sha512,
}

impl Seal {
    fn of(signature: &str) -> Option<Self> {
        if !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let lower_case = !signature.bytes().any(|byte| byte.is_ascii_uppercase());
        let accepted = |digest| match lower_case {
            true => Self::Accepted(digest),
            false => Self::UpperCase(digest),
        };
        match signature.len() {
            40 => Some(accepted(Digest::Sha1)),
            64 => Some(accepted(Digest::Sha256)),
            56 => Some(Self::Sha224),
            96 => Some(Self::Sha384),
            128 => Some(Self::Sha512),
            _ => None,
        }
    }

    fn is_on(self, text: &str, signature: &str) -> bool {
        let hex = match self {
            Self::Accepted(digest) | Self::UpperCase(digest) => digest.hex(text),
            Self::Sha224 => hex::encode(Sha224::digest(text)),
            Self::Sha384 => hex::encode(Sha384::digest(text)),
            Self::Sha512 => hex::encode(Sha512::digest(text)),
        };
        hex.eq_ignore_ascii_case(signature)
    }
}

#[derive(Clone)]
struct Candidate {
    url: PageUrl,
    writing: Writing,
    dead_ticket: Option<usize>,
}

impl Candidate {
    fn with(&self, change: &Change) -> Self {
        let mut changed = self.clone();
        match change.clone() {
            Change::Scheme(scheme) => changed.url.scheme = scheme,
            Change::Host(host) => changed.url.host = host,
            Change::Port(port) => changed.url.port = port,
            Change::Path(path) => changed.url.path = path,
            Change::Query(query) => changed.url.query = query,
            Change::Fragment(fragment) => changed.url.fragment = Some(fragment),
            Change::Writing(writing) => changed.writing = writing,
            Change::Ticket(index) => changed.dead_ticket = Some(index),
        }
        changed
    }
}

struct Search<'a> {
    signed: &'a Signed,
    expected: &'a Expectation<'a>,
    seal: Seal,
}

impl Search<'_> {
    /// Changes exactly `parts` of the groups, at most one change of each.
    fn among(&self, candidate: &Candidate, groups: &[Vec<Change>], parts: usize, changed: Vec<Part>) -> Option<Finding> {
        if parts == 0 {
            return self.finding(candidate, changed);
        }
        let (first, rest) = groups.split_first()?;
        let changing_first = first.iter().find_map(|change| {
            let mut changed = changed.clone();
            changed.push(change.part());
            self.among(&candidate.with(change), rest, parts - 1, changed)
        });
        changing_first.or_else(|| self.among(candidate, rest, parts, changed))
    }

    fn finding(&self, candidate: &Candidate, mut parts: Vec<Part>) -> Option<Finding> {
        let ticket = match candidate.dead_ticket {
            Some(index) => self.expected.dead_tickets.get(index)?,
            None => self.expected.ticket,
        };
        let verbatim = candidate.writing.write(&candidate.url.to_string());
        let signed_url = std::iter::once(verbatim).chain(decoded(&candidate.url)).find(|url| {
            let text = self.signed.text(ticket, url);
            self.seal.is_on(&text, &self.signed.signature)
        })?;
        if !matches!(self.seal, Seal::Accepted(_)) {
            parts.push(Part::Digest);
        }
        Some(Finding { parts, signed_url })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://app.example.com/h5/?corpid=ding1&q=%E4%B8%AD";

    fn parts(signed_url: &str) -> Option<Vec<Part>> {
        parts_of(signed_url, "current", |text| Digest::Sha256.hex(text))
    }

    fn parts_of(signed_url: &str, ticket: &str, hash: fn(&str) -> String) -> Option<Vec<Part>> {
        let mut signed = Signed { nonce: "n".to_owned(), timestamp: "1".to_owned(), signature: String::new() };
        signed.signature = hash(&signed.text(ticket, signed_url));
        let page = PageUrl::parse(PAGE).expect("a page URL");
        let expected = Expectation { page: &page, ticket: "current", dead_tickets: &["dead".to_owned()], home: None };
        find(&signed, &expected).map(|finding| finding.parts)
    }

    #[test]
    fn one_part_that_differs_is_named() {
        let cases = [
            ("http://app.example.com/h5/?corpid=ding1&q=%E4%B8%AD", Part::Scheme),
            ("https://localhost/h5/?corpid=ding1&q=%E4%B8%AD", Part::Host),
            ("https://app.example.com:443/h5/?corpid=ding1&q=%E4%B8%AD", Part::Port),
            ("https://app.example.com/?corpid=ding1&q=%E4%B8%AD", Part::Path),
            ("https://app.example.com/h5?corpid=ding1&q=%E4%B8%AD", Part::Path),
            ("https://app.example.com/h5/", Part::Query),
            ("https://app.example.com/h5/?corpid=ding1", Part::Query),
            ("https://app.example.com/h5/?corpid=$CORPID$&q=%E4%B8%AD", Part::Query),
            ("https://app.example.com/h5/?corpid=ding1&q=%E4%B8%AD#/", Part::Fragment),
            ("https://app.example.com/h5/?corpid=ding1&amp;q=%E4%B8%AD", Part::Decoding),
        ];
        for (url, part) in cases {
            assert_eq!(parts(url), Some(vec![part]), "{url}");
        }
    }

    #[test]
    fn several_parts_that_differ_are_all_named() {
        let behind_a_proxy = "http://127.0.0.1:8080/h5/?corpid=ding1&q=%E4%B8%AD";
        assert_eq!(parts(behind_a_proxy), Some(vec![Part::Scheme, Part::Host, Part::Port]));
        assert_eq!(parts("http://app.example.com/"), Some(vec![Part::Scheme, Part::Path, Part::Query]));
    }

    #[test]
    fn an_older_ticket_is_named() {
        let found = parts_of(PAGE, "dead", |text| Digest::Sha1.hex(text));
        assert_eq!(found, Some(vec![Part::TicketAge]));
    }

    #[test]
    fn a_digest_that_is_not_accepted_is_named() {
        let upper_case = parts_of(PAGE, "current", |text| Digest::Sha1.hex(text).to_uppercase());
        assert_eq!(upper_case, Some(vec![Part::Digest]));
        let longer = parts_of(PAGE, "current", |text| hex::encode(Sha512::digest(text)));
        assert_eq!(longer, Some(vec![Part::Digest]));
    }

    #[test]
    fn what_cannot_be_found_is_not_guessed() {
        assert_eq!(parts("https://elsewhere.example.org/"), None);
        assert_eq!(parts_of(PAGE, "somebody else's", |text| Digest::Sha1.hex(text)), None);
        assert_eq!(parts_of(PAGE, "current", |_| "no digest".to_owned()), None);
    }
}
