//! A caller of the simulated DingTalk: an app, a page or a developer at the console.

use std::net::TcpListener;

use dingtalk_simulator::Simulator;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::form_urlencoded::Serializer;

pub const SSO_SECRET: &str = "simulated-sso-secret-not-for-production";

/// An answer of the simulator.
pub struct Answer {
    pub status: u16,
    /// The header `Location`, if there is one.
    pub location: Option<String>,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    async fn of(response: Response) -> Self {
        let location = response.headers().get("location").map(|location| location.to_str().expect("text").to_owned());
        Self { status: response.status().as_u16(), location, body: response.text().await.expect("a body") }
    }
}

pub struct Caller {
    pub dingtalk: Simulator,
    http: Client,
}

impl Caller {
    pub async fn start() -> Self {
        Self::start_on("127.0.0.1:0").await
    }

    pub async fn start_on(address: &str) -> Self {
        // Only the first provider of a process is installed; another test may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        let listener = TcpListener::bind(address).expect("an address");
        Self { dingtalk: Simulator::start_on(listener).await.expect("a simulator"), http }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, &body).await
    }

    /// A POST to the new API, with the token in its header.
    pub async fn post_with(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(token), &body).await
    }

    async fn send(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.dingtalk.url()));
        if let Some(token) = token {
            request = request.header("x-acs-dingtalk-access-token", token);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// A GET to the new API, with the token in its header.
    pub async fn get_with(&self, token: &str, path: &str) -> Answer {
        self.send(Method::GET, path, Some(token), &Value::Null).await
    }

    /// A POST of fields, as an HTML form sends it.
    pub async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(format!("{}{path}", self.dingtalk.url())).body(body);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// A GET with another `Host` than the simulator's.
    pub async fn get_as(&self, host: &str, path: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.dingtalk.url())).header("host", host);
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// A bare TCP connection, without an HTTP client.
    pub async fn connection(&self) -> TcpStream {
        TcpStream::connect(self.dingtalk.url().replace("http://", "")).await.expect("a connection")
    }

    /// Sends this and nothing after it, and returns the answer up to the end of its JSON.
    pub async fn raw(&self, sent: &str) -> String {
        let mut stream = self.connection().await;
        stream.write_all(sent.as_bytes()).await.expect("a connection");
        let mut answer = String::new();
        while !answer.ends_with('}') {
            let mut some = [0; 1024];
            let more = stream.read(&mut some).await.expect("an answer");
            assert!(more > 0, "{sent}: {answer}");
            answer.push_str(std::str::from_utf8(&some[..more]).expect("text"));
        }
        answer
    }

    /// A call of the old API with the internal app's token.
    pub async fn old(&self, path: &str, body: Value) -> Value {
        let path = format!("{path}?access_token={}", self.token().await);
        if body.is_null() { self.get(&path).await.json() } else { self.post(&path, body).await.json() }
    }

    /// The internal app's access_token.
    pub async fn token(&self) -> String {
        let app = self.dingtalk.app();
        let body = json!({"appKey": app.client_id, "appSecret": app.client_secret});
        let granted = self.post("/v1.0/oauth2/accessToken", body).await.json();
        granted["accessToken"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned()
    }

    /// The SSO access_token of the first organisation.
    pub async fn sso_token(&self) -> String {
        let body = json!({"corpid": self.dingtalk.app().corp_id, "ssoSecret": SSO_SECRET});
        let granted = self.post("/v1.0/oauth2/ssoAccessToken", body).await.json();
        granted["accessToken"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned()
    }

    /// The code that an administrator brings from the admin console.
    pub async fn sso_code(&self, user_id: &str) -> String {
        let issued = self.post("/control/sso", json!({"userId": user_id})).await.json();
        issued["code"].as_str().unwrap_or_else(|| panic!("{issued}")).to_owned()
    }
}
