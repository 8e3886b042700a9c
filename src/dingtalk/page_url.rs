//! Which addresses are signed: those of our own pages, as browsers write them.

use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

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
pub enum InvalidPageUrl {
    /// Longer than 2,048 bytes.
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// Not written as a browser would write it; `location.href` always is.
    #[error("it is not an address as browsers write it")]
    NotSerialised,
    /// Another origin than ours, or a user name in it.
    #[error("it does not belong to this server")]
    Foreign,
}

impl PageUrl {
    /// Takes what a page says its `location.href` is, if it is a page of `origin`. Nothing is rebuilt: only the fragment is cut.
    pub fn parse(origin: &Origin, href: &str) -> Result<Self, InvalidPageUrl> {
        let (page, _fragment) = href.split_once('#').unwrap_or((href, ""));
        if page.len() > 2048 {
            return Err(InvalidPageUrl::TooLong);
        }
        let is_written_as = |url: Url| page.is_ascii() && either_way(url.as_str()).eq(either_way(page));
        if !Url::parse(page).is_ok_and(is_written_as) {
            return Err(InvalidPageUrl::NotSerialised);
        }
        let is_ours = page.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'));
        is_ours.then(|| Self(page.to_owned())).ok_or(InvalidPageUrl::Foreign)
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
