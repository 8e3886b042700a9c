//! The settings of the app at DingTalk.

use std::num::NonZeroU32;
use std::time::Duration;

use url::{Host, Url};

use super::events::Cipher;
use super::{AgentId, ClientId, ClientSecret, CorpId, Origin, Proxy};

/// Which app this is, and where its DingTalk is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// DINGTALK_APP_KIND, with DINGTALK_CORP_ID and DINGTALK_AGENT_ID.
    pub kind: AppKind,
    /// DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET.
    pub credentials: Credentials,
    /// DINGTALK_EVENTS
    pub events: Events,
    /// DINGTALK_API_URL, or what DINGTALK_SITE stands for.
    pub api_url: Url,
    /// DINGTALK_OAPI_URL, or what DINGTALK_SITE stands for.
    pub oapi_url: Url,
    /// DINGTALK_PROXY
    pub proxy: Option<Proxy>,
    /// DINGTALK_CALLS_PER_SECOND
    pub calls_per_second: NonZeroU32,
}

/// Who uses the app, and who develops it: one organisation's own app, one that a provider develops for it, or a provider's for many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppKind {
    /// An organisation's own app.
    Internal(Home),
    /// An organisation's own app that a provider develops.
    Custom(Home),
    /// An app of the organisations that authorise it.
    ThirdParty,
}

/// The one organisation that has an app, and the app's AgentId there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// DINGTALK_CORP_ID
    pub corp_id: CorpId,
    /// DINGTALK_AGENT_ID
    pub agent_id: AgentId,
}

/// How DingTalk sends events about the app and its organisations.
#[derive(Debug, Clone)]
pub enum Events {
    /// Not at all.
    Off,
    /// Over a connection that this server opens. The duration is how long it may be silent; no environment variable sets it.
    Stream(Duration),
    /// By calls to this server, signed and encrypted with DINGTALK_EVENT_TOKEN and DINGTALK_EVENT_AES_KEY.
    Http(Cipher),
}

/// The app's credential pair.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Formerly AppKey; SuiteKey or CustomKey of the other kinds.
    pub client_id: ClientId,
    /// Formerly AppSecret; SuiteSecret or CustomSecret of the other kinds.
    pub client_secret: ClientSecret,
}

impl AppKind {
    /// The app's one organisation, if it has one.
    pub fn home(&self) -> Option<&Home> {
        match self {
            Self::Internal(home) | Self::Custom(home) => Some(home),
            Self::ThirdParty => None,
        }
    }
}

impl Settings {
    /// Whether calls go to DingTalk's own hosts, and not to a simulated DingTalk.
    pub fn is_real(&self) -> bool {
        [&self.api_url, &self.oapi_url].iter().all(|url| site_of(url).is_some())
    }

    /// The origin of a simulated DingTalk on this machine, if the settings name one.
    pub fn local_origin(&self) -> Option<Origin> {
        Origin::of(&self.oapi_url).filter(|_| is_loopback(&self.oapi_url))
    }
}

/// Whose host `url` has: the international DingTalk's (`io`), the Chinese one's (`com`), or neither's.
pub fn site_of(url: &Url) -> Option<&'static str> {
    ["io", "com"].into_iter().find(|site| url.host_str().is_some_and(|host| host.ends_with(&[".dingtalk.", site].concat())))
}

/// Whether `url` can only be reached from this machine, where nobody else listens in.
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    })
}
