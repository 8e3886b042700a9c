//! What can be broken, and which check names it by which word.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use dingtalk_h5::dingtalk::events::{Cipher, LONGEST_SILENCE};
use dingtalk_h5::dingtalk::{ClientId, ClientSecret, Events, Origin, Proxy};
use dingtalk_h5::state::Location;
use dingtalk_h5::web::SessionKeys;
use dingtalk_simulator::Fault;

use super::{Scene, nobody};
use crate::support::session_key;

pub struct Breakage {
    /// What is broken: a call, by its check, or a setting.
    pub on: &'static str,
    pub check: &'static str,
    pub word: &'static str,
    pub break_it: fn(&mut Scene),
}

const TOKEN: &str = "/v1.0/oauth2/accessToken";
const TICKET: &str = "/v1.0/oauth2/jsapiTickets";
const LOGIN: &str = "/topapi/v2/user/getuserinfo";
const USER: &str = "/topapi/v2/user/get";
const STREAM: &str = "/v1.0/gateway/connections/open";

/// The doctor's session key, where the server has another one.
pub static OTHER_SESSION_KEY: LazyLock<String> = LazyLock::new(session_key);

fn fault(scene: &Scene, endpoint: &str, fault: Fault) {
    scene.app.dingtalk.fault(endpoint, 20, fault);
}

/// A file that is deleted when the test ends.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn state_file(scene: &mut Scene, bytes: &[u8], mode: u32) {
    let path = std::env::temp_dir().join(format!("doctor-state-{:x}", rand::random::<u64>()));
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    scene.settings.state = Location::File(path.clone());
    scene.kept.push(Box::new(File(path)));
}

/// An address at which a connection is opened and nothing is ever sent.
fn silent(scene: &mut Scene) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    scene.kept.push(Box::new(listener));
    address
}

fn proxied(scene: &mut Scene, proxy: &str) {
    scene.settings.dingtalk.api_url = "https://api.dingtalk.com".parse().unwrap();
    scene.settings.dingtalk.oapi_url = "https://oapi.dingtalk.com".parse().unwrap();
    scene.settings.dingtalk.proxy = Some(Proxy::parse(&format!("http://gate:canary-proxy-word@{proxy}").into()).unwrap());
}

fn public_url(scene: &mut Scene, url: &str) {
    scene.settings.web.public_url = Origin::parse(url).unwrap();
}

macro_rules! breakages {
    ($($on:literal: $check:literal, $word:literal, |$scene:ident| $break_it:expr;)*) => {
        &[$(Breakage { on: $on, check: $check, word: $word, break_it: |$scene: &mut Scene| { $break_it; } }),*]
    };
}

