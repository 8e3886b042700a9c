//! The outermost layer: every request gets an id, every answer its headers, every problem its body, and the log one line.

use std::error::Error;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use tracing::{Level, enabled};

use super::health::is_probe;
use super::login::{Challenge, EntryPage};
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
    let scope = RequestScope::begin();
    request.extensions_mut().insert(scope.clone());
    let headers = shared::<Headers>(request.request())?.clone();
    let mut line = Line::begin(&request, scope.clone());
    let mut response = match next.call(request).await {
        Ok(response) => explain(response.map_into_boxed_body(), &scope),
        Err(error) => {
            line.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            return Err(without_request(error, &headers, &scope));
        }
    };
    finish(response.headers_mut(), &headers, &scope);
    line.status = response.status().as_u16();
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
    let problem = match response.error().map(|error| (error, error.as_error::<Problem>())) {
        None => return ServiceResponse::new(request, response),
        Some((_, Some(problem))) => problem,
        Some((error, None)) => {
            foreign = Problem::foreign(response.status(), error);
            &foreign
        }
    };
    let (answer, challenge) = match problem {
        Problem::LoginRequired => login_required(&request, scope),
        _ => (told(problem, &request, scope), None),
    };
    let mut response = response.set_body(BoxBody::new(answer.body));
    *response.status_mut() = answer.status;
    response.headers_mut().insert(CONTENT_TYPE, answer.kind);
    match challenge {
        Some(challenge) if answer.status == StatusCode::OK => challenge.set_presession(response.headers_mut()),
        Some(challenge) => challenge.put_on(response.headers_mut()),
        None => {}
    }
    ServiceResponse::new(request, response)
}

struct Answer {
    status: StatusCode,
    kind: HeaderValue,
    body: String,
}

/// Whoever needs a login for a page gets the page that logs in, at the same address; a script is told what a login takes.
fn login_required(request: &HttpRequest, scope: &RequestScope) -> (Answer, Option<Challenge>) {
    let page = match EntryPage::of(request) {
        Ok(page) => page,
        Err(Problem::OrganisationUnknown | Problem::OrganisationRejected) if wants_json(request) => {
            return (told(&Problem::LoginRequired, request, scope), None);
        }
        Err(problem) => return (told(&problem, request, scope), None),
    };
    let answer = match (!wants_json(request)).then(|| page.render()) {
        Some(Ok(body)) => Answer { status: StatusCode::OK, kind: HTML, body },
        Some(Err(_)) | None => told(&Problem::LoginRequired, request, scope),
    };
    (answer, Some(page.challenge))
}

fn told(problem: &Problem, request: &HttpRequest, scope: &RequestScope) -> Answer {
    record(problem, scope);
    let page = || ErrorPage::of(&problem.explanation(), request).ok()?.render().ok();
    let (kind, body) = match (!wants_json(request)).then(page).flatten() {
        Some(page) => (HTML, page),
        None => (PROBLEM_JSON, problem.to_json(scope.id(), Language::asked_for_by(request))),
    };
    let status = problem.status_code();
    Answer { status, kind, body }
}

fn wants_json(request: &HttpRequest) -> bool {
    ["/api/", "/static/"].iter().any(|prefix| request.path().starts_with(prefix))
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
            tracing::error!(request_id, code, fix = error.fix(), error = causes(), "an administrator must act");
        }
        Problem::Internal(_) => tracing::error!(request_id, code, error = causes(), "internal error"),
        // Logged when the breaker opened; not again for everybody who meets it.
        Problem::DingtalkUnavailable(error) if error.not_asked() => tracing::debug!(request_id, code, "dingtalk was not asked"),
        Problem::LoginQueued(_) => tracing::debug!(request_id, code, "the login waits"),
        Problem::NotAuthorised(error) => tracing::warn!(request_id, code, fix = error.fix(), error = causes(), "refused"),
        Problem::RetryWithNewCode(error) | Problem::DingtalkUnavailable(error) | Problem::QuotaSpent(error) => {
            tracing::warn!(request_id, code, fix = error.fix(), error = causes(), "dingtalk failed");
        }
        _ => tracing::info!(request_id, code, reason = causes(), "refused"),
    }
}

/// The access log's line of one request, written when it is done or given up. The request itself must not be kept for it: the router
/// needs to be its only owner.
struct Line {
    scope: RequestScope,
    method: Method,
    /// Its pattern, not the address, since that may hold anything.
    route: Option<String>,
    status: u16,
    began: Instant,
}

impl Line {
    /// As nginx has it, of clients that leave before they are answered.
    const LEFT: u16 = 499;

    fn begin(request: &ServiceRequest, scope: RequestScope) -> Self {
        let (method, route) = (request.method().clone(), request.match_pattern());
        Self { scope, method, route, status: Self::LEFT, began: Instant::now() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        const LONGEST_METHOD: usize = 16;
        if std::thread::panicking() {
            self.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
        }
        // Nobody reads twice a second that all is well.
        if self.route.as_deref().is_some_and(is_probe) && (200..300).contains(&self.status) && !enabled!(Level::DEBUG) {
            return;
        }
        // Anybody may make one up; those that are answered are shorter.
        let method = self.method.as_str();
        tracing::info!(
            request_id = self.scope.id(),
            method = method.get(..LONGEST_METHOD).unwrap_or(method),
            route = self.route.as_deref().unwrap_or("-"),
            status = self.status,
            micros = self.began.elapsed().as_micros() as u64,
            "request"
        );
    }
}
