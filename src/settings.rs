//! Everything that can be set, in one place: names, meaning, checks, and where the right value is found.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::dingtalk::{AgentId, ClientId, ClientSecret, CorpId, Credentials, Digest, Origin};
use crate::faults::Faults;
use crate::tls::TlsFiles;
use crate::web::{LoginRates, SessionKeys};

mod values;

use self::values::{base_url, digest, duration, is_loopback, metrics_addr, proxies, public_url, secure_url, site, truth};

const CREDENTIALS: &str = "Developer Console > the app > Credentials and Basic Information";
const HOME: &str = "Developer Console > Home (the organisation's CorpId)";
const HOMEPAGE: &str = "the origin of the app's homepage, Developer Console > the app > Web App";
/// Half an hour, or the whole lifetime of shorter sessions.
const IDLE: Duration = Duration::from_secs(30 * 60);
const OURS: &str = "this server's own; see the README's settings table";

/// What the environment says, not yet checked. Each field's variable is its name in capitals.
///
/// The two secrets have no flag, because a command line can be read by every process of the machine: they come from the
/// environment or from the file that the variable with `_FILE` behind its name points to.
#[derive(Args, Clone, Default)]
pub struct Environment {
    /// Client ID of the app (formerly AppKey).
    #[arg(long, env, hide_env_values = true)]
    pub dingtalk_client_id: Option<String>,
    /// DINGTALK_CLIENT_SECRET, from the environment only: Client Secret of the app (formerly AppSecret).
    #[arg(skip)]
    pub dingtalk_client_secret: Option<SecretString>,
    /// File with the client secret, instead of DINGTALK_CLIENT_SECRET.
    #[arg(long, env)]
    pub dingtalk_client_secret_file: Option<PathBuf>,
    /// The organisation.
    #[arg(long, env)]
    pub dingtalk_corp_id: Option<String>,
    /// The app's AgentId, which dd.config needs.
    #[arg(long, env)]
    pub dingtalk_agent_id: Option<String>,
    /// Unified App ID. Optional, and not used yet.
    #[arg(long, env)]
    pub dingtalk_app_id: Option<String>,
    /// Which DingTalk: io (international, the default) or com (China).
    #[arg(long, env)]
    pub dingtalk_site: Option<String>,
    /// Base URL of the new API family, instead of DINGTALK_SITE's.
    #[arg(long, env)]
    pub dingtalk_api_url: Option<String>,
    /// Base URL of the old API family, instead of DINGTALK_SITE's.
    #[arg(long, env)]
    pub dingtalk_oapi_url: Option<String>,
    /// DingTalk's library for the page. Default: the pinned file of DingTalk's CDN.
    #[arg(long, env)]
    pub jsapi_script_url: Option<String>,
    /// Digest of JSAPI signatures: sha1 (the default) or sha256.
    #[arg(long, env)]
    pub jsapi_digest: Option<String>,
    /// The origin that users open, such as https://app.example.com: the only one that is signed or trusted.
    #[arg(long, env)]
    pub public_url: Option<String>,
    /// Where to listen. Default 127.0.0.1:8080.
    #[arg(long, env)]
    pub app_addr: Option<String>,
    /// PEM file with a chain of certificates, the server's own first: speak TLS on APP_ADDR. Default: a proxy in front does.
    #[arg(long, env)]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the private key of TLS_CERT.
    #[arg(long, env)]
    pub tls_key: Option<PathBuf>,
    /// Where to answer GET /metrics, for Prometheus on this machine, such as 127.0.0.1:9464. Default: nowhere.
    #[arg(long, env)]
    pub metrics_addr: Option<String>,
    /// SESSION_KEY, from the environment only: 64 bytes or more in hex; several, comma separated, newest first, to rotate.
    #[arg(skip)]
    pub session_key: Option<SecretString>,
    /// File with the session keys, instead of SESSION_KEY.
    #[arg(long, env)]
    pub session_key_file: Option<PathBuf>,
    /// A session unused for so long ends. Default 30m.
    #[arg(long, env)]
    pub session_idle: Option<String>,
    /// A session this old ends. Default 8h.
    #[arg(long, env)]
    pub session_lifetime: Option<String>,
    /// Proxies (CIDR, comma separated) whose X-Forwarded-For is believed, for the client's address only. Default none.
    #[arg(long, env)]
    pub trusted_proxies: Option<String>,
    /// true opens /clinic, which finds out what signatures a client accepts. Default false.
    #[arg(long, env)]
    pub signature_clinic: Option<String>,
    /// true when the page may run inside DingTalk's PC client as a frame. Default false.
    #[arg(long, env)]
    pub embedded: Option<String>,
}

