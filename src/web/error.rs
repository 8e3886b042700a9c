//! What users are told when something goes wrong: a stable code, and what to do next. Why it went wrong is for the log.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::dingtalk;

/// Everything that can be answered instead of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// 401: DingTalk does not know the authCode. One fresh code may be tried.
    #[error("the authCode was rejected")]
    CodeRejected(#[source] Option<dingtalk::Error>),
    /// 401: a session is needed. The boundary adds what a new login needs.
    #[error("a session is needed")]
    LoginRequired,
    /// 403: the state was not given to this browser, is older than ten minutes, or was used.
    #[error("the login state was rejected")]
    StateRejected,
    /// 403: the request does not come from a page of ours.
    #[error("the request comes from another origin")]
    OriginRejected,
    /// 404: nothing is there.
    #[error("not found")]
    NotFound,
    /// 405: something is there, for other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods that are answered.
        allow: &'static str,
    },
    /// 409: this authCode is just being exchanged for somebody.
    #[error("the authCode is in use")]
    CodeInUse,
    /// 413: more than 4 KiB.
    #[error("the body is too large")]
    PayloadTooLarge,
    /// 415: not JSON.
    #[error("the body is not JSON")]
    UnsupportedMediaType,
    /// 400: the request does not have the shape it must have.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// 400: this address is not signed.
    #[error("the address is not signed: {0}")]
    UrlRejected(#[from] dingtalk::InvalidPageUrl),
    /// 429: too many logins.
    #[error("too many logins from one address")]
    RateLimited {
        /// When the next one is accepted.
        retry_after: Duration,
    },
    /// 503: the authCode went out and the answer was lost. The code must not be sent again; a new one may.
    #[error("what became of the authCode is not known")]
    RetryWithNewCode(#[source] dingtalk::Error),
    /// 503: DingTalk does not answer, or is busy.
    #[error("dingtalk is unavailable")]
    DingtalkUnavailable(#[source] dingtalk::Error),
    /// 503: an administrator must act. What to do is in the log, not in the answer.
    #[error("dingtalk refuses this app")]
    Misconfigured(#[source] dingtalk::Error),
    /// 500: a mistake of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a problem is put to people and programs.
pub struct Words {
    /// The stable code.
    pub code: &'static str,
    /// What happened.
    pub title: &'static str,
    /// What to do next.
    pub advice: &'static str,
}

/// RFC 9457, with our stable code and the id under which the log has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    code: &'static str,
    request_id: &'a str,
}

impl Problem {
    /// The words for this problem.
    pub fn words(&self) -> Words {
        let (code, title, advice) = match self {
            Self::CodeRejected(_) => ("code_rejected", "DingTalk did not accept the login", "Try again."),
            Self::LoginRequired => ("login_required", "You are not signed in", "Open the app again."),
            Self::StateRejected => ("state_rejected", "This page was open for too long", "Load the page again."),
            Self::OriginRejected => (
                "origin_rejected",
                "The request did not come from this app",
                "Open the app at its own address.",
            ),
            Self::NotFound => (
                "not_found",
                "There is nothing here",
                "Check the address, or go back to the start.",
            ),
            Self::MethodNotAllowed { .. } => ("method_not_allowed", "That cannot be done here", "Go back to the start."),
            Self::CodeInUse => (
                "code_in_use",
                "This login is already under way",
                "Wait a moment, then try again.",
            ),
            Self::PayloadTooLarge => ("payload_too_large", "The request is too large", "Send 4096 bytes at most."),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                "The request is not JSON",
                "Send it as application/json.",
            ),
            Self::BadRequest(_) => ("bad_request", "The request cannot be understood", "Check what was sent."),
            Self::UrlRejected(_) => (
                "url_rejected",
                "This address cannot be signed",
                "Send the page's own location.href.",
            ),
            Self::RateLimited { .. } => (
                "rate_limited",
                "Too many people are signing in at once",
                "Wait a moment, then try again.",
            ),
            Self::RetryWithNewCode(_) => ("retry_with_new_code", "DingTalk did not answer in time", "Try again."),
            Self::DingtalkUnavailable(_) => ("dingtalk_unavailable", "DingTalk is not available", "Try again in a moment."),
            Self::Misconfigured(_) => (
                "misconfigured",
                "This app is not set up correctly",
                "Tell your administrator, with the request id.",
            ),
            Self::Internal(_) => (
                "internal",
                "Something went wrong on our side",
                "Try again; if it stays, tell us the request id.",
            ),
        };
        Words { code, title, advice }
    }

    /// The problem as JSON.
    pub fn body<'a>(&self, request_id: &'a str) -> ProblemBody<'a> {
        let words = self.words();
        ProblemBody {
            r#type: "about:blank",
            title: words.title,
            status: self.status_code().as_u16(),
            detail: words.advice,
            code: words.code,
            request_id,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::DingtalkUnavailable(error) => Some(error.retry_after()),
            _ => None,
        }
    }
}

impl From<dingtalk::Error> for Problem {
    fn from(error: dingtalk::Error) -> Self {
        match error {
            error if error.misconfiguration().is_some() => Self::Misconfigured(error),
            error if error.code_rejected() => Self::CodeRejected(Some(error)),
            error if error.code_fate_unknown() => Self::RetryWithNewCode(error),
            error => Self::DingtalkUnavailable(error),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::UrlRejected(_) => StatusCode::BAD_REQUEST,
            Self::CodeRejected(_) | Self::LoginRequired => StatusCode::UNAUTHORIZED,
            Self::StateRejected | Self::OriginRejected => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::CodeInUse => StatusCode::CONFLICT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::RetryWithNewCode(_) | Self::DingtalkUnavailable(_) | Self::Misconfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Status and headers; the boundary, which knows the request's id and whether a page was asked for, adds the body.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            Self::MethodNotAllowed { allow } => {
                response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            }
            Self::CodeRejected(_) => {
                response
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("DingTalk"));
            }
            _ => {}
        }
        response
    }
}
