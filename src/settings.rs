//! Everything that can be set: names, meaning, checks, and where the right value is found. Each ring gets its part as its own `Settings`.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::dingtalk::events::{Cipher, LONGEST_SILENCE};
use crate::dingtalk::{
    AppKind, ClientId, ClientSecret, CorpId, Credentials, Digest, Events, Home, Origin, Proxy, Told, site_of, told,
};
use crate::environment::{Environment, Faults, Setting};
use crate::server::TlsFiles;
use crate::state::Location;
use crate::web::SessionKeys;
use crate::{app, dingtalk, server, web};

mod values;

use self::values::{
    address, agent_id, base_url, begins_as_client_id, copied, duration, event_token, looks_like_secret, loopback, one_of,
    per_second, proxies, public_url, secure_url,
};

/// DingTalk's JSAPI library on its CDN. The version is pinned: before you change it, read what has changed in the library.
const JSAPI_SCRIPT: &str = "https://g.alicdn.com/dingding/dingtalk-jsapi/3.1.0/dingtalk.open.js";
/// How long a login request waits for its turn before its page has to post again. Pages wait 35 seconds for a response, proxies usually a
/// minute.
const LOGIN_PATIENCE: Duration = Duration::from_secs(20);
/// The default of SESSION_IDLE: half an hour, or SESSION_LIFETIME if that is shorter.
const IDLE: Duration = Duration::from_secs(30 * 60);

/// The fault of an identifier that looks like a secret: pages show identifiers.
const SHOWN: &str = "this looks like a Client Secret, which pages would show to everybody";

/// Settings that have passed every check, for each ring its own.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which DingTalk is called, and as which app.
    pub dingtalk: dingtalk::Settings,
    /// The app's Unified App ID, if it was set.
    pub app_id: Option<String>,
    /// The DingTalk in whose consoles the app is set up: `io` or `com`.
    pub site: &'static str,
    /// How people get in and what pages may do.
    pub web: web::Settings,
    /// Where state is kept.
    pub state: Location,
    /// Where the server listens.
    pub server: server::Settings,
    /// Your app's own.
    pub app: app::Settings,
    /// Variables that look like settings and are none.
    pub unknown: Vec<String>,
    /// The secrets whose files every user of the machine can read.
    pub exposed_secrets: Vec<&'static str>,
}

impl Settings {
    /// Checks everything and reports all faults together.
    pub fn read(environment: Environment) -> Result<Self, Faults> {
        environment.read(all)
    }

    /// Checks only where the server listens. The certificate is not checked: a running server goes on with the one that it had before.
    pub fn read_server(environment: Environment) -> Result<server::Settings, Faults> {
        environment.read(server)
    }

    /// All settings, with their descriptions.
    pub fn known() -> Vec<Setting> {
        Environment::settings_of(all)
    }

    /// What deserves a second look although the server starts with it, in no particular order.
    #[rustfmt::skip] // A doubt a paragraph.
    pub fn doubts(&self) -> Vec<Told> {
        let dingtalk = &self.dingtalk;
        let mut doubts = Vec::new();
        if !self.web.public_url.is_https() {
            doubts.push(told!("PUBLIC_URL is plain http: cookies go without Secure and the __Host- prefix",
                "PUBLIC_URL 是明文 http：Cookie 没有 Secure 与 __Host- 前缀"));
        }
        for name in &self.exposed_secrets {
            doubts.push(told!("every user of this machine can read the file of {name}: chmod o-r",
                "本机所有用户都能读取 {name} 的文件：请执行 chmod o-r"));
        }
        for name in &self.unknown {
            doubts.push(told!("nothing reads {name}: it may be misspelt, see `dingtalk-h5 serve --help`",
                "没有名为 {name} 的设置，可能拼写有误：见 `dingtalk-h5 serve --help`"));
        }
        if !begins_as_client_id(dingtalk.credentials.client_id.as_str()) {
            doubts.push(told!("DINGTALK_CLIENT_ID does not begin as Client IDs usually do",
                "DINGTALK_CLIENT_ID 的开头与通常的 Client ID 不同"));
        }
        if dingtalk.kind.home().is_some_and(|home| !home.corp_id.as_str().starts_with("ding")) {
            doubts.push(told!("DINGTALK_CORP_ID does not begin with ding, as CorpIds usually do",
                "DINGTALK_CORP_ID 不是以 ding 开头，与通常的 CorpId 不同"));
        }
        if let (Some(api), Some(oapi)) = (site_of(&dingtalk.api_url), site_of(&dingtalk.oapi_url)) && api != oapi {
            doubts.push(told!("DINGTALK_API_URL is of dingtalk.{api} and DINGTALK_OAPI_URL of dingtalk.{oapi}: neither knows what the other grants",
                "DINGTALK_API_URL 属于 dingtalk.{api}，而 DINGTALK_OAPI_URL 属于 dingtalk.{oapi}：两者互不认可对方签发的凭证"));
        }
        if dingtalk.proxy.is_some() && [&dingtalk.api_url, &dingtalk.oapi_url].iter().all(|url| url.scheme() == "http") {
            doubts.push(told!("DINGTALK_PROXY is not used: all calls go to this machine over plain http",
                "未使用 DINGTALK_PROXY：所有调用都以明文 http 发往本机"));
        }
        if dingtalk.kind == AppKind::ThirdParty && matches!(self.state, Location::Memory) {
            doubts.push(told!("STATE_URL is memory: after a restart nobody can log in until DingTalk pushes a suite ticket (press \"push again\" in Developer Console), and organisations that withdrew their authorisation are not known",
                "STATE_URL 为 memory：重启后，在钉钉推送 suiteTicket 之前无法登录（可在开发者后台点击“重新推送”），也不知道哪些组织已解除授权"));
        }
        doubts
    }
}

