//! What all requests share.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Data;
use ipnet::IpNet;
use url::Url;

use super::connections::Connections;
use super::error::Problem;
use super::headers::Headers;
use super::health::Readiness;
use super::language::Language;
use super::metrics::Metrics;
use super::presession::LoginStates;
use super::rate::LoginLimiter;
use super::sessions::Sessions;
use super::signed_pages::SignedPages;
use super::spent_codes::SpentCodes;
use super::words::Words;
use crate::dingtalk::{AgentId, ClientId, Clock, CorpId, Digest, Organisation, Origin, Recipe, UrlForm};

/// Made once at start. Handlers take it as `Data<Web>`.
pub struct Web {
    /// DingTalk.
    pub dingtalk: Organisation,
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
    /// Whether the signature clinic is open.
    pub signature_clinic: bool,
    /// The JSAPIs that signatures are for.
    pub jsapi_list: &'static [&'static str],
    /// What people are told, in their language.
    pub words: fn(Language) -> &'static Words,
    /// What was signed lately.
    pub signed_pages: SignedPages,
    /// Whether pages are told why a signature was refused: in development, where whoever reads it can mend it.
    pub explains_refusals: bool,
    /// Rules and memory of sessions.
    pub sessions: Sessions,
    /// Proof that a login was begun by the browser that ends it.
    pub login_states: LoginStates,
    /// How often people may log in.
    pub login_limiter: LoginLimiter,
    /// The authCodes that came by in the last five minutes.
    pub codes: SpentCodes,
    /// Proxies that are believed about the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Those that are open.
    pub connections: Connections,
    /// What is counted for whoever watches.
    pub metrics: Arc<Metrics>,
    /// Whether people can be logged in.
    pub readiness: Readiness,
    /// Headers of every response.
    pub headers: Headers,
    /// The time.
    pub clock: Clock,
}

impl Web {
    /// How pages are signed.
    pub fn jsapi_recipe(&self) -> Recipe {
        Recipe {
            digest: self.jsapi_digest,
            form: UrlForm::AsOpened,
        }
    }

    /// The state of the server that received `request`.
    pub fn of(request: &HttpRequest) -> Result<&Data<Self>, Problem> {
        request
            .app_data::<Data<Self>>()
            .ok_or_else(|| Problem::Internal("the server was built without its state".into()))
    }
}
