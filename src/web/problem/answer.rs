//! How a problem is answered: as JSON under `/api` and `/static`, as a page elsewhere, and with one line in the log.

use std::borrow::Cow;
use std::error::Error;

use actix_web::body::BoxBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, ResponseError};
use anyhow::Chain;
use askama::Template;

use super::{Explanation, Problem};
use crate::dingtalk;
use crate::web::login::{Challenge, EntryPage};
use crate::web::page::words;
use crate::web::{Head, Language, RequestScope};

pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Gives a problem its body. An error that is not a `Problem` comes from the HTTP library or from `src/server`. If it has the status of a
/// client error, that says what was wrong with the request; any other is a bug.
///
/// A page load without a login gets the entry page, at the same address; a script gets a 401 with the challenge for a login. So does a form
/// that the browser posted by itself: the entry page would load the address again without what the person had written.
pub fn explain(response: ServiceResponse<BoxBody>, scope: &RequestScope) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let Some(error) = response.error() else { return ServiceResponse::new(request, response) };
    let foreign;
    let problem = match error.as_error::<Problem>() {
        Some(problem) => problem,
        None => {
            foreign = Problem::foreign(response.status(), error);
            &foreign
        }
    };
    // The router's path is decoded: `/%61pi/me` is `/api/me`.
    let wants_json = ["/api/", "/static/"].iter().any(|prefix| request.match_info().as_str().starts_with(prefix));
    let challenge = matches!(problem, Problem::LoginRequired).then(|| Challenge::of(&request)).transpose();
    let (problem, challenge) = match &challenge {
        Ok(challenge) => (problem, challenge.as_ref()),
        Err(Problem::OrganisationUnknown | Problem::OrganisationRejected) if wants_json => (problem, None),
        Err(instead) => (instead, None),
    };
    let is_load = request.method().is_safe() && !wants_json;
    let entry_page = challenge.filter(|_| is_load).and_then(|challenge| EntryPage::of(&request, challenge).ok()?.render().ok());
    let status = if entry_page.is_some() { StatusCode::OK } else { problem.status_code() };
    if entry_page.is_none() {
        record(problem, scope);
    }
    let error_page = || ErrorPage::of(problem, &request)?.render().ok();
    let page = entry_page.or_else(|| (!wants_json).then(error_page).flatten());
    let (kind, body) = match page {
        Some(page) => (HTML, page),
        None => (PROBLEM_JSON, problem.to_json(&scope.id, Language::asked_for_by(&request))),
    };
    let mut response = response.set_body(BoxBody::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if let Some(challenge) = challenge {
        challenge.put_on(&mut response);
    }
    ServiceResponse::new(request, response)
}

/// The page that explains a problem.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    words: &'static words::Error,
    head: Head,
    status: u16,
    happened: &'static str,
    next: Cow<'static, str>,
}

impl ErrorPage {
    fn of(problem: &Problem, request: &HttpRequest) -> Option<Self> {
        let head = Head::of(request).ok()?;
        let Explanation { status, happened, .. } = problem.explanation();
        let happened = happened.in_language(head.language);
        let next = problem.next(head.language);
        Some(Self { words: words::Error::of(head.language), status: status.as_u16(), happened, next, head })
    }
}

/// The one place where problems are logged: with their causes, and with the fix when an administrator can mend them.
pub fn record(problem: &Problem, scope: &RequestScope) {
    let causes = || Chain::new(problem).map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let fix = || problem.source()?.downcast_ref::<dingtalk::Error>()?.fix();
    let (request_id, code) = (&scope.id, problem.code());
    match problem {
        Problem::Misconfigured(_) => {
            tracing::error!(request_id, code, fix = fix(), error = causes(), "an administrator must act");
        }
        Problem::Internal(_) => tracing::error!(request_id, code, error = causes(), "internal error"),
        // This was logged when the breaker opened. It is not logged again for each request that the breaker stops.
        Problem::DingtalkUnavailable(error) if error.not_asked() => tracing::debug!(request_id, code, "dingtalk was not asked"),
        Problem::LoginQueued { .. } => tracing::debug!(request_id, code, "the login waits"),
        Problem::NotAuthorised(_) => tracing::warn!(request_id, code, fix = fix(), error = causes(), "refused"),
        Problem::RetryWithNewCode(_) | Problem::DingtalkUnavailable(_) | Problem::QuotaSpent(_) => {
            tracing::warn!(request_id, code, fix = fix(), error = causes(), "dingtalk failed");
        }
        _ => tracing::info!(request_id, code, fix = fix(), reason = causes(), "refused"),
    }
}
