//! Which addresses are signed, said a second time and otherwise.

use url::Url;

use super::super::page_url::{Origin, PageUrl};

const ORIGINS: [&str; 4] = [
    "https://app.example.com",
    "https://app.example.com:8443",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
];

/// An address is signed for an origin if it begins with it and is a URL as browsers write it, and never otherwise. The same goes for
/// what a request asks for, and what passes as an origin has a page `/`.
pub fn page_url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for ours in ORIGINS.iter().filter_map(|origin| Origin::parse(origin).ok()) {
        agrees(&ours, text, PageUrl::parse(&ours, text));
        agrees(&ours, &format!("{ours}{text}"), PageUrl::of_request(&ours, text));
    }
    if let Ok(origin) = Origin::parse(text) {
        assert!(PageUrl::parse(&origin, &format!("{origin}/")).is_ok(), "{origin}");
    }
}

fn agrees<E>(ours: &Origin, href: &str, parsed: Result<PageUrl, E>) {
    let page = href.split('#').next().unwrap_or_default();
    let is_ours = page.starts_with(&format!("{ours}/"));
    let is_serialised = Url::parse(page).is_ok_and(|url| url.as_str() == page);
    let expected = (is_ours && is_serialised && page.len() <= 2048).then_some(page);
    let parsed = parsed.ok();
    assert_eq!(parsed.as_ref().map(PageUrl::as_str), expected, "{href:?} for {ours}");
    if let Some(parsed) = parsed {
        assert!(parsed.as_str().is_ascii(), "{href:?}");
        assert_eq!(parsed.origin(), ours.as_str(), "{href:?}");
    }
}
