//! All that can be reached from outside: every route with every method and every header, and every header of every answer.

mod caches;
mod head;
mod headers;
pub mod methods;
mod misled;
pub mod openapi;
mod writes;

use std::time::Duration;

use dingtalk_h5::dingtalk::Origin;
use dingtalk_h5::settings::Settings;

use crate::support::{TestApp, between};
use crate::wire::{Reply, ask};

/// A route as the product spells it, how it is asked for, and what it answers to nobody and to somebody.
#[derive(Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub pattern: &'static str,
    target: &'static str,
    body: &'static str,
    pub status: [u16; 2],
}

/// Answers GET and HEAD, with this status to nobody and to somebody.
pub const fn get(pattern: &'static str, status: [u16; 2]) -> Route {
    Route { method: "GET", pattern, target: pattern, body: "", status }
}

/// Answers POST of this JSON.
pub const fn post(pattern: &'static str, body: &'static str, status: [u16; 2]) -> Route {
    Route { method: "POST", pattern, target: pattern, body, status }
}

/// Answers PUT of this JSON.
pub const fn put(pattern: &'static str, body: &'static str, status: [u16; 2]) -> Route {
    Route { method: "PUT", ..post(pattern, body, status) }
}

/// Answers PATCH of this JSON.
pub const fn patch(pattern: &'static str, body: &'static str, status: [u16; 2]) -> Route {
    Route { method: "PATCH", ..post(pattern, body, status) }
}

/// Answers DELETE.
pub const fn delete(pattern: &'static str, status: [u16; 2]) -> Route {
    Route { method: "DELETE", ..post(pattern, "", status) }
}

/// `route`, requested at `target` because its pattern has parameters or it needs a query.
pub const fn at(route: Route, target: &'static str) -> Route {
    Route { target, ..route }
}

/// Every route, the pages first. `HASHED` stands for a file's hashed name, `PUBLIC_URL` for the setting.
pub const ROUTES: [Route; 13] = [
    get("/", [200, 200]),
    get("/profile", [200, 200]),
    get("/jsapi", [200, 200]),
    get("/signed-out", [200, 200]),
    get("/clinic", [200, 404]),
    get("/api/me", [401, 200]),
    at(get("/api/jsapi/config", [401, 200]), "/api/jsapi/config?url=PUBLIC_URL%2Fjsapi"),
    post("/api/login", r#"{"authCode":"nobodys","state":"nobodys"}"#, [403, 403]),
    post("/api/jsapi/report", r#"{"code":"9","url":"http://x/"}"#, [401, 200]),
    get("/healthz", [200, 200]),
    get("/readyz", [200, 200]),
    at(get("/static/{path:.*}", [200, 200]), "HASHED"),
    // The last: it ends the session.
    post("/api/logout", "", [204, 204]),
];

/// The routes of the plumbing, without pages of an app.
pub fn plumbing() -> &'static [Route] {
    &ROUTES[PAGES..]
}

/// One route for each path: a path may answer several methods.
fn paths(routes: &[Route]) -> impl Iterator<Item = &Route> {
    let is_first = |(at, route): &(usize, &Route)| routes[..*at].iter().all(|earlier| earlier.pattern != route.pattern);
    routes.iter().enumerate().filter(is_first).map(|(_, route)| route)
}

/// How many of `ROUTES` are pages of an app. The tests' own app has pages at the same paths as the demo.
const PAGES: usize = 3;

impl Route {
    /// The methods of this route, as `Allow` lists them.
    fn allowed(&self) -> &'static str {
        if self.method == "GET" { "GET, HEAD" } else { self.method }
    }

    /// The one of `routes` that answers `method` at the path of this one.
    fn answering(&self, method: &str, routes: &[Self]) -> Option<Self> {
        let mut there = routes.iter().filter(|route| route.pattern == self.pattern);
        there.find(|route| route.allowed().split(", ").any(|allowed| allowed == method)).copied()
    }

    /// The whole `Allow` header for the path of this route.
    fn allowed_there(&self, routes: &[Self]) -> String {
        let mut allowed: Vec<_> = routes.iter().filter(|route| route.pattern == self.pattern).map(Self::allowed).collect();
        allowed.sort_unstable();
        allowed.join(", ")
    }
}

