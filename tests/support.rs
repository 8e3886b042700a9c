//! What every test needs: the app with a simulated DingTalk of its own, a clock that can be moved, and clients that act like browsers.

use std::net::TcpListener;
use std::time::Duration;

use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::events::LONGEST_SILENCE;
use dingtalk_h5::dingtalk::{AgentId, AppKind, Clock, DingTalk, Events, Home, SuiteTicket};
use dingtalk_h5::environment::Environment;
use dingtalk_h5::settings::Settings;
use dingtalk_h5::web::App;
use dingtalk_simulator::{App as Registered, Decision, Simulator};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::oneshot;

mod browser;
mod clock;
mod hearsay;
pub mod pages;
mod proxy;
pub mod redis;

pub use self::browser::{Answer, Browser};
pub use self::clock::ClockHands;
pub use self::hearsay::Hearsay;
pub use self::proxy::TunnelProxy;
use crate::leaks;
use crate::own_settings::OWN_SETTINGS;

/// Names of the simulated DingTalk's endpoints in its ledger.
pub const ACCESS_TOKEN: &str = "POST /v1.0/oauth2/accessToken";
pub const CORP_ACCESS_TOKEN: &str = "POST /v1.0/oauth2/corpAccessToken";
pub const JSAPI_TICKET: &str = "POST /v1.0/oauth2/jsapiTickets";
pub const USER_BY_CODE: &str = "POST /topapi/v2/user/getuserinfo";
pub const USER_DETAILS: &str = "POST /topapi/v2/user/get";

/// A running app with a simulated DingTalk of its own. Both stop when this is dropped.
pub struct TestApp {
    pub dingtalk: Simulator,
    pub hands: ClockHands,
    /// The clock that the app reads.
    pub clock: Clock,
    pub url: String,
    pub settings: Settings,
    /// The app's own client for DingTalk.
    pub client: DingTalk,
    /// Delivers events of the organisations that authorise the app.
    pub authorisations: Hearsay,
    /// Where the metrics are, when METRICS_ADDR is set.
    pub metrics_url: Option<String>,
    http: reqwest::Client,
    _stop: oneshot::Sender<()>,
    _watch: leaks::Watch,
}

