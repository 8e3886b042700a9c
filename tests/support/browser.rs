//! An HTTP client that acts like a browser: cookies, headers, and what the entry page's script does.

use std::collections::BTreeSet;

use reqwest::header::{ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{read, state_of};

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// The same as text.
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Status and stable code of a problem, after checking that it is a proper one.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem = self.json();
        let always = ["type", "title", "status", "detail", "code", "requestId"];
        let members = match problem["code"].as_str() {
            Some("login_queued") => [&always[..], &["place", "waitMs"]].concat(),
            Some("code_rejected") if !problem["place"].is_null() => [&always[..], &["place"]].concat(),
            _ => always.to_vec(),
        };
        let told: BTreeSet<_> = problem.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, BTreeSet::from_iter(members));
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
    /// The `Accept-Language` that it sends; empty sends none.
    pub reads: &'static str,
}

impl Browser {
    /// A browser without cookies. The app is reached at `url`; its PUBLIC_URL is `origin`.
    pub fn new(http: reqwest::Client, url: &str, origin: &str) -> Self {
        Self { http, url: url.to_owned(), origin: origin.to_owned(), cookies: Vec::new(), reads: "" }
    }

    /// Sends a request with this browser's cookies and stores those of the response.
    pub async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Vec<u8>>) -> Answer {
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
        self.cookies.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Opens a page from outside: from the workbench, a chat, the address bar.
    pub async fn open(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], None).await
    }

    /// Goes to a page from another page of the app.
    pub async fn go(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")], None).await
    }

    /// Reads one of the app's APIs from one of its pages.
    pub async fn read(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], None).await
    }

    /// Posts JSON from one of the app's pages.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.upload(path, "application/json", body.to_string().into()).await
    }

    /// Posts a file from one of the app's pages.
    pub async fn upload(&mut self, path: &str, content_type: &str, file: Vec<u8>) -> Answer {
        let origin = self.origin.clone();
        let headers = [("origin", origin.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", content_type)];
        self.send(Method::POST, path, &headers, Some(file)).await
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

    /// Posts again with a place in the line.
    pub async fn log_in_at(&mut self, place: &str, code: &str, state: &str) -> Answer {
        self.post("/api/login", &json!({"authCode": code, "state": state, "place": place})).await
    }

    /// Does what the entry page's script does: opens the page and posts the code with its state.
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
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("url", url).finish();
        self.read(&format!("/api/jsapi/config?{query}")).await
    }

    /// Requests a signature for the start page. This needs a session and the ticket, but none of the app's pages.
    pub async fn sign(&mut self) -> Answer {
        let url = format!("{}/", self.origin);
        self.jsapi_config(&url).await
    }
}
