//! What every test needs: the app beside a DingTalk of its own, a clock to move, and browsers without a screen.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use dingtalk_h5::application::Application;
use dingtalk_h5::dingtalk::{Clock, TimeSource};
use dingtalk_h5::settings::{Environment, Settings};
use dingtalk_simulator::Simulator;
use reqwest::header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::leaks;

/// Names of the simulated DingTalk's endpoints in its ledger.
pub const ACCESS_TOKEN: &str = "POST /v1.0/oauth2/accessToken";
pub const JSAPI_TICKET: &str = "POST /v1.0/oauth2/jsapiTickets";
pub const USER_BY_CODE: &str = "POST /topapi/v2/user/getuserinfo";
pub const USER_DETAILS: &str = "POST /topapi/v2/user/get";

/// The app, running, beside its DingTalk. Both stop when it is dropped.
pub struct TestApp {
    pub dingtalk: Simulator,
    pub hands: ClockHands,
    pub url: String,
    /// Where the metrics are, when METRICS_ADDR is set.
    pub metrics_url: Option<String>,
    http: reqwest::Client,
    _stop: oneshot::Sender<()>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts it with settings as `adjust` leaves them.
    pub async fn start_with(adjust: impl FnOnce(&mut Settings)) -> Self {
        leaks::watch();
        let dingtalk = Simulator::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = environment(&dingtalk, &url).check().unwrap();
        adjust(&mut settings);
        let hands = ClockHands::default();
        let application = Application::build(listener, settings, Clock::from_source(hands.clone())).unwrap();
        let metrics_url = application
            .metrics_address()
            .map(|address| format!("http://{address}/metrics"));
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(application.run_until_stopped(async { drop(stopped.await) }));
        dingtalk.show_app(&url);
        Self {
            dingtalk,
            hands,
            url,
            metrics_url,
            http: http_client(),
            _stop: stop,
        }
    }

    /// A browser that has never been here.
    pub fn browser(&self) -> Browser {
        Browser {
            http: self.http.clone(),
            url: self.url.clone(),
            origin: self.url.clone(),
            cookies: Vec::new(),
            reads: "",
        }
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

impl Drop for TestApp {
    fn drop(&mut self) {
        leaks::none();
    }
}

/// What somebody would put into `.env` for an app that is registered with `dingtalk`.
pub fn environment(dingtalk: &Simulator, public_url: &str) -> Environment {
    let app = dingtalk.app();
    Environment {
        dingtalk_client_id: Some(app.client_id.to_string()),
        dingtalk_client_secret: Some(app.client_secret.to_string().into()),
        dingtalk_corp_id: Some(app.corp_id.to_string()),
        dingtalk_agent_id: Some(app.agent_id.to_string()),
        dingtalk_api_url: Some(dingtalk.url()),
        dingtalk_oapi_url: Some(dingtalk.url()),
        jsapi_script_url: Some(format!("{}/dd.js", dingtalk.url())),
        public_url: Some(public_url.to_owned()),
        session_key: Some(session_key().into()),
        ..Environment::default()
    }
}

/// A key as `openssl rand -hex 64` makes them.
pub fn session_key() -> String {
    (0..64).map(|_| format!("{:02x}", rand::random::<u8>())).collect()
}

/// The app's clock. It runs like the machine's and can be moved, its two kinds of time together or the time of day alone.
#[derive(Clone, Default)]
pub struct ClockHands {
    monotonic_ms: Arc<AtomicI64>,
    wall_ms: Arc<AtomicI64>,
}

impl ClockHands {
    pub fn advance(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap();
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.wall_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl ClockHands {
    /// As somebody does who corrects a clock: only the time of day changes.
    pub fn set_time_of_day(&self, by_seconds: i64) {
        self.wall_ms.fetch_add(by_seconds * 1000, Ordering::SeqCst);
    }
}

impl TimeSource for ClockHands {
    fn monotonic(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.monotonic_ms.load(Ordering::SeqCst).unsigned_abs())
    }

    fn wall(&self) -> SystemTime {
        let ms = self.wall_ms.load(Ordering::SeqCst);
        let distance = Duration::from_millis(ms.unsigned_abs());
        if ms < 0 {
            SystemTime::now() - distance
        } else {
            SystemTime::now() + distance
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// Status and stable code of a problem, after checking that it is a proper one.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem = self.json();
        let keys: Vec<_> = problem.as_object().unwrap().keys().cloned().collect();
        let mut expected = ["type", "title", "status", "detail", "code", "requestId"]
            .map(str::to_owned)
            .to_vec();
        expected.sort();
        assert_eq!(
            {
                let mut keys = keys;
                keys.sort();
                keys
            },
            expected
        );
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["requestId"], self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), "no-store");
        (self.status, problem["code"].as_str().unwrap().to_owned())
    }
}

/// What a browser does for cookies and headers, and nothing more. It sends what browsers send and can be told to send less.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    pub url: String,
    pub origin: String,
    pub cookies: Vec<(String, String)>,
    /// The languages its owner reads, as `Accept-Language` has them; empty says nothing.
    pub reads: &'static str,
}

impl Browser {
    /// A browser that has never been at `url`, where an app is that calls itself `origin`.
    pub fn new(http: reqwest::Client, url: &str, origin: &str) -> Self {
        Self {
            http,
            url: url.to_owned(),
            origin: origin.to_owned(),
            cookies: Vec::new(),
            reads: "",
        }
    }