impl TestApp {
    /// An internal app: the plumbing with the tests' own pages.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same with settings as `adjust` leaves them.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::run(Simulator::app, "internal", async |_: &Settings, _, _| pages::app(), adjust).await
    }

    /// The same with another app than the tests' own.
    pub async fn of(app: App) -> Self {
        Self::built(|_| app).await
    }

    /// The same with an app that is built with the client for DingTalk.
    pub async fn built(app: impl FnOnce(DingTalk) -> App) -> Self {
        Self::run(Simulator::app, "internal", async |_: &Settings, _, dingtalk| app(dingtalk), |_| {}).await
    }

    /// The same as a custom app.
    pub async fn custom() -> Self {
        Self::run(Simulator::custom_app, "custom", async |_: &Settings, _, _| pages::app(), |_| {}).await
    }

    /// The same as a third-party app that has received a suite ticket, but no organisation's authorisation.
    pub async fn third_party() -> Self {
        Self::third_party_with(|_| {}).await
    }

    /// The same with settings as `adjust` leaves them.
    pub async fn third_party_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::third_party_of(pages::app(), adjust).await
    }

    /// The same with another app than the tests' own.
    pub async fn third_party_of(app: App, adjust: impl FnOnce(&mut Settings)) -> Self {
        let app = Self::run(Simulator::third_party_app, "third-party", async |_: &Settings, _, _| app, adjust).await;
        app.hear_suite_ticket();
        app
    }

    /// The same, authorised by both organisations, but the app has not received these events.
    pub async fn of_both_organisations() -> (Self, [&'static str; 2]) {
        let app = Self::third_party().await;
        let both = app.dingtalk.organisations();
        both.iter().for_each(|corp_id| app.dingtalk.decide(corp_id, Decision::Authorise));
        (app, both)
    }

    /// How many calls wait for their turn.
    pub fn waiting(&self) -> usize {
        self.client.waiting().iter().map(|(_, waiting)| waiting.calls).sum()
    }

    /// Waits until so many logins since the start are in line or have been sent to DingTalk.
    pub async fn are_in_line(&self, logins: usize) {
        let in_line = || self.waiting() + self.dingtalk.calls(USER_BY_CODE) as usize;
        eventually("they are in line", || in_line() >= logins).await;
    }

    /// The app of `src/app`.
    #[allow(dead_code, reason = "a fork may have deleted the demo's tests and have none yet")]
    pub async fn demo() -> Self {
        Self::demo_with(|_| {}).await
    }

    /// The same with settings as `adjust` leaves them.
    #[allow(dead_code, reason = "the same")]
    pub async fn demo_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::run(Simulator::app, "internal", build_demo, adjust).await
    }

    /// The same as a third-party app that receives events, and that both organisations have authorised.
    #[allow(dead_code, reason = "the same")]
    pub async fn demo_of_both_organisations() -> (Self, [&'static str; 2]) {
        Self::demo_of_both_organisations_with(|_| {}).await
    }

    /// The same with other settings.
    #[allow(dead_code, reason = "the same")]
    pub async fn demo_of_both_organisations_with(adjust: impl FnOnce(&mut Settings)) -> (Self, [&'static str; 2]) {
        let adjust = |settings: &mut Settings| {
            settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
            adjust(settings);
        };
        let app = Self::run(Simulator::third_party_app, "third-party", build_demo, adjust).await;
        eventually("it listens", || app.dingtalk.stream_connections() == 1).await;
        let both = app.dingtalk.organisations();
        both.iter().for_each(|corp_id| app.dingtalk.decide(corp_id, Decision::Authorise));
        eventually("all was heard", || app.dingtalk.pushes_waiting() == 0).await;
        (app, both)
    }

    async fn run(
        registered: impl FnOnce(&Simulator) -> &'static Registered,
        kind: &str,
        app: impl AsyncFnOnce(&Settings, Clock, DingTalk) -> App,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let watch = leaks::watch();
        let dingtalk = Simulator::start().await.unwrap();
        let registered = registered(&dingtalk);
        dingtalk.put_to_test(registered);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = Settings::read(environment(registered, kind, &dingtalk, &url)).unwrap();
        adjust(&mut settings);
        let hands = ClockHands::default();
        let clock = hands.clock();
        let build = async |dingtalk| Ok(app(&settings, hands.clock(), dingtalk).await);
        let application = Application::of(build, listener, settings.clone(), clock.clone()).await.unwrap();
        let metrics_url = application.metrics_address().map(|address| format!("http://{address}/metrics"));
        let (client, authorisations) = (application.dingtalk(), Hearsay::of(application.state()));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(application.run_until_stopped(async { drop(stopped.await) }));
        dingtalk.show_app(&url);
        Self {
            dingtalk,
            hands,
            clock,
            url,
            settings,
            client,
            authorisations,
            metrics_url,
            http: http_client(),
            _stop: stop,
            _watch: watch,
        }
    }

    /// Delivers DingTalk's current suite ticket to the app.
    pub fn hear_suite_ticket(&self) {
        self.authorisations.hear_suite_ticket(SuiteTicket::parse(self.dingtalk.suite_ticket().unwrap()).unwrap());
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.http.clone(), &self.url, &self.url)
    }

    /// A browser in which somebody is logged in and has seen their first page.
    pub async fn browser_of(&self, user_id: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.enter_and_log_in(&self.dingtalk.issue_code(user_id)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(browser.go("/").await.status, 200);
        browser
    }

    /// Sends `request` byte for byte and returns all that comes back until the connection is closed.
    pub async fn raw(&self, request: &str) -> String {
        let mut connection = TcpStream::connect(self.url.strip_prefix("http://").unwrap()).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Moves the app's clock, and DingTalk's with it.
    pub fn advance(&self, time: Duration) {
        self.hands.advance(time);
        self.dingtalk.advance(time);
    }
}

/// What somebody would put into `.env` for an app of this kind that is registered with `dingtalk`.
fn environment(app: &Registered, kind: &str, dingtalk: &Simulator, public_url: &str) -> Environment {
    let own = OWN_SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let third_party = kind == "third-party";
    let of_home = |value: &str| if third_party { String::new() } else { value.to_owned() };
    let plumbing = [
        ("DINGTALK_APP_KIND", kind.to_owned()),
        // Tests about events turn them on. The others must not receive any, because events arrive at no particular moment.
        ("DINGTALK_EVENTS", if third_party { "http" } else { "off" }.to_owned()),
        ("DINGTALK_EVENT_TOKEN", app.callback_token.to_owned()),
        ("DINGTALK_EVENT_AES_KEY", app.callback_aes_key.to_owned()),
        ("DINGTALK_CLIENT_ID", app.client_id.to_string()),
        ("DINGTALK_CLIENT_SECRET", app.client_secret.to_string()),
        ("DINGTALK_CORP_ID", of_home(app.corp_id)),
        ("DINGTALK_AGENT_ID", of_home(app.agent_id)),
        ("DINGTALK_API_URL", dingtalk.url()),
        ("DINGTALK_OAPI_URL", dingtalk.url()),
        ("JSAPI_SCRIPT_URL", format!("{}/dd.js", dingtalk.url())),
        ("PUBLIC_URL", public_url.to_owned()),
        ("SESSION_KEY", session_key()),
        // In effect no limit: tests about the limit set one.
        ("DINGTALK_CALLS_PER_SECOND", "10000".to_owned()),
    ];
    Environment::from_iter(plumbing.into_iter().chain(own))
}

/// As if somebody had taken the AgentId of another app.
pub fn with_another_agent(settings: &mut Settings) {
    let corp_id = settings.dingtalk.kind.home().unwrap().corp_id.clone();
    settings.dingtalk.kind = AppKind::Internal(Home { corp_id, agent_id: AgentId::parse("999").unwrap() });
}

/// A key as `openssl rand -hex 64` makes them.
pub fn session_key() -> String {
    (0..64).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
}

/// The state that an entry page carries.
pub fn state_of(entry_page: &str) -> String {
    between(entry_page, "data-state=\"", "\"").unwrap_or_else(|| panic!("no entry page: {entry_page}")).to_owned()
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

/// A client that follows no redirects, stores no cookies and reuses no connections: each request may reach another of the server's workers.
pub fn http_client() -> reqwest::Client {
    // The first crypto provider installed in a process counts; the app installs the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

/// Cargo, without the variables that the cargo sets which runs this test: some dependencies read them and would be compiled anew.
/// `RUSTC_BOOTSTRAP`, set by whoever runs the tests in random order, would recompile everything.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let told = ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR", "RUSTC_BOOTSTRAP"];
    for (name, _) in std::env::vars().filter(|(name, _)| told.iter().any(|told| name.starts_with(told))) {
        cargo.env_remove(name);
    }
    cargo
}

/// Sends a request and reads its answer.
async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap().to_vec();
    Answer { status, headers, body: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

/// Asks the simulated DingTalk whether a client accepts `dd.config` with these values on the page at `url`.
pub async fn client_accepts(dingtalk: &Simulator, config: &Value, url: &str) -> Value {
    let mut question = config.clone();
    question["url"] = url.into();
    let request = http_client().post(format!("{}/client/config", dingtalk.url())).body(question.to_string());
    read(request).await.json()
}

/// Waits until `met` holds.
pub async fn eventually(what: &str, met: impl Fn() -> bool) {
    let polls = async {
        while !met() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    in_time(what, polls).await;
}

/// The result of `waited_for`. The time limit checks nothing: it only ends a test that would hang.
pub async fn in_time<T>(what: &str, waited_for: impl Future<Output = T>) -> T {
    const PATIENCE: Duration = Duration::from_secs(30);
    tokio::time::timeout(PATIENCE, waited_for).await.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

async fn build_demo(settings: &Settings, clock: Clock, dingtalk: DingTalk) -> App {
    dingtalk_h5::app::build(settings.app.clone(), clock, dingtalk).await.unwrap()
}
