//! A call as it arrived, read the way DingTalk reads it.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use serde_json::Value;
use url::form_urlencoded;

use super::endpoint::Endpoint;
use crate::server::origin;

/// The parts of a request that the endpoints look at.
pub struct Call {
    pub method: String,
    pub path: String,
    pub endpoint: Option<Endpoint>,
    /// Where the simulator was reached, for the addresses of avatars.
    pub origin: String,
    query: String,
    content_type: String,
    token: Option<String>,
    body: Bytes,
}

/// Why a body of the new API could not be read.
pub enum BodyFault {
    Missing,
    Invalid,
}

impl Call {
    pub fn new(request: &HttpRequest, body: Bytes) -> Self {
        let header = |name: &str| {
            let value = request.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Self {
            method: request.method().to_string(),
            path: request.path().to_owned(),
            endpoint: Endpoint::at(request.method().as_str(), request.path()),
            origin: origin(request),
            query: request.query_string().to_owned(),
            content_type: header(CONTENT_TYPE.as_str()).unwrap_or_default(),
            token: header("x-acs-dingtalk-access-token"),
            body,
        }
    }

    /// `POST /topapi/v2/user/get`, without a query and with `{corpId}` for the value.
    pub fn endpoint_name(&self) -> String {
        let path = self.endpoint.map_or(self.path.as_str(), |known| known.path());
        format!("{} {path}", self.method)
    }

    pub fn label(&self) -> &'static str {
        self.endpoint.map_or("unknown path", Endpoint::label)
    }

    /// The token of the new API: in its header and nowhere else.
    pub fn header_token(&self) -> Option<&str> {
        self.token.as_deref().filter(|token| !token.is_empty())
    }

    /// The token of the old API: in the query, or a field of a form.
    pub fn query_token(&self) -> Option<String> {
        self.query_parameter("access_token").or_else(|| self.form_field("access_token")).filter(|token| !token.is_empty())
    }

    pub fn query_parameter(&self, name: &str) -> Option<String> {
        pair(self.query.as_bytes(), name)
    }

    /// A parameter of the old API: in a JSON body, a form or the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let in_json = || match &serde_json::from_slice::<Value>(&self.body).ok()?[name] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        in_json().or_else(|| self.form_field(name)).or_else(|| self.query_parameter(name)).filter(|value| !value.is_empty())
    }

    /// The body of the new API, which takes JSON only.
    pub fn json(&self) -> Result<Value, BodyFault> {
        if self.body.is_empty() || !self.is_content("application/json") {
            return Err(BodyFault::Missing);
        }
        serde_json::from_slice(&self.body).map_err(|_| BodyFault::Invalid)
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
