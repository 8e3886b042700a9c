//! What every page carries, and the page that explains a problem.

use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::uri::PathAndQuery;
use actix_web::{FromRequest, HttpRequest};
use askama::Template;
use url::Url;

use super::assets;
use super::color_scheme::ColorScheme;
use super::language::Language;
use super::problem::{Explanation, Problem};
use super::request_scope::RequestScope;
use super::state::Web;
use super::words::{self, Attribute, Both, Message};
use crate::dingtalk::{ClientId, CorpId, Origin};

/// What is the same on every page. Made once at start.
#[derive(Debug)]
pub struct Site {
    /// What the app is called, in every language.
    pub name: &'static str,
    /// The pages that every page leads to.
    pub nav: &'static [NavEntry],
    /// Where DingTalk's library is.
    pub jsapi_script_url: Url,
    /// The organisation.
    pub corp_id: CorpId,
    /// The app's public name.
    pub client_id: ClientId,
    /// The origin that this app is served at.
    pub public_url: Origin,
}

/// A page that every page leads to.
#[derive(Debug, Clone, Copy)]
pub struct NavEntry {
    /// Where it is.
    pub path: &'static str,
    /// What it is called there.
    pub name: Both,
}

/// What the layout needs. Every page's template has one as `head`. It is made for every page, so it copies next to nothing.
#[derive(Debug, Clone)]
pub struct Head {
    /// The app.
    pub site: Arc<Site>,
    /// What was asked for, as it was received: after PUBLIC_URL, this is the address that gets signed.
    pub path_and_query: PathAndQuery,
    /// Lets the page's own scripts run, and no others.
    pub nonce: String,
    /// What the page is written in.
    pub language: Language,
    /// What the layout says in it.
    pub words: &'static words::Layout,
    /// Light or dark.
    pub color_scheme: ColorScheme,
}

impl NavEntry {
    /// Leads to the page at `path`.
    pub const fn new(path: &'static str, name: Both) -> Self {
        Self { path, name }
    }
}

impl Head {
    /// The head of the page that answers `request`.
    pub fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let RequestScope { nonce, language, .. } = RequestScope::of(request)?;
        let asked_for = request.uri().path_and_query().cloned();
        Ok(Self {
            site: Web::of(request)?.site.clone(),
            path_and_query: asked_for.unwrap_or_else(|| PathAndQuery::from_static("/")),
            nonce,
            language,
            words: words::Layout::of(language),
            color_scheme: ColorScheme::asked_for_in(request.headers()),
        })
    }

    /// Where a file of `static/` is served.
    pub fn asset(&self, file: &str) -> &'static str {
        assets::address(file)
    }

    /// What the scripts of every page say.
    pub fn messages(&self) -> &'static Attribute {
        words::Messages::json(&self.language)
    }

    /// What the nav calls it.
    pub fn name_of(&self, entry: &NavEntry) -> &'static str {
        entry.name.in_language(self.language)
    }

    /// Whether this is the page that it leads to.
    pub fn is_at(&self, entry: &NavEntry) -> bool {
        self.path_and_query.path() == entry.path
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
    words: &'static words::Error,
    head: Head,
    status: u16,
    message: Message,
    request_id: &'a str,
}

impl<'a> ErrorPage<'a> {
    fn of(explanation: &Explanation, head: Head, request_id: &'a str) -> Self {
        Self {
            words: words::Error::of(head.language),
            status: explanation.status.as_u16(),
            message: explanation.message(head.language),
            head,
            request_id,
        }
    }
}

/// The page that explains `problem`, if it can be rendered.
pub fn render_problem(problem: &Problem, request: &HttpRequest, request_id: &str) -> Option<String> {
    let head = Head::of(request).ok()?;
    ErrorPage::of(&problem.explanation(), head, request_id).render().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;

    fn head(language: Language, path_and_query: &'static str) -> Head {
        const NAV: &[NavEntry] = &[
            NavEntry::new("/", Both("Home", "首页")),
            NavEntry::new("/lunch", Both("Lunch", "午餐")),
        ];
        let site = Site {
            name: "Canteen",
            nav: NAV,
            jsapi_script_url: Url::parse("https://cdn.example/dd.js").unwrap(),
            corp_id: CorpId::parse("ding1").unwrap(),
            client_id: ClientId::parse("dinga").unwrap(),
            public_url: Origin::parse("https://canteen.example").unwrap(),
        };
        Head {
            site: Arc::new(site),
            path_and_query: PathAndQuery::from_static(path_and_query),
            nonce: "n".to_owned(),
            language,
            words: words::Layout::of(language),
            color_scheme: ColorScheme::AsTheDevice,
        }
    }

    #[test]
    fn a_problem_of_an_app_is_explained_in_the_language_of_its_reader() {
        let explanation = Explanation {
            status: StatusCode::CONFLICT,
            code: "kitchen_closed",
            happened: Both("The kitchen is closed.", "厨房已打烊"),
            next: Both("Order before half past ten.", "请在十点半前下单。"),
        };
        for (language, happened, next) in [
            (Language::English, "The kitchen is closed.", "Order before half past ten."),
            (Language::Chinese, "厨房已打烊", "请在十点半前下单。"),
        ] {
            let page = ErrorPage::of(&explanation, head(language, "/lunch"), "1a2b")
                .render()
                .unwrap();
            for shown in [happened, next, "409", "1a2b"] {
                assert!(page.contains(&format!(">{shown}<")), "{shown}: {page}");
            }
        }
    }

    /// A page as a fork writes it.
    #[derive(Template)]
    #[template(source = r#"{% extends "layout.html" %}{% block title %}x{% endblock %}"#, ext = "html")]
    struct Page {
        head: Head,
    }

    #[test]
    fn every_page_has_the_nav_and_shows_where_it_is_in_it() {
        for (language, [home, lunch]) in [(Language::English, ["Home", "Lunch"]), (Language::Chinese, ["首页", "午餐"])] {
            let head = head(language, "/lunch?day=1");
            let page = Page { head }.render().unwrap();
            assert!(page.contains(&format!("<a href=\"/\">{home}</a>")), "{page}");
            assert!(
                page.contains(&format!("<a href=\"/lunch\" aria-current=\"page\">{lunch}</a>")),
                "{page}"
            );
        }
    }

    #[test]
    fn a_page_knows_its_address_as_it_was_received_and_whatever_it_is_it_stays_an_attribute() {
        for (path_and_query, escaped) in [
            ("/a%20b?x=%E4&y", "/a%20b?x=%E4&#38;y"),
            ("/?\"x='y'", "/?&#34;x=&#39;y&#39;"),
            ("/\"x", "/&#34;x"),
        ] {
            let head = head(Language::English, path_and_query);
            let page = Page { head }.render().unwrap();
            let attribute = format!(" data-page-url=\"https://canteen.example{escaped}\"");
            assert!(page.contains(&attribute), "{attribute}: {page}");
        }
    }
}
