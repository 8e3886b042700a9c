//! Which addresses are signed.

use dingtalk_h5::dingtalk::{Origin, PageUrl};

const ORIGINS: [&str; 4] =
    ["https://app.example.com", "https://app.example.com:8443", "http://127.0.0.1:8080", "http://[::1]:8080"];

/// What is signed for an origin begins with it, and is the beginning of what was claimed; it is short ASCII without a fragment, and signed
/// again when it comes back. The same goes for what a request asks for; and what passes as an origin has a page `/`.
pub fn page_url(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for ours in ORIGINS.map(|origin| Origin::parse(origin).unwrap()) {
        is_ours(&ours, text, PageUrl::parse(&ours, text).ok());
        is_ours(&ours, &format!("{ours}{text}"), PageUrl::of_request(&ours, text).ok());
    }
    if let Ok(origin) = Origin::parse(text) {
        assert!(PageUrl::parse(&origin, &format!("{origin}/")).is_ok(), "{origin}");
    }
}

fn is_ours(ours: &Origin, href: &str, signed: Option<PageUrl>) {
    let Some(signed) = signed else { return };
    let page = signed.as_str();
    assert!(page.starts_with(&format!("{ours}/")), "{href:?} for {ours}");
    assert!(page.is_ascii() && !page.contains('#') && page.len() <= 2048, "{href:?}");
    let cut = href.strip_prefix(page);
    assert!(cut.is_some_and(|cut| cut.is_empty() || cut.starts_with('#')), "{href:?}");
    assert_eq!(signed.origin(), ours.as_str(), "{href:?}");
    assert_eq!(PageUrl::parse(ours, page).ok().as_ref(), Some(&signed), "{href:?}");
}
