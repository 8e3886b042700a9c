//! What users are told when something goes wrong: a stable code, and what to do next. Why it went wrong is for the log.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::words::{Message, Problems};
use crate::dingtalk;

/// Everything that can be answered instead of what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// 401: DingTalk does not know the authCode, or it was used here. One fresh code may be tried.
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
    /// 403: the address names another organisation than this server's.
    #[error("the address names another organisation")]
    OrganisationRejected,
    /// 400: the address still has the placeholder that the client should have filled in.
    #[error("the address names no organisation")]
    OrganisationUnknown,
    /// 404: nothing is there.
    #[error("not found")]
    NotFound,
    /// 405: something is there, for other methods.
    #[error("method not allowed")]
    MethodNotAllowed {
        /// The methods that are answered.
        allow: &'static str,
    },
    /// 408: the body took longer than ten seconds.
    #[error("the body took too long")]
    RequestTimeout,
    /// 409: this authCode is just being exchanged for somebody.
    #[error("the authCode is in use")]
    CodeInUse,
    /// 413: more than 4 KiB.
    #[error("the body is too large")]
    PayloadTooLarge,
    /// 414: the address is longer than 8 KiB.
    #[error("the address is too long")]
    UriTooLong,
    /// 431: the headers are larger than 16 KiB.
    #[error("the headers are too large")]
    HeadTooLarge,
    /// 415: not JSON.
    #[error("the body is not JSON")]
    UnsupportedMediaType,
    /// 400: the request does not have the shape it must have.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// 400: this address is not signed.
    #[error("the address is not signed: {0}")]
    UrlRejected(#[from] dingtalk::InvalidPageUrl),
    /// 429: too many logins, or reports.
    #[error("too many requests")]
    RateLimited {
        /// When the next one is accepted.
        retry_after: Duration,
    },
    /// 503: the authCode went out and the answer was lost. The code must not be sent again; a new one may.
    #[error("what became of the authCode is not known")]
    RetryWithNewCode(#[source] dingtalk::Error),
    /// 503: DingTalk does not answer, is busy, or says what nobody here understands.
    #[error("dingtalk is unavailable")]
    DingtalkUnavailable(#[source] dingtalk::Error),
    /// 503: the organisation's calls for this month are used up.
    #[error("the monthly quota is used up")]
    QuotaSpent(#[source] dingtalk::Error),
    /// 503: an administrator must act. What to do is in the log, not in the answer.
    #[error("dingtalk refuses this app")]
    Misconfigured(#[source] dingtalk::Error),
    /// 500: a mistake of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    /// The stable code, which is the same in every language.
    pub fn code(&self) -> &'static str {
        match self {
            Self::CodeRejected(_) => "code_rejected",
            Self::LoginRequired => "login_required",
            Self::StateRejected => "state_rejected",
            Self::OriginRejected => "origin_rejected",
            Self::OrganisationRejected => "organisation_rejected",
            Self::OrganisationUnknown => "organisation_unknown",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::CodeInUse => "code_in_use",
            Self::RequestTimeout => "request_timeout",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UriTooLong => "uri_too_long",
            Self::HeadTooLarge => "head_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::BadRequest(_) => "bad_request",
            Self::UrlRejected(_) => "url_rejected",
            Self::RateLimited { .. } => "rate_limited",
            Self::RetryWithNewCode(_) => "retry_with_new_code",
            Self::DingtalkUnavailable(_) => "dingtalk_unavailable",
            Self::QuotaSpent(_) => "quota_spent",
            Self::Misconfigured(_) => "misconfigured",
            Self::Internal(_) => "internal",
        }
    }

    /// What people are told about it.
    pub fn message<'a>(&self, words: &'a Problems) -> &'a Message {
        match self {
            Self::CodeRejected(_) => &words.code_rejected,
            Self::LoginRequired => &words.login_required,
            Self::StateRejected => &words.state_rejected,
            Self::OriginRejected => &words.origin_rejected,
            Self::OrganisationRejected => &words.organisation_rejected,
            Self::OrganisationUnknown => &words.organisation_unknown,
            Self::NotFound => &words.not_found,
            Self::MethodNotAllowed { .. } => &words.method_not_allowed,
            Self::CodeInUse => &words.code_in_use,
            Self::RequestTimeout => &words.request_timeout,
            Self::PayloadTooLarge => &words.payload_too_large,
            Self::UriTooLong => &words.uri_too_long,
            Self::HeadTooLarge => &words.head_too_large,
            Self::UnsupportedMediaType => &words.unsupported_media_type,
            Self::BadRequest(_) => &words.bad_request,
            Self::UrlRejected(_) => &words.url_rejected,
            Self::RateLimited { .. } => &words.rate_limited,
            Self::RetryWithNewCode(_) => &words.retry_with_new_code,
            Self::DingtalkUnavailable(_) => &words.dingtalk_unavailable,
            Self::QuotaSpent(_) => &words.quota_spent,
            Self::Misconfigured(_) => &words.misconfigured,
            Self::Internal(_) => &words.internal,
        }
    }

    /// The problem as JSON.
    pub fn body<'a>(&self, request_id: &'a str, words: &Problems) -> ProblemBody<'a> {
        let message = self.message(words);
        ProblemBody {
            r#type: "about:blank",
            title: message.happened,
            status: self.status_code().as_u16(),
            detail: message.next,
            code: self.code(),
            request_id,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            Self::DingtalkUnavailable(error) | Self::QuotaSpent(error) => Some(error.retry_after()),
            _ => None,
        }
    }
}

impl From<dingtalk::Error> for Problem {
    fn from(error: dingtalk::Error) -> Self {
        match error {
            error if error.misconfigured() => Self::Misconfigured(error),
            error if error.quota_spent() => Self::QuotaSpent(error),
            error if error.code_rejected() => Self::CodeRejected(Some(error)),
            error if error.code_fate_unknown() => Self::RetryWithNewCode(error),
            error => Self::DingtalkUnavailable(error),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::UrlRejected(_) | Self::OrganisationUnknown => StatusCode::BAD_REQUEST,
            Self::CodeRejected(_) | Self::LoginRequired => StatusCode::UNAUTHORIZED,
            Self::StateRejected | Self::OriginRejected | Self::OrganisationRejected => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::CodeInUse => StatusCode::CONFLICT,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::RetryWithNewCode(_) | Self::DingtalkUnavailable(_) | Self::QuotaSpent(_) | Self::Misconfigured(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
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
