//! The outermost layer: every request gets an id, every answer its headers and the session its cookie, every problem its body, and the log one
//! line.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use anyhow::ensure;
use tracing::{Level, enabled};

use super::problem::{PROBLEM_JSON, explain, record};
use super::{App, Introductions, Language, Problem, RequestSession, Settings, shared};
use crate::dingtalk::Origin;

/// Wraps everything.
pub async fn boundary(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let scope = RequestScope::begin();
    request.extensions_mut().insert(Rc::clone(&scope));
    let headers = shared::<Headers>(request.request())?.clone();
    let mut line = Line::begin(&request, Rc::clone(&scope));
    // A holder of SESSION_KEY may have asked who answers here.
    let introductions = request.app_data::<Data<Introductions>>();
    let answer = match introductions.and_then(|introductions| introductions.answer(request.request())) {
        Some(introduction) => Ok(request.into_response(introduction)),
        None => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
    };
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => {
            line.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
            return Err(without_request(error, &headers, &scope));
        }
    };
    RequestSession::put_on(&mut response);
    let mut response = explain(response, &scope);
    headers.put_on(response.headers_mut(), &scope);
    line.status = response.status().as_u16();
    Ok(response)
}

/// A middleware failed, so that the request is gone: the problem goes out as JSON, with the same headers.
fn without_request(error: actix_web::Error, headers: &Headers, scope: &RequestScope) -> actix_web::Error {
    let problem = Problem::Internal(error.to_string().into());
    record(&problem, scope);
    let body = problem.to_json(&scope.id, Language::English);
    let mut response = HttpResponse::InternalServerError().content_type(PROBLEM_JSON).body(body);
    headers.put_on(response.headers_mut(), scope);
    InternalError::from_response(error, response).into()
}

/// What identifies one request and its answer.
#[derive(Debug)]
pub struct RequestScope {
    /// The id in the log line, the `X-Request-Id` header and every problem. It is never the client's, which could forge a log line.
    pub id: String,
    script_nonce: OnceCell<String>,
}

impl RequestScope {
    fn begin() -> Rc<Self> {
        Rc::new(Self { id: hex::encode(rand::random::<[u8; 8]>()), script_nonce: OnceCell::new() })
    }

    /// The scope that [`boundary`] began for `request`.
    pub fn of(request: &HttpRequest) -> Result<Rc<Self>, Problem> {
        let scope = request.extensions().get::<Rc<Self>>().cloned();
        scope.ok_or_else(|| Problem::Internal("the request did not pass the boundary".into()))
    }

    /// The nonce of the Content-Security-Policy: it lets the page in this answer run its scripts. Other answers need none.
    pub fn script_nonce(&self) -> &str {
        self.script_nonce.get_or_init(|| hex::encode(rand::random::<[u8; 16]>()))
    }
}

/// The access log's line of one request, written when this is dropped. It must not hold a clone of the request: the router needs to be the
/// request's only owner.
struct Line {
    scope: Rc<RequestScope>,
    method: Method,
    /// The pattern of the route, not the address of the request: an address may hold anything.
    route: Option<String>,
    status: u16,
    began: Instant,
}

impl Line {
    /// The status that nginx logs for clients that disconnect before they are answered.
    const LEFT: u16 = 499;

