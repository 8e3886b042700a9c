//! What every page carries, and the page that explains a problem.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, ResponseError};
use askama::Template;

use super::assets;
use super::color_scheme::ColorScheme;
use super::error::Problem;
use super::language::Language;
use super::request_scope::RequestScope;
use super::script_words::Attribute;
use super::state::Web;
use super::words::{Message, Words};

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
    /// What the page is written in.
    pub language: Language,
    /// What the layout and the plumbing's own pages say in it.
    pub words: &'static Words,
    /// Light or dark.
    pub color_scheme: ColorScheme,
}

impl Head {
    /// The head of the page that answers `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let web = Web::of(request)?;
        let RequestScope { nonce, language, .. } = RequestScope::of(request)?;
        Ok(Self {
            nonce,
            jsapi_script: web.jsapi_script_url.to_string(),
            corp_id: web.corp_id.to_string(),
            client_id: web.client_id.to_string(),
            public_url: web.public_url.to_string(),
            language,
            words: (web.words)(language),
            color_scheme: ColorScheme::asked_for_in(request.headers()),
        })
    }

    /// Where a file of `static/` is served.
    pub fn asset(&self, file: &str) -> &'static str {
        assets::address(file)
    }

    /// What the scripts of every page say.
    pub fn script_words(&self) -> &'static Attribute {
        self.words.scripts.attribute()
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
    message: &'a Message,
    request_id: &'a str,
}

/// The page that explains `problem`, if it can be rendered.
pub fn render_problem(problem: &Problem, request: &HttpRequest, request_id: &str) -> Option<String> {
    let head = Head::of(request).ok()?;
    let status = problem.status_code().as_u16();
    let message = problem.message(&head.words.problems);
    ErrorPage {
        head,
        status,
        message,
        request_id,
    }
    .render()
    .ok()
}