    /// Sends a request with this browser's cookies and takes those that come back.
    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        if !self.reads.is_empty() {
            request = request.header(ACCEPT_LANGUAGE, self.reads);
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_bytes(name.as_bytes()).unwrap(), *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = read(request).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            self.take(cookie.to_str().unwrap());
        }
        answer
    }

    fn take(&mut self, set_cookie: &str) {
        let (name, rest) = set_cookie.split_once('=').unwrap();
        let value = rest.split(';').next().unwrap();
        self.cookies.retain(|(known, _)| known != name);
        if !rest.contains("Max-Age=0") {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Opens a page from outside: from the workbench, a chat, the address bar.
    pub async fn open(&mut self, path: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
            None,
        )
        .await
    }

    /// Goes to a page from another page of the app.
    pub async fn go(&mut self, path: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")],
            None,
        )
        .await
    }

    /// Reads one of the app's APIs from one of its pages.
    pub async fn read(&mut self, path: &str) -> Answer {
        self.send(
            Method::GET,
            path,
            &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")],
            None,
        )
        .await
    }

    /// Posts JSON from one of the app's pages.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        let origin = self.origin.clone();
        let headers = [
            ("origin", origin.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("content-type", "application/json"),
        ];
        self.send(Method::POST, path, &headers, Some(body.to_string())).await
    }

    /// Opens the entry page and takes the state that it carries.
    pub async fn enter(&mut self) -> String {
        let page = self.open("/").await;
        assert_eq!(page.status, StatusCode::OK);
        state_of(&page.body)
    }

    pub async fn log_in(&mut self, code: &str, state: &str) -> Answer {
        self.post("/api/login", &json!({"authCode": code, "state": state})).await
    }

    /// What the entry page does.
    pub async fn enter_and_log_in(&mut self, code: &str) -> Answer {
        let state = self.enter().await;
        self.log_in(code, &state).await
    }

    pub async fn log_out(&mut self) -> Answer {
        self.post("/api/logout", &Value::Null).await
    }

    pub async fn me(&mut self) -> Answer {
        self.read("/api/me").await
    }

    pub async fn jsapi_config(&mut self, url: &str) -> Answer {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("url", url)
            .finish();
        self.read(&format!("/api/jsapi/config?{query}")).await
    }
}

/// The state that an entry page carries.
pub fn state_of(entry_page: &str) -> String {
    between(entry_page, "data-state=\"", "\"")
        .unwrap_or_else(|| panic!("no entry page: {entry_page}"))
        .to_owned()
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

/// A client that follows nothing and keeps nothing.
pub fn http_client() -> reqwest::Client {
    // The first one in the process counts; the app installs the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap()
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

/// Asks the simulated DingTalk whether `dd.config` with these values is good on the page at `url`.
pub async fn client_accepts(dingtalk: &Simulator, config: &Value, url: &str) -> Value {
    let mut question = config.clone();
    question["url"] = url.into();
    let request = http_client()
        .post(format!("{}/client/config", dingtalk.url()))
        .body(question.to_string());
    read(request).await.json()
}

/// Waits until `met` holds. The condition decides; the bound only ends a test that has failed.
pub async fn eventually(what: &str, met: impl Fn() -> bool) {
    let gives_up = Instant::now() + Duration::from_secs(10);
    while !met() {
        assert!(Instant::now() < gives_up, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
