//! Which DingTalk is called, and as which app.

use url::{Host, Url};

use super::identifiers::{AgentId, ClientId, ClientSecret, CorpId};
use super::page_url::Origin;

/// What the client and everybody who speaks of the app to DingTalk must know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET.
    pub credentials: Credentials,
    /// DINGTALK_CORP_ID
    pub corp_id: CorpId,
    /// DINGTALK_AGENT_ID
    pub agent_id: AgentId,
    /// DINGTALK_API_URL, or what DINGTALK_SITE stands for.
    pub api_url: Url,
    /// DINGTALK_OAPI_URL, or what DINGTALK_SITE stands for.
    pub oapi_url: Url,
}

/// The app's credential pair.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Formerly AppKey.
    pub client_id: ClientId,
    /// Formerly AppSecret.
    pub client_secret: ClientSecret,
}

impl Settings {
    /// Whether calls go to the DingTalk that everybody uses.
    pub fn is_real(&self) -> bool {
        let of_dingtalk = |host: &str| host.ends_with(".dingtalk.io") || host.ends_with(".dingtalk.com");
        [&self.api_url, &self.oapi_url].iter().all(|url| url.host_str().is_some_and(of_dingtalk))
    }

    /// The origin of a DingTalk on this very machine, when the settings name one.
    pub fn local_origin(&self) -> Option<Origin> {
        let origin = self.oapi_url.origin().ascii_serialization();
        is_loopback(&self.oapi_url).then(|| Origin::parse(&origin).ok()).flatten()
    }
}

/// Whether `url` can only be reached from this machine, where nobody else listens in.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
