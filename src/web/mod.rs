//! Knows DingTalk's client and HTTP, and nothing of the app that is built on it.

mod assets;
mod boundary;
mod cookie_policy;
mod entry;
mod error;
mod guard;
mod headers;
mod health;
mod jsapi;
mod login;
mod once;
mod page;
mod presession;
mod rate;
pub mod route;
mod session;
mod session_keys;

use actix_web::web::ServiceConfig;
use url::Url;

pub use self::boundary::boundary;
pub use self::cookie_policy::CookiePolicy;
pub use self::entry::Visitor;
pub use self::error::Problem;
pub use self::guard::{ClientAddress, SameOrigin, StrictJson};
pub use self::headers::Headers;
pub use self::jsapi::JsapiConfig;
pub use self::login::SpentCodes;
pub use self::page::Head;
pub use self::presession::LoginStates;
pub use self::rate::{LoginLimiter, LoginRate};
pub use self::session::{SessionUser, Sessions, TypedSession};
pub use self::session_keys::SessionKeys;

use crate::dingtalk::{AgentId, Client, ClientId, Clock, CorpId, Digest, Origin};

/// What all requests share.
pub struct Web {
    /// DingTalk.
    pub dingtalk: Client,
    /// The organisation that this server is for.
    pub corp_id: CorpId,
    /// The app's public name.
    pub client_id: ClientId,
    /// The app's capability in the organisation.
    pub agent_id: AgentId,
    /// The only origin that is served, signed and trusted.
    pub public_url: Origin,
    /// Where pages load DingTalk's library from.
    pub jsapi_script_url: Url,
    /// How signatures are computed.
    pub jsapi_digest: Digest,
    /// The JSAPIs that signatures are for.
    pub jsapi_list: &'static [&'static str],
    /// Rules and memory of sessions.
    pub sessions: Sessions,
    /// Proof that a login was begun by the browser that ends it.
    pub login_states: LoginStates,
    /// How often one address may log in.
    pub login_limiter: LoginLimiter,
    /// The authCodes that came by in the last five minutes.
    pub codes: SpentCodes,
    /// Proxies that are believed about the client's address.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// How cookies look.
    pub cookies: CookiePolicy,
    /// Headers of every response.
    pub headers: Headers,
    /// The time.
    pub clock: Clock,
}

/// Routes that need no session.
pub fn public_routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/healthz", health::alive))
        .service(route::get("/readyz", health::ready))
        .service(route::get("/static/{path:.*}", assets::serve));
}

/// Routes that look at the session.
pub fn session_routes(routes: &mut ServiceConfig) {
    routes
        .service(route::post("/api/login", login::log_in))
        .service(route::post("/api/logout", login::log_out))
        .service(route::get("/api/me", login::me))
        .service(route::get("/api/jsapi/config", jsapi::config))
        .service(route::post("/api/jsapi/report", jsapi::report));
}
