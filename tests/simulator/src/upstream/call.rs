//! A call as it arrived, read the way DingTalk reads it.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use super::answer::Answer;
use super::api::{Api, Family};
use super::apis;
use super::side::Side;
use crate::server::{origin, stream};

/// The parts of a request that the endpoints look at.
pub struct Call {
    pub method: String,
    pub raw_path: String,
    pub api: Option<&'static Api>,
    pub side: Side,
    /// The origin under which the caller reached the simulator, for the URLs of avatars.
    pub origin: String,
    /// The WebSocket URL of Stream for this caller.
    pub stream: String,
    query: String,
    content_type: String,
    /// The caller's IP address. If the listener takes IPv4 and IPv6, an IPv4 caller still has its IPv4 address, not a mapped one.
    pub ip: String,
    token: Option<String>,
    /// Empty until it has been read.
    pub body: Bytes,
}

impl Call {
    pub fn new(request: &HttpRequest, side: Side) -> Self {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Self {
            method: request.method().to_string(),
            raw_path: request.path().to_owned(),
            api: apis::at(request.path()).filter(|api| side.has(api.family())),
            side,
            origin: origin(request),
            stream: stream(request),
            query: request.query_string().to_owned(),
            content_type: header(CONTENT_TYPE.as_str()).unwrap_or_default(),
            ip: request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default(),
            token: header("x-acs-dingtalk-access-token"),
            body: Bytes::new(),
        }
    }

    /// The path as the documentation writes it, or as it was called if no API is there.
    pub fn path(&self) -> &str {
        self.api.map_or(&self.raw_path, |api| api.path)
    }

    /// Method and path, such as `POST /topapi/v2/user/get`, without the query and with `{corpId}` in place of the value.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path())
    }

    pub fn label(&self) -> &'static str {
        self.api.map_or("unknown path", |api| api.label)
    }

    pub fn family(&self) -> Family {
        Family::of(&self.raw_path)
    }

    /// A segment of the path, counted from 1.
    pub fn path_segment(&self, number: usize) -> &str {
        self.raw_path.split('/').nth(number).unwrap_or_default()
    }

    /// The access_token. The new API wants it in its header and nowhere else, the old one in the query or in a field of a form.
    pub fn token(&self) -> Option<String> {
        let token = match self.family() {
            Family::Api => self.token.clone(),
            Family::Topapi | Family::Legacy => self.query_parameter("access_token").or_else(|| self.form_field("access_token")),
        };
        token.filter(|token| !token.is_empty())
    }

    /// The suite_access_token: in the same header as any token at the new API, in a query parameter of its own at the old one.
    pub fn suite_token(&self) -> Option<String> {
        match self.family() {
            Family::Api => self.token(),
            Family::Topapi | Family::Legacy => self.query_parameter("suite_access_token"),
        }
    }

    /// The app that a call without a token names as its caller.
    pub fn named_client(&self) -> Option<String> {
        ["appKey", "suiteKey", "client_id", "clientId", "suite_key", "appkey", "accessKey"]
            .into_iter()
            .find_map(|name| self.parameter(name))
    }

    /// The organisation that a call without an organisation's token names.
    pub fn named_organisation(&self) -> Option<String> {
        let in_path = || {
            let number = self.api?.path.split('/').position(|part| part == "{corpId}")?;
            Some(self.path_segment(number).to_owned())
        };
        ["authCorpId", "auth_corpid", "corpid"].into_iter().find_map(|name| self.parameter(name)).or_else(in_path)
    }

    pub fn query_parameter(&self, name: &str) -> Option<String> {
        pair(self.query.as_bytes(), name)
    }

    /// A parameter of the old API: in a JSON body, a form or the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let in_json = || match &serde_json::from_slice::<Value>(&self.body).ok()?[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(is_so) => Some(is_so.to_string()),
            _ => None,
        };
        in_json().or_else(|| self.form_field(name)).or_else(|| self.query_parameter(name)).filter(|value| !value.is_empty())
    }

    /// A parameter that is JSON: a member of a JSON body, or JSON that is encoded as a string there, in a form or in the query.
    pub fn structure(&self, name: &str) -> Option<Value> {
        let in_json = || serde_json::from_slice::<Value>(&self.body).ok()?.get_mut(name).map(Value::take);
        match in_json().filter(|found| !found.is_null()) {
            Some(Value::String(text)) => serde_json::from_str(&text).ok(),
            Some(found) => Some(found),
            None => serde_json::from_str(&self.form_field(name).or_else(|| self.query_parameter(name))?).ok(),
        }
    }

    /// The body of the new API, which takes JSON only.
    pub fn json(&self) -> Result<Value, Answer> {
        let refused = |code, message| Answer::api_error(StatusCode::BAD_REQUEST, code, message);
        if self.body.is_empty() || !self.is_content("application/json") {
            return Err(refused("Missingbody", "body is mandatory for this action."));
        }
        let invalid = |_| refused("Invalidbody", "Specified parameter body is not valid. JSON parsing error");
        serde_json::from_slice(&self.body).map_err(invalid)
    }

    fn form_field(&self, name: &str) -> Option<String> {
        self.is_content("application/x-www-form-urlencoded").then(|| pair(&self.body, name))?
    }

    fn is_content(&self, kind: &str) -> bool {
        let essence = self.content_type.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(kind)
    }
}

fn pair(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