#[rustfmt::skip] // A row a breakage.
pub const ALL: &[Breakage] = breakages! {
    "token": "token", "not a valid pair", |scene| scene.settings.dingtalk.credentials.client_secret = ClientSecret::parse("another-secret").unwrap();
    "token": "token", "not a valid pair", |scene| scene.settings.dingtalk.credentials.client_id = ClientId::parse("dinganother0001").unwrap();
    "token": "token", "systemBusy", |scene| fault(scene, TOKEN, Fault::Busy);
    "token": "token", "system.busy", |scene| fault(scene, TOKEN, Fault::Throttled);
    "token": "api", "in its place", |scene| fault(scene, TOKEN, Fault::Html);
    "token": "api", "wait 5 minutes", |scene| fault(scene, TOKEN, Fault::Ban { form: Default::default() });
    "token": "api", "DINGTALK_API_URL", |scene| fault(scene, TOKEN, Fault::Status { status: 404 });
    "token": "api", "status 502", |scene| fault(scene, TOKEN, Fault::Status { status: 502 });
    "token": "api", "cut calls off", |scene| fault(scene, TOKEN, Fault::Lost);
    "token": "api", "was lost", |scene| fault(scene, TOKEN, Fault::Cut);
    "token": "address", "Server Egress IP", |scene| fault(scene, TOKEN, Fault::Address);
    "api_url": "api", "connection refused", |scene| scene.settings.dingtalk.api_url = format!("http://{}", nobody()).parse().unwrap();
    "api_url": "api", "name resolution", |scene| scene.settings.dingtalk.api_url = "https://dingtalk.invalid".parse().unwrap();
    "api_url": "api", "TLS", |scene| scene.settings.dingtalk.api_url = scene.app.url.replace("http:", "https:").parse().unwrap();
    "api_url": "api", "routes", |scene| scene.settings.dingtalk.api_url = "https://255.255.255.255".parse().unwrap();
    "api_url": "api", "no such call", |scene| scene.settings.dingtalk.api_url = scene.app.url.parse().unwrap();
    "oapi_url": "oapi", "connection refused", |scene| scene.settings.dingtalk.oapi_url = format!("http://{}", nobody()).parse().unwrap();
    "oapi_url": "oapi", "name resolution", |scene| scene.settings.dingtalk.oapi_url = "https://dingtalk.invalid".parse().unwrap();
    "oapi_url": "oapi", "no such call", |scene| scene.settings.dingtalk.oapi_url = scene.app.url.parse().unwrap();
    "api_url": "proxy", "DINGTALK_PROXY", |scene| proxied(scene, &nobody());
    "ticket": "ticket", "Permission Management", |scene| fault(scene, TICKET, Fault::Permission);
    "ticket": "ticket", "systemBusy", |scene| fault(scene, TICKET, Fault::Busy);
    "ticket": "api", "was lost", |scene| fault(scene, TICKET, Fault::Lost);
    "login": "login", "Permission Management", |scene| fault(scene, LOGIN, Fault::Permission);
    "login": "login", "90018", |scene| fault(scene, LOGIN, Fault::Rate { limit: Default::default() });
    "login": "login", "of the same DingTalk", |scene| fault(scene, LOGIN, Fault::RevokedToken);
    "login": "address", "127.0.0.1", |scene| fault(scene, LOGIN, Fault::Address);
    "login": "oapi", "ban page", |scene| fault(scene, LOGIN, Fault::Ban { form: Default::default() });
    "login": "oapi", "status 503", |scene| fault(scene, LOGIN, Fault::Status { status: 503 });
    "user": "user", "Contacts > User Management", |scene| scene.user = "nobody".into();
    "user": "user", "qyapi_get_member", |scene| fault(scene, USER, Fault::Permission);
    "user": "user", "of this month", |scene| fault(scene, USER, Fault::Quota);
    "login": "code", "fresh code", |scene| scene.code = "made-up".into();
    "login": "code", "fresh code", |scene| scene.code = scene.app.dingtalk.issue_foreign_code();
    "login": "code", "another app's", |scene| scene.code = scene.app.dingtalk.issue_foreign_code();
    "clock": "clock", "s ahead of DingTalk's", |scene| scene.app.hands.set_time_of_day(120);
    "clock": "clock", "s behind DingTalk's", |scene| scene.app.hands.set_time_of_day(-3600);
    "state": "state", "STATE_URL", |scene| scene.settings.state = Location::File("/nowhere/at/all".into());
    "state": "state", "SESSION_KEY", |scene| state_file(scene, b"another program's", 0o600);
    "state": "state", "torn", |scene| state_file(scene, b"redb\x1A\x0A\xA9\x0D\x0A and no more", 0o600);
    "state": "state", "chmod 600", |scene| state_file(scene, b"", 0o644);
    "public_url": "public", "refused", |scene| public_url(scene, &format!("http://{}", nobody()));
    "public_url": "public", "use --no-public", |scene| public_url(scene, "https://nobody.invalid");
    "public_url": "public", "what speaks TLS", |scene| public_url(scene, &scene.app.url.replace("http:", "https:"));
    "public_url": "identity", "PUBLIC_URL leads", |scene| public_url(scene, &scene.app.dingtalk.url());
    "session_keys": "server", "SESSION_KEY", |scene| scene.settings.web.session_keys = SessionKeys::parse(&OTHER_SESSION_KEY.clone().into()).unwrap();
    "app_addr": "server", "keys of production", |scene| scene.settings.server.app_addr = nobody().parse().unwrap();
    "app_addr": "server", "another program, stop it", |scene| scene.settings.server.app_addr = scene.app.dingtalk.url().strip_prefix("http://").unwrap().parse().unwrap();
    "library": "library", "application/json", |scene| scene.settings.web.jsapi_script_url = format!("{}/no.js", scene.app.dingtalk.url()).parse().unwrap();
    "library": "library", "text/html", |scene| scene.settings.web.jsapi_script_url = scene.app.dingtalk.url().parse().unwrap();
    "library": "library", "browsers load it", |scene| scene.settings.web.jsapi_script_url = format!("http://{}", nobody()).parse().unwrap();
    "events": "events", "Permission Management", |scene| { scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE); fault(scene, STREAM, Fault::Permission) };
    "events": "events", "status 404", |scene| scene.settings.dingtalk.events = Events::Http(Cipher::new("sometoken".into(), &"a".repeat(43).into()).unwrap());
    "exposed": "settings", "chmod o-r", |scene| scene.settings.exposed_secrets.push("SESSION_KEY");
    "unknown": "settings", "misspelt", |scene| scene.settings.unknown.push("DINGTALK_CLIENTID".into());
};

/// These are slow, so they are not tested in pairs.
#[rustfmt::skip]
pub const SLOW: &[Breakage] = breakages! {
    "login": "oapi", "took too long", |scene| fault(scene, LOGIN, Fault::Delay { milliseconds: 6000 });
    "token": "token", "DINGTALK_CALLS_PER_SECOND", |scene| fault(scene, TOKEN, Fault::Rate { limit: Default::default() });
    "app_addr": "server", "does not answer", |scene| scene.settings.server.app_addr = silent(scene).parse().unwrap();
    "api_url": "api", "took too long", |scene| scene.settings.dingtalk.api_url = format!("http://{}", silent(scene)).parse().unwrap();
    "public_url": "public", "in time", |scene| { let address = silent(scene); public_url(scene, &format!("http://{address}")) };
};

/// Breaks everything: no address answers.
pub fn all_down(scene: &mut Scene) {
    let down = silent(scene);
    scene.settings.dingtalk.api_url = format!("http://{down}").parse().unwrap();
    scene.settings.dingtalk.oapi_url = format!("http://{down}").parse().unwrap();
    scene.settings.web.jsapi_script_url = format!("http://{down}/x.js").parse().unwrap();
    scene.settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
    scene.settings.server.app_addr = down.parse().unwrap();
    public_url(scene, &format!("http://{down}"));
}
