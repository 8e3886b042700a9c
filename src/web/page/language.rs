//! Which language somebody reads.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{AcceptLanguage, Header, Preference, Quality};
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::reader::mark;
use crate::web::Problem;

/// The languages that every word is there in.
///
/// Answers depend on it and yet have no `Vary`: all of them are `no-store`, so there is no cache that could confuse two languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// For everybody who asks for nothing that is there.
    English,
    /// Simplified.
    Chinese,
}

impl Language {
    /// What the DingTalk client says counts before what the browser says: in it, WebViews often keep the phone's language.
    pub fn asked_for_by(request: &impl HttpMessage) -> Self {
        mark(request.headers(), "language")
            .and_then(Self::of_mark)
            .or_else(|| Self::accepted_by(request))
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
    fn of_mark(mark: &str) -> Option<Self> {
        Self::of_primary(mark.split(['-', '_']).next()?)
    }

    fn accepted_by(request: &impl HttpMessage) -> Option<Self> {
        let mut accepted = AcceptLanguage::parse(request).ok()?;
        accepted.retain(|language| language.quality > Quality::ZERO);
        accepted.ranked().into_iter().find_map(|language| match language {
            Preference::Any => Some(Self::English),
            Preference::Specific(tag) => Self::of_primary(tag.primary_language()),
        })
    }

    fn of_primary(language: &str) -> Option<Self> {
        match language.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }
}

impl FromRequest for Language {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::asked_for_by(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn language(accepted: &[&[u8]], client: Option<&str>) -> Language {
        let mut request = TestRequest::default();
        for accepted in accepted {
            let value = actix_web::http::header::HeaderValue::from_bytes(accepted).unwrap();
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
}
