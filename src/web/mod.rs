//! The plumbing between browser and DingTalk. Knows HTTP and DingTalk's client, and nothing of the app that is built on it.

/// Which app this is, and where it is served.
mod site;
/// What handlers may take of a request, its body among it.
mod extract;
/// The outermost layer: id, headers, bodies of problems, access log.
mod boundary;
/// Where a request comes from: which page, whom that shows, which address.
mod origin;
/// What DingTalk tells.
pub mod events;
/// For load balancers.
mod health;
/// The end of the server, for those who must hear of it.
mod stopping;
/// To whoever holds SESSION_KEY the server proves to be itself.
pub mod introduction;
/// Signatures for `dd.config`, and what a refused one is worth knowing.
pub mod jsapi;
/// Logging in: the entry page, the state of a login, the exchange.
pub mod login;
/// For Prometheus.
pub mod metrics;
/// What every page carries: head, language, words.
pub mod page;
/// What is told when something goes wrong.
pub mod problem;
/// Routes that answer every method.
pub mod route;
/// Who is logged in: the session in the cookie, and what ends it.
pub mod session;

use actix_web::web::ServiceConfig;

pub use self::boundary::{Headers, RequestScope, boundary};
use self::extract::extracted;
pub use self::extract::{StrictJson, Upload, shared};
pub use self::health::Readiness;
pub use self::introduction::Introductions;
pub use self::jsapi::{JsapiConfig, Reports};
pub use self::login::{Logins, Visitor};
pub use self::metrics::Metrics;
use self::origin::Began;
pub use self::origin::{ClientAddress, SameOrigin};
pub use self::page::words::Both;
pub(crate) use self::page::words::words;
pub use self::page::{Head, Language};
pub use self::problem::{Explanation, Problem};
use self::session::{OurCookie, RequestSession};
pub use self::session::{SessionKeys, SessionUser, Sessions};
pub use self::site::{App, NavEntry, Settings, Site};
pub use self::stopping::Stopping;

/// Where the plumbing answers. Of these the files of `static/` come last: theirs is the one pattern that takes long to match.
pub fn routes(routes: &mut ServiceConfig) {
    routes.configure(health::routes).configure(login::routes).configure(jsapi::routes).configure(page::assets::routes);
}