impl Environment {
    /// Adds the secrets, which the command line must not carry.
    pub fn with_secrets(mut self) -> Self {
        let secret = |name| std::env::var(name).ok().map(SecretString::from);
        self.dingtalk_client_secret = secret("DINGTALK_CLIENT_SECRET");
        self.session_key = secret("SESSION_KEY");
        self
    }

    /// Checks everything and reports all faults together.
    pub fn check(self) -> Result<Settings, Faults> {
        let mut faults = Faults::default();
        let f = &mut faults;

        let client_id = f.required("DINGTALK_CLIENT_ID", CREDENTIALS, self.dingtalk_client_id, ClientId::parse);
        let client_secret = f
            .secret(
                "DINGTALK_CLIENT_SECRET",
                CREDENTIALS,
                self.dingtalk_client_secret,
                self.dingtalk_client_secret_file,
            )
            .and_then(|text| {
                f.take(
                    "DINGTALK_CLIENT_SECRET",
                    CREDENTIALS,
                    ClientSecret::parse(text.expose_secret()),
                )
            });
        let corp_id = f.required("DINGTALK_CORP_ID", HOME, self.dingtalk_corp_id, CorpId::parse);
        let agent_id = f.required("DINGTALK_AGENT_ID", CREDENTIALS, self.dingtalk_agent_id, AgentId::parse);

        let site = f.or("DINGTALK_SITE", OURS, self.dingtalk_site, "io", site);
        let api = site.map(|top| format!("https://api.dingtalk.{top}")).unwrap_or_default();
        let oapi = site.map(|top| format!("https://oapi.dingtalk.{top}")).unwrap_or_default();
        let api_url = f.or("DINGTALK_API_URL", OURS, self.dingtalk_api_url, &api, base_url);
        let oapi_url = f.or("DINGTALK_OAPI_URL", OURS, self.dingtalk_oapi_url, &oapi, base_url);
        let jsapi_script_url = f.or("JSAPI_SCRIPT_URL", OURS, self.jsapi_script_url, JSAPI_SCRIPT, secure_url);
        let jsapi_digest = f.or("JSAPI_DIGEST", OURS, self.jsapi_digest, "sha1", digest);

        let public_url = f.required("PUBLIC_URL", HOMEPAGE, self.public_url, public_url);
        let app_addr = f.or("APP_ADDR", OURS, self.app_addr, "127.0.0.1:8080", |text| {
            text.parse::<SocketAddr>()
                .map_err(|_| "it is not an address and port such as 127.0.0.1:8080")
        });
        let tls = tls(f, self.tls_cert, self.tls_key);
        let metrics_addr = f.or("METRICS_ADDR", OURS, self.metrics_addr, "", metrics_addr);
        let session_keys = f
            .secret(
                "SESSION_KEY",
                "make one with: openssl rand -hex 64",
                self.session_key,
                self.session_key_file,
            )
            .and_then(|text| {
                f.take(
                    "SESSION_KEY",
                    "make one with: openssl rand -hex 64",
                    SessionKeys::parse(&text),
                )
            });
        let session_lifetime = f.or("SESSION_LIFETIME", OURS, self.session_lifetime, "8h", duration);
        let idle_default = session_lifetime.unwrap_or(IDLE).min(IDLE);
        let idle_default = humantime::format_duration(idle_default).to_string();
        let session_idle = f.or("SESSION_IDLE", OURS, self.session_idle, &idle_default, duration);
        let trusted_proxies = f.or("TRUSTED_PROXIES", OURS, self.trusted_proxies, "", proxies);
        let embedded = f.or("EMBEDDED", OURS, self.embedded, "false", truth);
        let signature_clinic = f.or("SIGNATURE_CLINIC", OURS, self.signature_clinic, "false", truth);

        if tls.is_some() && public_url.as_ref().is_some_and(|url| !url.is_https()) {
            f.add(
                "PUBLIC_URL",
                HOMEPAGE,
                "it is not https, and TLS_CERT makes this server speak nothing else",
            );
        }
        if embedded == Some(true) && public_url.as_ref().is_some_and(|url| !url.is_https()) {
            f.add("EMBEDDED", OURS, "cookies of framed pages need https, and PUBLIC_URL is not");
        }
        if session_idle
            .zip(session_lifetime)
            .is_some_and(|(idle, lifetime)| idle > lifetime)
        {
            f.add("SESSION_IDLE", OURS, "it is longer than SESSION_LIFETIME");
        }

        let exposed_secrets = f.exposed();
        let settings = || {
            Some(Settings {
                credentials: Credentials {
                    client_id: client_id?,
                    client_secret: client_secret?,
                },
                corp_id: corp_id?,
                agent_id: agent_id?,
                api_url: api_url?,
                oapi_url: oapi_url?,
                jsapi_script_url: jsapi_script_url?,
                jsapi_digest: jsapi_digest?,
                public_url: public_url?,
                app_addr: app_addr?,
                tls,
                metrics_addr: metrics_addr?,
                session_keys: session_keys?,
                session_idle: session_idle?,
                session_lifetime: session_lifetime?,
                trusted_proxies: trusted_proxies?,
                embedded: embedded?,
                signature_clinic: signature_clinic?,
                exposed_secrets,
                login_rates: LoginRates::default(),
            })
        };
        settings().filter(|_| faults.is_empty()).ok_or(faults)
    }
}

