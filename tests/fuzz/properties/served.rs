//! The app as it is served, beside a simulated DingTalk.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use actix_web::cookie::{Cookie, CookieJar, Key};
use dingtalk_h5::application::Application;
use dingtalk_h5::settings::Settings;
use dingtalk_simulator::Simulator;
use reqwest::header::ORIGIN;
use sha2::{Digest, Sha512};
use tokio::runtime::Runtime;

use crate::own_settings::OWN_SETTINGS;
use crate::support::ClockHands;

/// App, simulator and requests run in this runtime, beside the thread that tries the inputs.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub static APP: LazyLock<Served> = LazyLock::new(|| RUNTIME.block_on(Served::start()));

/// What the app's clock shows: the seeds are of this moment.
const NOW: u64 = 1_700_000_000;
const PUBLIC_URL: &str = "https://app.example.com";
pub const COOKIE: &str = "__Host-session";

pub struct Served {
    pub dingtalk: Simulator,
    url: String,
    http: reqwest::Client,
    /// The cookie's content after a genuine login.
    content: String,
}

impl Served {
    async fn start() -> Self {
        let dingtalk = Simulator::start().await.unwrap();
        let app = dingtalk.app();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let own = OWN_SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let plumbing = [
            ("DINGTALK_CLIENT_ID", app.client_id.to_string()),
            ("DINGTALK_CLIENT_SECRET", app.client_secret.to_string()),
            ("DINGTALK_CORP_ID", "ding0000000000000001".to_owned()),
            ("DINGTALK_AGENT_ID", app.agent_id.to_string()),
            ("DINGTALK_API_URL", dingtalk.url()),
            ("DINGTALK_OAPI_URL", dingtalk.url()),
            ("DINGTALK_CALLS_PER_SECOND", "10000".to_owned()),
            ("PUBLIC_URL", PUBLIC_URL.to_owned()),
            ("SESSION_KEY", KEYS.map(|word| hex::encode(Sha512::digest(word))).join(",")),
        ];
        let environment = plumbing.into_iter().chain(own).collect();
        let hands = ClockHands::still();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        hands.set_time_of_day(i64::try_from(NOW).unwrap() - i64::try_from(since.as_secs()).unwrap());
        let clock = hands.clock();
        let application = Application::build(listener, Settings::read(environment).unwrap(), clock).await.unwrap();
        tokio::spawn(application.run_until_stopped(std::future::pending()));
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build();
        let mut served = Self { dingtalk, url, http: http.unwrap(), content: String::new() };
        served.content = served.content_of_a_login().await;
        served
    }

    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    /// As a page of ours posts JSON.
    pub fn post(&self, path: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.url)).header(ORIGIN, PUBLIC_URL);
        request.header("content-type", "application/json").body(body)
    }

    /// The cookie of somebody who has just logged in, sealed with `key`.
    pub fn genuine(&self, key: &Key) -> String {
        sealed(key, &self.content)
    }

    /// A session cookie with the content `json`, sealed with `key`.
    pub fn saying(&self, key: &Key, json: &str) -> String {
        sealed(key, json)
    }

    async fn content_of_a_login(&self) -> String {
        let entry = self.get("/").send().await.unwrap();
        let presession = entry.cookies_set();
        let page = entry.text().await.unwrap();
        let state = page.split_once("data-state=\"").unwrap().1.split_once('"').unwrap().0;
        let body = serde_json::json!({"authCode": self.dingtalk.issue_code("alice"), "state": state});
        let login = self.post("/api/login", body.to_string().into_bytes()).header("cookie", presession);
        let answer = login.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let cookies = answer.cookies_set();
        let cookie = cookies.split("; ").find(|pair| pair.starts_with(COOKIE)).unwrap().to_owned();
        let cookie = Cookie::parse_encoded(cookie).unwrap();
        let opened = CookieJar::new().private(&keys()[0]).decrypt(cookie).unwrap();
        opened.value().to_owned()
    }
}

trait CookiesSet {
    /// The names and values of the cookies that an answer sets.
    fn cookies_set(&self) -> String;
}

impl CookiesSet for reqwest::Response {
    fn cookies_set(&self) -> String {
        let set = self.headers().get_all("set-cookie").iter();
        let pairs = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
        pairs.collect::<Vec<_>>().join("; ")
    }
}

const KEYS: [&str; 2] = ["newest", "older"];

/// The newest key and an older one.
pub fn keys() -> [Key; 2] {
    KEYS.map(|word| Key::from(&Sha512::digest(word)))
}

fn sealed(key: &Key, content: &str) -> String {
    let mut jar = CookieJar::new();
    jar.private_mut(key).add(Cookie::new(COOKIE, content.to_owned()));
    jar.get(COOKIE).unwrap().encoded().to_string()
}
