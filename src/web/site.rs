//! Which app this is, and where it is served: what is the same for every request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use ipnet::IpNet;
use tokio::task::JoinSet;
use url::Url;

use super::{Both, OurCookie, SessionKeys, Stopping};
use crate::dingtalk::events::Reaction;
use crate::dingtalk::{ClientId, Clock, Digest, Origin, Recipe, UrlForm};

/// What an app brings to the plumbing. Built once, and shared by all workers. Fields that it has no use for come from [`Default`].
pub struct App {
    /// What it is called: one name for all languages.
    pub name: &'static str,
    /// The pages that every page leads to.
    pub nav: &'static [NavEntry],
    /// The gated JSAPIs that its pages call; `dd.config` asks the client for them.
    pub jsapi_list: &'static [&'static str],
    /// What its pages may load beyond what every page may: pairs of a directive of the Content-Security-Policy and one source for it.
    pub sources: &'static [(&'static str, &'static str)],
    /// The device features that its pages may use, by their names in the Permissions-Policy.
    pub features: &'static [&'static str],
    /// Adds its routes and its state to a worker, and is called for each. State that workers share is made before, once: see `app::build`.
    pub routes: Routes,
    /// What it does about events, beside what the plumbing does.
    pub reaction: Reaction,
    /// Its background tasks. When the server stops, they are aborted after the last request, each at an `.await`.
    pub tasks: JoinSet<()>,
    /// The stop of the server, if its tasks have to know of it. Handlers get the same one.
    pub stopping: Option<Data<Stopping>>,
}

/// What adds routes, and the data that they need, to a worker.
pub type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;

impl Default for App {
    fn default() -> Self {
        let routes = Arc::new(|_: &mut _| {});
        let reaction = Reaction::default();
        let tasks = JoinSet::new();
        Self { name: "", nav: &[], jsapi_list: &[], sources: &[], features: &[], routes, reaction, tasks, stopping: None }
    }
}

/// An entry of the navigation: a page that every page leads to.
#[derive(Debug, Clone, Copy)]
pub struct NavEntry {
    /// The path of the page.
    pub path: &'static str,
    /// The label of the link.
    pub name: Both,
}

impl NavEntry {
    /// A link to the page at `path`, labelled `name`.
    pub const fn new(path: &'static str, name: Both) -> Self {
        Self { path, name }
    }
}

/// The settings of logins, sessions and pages.
#[derive(Debug, Clone)]
pub struct Settings {
    /// PUBLIC_URL
    pub public_url: Origin,
    /// JSAPI_SCRIPT_URL
    pub jsapi_script_url: Url,
    /// JSAPI_DIGEST
    pub jsapi_digest: Digest,
    /// SESSION_KEY
    pub session_keys: SessionKeys,
    /// SESSION_IDLE
    pub session_idle: Duration,
    /// SESSION_LIFETIME
    pub session_lifetime: Duration,
    /// TRUSTED_PROXIES
    pub trusted_proxies: Vec<IpNet>,
    /// EMBEDDED
    pub embedded: bool,
    /// SIGNATURE_CLINIC
    pub signature_clinic: bool,
    /// How long a login waits for its turn before it has to post again. The environment cannot set it: it must be less than pages and
    /// proxies wait for an answer.
    pub login_patience: Duration,
}

/// The app, its settings, its clock and its cookies. Made once at start.
pub struct Site {
    /// The app that is served.
    pub app: App,
    /// The app's Client ID, which is no secret: pages show it.
    pub client_id: ClientId,
    /// Where it is served, and to whom. PUBLIC_URL is the only origin that is signed and trusted.
    pub settings: Settings,
    /// The time that everything goes by.
    pub clock: Clock,
    /// Holds the session of somebody who is logged in.
    pub(super) session_cookie: OurCookie,
    /// Holds the pre-session of a browser that logs in.
    pub(super) presession_cookie: OurCookie,
}

impl Site {
    /// The site of `app`, by its settings.
    pub fn new(app: App, client_id: ClientId, settings: Settings, clock: Clock) -> Self {
        let session_cookie = OurCookie::new("session", &settings);
        let presession_cookie = OurCookie::new("presession", &settings);
        Self { app, client_id, settings, clock, session_cookie, presession_cookie }
    }

    /// Whether `hop` is in one of the networks of TRUSTED_PROXIES.
    pub fn trusts(&self, hop: IpAddr) -> bool {
        self.settings.trusted_proxies.iter().any(|network| network.contains(&hop.to_canonical()))
    }

    /// How its pages are signed for `dd.config`.
    pub fn recipe(&self) -> Recipe {
        Recipe { digest: self.settings.jsapi_digest, form: UrlForm::AsOpened }
    }
}