/// Both files or neither; None also when they are not usable, which is a fault.
fn tls(faults: &mut Faults, certificate: Option<PathBuf>, key: Option<PathBuf>) -> Option<TlsFiles> {
    let set = |file: Option<PathBuf>| file.filter(|file| !file.as_os_str().is_empty());
    match (set(certificate), set(key)) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            faults.note_exposure("TLS_KEY", &key);
            TlsFiles::check(certificate, key)
                .map_err(|unusable| faults.add(unusable.setting(), OURS, unusable))
                .ok()
        }
        (Some(_), None) => faults.take("TLS_KEY", OURS, Err("it is not set, but TLS_CERT is")),
        (None, Some(_)) => faults.take("TLS_CERT", OURS, Err("it is not set, but TLS_KEY is")),
    }
}

/// Settings that have passed every check.
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
    /// JSAPI_SCRIPT_URL
    pub jsapi_script_url: Url,
    /// JSAPI_DIGEST
    pub jsapi_digest: Digest,
    /// PUBLIC_URL
    pub public_url: Origin,
    /// APP_ADDR
    pub app_addr: SocketAddr,
    /// TLS_CERT and TLS_KEY
    pub tls: Option<TlsFiles>,
    /// METRICS_ADDR
    pub metrics_addr: Option<SocketAddr>,
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
    /// The secrets whose files every user of the machine can read.
    pub exposed_secrets: Vec<&'static str>,
    /// How often people may log in. Not settable from outside: the default fits a company behind one address.
    pub login_rates: LoginRates,
}

impl Settings {
    /// Whether calls go to the DingTalk that everybody uses.
    pub fn calls_the_real_dingtalk(&self) -> bool {
        let real = |url: &Url| {
            url.host_str()
                .is_some_and(|host| host.ends_with(".dingtalk.io") || host.ends_with(".dingtalk.com"))
        };
        real(&self.api_url) && real(&self.oapi_url)
    }

    /// The origin of a DingTalk on this very machine, when the settings name one.
    pub fn local_dingtalk(&self) -> Option<Origin> {
        let origin = self.oapi_url.origin().ascii_serialization();
        is_loopback(&self.oapi_url).then(|| Origin::parse(&origin).ok()).flatten()
    }
}

/// The library's file on DingTalk's CDN. Pinned: a newer one comes with a change of this line and a look at its changes.
const JSAPI_SCRIPT: &str = "https://g.alicdn.com/dingding/dingtalk-jsapi/3.1.0/dingtalk.open.js";
