//! The outermost layer: every request gets an id, every response its headers, every problem its body, and the log one line.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use super::entry::NoVisitor;
use super::error::Problem;
use super::page;
use super::presession::Challenge;
use super::request_cookies;
use super::request_head;
use super::request_scope::RequestScope;
use super::session_cookie;
use super::state::Web;
use super::unread_body;

const PROBLEM_JSON: &str = "application/problem+json";
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps everything.
pub async fn boundary(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let scope = RequestScope::begin(&request);
    request.extensions_mut().insert(scope.clone());
    let web = Web::of(request.request())?.clone();
    let body = unread_body::Wanted::of(&mut request);
    let mut response = match request_head::check(&request) {
        Err(problem) => request.error_response(problem),
        Ok(()) => {
            request_cookies::settle(&mut request, &web);
            // The request itself must not be kept meanwhile: the router needs to be its only owner.
            match next.call(request).await {
                Ok(response) => response.map_into_boxed_body(),
                Err(error) => return Err(without_request(error, &web, &scope)),
            }
        }
    };
    session_cookie::withhold_superseded(&mut response, &web);
    if response.response().error().is_some() {
        response = explain(response, &web, &scope);
    }
    finish(response.headers_mut(), &web, &scope);
    if web.connections.are_many() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    log(&response, &scope, began);
    Ok(match body {
        Some(body) => body.until_sent(response),
        None => response,
    })
}

/// A middleware failed, so that the request is gone: the problem goes out as JSON, with the same headers.
fn without_request(error: actix_web::Error, web: &Web, scope: &RequestScope) -> actix_web::Error {
    let problem = Problem::Internal(error.to_string().into());
    record(&problem, scope);
    let mut response = HttpResponse::InternalServerError()
        .content_type(PROBLEM_JSON)
        .json(problem.body(&scope.id, &(web.words)(scope.language).problems));
    finish(response.headers_mut(), web, scope);
    InternalError::from_response(error, response).into()
}

/// Headers that do not depend on what happened.
fn finish(headers: &mut HeaderMap, web: &Web, scope: &RequestScope) {
    if let Ok(id) = HeaderValue::from_str(&scope.id) {
        headers.insert(X_REQUEST_ID, id);
    }
    web.headers.put_on(headers, &scope.nonce);
}

/// Gives a problem its body: JSON under /api, a page elsewhere. Errors that are not ours come from the HTTP library, which means
/// that the request was malformed, or that we have a bug.
fn explain(response: ServiceResponse<BoxBody>, web: &Web, scope: &RequestScope) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let foreign;
    let problem = match response.error().and_then(problem_in) {
        Some(problem) => problem,
        // A page instead of an error, such as the entry page, brings its own body.
        None if response.status().is_success() => return ServiceResponse::new(request, response),
        None if response.status().is_client_error() => {
            foreign = Problem::BadRequest("the request is malformed");
            &foreign
        }
        None => {
            foreign = Problem::Internal(response.error().map(ToString::to_string).unwrap_or_default().into());
            &foreign
        }
    };
    record(problem, scope);
    let (kind, body) = body_of(problem, &request, web, scope);
    let challenge = matches!(problem, Problem::LoginRequired).then(|| Challenge::of(&web.login_states, &request));
    let mut response = response.set_body(BoxBody::new(body));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if let Some(challenge) = challenge {
        challenge.put_on(response.headers_mut());
    }
    ServiceResponse::new(request, response)
}

fn problem_in(error: &actix_web::Error) -> Option<&Problem> {
    error
        .as_error::<Problem>()
        .or_else(|| error.as_error::<NoVisitor>().and_then(NoVisitor::problem))
}

fn body_of(problem: &Problem, request: &HttpRequest, web: &Web, scope: &RequestScope) -> (HeaderValue, String) {
    let wants_json = ["/api/", "/static/"].iter().any(|prefix| request.path().starts_with(prefix));
    let page = (!wants_json)
        .then(|| page::render_problem(problem, request, &scope.id))
        .flatten();
    match page {
        Some(page) => (HeaderValue::from_static("text/html; charset=utf-8"), page),
        None => (
            HeaderValue::from_static(PROBLEM_JSON),
            serde_json::to_string(&problem.body(&scope.id, &(web.words)(scope.language).problems)).unwrap_or_default(),
        ),
    }
}

/// The one place where problems are logged: with their causes, and with the fix when an administrator can mend them.
fn record(problem: &Problem, scope: &RequestScope) {
    let causes = || {
        let mut text = problem.to_string();
        let mut source = std::error::Error::source(problem);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    };
    let (request_id, code) = (scope.id.as_str(), problem.code());
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
    let status: StatusCode = response.status();
    tracing::info!(
        request_id = scope.id,
        method = request.method().as_str(),
        route = route.as_deref().unwrap_or("-"),
        status = status.as_u16(),
        micros = began.elapsed().as_micros() as u64,
        "request"
    );
}
