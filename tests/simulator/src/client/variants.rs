//! The mistakes that are made with a page's URL before it is signed, one part at a time.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use url::Url;

use super::page_url::PageUrl;
use super::signature::encoded_whole;

/// A part of what is signed that may differ from what the client expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Scheme,
    Host,
    Port,
    Path,
    Query,
    Fragment,
    Decoding,
    Digest,
    TicketAge,
}

impl Part {
    /// The word for it in answers and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheme => "scheme",
            Self::Host => "host",
            Self::Port => "port",
            Self::Path => "path",
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::Decoding => "decoding",
            Self::Digest => "digest",
            Self::TicketAge => "ticket age",
        }
    }
}

/// How the bytes of a URL were written before they were signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    Verbatim,
    /// Path and query without percent escapes.
    DecodedWhole,
    /// As a URL library writes it: raw characters escaped.
    Normalised,
    /// The whole URL encoded as if it were a parameter.
    EncodedWhole,
    /// `&` became `&amp;` in a template.
    HtmlEscaped,
}

/// One deviation from the page's URL or from the current ticket.
#[derive(Debug, Clone)]
pub enum Change {
    Scheme(String),
    Host(String),
    Port(Option<String>),
    Path(String),
    Query(Option<String>),
    Fragment(String),
    Writing(Writing),
    /// The index of a dead ticket, the newest first.
    Ticket(usize),
}

impl Writing {
    const OTHERS: [Self; 4] = [Self::DecodedWhole, Self::Normalised, Self::EncodedWhole, Self::HtmlEscaped];

    pub fn write(self, url: &str) -> String {
        match self {
            Self::Verbatim => url.to_owned(),
            Self::DecodedWhole => percent_decode_str(url).decode_utf8_lossy().into_owned(),
            Self::Normalised => Url::parse(url).map_or_else(|_| url.to_owned(), String::from),
            Self::EncodedWhole => encoded_whole(url),
            Self::HtmlEscaped => url.replace('&', "&amp;"),
        }
    }
}

impl Change {
    pub fn part(&self) -> Part {
        match self {
            Self::Scheme(_) => Part::Scheme,
            Self::Host(_) => Part::Host,
            Self::Port(_) => Part::Port,
            Self::Path(_) => Part::Path,
            Self::Query(_) => Part::Query,
            Self::Fragment(_) => Part::Fragment,
            Self::Writing(_) => Part::Decoding,
            Self::Ticket(_) => Part::TicketAge,
        }
    }
}

/// For each part the changes worth trying. `home` is the registered URL of the app under test.
pub fn changes(page: &PageUrl, home: Option<&PageUrl>, dead_tickets: usize) -> Vec<Vec<Change>> {
    let fragments = ["", "/"].map(str::to_owned);
    let fragments: BTreeSet<_> = page.fragment.clone().into_iter().chain(fragments).collect();
    vec![
        vec![Change::Scheme(other_scheme(&page.scheme).to_owned())],
        hosts(page, home).into_iter().map(Change::Host).collect(),
        ports(page, home).into_iter().map(Change::Port).collect(),
        paths(&page.path).into_iter().map(Change::Path).collect(),
        queries(page.query.as_deref()).into_iter().map(Change::Query).collect(),
        fragments.into_iter().map(Change::Fragment).collect(),
        Writing::OTHERS.map(Change::Writing).into(),
        (0..dead_tickets).map(Change::Ticket).collect(),
    ]
}

fn other_scheme(scheme: &str) -> &'static str {
    if scheme == "https" { "http" } else { "https" }
}

fn hosts(page: &PageUrl, home: Option<&PageUrl>) -> BTreeSet<String> {
    let mut hosts: BTreeSet<String> = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"].map(str::to_owned).into();
    hosts.extend(home.map(|home| home.host.clone()));
    hosts.insert(page.host.to_lowercase());
    hosts.insert(match page.host.strip_prefix("www.") {
        Some(bare) => bare.to_owned(),
        None => format!("www.{}", page.host),
    });
    hosts.remove(&page.host);
    hosts
}

fn ports(page: &PageUrl, home: Option<&PageUrl>) -> BTreeSet<Option<String>> {
    let known = ["80", "443", "3000", "8080"].map(|port| Some(port.to_owned()));
    let mut ports = BTreeSet::from(known);
    ports.insert(None);
    ports.extend(home.map(|home| home.port.clone()));
    ports.remove(&page.port);
    ports
}

fn paths(path: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::from(["", "/", "/index.html"].map(str::to_owned));
    paths.insert(match path.strip_suffix('/') {
        Some(bare) => bare.to_owned(),
        None => format!("{path}/"),
    });
    paths.remove(path);
    paths
}

/// No query, a bare `?`, the first parameter only (an unencoded `&` cut the rest off), one parameter less, and the
/// placeholder of the homepage instead of the corpId.
fn queries(query: Option<&str>) -> BTreeSet<Option<String>> {
    const MOST: usize = 12;
    let mut queries = BTreeSet::from([None, Some(String::new())]);
    let parameters: Vec<&str> = query.unwrap_or_default().split('&').take(MOST).collect();
    for left_out in 0..parameters.len() {
        let mut rest = parameters.clone();
        rest.remove(left_out);
        queries.insert(Some(rest.join("&")));
    }
    let placeholder = parameters.iter().map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("corpid") => format!("{name}=$CORPID$"),
        _ => (*parameter).to_owned(),
    });
    queries.insert(Some(placeholder.collect::<Vec<_>>().join("&")));
    queries.insert(parameters.first().map(|first| (*first).to_owned()));
    queries.remove(&query.map(str::to_owned));
    queries
}