#[rustfmt::skip] // Two lines a setting, here and below.
fn all(env: &mut Environment) -> Option<Settings> {
    let (dingtalk, site) = dingtalk(env).unzip();
    let app_id = env.optional("DINGTALK_APP_ID", String::try_from,
        "Unified App ID, for whoever looks for the app in the console; doctor shows it: Developer Console > the app > Credentials and Basic Information.");
    let public_url = env.required("PUBLIC_URL", public_url,
        "What users open, such as https://app.example.com: the origin of the homepage, Developer Console > the app > Web App.");
    let https = public_url.as_ref().is_none_or(Origin::is_https);
    let web = web(env, public_url, https);
    let server = server(env);
    match server.as_ref().and_then(|server| server.tls.as_ref()).map(TlsFiles::read) {
        Some(Err(unusable)) => env.fault(unusable.setting(), unusable),
        Some(Ok(_)) if !https => env.fault("PUBLIC_URL", "it is not https, and TLS_CERT makes this server speak nothing else"),
        Some(Ok(_)) | None => {}
    }
    let app = app::Settings::read(env);
    let state = env.secret_optional("STATE_URL", Location::parse,
        "Where to keep what must outlive a restart: memory:, file:PATH, or for several processes redis://HOST:PORT or rediss://HOST:PORT. Default: memory:");
    let state = state.unwrap_or(Location::Memory);
    Some(Settings { dingtalk: dingtalk?, app_id, site: site?, web: web?, state, server: server?, app: app?, unknown: env.unread("DINGTALK_"), exposed_secrets: env.exposed.clone() })
}

