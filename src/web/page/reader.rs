//! What the DingTalk client says about its reader at the end of its User-Agent: `… language/zh-CN … colorScheme/dark`.

use actix_web::http::header::{HeaderMap, USER_AGENT};

/// The value of the mark `name`, if the client sends it. A header is bytes: the name of a phone's model need not be ASCII, nor text.
pub(super) fn mark<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let words = headers.get(USER_AGENT)?.as_bytes().split(u8::is_ascii_whitespace);
    let value = words.filter_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"/")).next()?;
    std::str::from_utf8(value).ok()
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorScheme {
    /// The client said nothing, so the media query `prefers-color-scheme` decides.
    AsTheDevice,
    /// The client is light, whatever the device is.
    Light,
    /// The client is dark. Old WebViews do not know the media query.
    Dark,
}

impl ColorScheme {
    /// What the client says.
    pub fn asked_for_in(headers: &HeaderMap) -> Self {
        match mark(headers, "colorScheme") {
            Some("dark") => Self::Dark,
            Some("light") => Self::Light,
            _ => Self::AsTheDevice,
        }
    }

    /// For `<meta name="color-scheme">`: what the browser itself paints, such as scroll bars.
    pub fn supported(self) -> &'static str {
        match self {
            Self::AsTheDevice => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The media query under which the page is dark.
    pub fn dark_when(self) -> &'static str {
        match self {
            Self::AsTheDevice => "(prefers-color-scheme: dark)",
            Self::Light => "not all",
            Self::Dark => "all",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn a_mark_is_found_beside_bytes_of_any_kind() {
        for model in [
            &b"M5"[..],
            "M5 畅享版".as_bytes(),
            b"\xc3\x28 broken",
            b"\xff\xfe",
            "é/ü".as_bytes(),
            b"\xb3\xa9\xcf\xed",
            b"caf\xe9",
            b"\x82\xa0 \x83J",
            "红米 Note/13 \u{a0}".as_bytes(),
            b"\xf0\x9f\x98",
            b"\x80language/\xff",
        ] {
            let client = [b"Mozilla/5.0 (Linux; ", model, b") AliApp(DingTalk/7.6.30) language/zh-CN colorScheme/dark"].concat();
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_bytes(&client).unwrap());
            assert_eq!(mark(&headers, "language"), Some("zh-CN"), "{model:?}");
            assert_eq!(ColorScheme::asked_for_in(&headers), ColorScheme::Dark, "{model:?}");
        }
    }
}
