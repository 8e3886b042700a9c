//! What every page carries, and the page that explains a problem.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, ResponseError};
use askama::Template;

use super::assets;
use super::error::Problem;
use super::request_scope::RequestScope;
use super::state::Web;

/// What the layout needs. Every page's template has one as `head`.
#[derive(Debug, Clone)]
pub struct Head {
    /// Lets the page's own scripts run, and no others.
    pub nonce: String,
    /// Where DingTalk's library is.
    pub jsapi_script: String,
    /// The organisation.
    pub corp_id: String,
    /// The app.
    pub client_id: String,
    /// The origin that this app is served at.
    pub public_url: String,
}

impl Head {
    /// The head of the page that answers `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let web = Web::of(request)?;
        let nonce = request.extensions().get::<RequestScope>().map(|scope| scope.nonce.clone());
        Ok(Self {
            nonce: nonce.unwrap_or_default(),
            jsapi_script: web.jsapi_script_url.to_string(),
            corp_id: web.corp_id.to_string(),
            client_id: web.client_id.to_string(),
            public_url: web.public_url.to_string(),
        })
    }

    /// Where a file of `static/` is served.
    pub fn asset(&self, file: &str) -> &'static str {
        assets::address(file)
    }
}

impl FromRequest for Head {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    head: Head,
    status: u16,
    title: &'a str,
    advice: &'a str,
    request_id: &'a str,
}

/// The page that explains `problem`, if it can be rendered.
pub fn render_problem(problem: &Problem, request: &HttpRequest, request_id: &str) -> Option<String> {
    let words = problem.words();
    let head = Head::of(request).ok()?;
    let status = problem.status_code().as_u16();
    ErrorPage {
        head,
        status,
        title: words.title,
        advice: words.advice,
        request_id,
    }
    .render()
    .ok()
}