#[rustfmt::skip]
fn dingtalk(env: &mut Environment) -> Option<(dingtalk::Settings, &'static str)> {
    let client_id = env.required("DINGTALK_CLIENT_ID", copied(ClientId::parse),
        "Client ID, formerly AppKey; SuiteKey or CustomKey of the other kinds: Developer Console > the app > Credentials and Basic Information.");
    // Pages show everybody the Client ID: it must not be the Client Secret.
    let id = client_id.as_ref().map_or("", ClientId::as_str);
    let (mut swapped, mut same) = (false, false);
    let client_secret = env.secret("DINGTALK_CLIENT_SECRET", |text| {
        let text = text.expose_secret();
        same = text == id;
        swapped = !same && !id.is_empty() && begins_as_client_id(text) && !begins_as_client_id(id);
        copied(ClientSecret::parse)(text.to_owned())
    }, "Client Secret, formerly AppSecret; SuiteSecret or CustomSecret of the other kinds: Developer Console > the app > Credentials and Basic Information.");
    if swapped {
        env.fault("DINGTALK_CLIENT_SECRET", "this looks like a Client ID, and DINGTALK_CLIENT_ID like a Client Secret: they are swapped");
    } else if same {
        env.fault("DINGTALK_CLIENT_SECRET", "this is the same as DINGTALK_CLIENT_ID: one of them was pasted twice");
    } else if looks_like_secret(id) {
        env.fault("DINGTALK_CLIENT_ID", SHOWN);
    }
    let kind = app_kind(env);
    if kind.as_ref().and_then(AppKind::home).is_some_and(|home| home.corp_id.as_str() == id) {
        env.fault("DINGTALK_CORP_ID", "this is the same as DINGTALK_CLIENT_ID: one of them was pasted twice");
    }
    let events = events(env);
    if kind == Some(AppKind::ThirdParty) && matches!(events, Some(Events::Off)) {
        env.fault("DINGTALK_EVENTS", "it is off, and a third-party app learns its suite ticket and its organisations by events");
    }
    let site = env.or("DINGTALK_SITE", "io", one_of([("io", "io"), ("com", "com")]),
        "Which DingTalk: io (international) or com (China).");
    // A wrong site is reported alone: the URLs that are made of it are not.
    let site = site.unwrap_or("io");
    let api_url = env.or("DINGTALK_API_URL", &format!("https://api.dingtalk.{site}"), base_url,
        "Base URL of the new API family, instead of the site's.");
    let oapi_url = env.or("DINGTALK_OAPI_URL", &format!("https://oapi.dingtalk.{site}"), base_url,
        "Base URL of the old API family, instead of the site's.");
    let proxy = env.secret_optional("DINGTALK_PROXY", Proxy::parse,
        "HTTP proxy for calls to DingTalk, such as http://user:password@proxy.example:3128. Default: none; http_proxy and the like count for nothing.");
    let calls_per_second = env.or("DINGTALK_CALLS_PER_SECOND", "20", per_second,
        "How often DingTalk lets this app call one API in a second: 20 in the standard edition, more in those that cost.");
    let settings = dingtalk::Settings {
        credentials: Credentials { client_id: client_id?, client_secret: client_secret? },
        kind: kind?,
        events: events?,
        api_url: api_url?,
        oapi_url: oapi_url?,
        proxy,
        calls_per_second: calls_per_second?,
    };
    Some((settings, site))
}

#[rustfmt::skip]
fn events(env: &mut Environment) -> Option<Events> {
    let way = env.or("DINGTALK_EVENTS", "off", one_of([("off", "off"), ("stream", "stream"), ("http", "http")]),
        "How DingTalk tells of events: off, stream (this server opens a connection) or http (DingTalk calls POST /dingtalk/events).")?;
    let is_http = way == "http";
    let token = env.secret_if(is_http, "DINGTALK_EVENT_TOKEN", event_token,
        "Token of DINGTALK_EVENTS=http: Developer Console > the app > Event Subscriptions.");
    let cipher = env.secret_if(is_http, "DINGTALK_EVENT_AES_KEY", |key| Cipher::new(token.clone().unwrap_or_default(), key),
        "AES key of DINGTALK_EVENTS=http: Developer Console > the app > Event Subscriptions.");
    match way {
        "stream" => Some(Events::Stream(LONGEST_SILENCE)),
        "http" => token.and(cipher).map(Events::Http),
        _ => Some(Events::Off),
    }
}

#[rustfmt::skip]
fn app_kind(env: &mut Environment) -> Option<AppKind> {
    #[derive(Clone, Copy)]
    enum Named {
        Internal,
        Custom,
        ThirdParty,
    }
    let kind = env.or("DINGTALK_APP_KIND", "internal", one_of([("internal", Named::Internal), ("custom", Named::Custom), ("third-party", Named::ThirdParty)]),
        "Whose app it is: internal (the organisation's own), custom (its own, developed by a provider) or third-party (of all organisations that authorise it).");
    match kind? {
        Named::Internal => home(env).map(AppKind::Internal),
        Named::Custom => home(env).map(AppKind::Custom),
        Named::ThirdParty => {
            for name in ["DINGTALK_CORP_ID", "DINGTALK_AGENT_ID"] {
                if env.optional(name, String::try_from, "Of internal and custom apps: remove it.").is_some() {
                    env.fault(name, "it is set, and a third-party app has many: they come by events");
                }
            }
            Some(AppKind::ThirdParty)
        }
    }
}

