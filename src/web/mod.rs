//! The plumbing between browser and DingTalk. Knows HTTP and DingTalk's client, and nothing of the app that is built on it.

mod site; // Which app this is, and where it is served.
mod boundary; // The outermost layer: id, headers, bodies of problems, access log.
mod extract; // The extractors: what a handler's parameters take from a request, such as its body.
pub(crate) mod origin; // Where a request comes from: the page that made it, the person whom that page shows, the client's address.
pub mod session; // Who is logged in: the session in the cookie, and what ends it.
pub mod login; // Logging in: the entry page, the state of a login, the exchange.
pub mod page; // What every page carries: head, language, words.
pub mod jsapi; // Signatures for `dd.config`, and reports of those that a client refused.
pub mod problem; // What a request is answered when something goes wrong.
pub mod route; // Routes that answer every method.
pub mod events; // Events that DingTalk posts to this server.
mod health; // `/healthz` and `/readyz`, for load balancers.
mod stopping; // When the server stops, and the work that it still waits for.
pub mod metrics; // For Prometheus.
pub mod introduction; // Proves to a holder of SESSION_KEY that this very server answers at an address.

use actix_web::web::ServiceConfig;

pub use self::boundary::{Headers, RequestScope, boundary};
use self::extract::extracted;
pub use self::extract::{StrictJson, Upload, shared};
pub use self::health::Readiness;
pub use self::introduction::Introductions;
pub use self::jsapi::{JsapiConfig, Reports};
pub use self::login::Visitor;
pub use self::metrics::Metrics;
use self::origin::CameFrom;
pub use self::origin::{ClientAddress, SameOrigin};
pub use self::page::words::Both;
pub(crate) use self::page::words::words;
pub use self::page::{Head, Language};
pub use self::problem::{Explanation, Problem};
use self::session::RequestSession;
pub use self::session::{OurCookie, SessionKeys, SessionUser};
pub use self::site::{App, NavEntry, Routes, Settings, Site};
pub use self::stopping::Stopping;

/// The routes of the plumbing. That of `static/` comes last: its pattern is the only one that takes long to match.
pub fn routes(routes: &mut ServiceConfig) {
    routes.configure(health::routes).configure(login::routes).configure(jsapi::routes).configure(page::assets::routes);
}
