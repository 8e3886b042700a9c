//! Light or dark.

use actix_web::http::header::HeaderMap;

use super::client_mark::mark;

/// What a page is told about it.
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