/// An app with somebody logged in. Requests to it are written byte by byte.
pub struct Scene {
    pub app: TestApp,
    origin: String,
    cookie: String,
    hashed: String,
}

impl Scene {
    pub async fn start() -> Self {
        Self::start_with(None, |_| {}).await
    }

    /// `public_url` is the app's PUBLIC_URL. None stands for the address at which the app listens.
    pub async fn start_with(public_url: Option<&str>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let app = TestApp::start_with(|settings| {
            if let Some(origin) = public_url {
                settings.web.public_url = Origin::parse(origin).unwrap();
            }
            adjust(settings);
        })
        .await;
        Self::of(app, public_url).await
    }

    /// The same of an app that runs already.
    pub async fn of(app: TestApp, public_url: Option<&str>) -> Self {
        let origin = public_url.unwrap_or(&app.url).to_owned();
        let mut browser = app.browser();
        browser.origin = origin.clone();
        let answer = browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page = browser.go("/").await.body;
        // The cookie says when the session was last used: from now on every answer to somebody sets a new cookie.
        app.advance(Duration::from_secs(2));
        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Self { hashed: format!("/static/{}", between(&page, "/static/", "\"").unwrap()), cookie: cookies.join("; "), origin, app }
    }

    /// The answer to `method` on `route`, with the session if `somebody`. `more` headers add to those of a page of ours, or replace them.
    pub async fn ask(&self, route: &Route, method: &str, somebody: bool, more: &[(&str, &str)]) -> Reply {
        let encoded = self.origin.replace(':', "%3A").replace('/', "%2F");
        let target = route.target.replace("HASHED", &self.hashed).replace("PUBLIC_URL", &encoded);
        let body = if method == route.method { route.body } else { "" };
        self.ask_for(method, &target, somebody, more, body).await
    }

    pub async fn ask_for(&self, method: &str, target: &str, somebody: bool, more: &[(&str, &str)], body: &str) -> Reply {
        let is_ours = |(name, _): &(&str, &str)| !more.iter().any(|(other, _)| name.eq_ignore_ascii_case(other));
        let ours = [("Sec-Fetch-Site", "same-origin"), ("Origin", &self.origin)];
        let mut headers: Vec<_> = ours.into_iter().filter(is_ours).collect();
        if somebody {
            headers.push(("Cookie", &self.cookie));
        }
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        headers.extend_from_slice(more);
        ask(&self.app.url, method, target, &headers, body).await
    }
}

/// The status and the headers of an answer, with a `…` for everything that differs each time.
pub fn masked(reply: &Reply) -> Reply {
    let cover = |(name, value): &(String, String)| (name.clone(), masked_value(name, value));
    let mut headers: Vec<_> = reply.headers.iter().map(cover).collect();
    // The server sends headers in no fixed order.
    headers.sort();
    Reply { status: reply.status, headers, body: String::new() }
}

fn masked_value(name: &str, value: &str) -> String {
    match name {
        "date" | "x-request-id" | "content-length" => "…".to_owned(),
        "content-security-policy" => covered(value, "'nonce-", "'"),
        "set-cookie" => covered(&covered(value, "=", ";"), "Expires=", "GMT"),
        "www-authenticate" => covered(value, "state=\"", "\""),
        _ => value.to_owned(),
    }
}

/// `text` without what stands between `before` and `after`.
fn covered(text: &str, before: &str, after: &str) -> String {
    let parts = text.split_once(before).and_then(|(head, rest)| Some((head, rest.split_once(after)?.1)));
    match parts {
        Some((head, tail)) => format!("{head}{before}…{after}{tail}"),
        None => text.to_owned(),
    }
}
