//! Knows DingTalk's client and HTTP, and nothing of the app that is built on it.

mod assets;
mod boundary;
mod client_mark;
mod color_scheme;
mod connections;
mod cookie_policy;
mod entry;
mod error;
mod guard;
mod headers;
mod health;
mod jsapi;
mod jsapi_report;
mod language;
mod login;
mod metrics;
mod once;
mod page;
mod presession;
mod rate;
mod request_cookies;
mod request_head;
mod request_scope;
pub mod route;
mod script_words;
mod session;
mod session_cookie;
mod session_keys;
mod sessions;
mod signed_pages;
mod spent_codes;
mod state;
mod unread_body;
pub mod words;

use actix_web::middleware::from_fn;
use actix_web::web::ServiceConfig;

pub use self::boundary::boundary;
pub use self::connections::Connections;
pub use self::cookie_policy::CookiePolicy;
pub use self::entry::Visitor;
pub use self::error::Problem;
pub use self::guard::{ClientAddress, SameOrigin, StrictJson};
pub use self::headers::Headers;
pub use self::health::Readiness;
pub use self::jsapi::JsapiConfig;
pub use self::language::Language;
pub use self::metrics::Metrics;
pub use self::page::Head;
pub use self::presession::LoginStates;
pub use self::rate::{LoginLimiter, LoginRate, LoginRates};
pub use self::script_words::{Attribute, ForScript};
pub use self::session::{SessionUser, TypedSession};
pub use self::session_cookie::clear_worthless;
pub use self::session_keys::SessionKeys;
pub use self::sessions::Sessions;
pub use self::signed_pages::SignedPages;
pub use self::spent_codes::SpentCodes;
pub use self::state::Web;

/// Routes that need no session.
pub fn public_routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/healthz", health::alive))
        .service(route::get("/readyz", health::ready))
        .service(route::get("/static/{path:.*}", assets::serve));
}

/// Routes of the listener that only this machine reaches.
pub fn metrics_routes(routes: &mut ServiceConfig) {
    routes.service(route::get("/metrics", metrics::show));
}

/// Routes that look at the session.
pub fn session_routes(routes: &mut ServiceConfig) {
    routes
        .service(route::post("/api/login", login::log_in).wrap(from_fn(login::count)))
        .service(route::post("/api/logout", login::log_out))
        .service(route::get("/api/me", login::me))
        .service(route::get("/api/jsapi/config", jsapi::config))
        .service(route::post("/api/jsapi/report", jsapi_report::report));
}