    fn begin(request: &ServiceRequest, scope: Rc<RequestScope>) -> Self {
        let method = request.method().clone();
        Self { scope, method, route: request.match_pattern(), status: Self::LEFT, began: Instant::now() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        const LONGEST_METHOD: usize = 16;
        if std::thread::panicking() {
            self.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
        }
        let route = self.route.as_deref().unwrap_or("-");
        // Load balancers probe these twice a second: their successes would fill the log.
        let is_probe = matches!(route, "/healthz" | "/readyz");
        if is_probe && (200..300).contains(&self.status) && !enabled!(Level::DEBUG) {
            return;
        }
        // A client may send a method of any length; those that are answered are shorter than this.
        let method = self.method.as_str();
        tracing::info!(
            request_id = self.scope.id,
            method = method.get(..LONGEST_METHOD).unwrap_or(method),
            route,
            status = self.status,
            micros = self.began.elapsed().as_micros() as u64,
            "request"
        );
    }
}

/// The headers of every answer, prepared once from the settings.
pub struct Headers {
    /// The Content-Security-Policy of pages, with the placeholder `NONCE` for the nonce.
    page_policy: String,
    /// Those that are the same for every answer.
    fixed: HeaderMap,
}

/// What an answer that is not a page may do: nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NONCE: &str = "<nonce>";
/// The device features that pages may not use, unless the app lists them in `App::features`.
const FEATURES: [&str; 6] = ["camera", "geolocation", "microphone", "payment", "usb", "browsing-topics"];
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Headers {
    /// `local_dingtalk` is a simulated DingTalk on this machine, whose client may show the pages in a frame. Fails if an entry of the app's
    /// `sources` is not a directive and one source, or one of its `features` is not in `FEATURES`.
    pub fn new(settings: &Settings, local_dingtalk: Option<&Origin>, app: &App) -> anyhow::Result<Self> {
        let library = settings.jsapi_script_url.origin().ascii_serialization();
        let local = local_dingtalk.map(|origin| format!(" {origin}")).unwrap_or_default();
        let ancestors = match (settings.embedded, local_dingtalk) {
            (true, _) => format!("'self' https://*.dingtalk.com{local}"),
            (false, Some(local)) => format!("'self' {local}"),
            (false, None) => "'none'".to_owned(),
        };
        let mut page_policy = format!(
            "default-src 'none'; script-src 'nonce-{NONCE}'; style-src 'self'; img-src 'self' https: data:{local}; \
             connect-src 'self' {library}; base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}"
        );
        for (directive, source) in app.sources {
            // `default-src` stays 'none': it applies to each directive that the policy does not list.
            let is_directive = directive.starts_with(|first: char| first.is_ascii_lowercase())
                && directive.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
                && *directive != "default-src";
            let is_source = !source.is_empty() && source.bytes().all(|byte| byte.is_ascii_graphic() && !b",;".contains(&byte));
            ensure!(is_directive && is_source, "{directive:?} {source:?} is not a directive and one source");
            let begin = format!("; {directive} ");
            match page_policy.find(&begin) {
                Some(at) => page_policy.insert_str(at + begin.len(), &format!("{source} ")),
                None => page_policy += &format!("{begin}{source}"),
            }
        }
        for feature in app.features {
            ensure!(FEATURES.contains(feature), "{feature:?} is not a feature that is switched off");
        }
        let off = FEATURES.iter().filter(|feature| !app.features.contains(feature)).map(|feature| format!("{feature}=()"));
        let mut fixed = HeaderMap::new();
        fixed.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fixed.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        fixed.insert(header::CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        fixed.insert(header::PERMISSIONS_POLICY, HeaderValue::try_from(off.collect::<Vec<_>>().join(", "))?);
        if !settings.embedded {
            fixed.insert(header::CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
        }
        if settings.public_url.is_https() {
            fixed.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
        }
        Ok(Self { page_policy, fixed })
    }

    /// Sets the headers of the answer to the request of `scope`.
    pub fn put_on(&self, headers: &mut HeaderMap, scope: &RequestScope) {
        let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let page_policy = || HeaderValue::try_from(self.page_policy.replacen(NONCE, scope.script_nonce(), 1)).ok();
        let policy = is_page.then(page_policy).flatten().unwrap_or(NOTHING);
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        self.fixed.iter().for_each(|(name, value)| drop(headers.insert(name.clone(), value.clone())));
        if let Ok(id) = HeaderValue::from_str(&scope.id) {
            headers.insert(X_REQUEST_ID, id);
        }
        // A handler may allow caching, but not of an answer with a cookie: a cache would give somebody's cookie to everybody.
        if !headers.contains_key(header::CACHE_CONTROL) || headers.contains_key(header::SET_COOKIE) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}
