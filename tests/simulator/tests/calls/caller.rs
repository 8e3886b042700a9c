//! A caller of the simulated DingTalk: an app, a page or a developer at the console.

use dingtalk_simulator::Simulator;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    async fn of(response: Response) -> Self {
        Self { status: response.status().as_u16(), body: response.text().await.expect("a body") }
    }
}

pub struct Caller {
    pub dingtalk: Simulator,
    http: Client,
}

impl Caller {
    pub async fn start() -> Self {
        // The first one in the process counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().build().expect("a client");
        Self { dingtalk: Simulator::start().await.expect("a simulator"), http }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, &body).await
    }

    /// A call of the new API, with a token where it belongs.
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

    /// The internal app's access_token.
    pub async fn token(&self) -> String {
        let app = self.dingtalk.app();
        let body = json!({"appKey": app.client_id, "appSecret": app.client_secret});
        let granted = self.post("/v1.0/oauth2/accessToken", body).await.json();
        granted["accessToken"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned()
    }
}
