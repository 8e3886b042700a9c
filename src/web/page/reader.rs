//! How somebody sees a page: in which language, and light or dark. The DingTalk client names both at the end of its User-Agent:
//! `… language/zh-CN … colorScheme/dark`.

use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap, USER_AGENT};

use crate::web::extracted;

/// The languages that every text is written in.
///
/// Answers depend on it and yet have no `Vary`: they are `no-store`, so there is no cache that could confuse two languages. A handler that
/// allows caching sets `Vary` as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Also for everybody who asks for neither.
    English,
    /// Simplified.
    Chinese,
}

impl Language {
    /// The language for `request`. The DingTalk client's own mark counts before Accept-Language, in which WebViews often send the phone's
    /// language.
    pub fn asked_for_by(request: &HttpRequest) -> Self {
        mark(request.headers(), "language")
            .and_then(Self::of_tag)
            .or_else(|| Self::accepted_by(request.headers()))
            .unwrap_or(Self::English)
    }

    /// As `lang` in HTML has it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// `zh-CN`, and `zh_CN` from some phones.
    fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "en" | "eng" => Some(Self::English),
            // Chinese, by the codes of ISO 639-1, 639-2 and 639-3: systems differ in which they send.
            "zh" | "zho" | "chi" | "cmn" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The best language of Accept-Language, read leniently, as phones write it: `zh_CN`, `zh-Hans_CN`, further parameters. What cannot be
    /// read is left out.
    fn accepted_by(headers: &HeaderMap) -> Option<Self> {
        let all = headers.get_all(ACCEPT_LANGUAGE).flat_map(|header| header.as_bytes().split(|byte| *byte == b','));
        let accepted = all.filter_map(|one| Self::weighed(std::str::from_utf8(one).ok()?));
        accepted.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, language)| language)
    }

    fn weighed(accepted: &str) -> Option<(f32, Self)> {
        let mut parts = accepted.split(';').map(str::trim);
        let language = match parts.next()? {
            "*" => Self::English,
            tag => Self::of_tag(tag)?,
        };
        let weight = parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")));
        let weight: f32 = weight.map_or(Some(1.0), |(_, text)| text.trim().parse().ok())?;
        (weight > 0.0 && weight <= 1.0).then_some((weight, language))
    }
}

extracted!(Language, async |request| Ok(Language::asked_for_by(request)));

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
    /// The colour scheme that the DingTalk client names in its User-Agent.
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

/// The value in the word `name/value` of the User-Agent, if there is one. The header is read as bytes: the name of a phone's model in it
/// need not be ASCII, nor valid UTF-8.
fn mark<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let words = headers.get(USER_AGENT)?.as_bytes().split(u8::is_ascii_whitespace);
    let value = words.filter_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"/")).next()?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;

    fn language(accepted: &[&[u8]], client: Option<&str>) -> Language {
        let mut request = TestRequest::default();
        for accepted in accepted {
            let value = HeaderValue::from_bytes(accepted).unwrap();
            request = request.append_header(("accept-language", value));
        }
        if let Some(client) = client {
            request = request.insert_header(("user-agent", client));
        }
        Language::asked_for_by(&request.to_http_request())
    }

    #[test]
    fn the_best_accepted_language_that_is_there_is_taken() {
        use Language::{Chinese, English};
        for (accepted, expected) in [
            ("zh", Chinese),
            ("zh-CN", Chinese),
            ("ZH-hant-TW", Chinese),
            ("zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            ("en-US,en;q=0.9,zh-CN;q=0.8", English),
            ("en;q=0.3, zh;q=0.7", Chinese),
            ("en;q=0.5, zh;q=0.5", English),
            ("fr, de;q=0.9, zh;q=0.1", Chinese),
            ("fr, ja", English),
            ("zh;q=0", English),
            ("zh;q=0.000, fr", English),
            ("*", English),
            ("*;q=0.1, zh;q=0.2", Chinese),
            ("zh_CN", Chinese),
            ("zh-Hans_CN", Chinese),
            ("zh-CN;q=1.0;level=1", Chinese),
            ("zh-CN;level=1;q=0.9, en;q=0.1", Chinese),
            ("en_US;q=0.5, ZH_hans_CN;q=0.6", Chinese),
            ("zh ; q=0.8 , en;q=0.7", Chinese),
            ("zh_Hans_CN_#Hans, en;q=0.9", Chinese),
            ("cmn-Hans-CN", Chinese),
            ("zho;q=1, eng;q=0.9", Chinese),
            ("en ; Q = 0.2, zh-Hans ; q = 0.3", Chinese),
            ("zh-CN;q=.9,en-US;q=.8", Chinese),
            ("eng, zh;q=0.9", English),
            ("", English),
        ] {
            assert_eq!(language(&[accepted.as_bytes()], None), expected, "{accepted:?}");
        }
        assert_eq!(language(&[], None), English);
        assert_eq!(language(&[b"fr", b"zh;q=0.5"], None), Chinese);
    }

    #[test]
    fn a_header_that_makes_no_sense_is_english_or_what_remains_of_it() {
        use Language::{Chinese, English};
        let many = "x-y;q=0.5,".repeat(5000);
        for (accepted, expected) in [
            (&b"zh;q=2"[..], English),
            (b"zh;q=-1", English),
            (b"zh;q=NaN", English),
            (b";;;,,,q=", English),
            (b"zh\xff", English),
            (b"zhong, \"zh\", <script>", English),
            (b"zh;q=oops, en;q=oops, zh-CN;q=0.1", Chinese),
            (many.as_bytes(), English),
        ] {
            assert_eq!(language(&[accepted], None), expected, "{:?}", String::from_utf8_lossy(accepted));
        }
    }

    #[test]
    fn the_mark_of_the_client_wins() {
        use Language::{Chinese, English};
        let client = |mark: &str| format!("Mozilla/5.0 (Linux; Android 12) AliApp(DingTalk/7.0.0.11) {mark} colorScheme/light");
        for (mark, accepted, expected) in [
            ("language/zh-CN", "en", Chinese),
            ("language/zh_CN", "en", Chinese),
            ("language/en-CN", "zh-CN", English),
            ("language/EN", "zh-CN", English),
            ("language/ja-JP", "zh-CN", Chinese),
            ("language/", "zh-CN", Chinese),
            ("xlanguage/en", "zh-CN", Chinese),
        ] {
            assert_eq!(language(&[accepted.as_bytes()], Some(&client(mark))), expected, "{mark}");
        }
    }

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