#[rustfmt::skip]
fn home(env: &mut Environment) -> Option<Home> {
    let corp_id = env.required("DINGTALK_CORP_ID", copied(CorpId::parse),
        "The organisation's CorpId: Developer Console > Home. Not for third-party apps.");
    let agent_id = env.required("DINGTALK_AGENT_ID", copied(agent_id),
        "The app's AgentId, for dd.config: Developer Console > the app > Credentials and Basic Information. Not for third-party apps.");
    if corp_id.as_ref().is_some_and(|corp_id| looks_like_secret(corp_id.as_str())) {
        env.fault("DINGTALK_CORP_ID", SHOWN);
    }
    Some(Home { corp_id: corp_id?, agent_id: agent_id? })
}

#[rustfmt::skip]
fn web(env: &mut Environment, public_url: Option<Origin>, https: bool) -> Option<web::Settings> {
    let jsapi_script_url = env.or("JSAPI_SCRIPT_URL", JSAPI_SCRIPT, secure_url,
        "DingTalk's library for the page.");
    let jsapi_digest = env.or("JSAPI_DIGEST", "sha1", one_of([("sha1", Digest::Sha1), ("sha256", Digest::Sha256)]),
        "Digest of JSAPI signatures: sha1 or sha256.");
    let session_keys = env.secret("SESSION_KEY", SessionKeys::parse,
        "64 bytes or more in hex; several, comma separated: the first seals, all open. To rotate, start all processes with old,new and only then with new,old. Make one for each app with: openssl rand -hex 64");
    let session_lifetime = env.or("SESSION_LIFETIME", "8h", duration,
        "A session this old ends.");
    let idle = humantime::format_duration(session_lifetime.unwrap_or(IDLE).min(IDLE)).to_string();
    let session_idle = env.or("SESSION_IDLE", &idle, duration,
        "A session unused for so long ends.");
    let trusted_proxies = env.optional("TRUSTED_PROXIES", proxies,
        "Proxies (CIDR, comma separated) whose X-Forwarded-For is believed, for the client's address only, and whose connections are kept for their next request. Default: none.");
    let embedded = env.or("EMBEDDED", "false", one_of([("true", true), ("false", false)]),
        "true when the page may run inside DingTalk's PC client as a frame.");
    let signature_clinic = env.or("SIGNATURE_CLINIC", "false", one_of([("true", true), ("false", false)]),
        "true opens /clinic, which finds out what signatures a client accepts.");
    if embedded == Some(true) && !https {
        env.fault("EMBEDDED", "cookies of framed pages need https, and PUBLIC_URL is not");
    }
    if session_idle.zip(session_lifetime).is_some_and(|(idle, lifetime)| idle > lifetime) {
        env.fault("SESSION_IDLE", "it is longer than SESSION_LIFETIME");
    }
    Some(web::Settings {
        public_url: public_url?,
        jsapi_script_url: jsapi_script_url?,
        jsapi_digest: jsapi_digest?,
        session_keys: session_keys?,
        session_idle: session_idle?,
        session_lifetime: session_lifetime?,
        trusted_proxies: trusted_proxies.unwrap_or_default(),
        embedded: embedded?,
        signature_clinic: signature_clinic?,
        login_patience: LOGIN_PATIENCE,
    })
}

#[rustfmt::skip]
fn server(env: &mut Environment) -> Option<server::Settings> {
    let app_addr = env.or("APP_ADDR", "127.0.0.1:8080", address,
        "Where to listen.");
    let certificate = env.optional("TLS_CERT", PathBuf::try_from,
        "PEM file, the server's own certificate first: speak TLS on APP_ADDR. Default: a proxy in front does.");
    let key = env.optional("TLS_KEY", PathBuf::try_from,
        "PEM file with the private key of TLS_CERT.");
    let metrics_addr = env.optional("METRICS_ADDR", loopback,
        "Where to answer GET /metrics, for Prometheus on this machine, such as 127.0.0.1:9464. Default: nowhere.");
    match (&certificate, &key) {
        (Some(_), None) => env.fault("TLS_KEY", "it is not set, but TLS_CERT is"),
        (None, Some(_)) => env.fault("TLS_CERT", "it is not set, but TLS_KEY is"),
        (Some(_), Some(key)) => env.note_exposure("TLS_KEY", key),
        (None, None) => {}
    }
    let tls = certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key });
    Some(server::Settings { app_addr: app_addr?, tls, metrics_addr })
}
