//! The outermost layer: every request gets an id, every answer its headers, every problem its body, and the log one line.

use std::error::Error;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use askama::Template;

use super::login::{Challenge, EntryPage, Logins};
use super::page::ErrorPage;
use super::{Headers, Language, Problem, RequestScope, shared};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps everything.
pub async fn boundary(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let scope = RequestScope::begin();
    request.extensions_mut().insert(scope.clone());
    let headers = shared::<Headers>(request.request())?.clone();
    // The request itself must not be kept meanwhile: the router needs to be its only owner.
    let mut response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => return Err(without_request(error, &headers, &scope)),
    };
    if response.response().error().is_some() {
        response = explain(response, &scope);
    }
    finish(response.headers_mut(), &headers, &scope);
    log(&response, &scope, began);
    Ok(response)
}

/// A middleware failed, so that the request is gone: the problem goes out as JSON, with the same headers.
fn without_request(error: actix_web::Error, headers: &Headers, scope: &RequestScope) -> actix_web::Error {
    let problem = Problem::Internal(error.to_string().into());
    record(&problem, scope);
    let mut response = HttpResponse::InternalServerError().finish();
    response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
    let mut response = response.set_body(problem.to_json(scope.id(), Language::English));
    finish(response.headers_mut(), headers, scope);
    InternalError::from_response(error, response.map_into_boxed_body()).into()
}

/// Headers that do not depend on what happened.
fn finish(answer: &mut HeaderMap, headers: &Headers, scope: &RequestScope) {
    if let Ok(id) = HeaderValue::from_str(scope.id()) {
        answer.insert(X_REQUEST_ID, id);
    }
    headers.put_on(answer, scope);
}

/// Gives a problem its body: JSON under /api, a page elsewhere. Errors that are not ours come from the HTTP library or from what
/// stands around it, and say by their status what was wrong with the request; any other is a bug.
fn explain(response: ServiceResponse<BoxBody>, scope: &RequestScope) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let foreign;
    let problem = match response.error() {
        None => return ServiceResponse::new(request, response),
        Some(error) => match error.as_error::<Problem>() {
            Some(problem) => problem,
            None => {
                foreign = Problem::foreign(response.status(), error);
                &foreign
            }
        },
    };
    if matches!(problem, Problem::LoginRequired)
        && !wants_json(&request)
        && let Ok(entry) = entry_page(&request)
    {
        return ServiceResponse::new(request, entry);
    }
    record(problem, scope);
    let (kind, body) = body_of(problem, &request, scope);
    let challenge = matches!(problem, Problem::LoginRequired)
        .then(|| shared::<Logins>(&request).map(|logins| Challenge::of(&logins.states, &request)));
    let mut response = response.set_body(BoxBody::new(body));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if let Some(Ok(challenge)) = challenge {
        challenge.put_on(response.headers_mut());
    }
    ServiceResponse::new(request, response)
}

/// Whoever needs a login for a page gets the page that logs in, at the same address.
fn entry_page(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let page = EntryPage::of(request)?;
    let html = page.render().map_err(|error| Problem::Internal(error.into()))?;
    let mut response = HttpResponse::Ok().insert_header((CONTENT_TYPE, HTML)).body(html);
    page.challenge.set_presession(response.headers_mut());
    Ok(response)
}

fn wants_json(request: &HttpRequest) -> bool {
    ["/api/", "/static/"].iter().any(|prefix| request.path().starts_with(prefix))
}

fn body_of(problem: &Problem, request: &HttpRequest, scope: &RequestScope) -> (HeaderValue, String) {
    let page = || ErrorPage::of(&problem.explanation(), request).ok()?.render().ok();
    match (!wants_json(request)).then(page).flatten() {
        Some(page) => (HTML, page),
        None => (PROBLEM_JSON, problem.to_json(scope.id(), Language::asked_for_by(request))),
    }
}

/// The one place where problems are logged: with their causes, and with the fix when an administrator can mend them.
fn record(problem: &Problem, scope: &RequestScope) {
    let causes = || {
        let (mut text, mut cause) = (problem.to_string(), problem.source());
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    };
    let (request_id, code) = (scope.id(), problem.code());
    match problem {
        Problem::Misconfigured(error) => {
            tracing::error!(
                request_id,
                code,
                fix = error.fix(),
                error = causes(),
                "an administrator must act"
            );
        }
        Problem::Internal(_) => tracing::error!(request_id, code, error = causes(), "internal error"),
        // Logged when the breaker opened; not again for everybody who meets it.
        Problem::DingtalkUnavailable(error) if error.not_asked() => tracing::debug!(request_id, code, "dingtalk was not asked"),
        Problem::RetryWithNewCode(error) | Problem::DingtalkUnavailable(error) | Problem::QuotaSpent(error) => {
            tracing::warn!(request_id, code, fix = error.fix(), error = causes(), "dingtalk failed");
        }
        _ => tracing::info!(request_id, code, reason = causes(), "refused"),
    }
}

/// The access log: the route's pattern, not the address, since that may hold anything.
fn log(response: &ServiceResponse<BoxBody>, scope: &RequestScope, began: Instant) {
    let request = response.request();
    let route = request.match_pattern();
    tracing::info!(
        request_id = scope.id(),
        method = request.method().as_str(),
        route = route.as_deref().unwrap_or("-"),
        status = response.status().as_u16(),
        micros = began.elapsed().as_micros() as u64,
        "request"
    );
}
