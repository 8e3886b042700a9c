//! What users are told when something goes wrong: a stable code, and what to do next. Why it went wrong is for the log.
//!
//! A new problem takes a variant here and its row in the table of `problem/words.rs`.

mod answer; // How a problem is answered.
mod words; // The table of problems.

use std::borrow::Cow;
use std::time::Duration;

use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

pub(super) use self::answer::{PROBLEM_JSON, explain, record};
pub use self::words::INTERNAL;
use super::page::Language;
use super::page::words::Both;
use crate::dingtalk::{self, Kind};

/// Every way in which a request can fail, with the status that it is answered.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.code())]
pub enum Problem {
    /// 401: DingTalk does not know the authCode, or it was used here. One fresh code may be tried.
    CodeRejected {
        /// The login's place in the line: posted with the fresh authCode, it keeps that place.
        place: Option<Box<String>>,
        /// What DingTalk said, if it was asked.
        #[source]
        cause: Option<dingtalk::Error>,
    },
    /// 401: a session is needed. The boundary adds the challenge for a new login.
    LoginRequired,
    /// 403: the state was not given to this browser, is older than ten minutes (twenty for a login that waited in line), or was used.
    StateRejected,
    /// 403: the request does not come from a page of ours.
    OriginRejected,
    /// 403: the address names another organisation than this server's.
    OrganisationRejected,
    /// 400: nothing names the organisation, or the client has not filled in the placeholder of the address.
    OrganisationUnknown,
    /// 404: nothing is there.
    NotFound,
    /// 405: something is there, for other methods.
    MethodNotAllowed {
        /// The methods that are answered, as the `Allow` header lists them.
        allow: String,
    },
    /// 408: the head or the body took too long.
    RequestTimeout,
    /// 403: the organisation has not authorised the app, or has stopped it.
    NotAuthorised(#[source] dingtalk::Error),
    /// 409: the page that makes the request shows another person than the session's.
    UserChanged,
    /// 409: this authCode, or this login state, is being used at the moment.
    CodeInUse,
    /// 413: more than the handler takes.
    PayloadTooLarge,
    /// 414: the address is longer than 8 KiB.
    UriTooLong,
    /// 431: the headers are larger than 16 KiB.
    HeadTooLarge,
    /// 415: no Content-Type, or not one that the handler takes.
    UnsupportedMediaType,
    /// 400: the request does not have the shape it must have.
    #[error("bad request: {0}")]
    BadRequest(Cow<'static, str>),
    /// 400: this address is not signed for `dd.config`.
    UrlRejected(#[from] dingtalk::InvalidPageUrl),
    /// 429: it is not yet this login's turn. The page posts again.
    LoginQueued {
        /// The login's place in the line: posted with the next attempt, it keeps that place.
        place: String,
        /// About how long it still has to wait.
        wait: Duration,
        /// The cookie that keeps the browser's pre-session meanwhile.
        presession: Option<HeaderValue>,
    },
    /// 429: too many reports.
    RateLimited {
        /// When the next one is accepted.
        retry_after: Duration,
    },
    /// 503: the authCode was sent and the answer was lost. The code must not be sent again; a new one may.
    RetryWithNewCode(#[source] dingtalk::Error),
    /// 503: DingTalk does not answer, is busy, or answers something that this server does not understand.
    DingtalkUnavailable(#[source] dingtalk::Error),
    /// 503: so many calls to DingTalk wait for their turn that this one did not get any.
    Crowded(#[source] dingtalk::Error),
    /// 503: the organisation's calls for this month are used up.
    QuotaSpent(#[source] dingtalk::Error),
    /// 503: an administrator must act. What to do is in the log, not in the answer.
    Misconfigured(#[source] dingtalk::Error),
    /// 500: a mistake of ours.
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A problem of the app's own.
    Own(Explanation),
    /// The same, with another text for what to do next. See [`Explanation::saying`].
    OwnSaying(Explanation, Box<Both<String>>),
}

/// What is answered for a problem. An app makes its own: `const KITCHEN_CLOSED: Problem = Problem::Own(Explanation { .. });`
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The HTTP status of the answer.
    pub status: StatusCode,
    /// The stable code by which programs tell problems apart.
    pub code: &'static str,
    /// What happened.
    pub happened: Both,
    /// What to do next.
    pub next: Both,
}

impl Explanation {
    /// The problem of the app's own that tells this instead of `next`: what is in somebody's way, for example. The log
    /// has the code alone.
    pub fn saying(self, next: Both<String>) -> Problem {
        Problem::OwnSaying(self, Box::new(next))
    }
}

impl Problem {
    /// The stable code, which is the same in every language.
    pub fn code(&self) -> &'static str {
        self.explanation().code
    }

    /// What to do next, in `language`.
    pub fn next(&self, language: Language) -> Cow<'static, str> {
        match self {
            Self::OwnSaying(_, next) => next.as_ref().clone().in_language(language).into(),
            _ => self.explanation().next.in_language(language).into(),
        }
    }

    /// The problem as JSON (RFC 9457), with our stable code and the id under which the log has it.
    pub fn to_json(&self, request_id: &str, language: Language) -> String {
        let Explanation { status, code, happened, .. } = self.explanation();
        let mut told = json!({
            "type": "about:blank",
            "title": happened.in_language(language),
            "status": status.as_u16(),
            "detail": self.next(language),
            "code": code,
            "requestId": request_id,
        });
        match self {
            Self::LoginQueued { place, wait, .. } => {
                told["place"] = json!(place);
                told["waitMs"] = json!(wait.as_millis() as u64);
            }
            Self::CodeRejected { place: Some(place), .. } => told["place"] = json!(place),
            _ => {}
        }
        told.to_string()
    }

    /// The problem for an error that is not a `Problem`, by its status: an error of the HTTP library or of `src/server`. Its text is
    /// kept only if it is a constant, which cannot hold anything that the client sent.
    pub fn foreign(status: StatusCode, error: &actix_web::Error) -> Self {
        let reason = error.as_error::<InternalError<&'static str>>().map(|reason| reason.to_string().into());
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::URI_TOO_LONG => Self::UriTooLong,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadTooLarge,
            status if status.is_client_error() => Self::BadRequest(reason.unwrap_or("the request is malformed".into())),
            _ => Self::Internal(error.to_string().into()),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            // The page may post again at once: the waiting is done in the server, not in the page.
            Self::LoginQueued { .. } => Some(Duration::ZERO),
            Self::DingtalkUnavailable(error) | Self::Crowded(error) | Self::QuotaSpent(error) => {
                Some(error.retry_after().max(Duration::from_secs(1)))
            }
            _ => None,
        }
    }
}

impl From<dingtalk::Error> for Problem {
    fn from(error: dingtalk::Error) -> Self {
        match error.kind {
            _ if error.misconfigured() => Self::Misconfigured(error),
            Kind::NotAuthorised | Kind::AppStopped => Self::NotAuthorised(error),
            Kind::QuotaSpent => Self::QuotaSpent(error),
            Kind::CodeRejected => Self::CodeRejected { place: None, cause: Some(error) },
            Kind::NoTurn(_) | Kind::Crowded(_) => Self::Crowded(error),
            _ if error.code_fate_unknown() => Self::RetryWithNewCode(error),
            _ => Self::DingtalkUnavailable(error),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.explanation().status
    }

    /// Status and headers; the boundary, which knows the request's id and whether a page was asked for, adds the body.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil() as u64));
        }
        let own = match self {
            Self::MethodNotAllowed { allow } => HeaderValue::try_from(allow).ok().map(|allow| (ALLOW, allow)),
            Self::LoginQueued { presession, .. } => presession.clone().map(|cookie| (SET_COOKIE, cookie)),
            Self::CodeRejected { .. } => Some((WWW_AUTHENTICATE, HeaderValue::from_static("DingTalk"))),
            _ => None,
        };
        if let Some((name, value)) = own {
            headers.insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an app has it.
    const KITCHEN_CLOSED: Problem = Problem::Own(Explanation {
        status: StatusCode::CONFLICT,
        code: "kitchen_closed",
        happened: Both("The kitchen is closed.", "厨房已打烊"),
        next: Both("Order before half past ten.", "请在十点半前下单。"),
    });

    #[test]
    fn what_the_http_library_refuses_is_told_with_its_status() {
        for (error, status, code) in [
            (actix_web::error::ErrorNotFound("x"), 404, "not_found"),
            (actix_web::error::ErrorPayloadTooLarge("x"), 413, "payload_too_large"),
            (actix_web::error::ErrorUnsupportedMediaType("x"), 415, "unsupported_media_type"),
            (actix_web::error::ErrorRequestTimeout("x"), 408, "request_timeout"),
            (actix_web::error::ErrorBadRequest("x"), 400, "bad_request"),
            (actix_web::error::ErrorBadGateway("x"), 500, "internal"),
        ] {
            let problem = Problem::foreign(error.as_response_error().status_code(), &error);
            assert_eq!((problem.status_code().as_u16(), problem.code()), (status, code));
        }
    }

    #[test]
    fn an_app_has_problems_of_its_own() {
        assert_eq!(KITCHEN_CLOSED.error_response().status(), StatusCode::CONFLICT);
        for (language, title, detail) in [
            (Language::English, "The kitchen is closed.", "Order before half past ten."),
            (Language::Chinese, "厨房已打烊", "请在十点半前下单。"),
        ] {
            let body: serde_json::Value = serde_json::from_str(&KITCHEN_CLOSED.to_json("1a2b", language)).unwrap();
            let expected = json!({
                "type": "about:blank", "title": title, "status": 409, "detail": detail, "code": "kitchen_closed", "requestId": "1a2b"
            });
            assert_eq!(body, expected);
        }
        assert_eq!(KITCHEN_CLOSED.to_string(), "kitchen_closed", "the log's reason");
    }

    #[test]
    fn an_app_says_what_is_in_somebody_s_way_in_both_languages_and_not_in_the_log() {
        let Problem::Own(closed) = KITCHEN_CLOSED else { unreachable!() };
        let problem = closed.saying(Both("It opens for Alice at six.".to_owned(), "六点为 Alice 开门。".to_owned()));
        assert_eq!((problem.code(), problem.status_code()), ("kitchen_closed", StatusCode::CONFLICT));
        for (language, title, detail) in [
            (Language::English, "The kitchen is closed.", "It opens for Alice at six."),
            (Language::Chinese, "厨房已打烊", "六点为 Alice 开门。"),
        ] {
            let body: serde_json::Value = serde_json::from_str(&problem.to_json("1a2b", language)).unwrap();
            assert_eq!((&body["title"], &body["detail"]), (&json!(title), &json!(detail)));
        }
        assert_eq!(problem.to_string(), "kitchen_closed", "the log's reason");
    }
}
