//! Answers that a test has made up, for calls that the simulator does not know.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::api::{Family, fits};
use super::apis;
use crate::server::is_own;

/// What calls of an endpoint are answered, if the access_token in them is valid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeUp {
    /// Method and path, such as `GET /v1.0/todo/users/{unionId}/tasks`; `{…}` stands for any segment.
    pub endpoint: String,
    /// The HTTP status.
    #[serde(default = "ok")]
    pub status: u16,
    /// The members of the body. Those that each answer of the old API has are added, unless they are here.
    pub answer: Map<String, Value>,
}

fn ok() -> u16 {
    200
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

impl MadeUp {
    /// Why there can be no such answer; `None` if there can.
    pub(crate) fn objection(&self) -> Option<&'static str> {
        let (method, path) = self.method_and_path();
        let family = Family::of(path);
        let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains(['?', '#']);
        let says = |name: &str| self.answer.get(name).is_some_and(Value::is_string);
        let errcode = self.answer.get("errcode").unwrap_or(&Value::Null);
        if !METHODS.contains(&method) || !is_path || path.starts_with("/{") || path.contains("//") {
            Some("an endpoint is a method and a path, such as GET /v1.0/todo/users/{unionId}/tasks")
        } else if is_own(path) || apis::at(path).is_some() {
            Some("the simulator has an answer of its own to this call")
        } else if self.status != 200 && !(400..=599).contains(&self.status) {
            Some("a status is 200, or between 400 and 599")
        } else if family != Family::Api && self.status != 200 {
            Some("the old API answers with status 200, and says in errcode what is wrong")
        } else if self.status != 200 && !(says("code") && says("message")) {
            Some("a refusal has a code and a message")
        } else if family != Family::Api && !(errcode.is_null() || errcode.is_i64()) {
            Some("an errcode is a number")
        } else if family != Family::Api && errcode.as_i64().is_some_and(|errcode| errcode != 0) && !says("errmsg") {
            Some("a refusal has an errmsg")
        } else {
            None
        }
    }

    fn method_and_path(&self) -> (&str, &str) {
        self.endpoint.split_once(' ').unwrap_or_default()
    }

    fn answer(&self) -> Answer {
        let member = |name: &str| self.answer.get(name).cloned().unwrap_or_default();
        let errcode = member("errcode").as_i64().unwrap_or_default() as i32;
        let envelope = match (Family::of(self.method_and_path().1), StatusCode::from_u16(self.status)) {
            (Family::Topapi, _) => Answer::topapi_error(errcode, "ok"),
            (Family::Legacy, _) => Answer::legacy_error(errcode, "ok"),
            (Family::Api, Ok(status)) if status != StatusCode::OK => {
                Answer::api_error(status, member("code").as_str().unwrap_or_default(), "")
            }
            (Family::Api, _) => Answer::api(json!({})),
        };
        self.answer.iter().fold(envelope, |answer, (key, value)| answer.with(key, value.clone())).noting("made up")
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct MadeUpAnswers(Vec<MadeUp>);

impl MadeUpAnswers {
    /// Adds an answer, in place of an earlier one for the same endpoint.
    pub fn add(&mut self, made_up: MadeUp) {
        self.0.retain(|earlier| earlier.endpoint != made_up.endpoint);
        self.0.push(made_up);
    }

    /// The answer to a call, if there is one: of several that fit, the latest.
    pub fn to(&self, method: &str, path: &str) -> Option<Answer> {
        let is_to_this = |made_up: &&MadeUp| {
            let (its_method, its_path) = made_up.method_and_path();
            its_method == method && fits(its_path, path)
        };
        self.0.iter().rev().find(is_to_this).map(MadeUp::answer)
    }

    pub fn state(&self) -> Value {
        json!(self.0)
    }
}
