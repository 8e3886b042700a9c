//! What the DingTalk client says about its reader at the end of its User-Agent: `… language/zh-CN … colorScheme/dark`.

use actix_web::http::header::{HeaderMap, USER_AGENT};

/// The value of the mark `name`, if the client sends it.
pub(super) fn mark<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let client = headers.get(USER_AGENT)?.to_str().ok()?;
    client
        .split_ascii_whitespace()
        .filter_map(|word| word.split_once('/'))
        .find_map(|(mark, value)| (mark == name).then_some(value))
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
