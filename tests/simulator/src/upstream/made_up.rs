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

impl MadeUp {
    /// Why there can be no such answer; `None` if there can.
    pub(crate) fn objection(&self) -> Option<&'static str> {
        let (_, path) = self.method_and_path();
        if !path.starts_with('/') || path.contains(['?', '#']) {
            Some("an endpoint is a method and a path, such as GET /v1.0/todo/users/{unionId}/tasks")
        } else if is_own(path) || apis::at(path).is_some() {
            Some("the simulator has an answer of its own to this call")
        } else if !(200..=599).contains(&self.status) {
            Some("a status is between 200 and 599")
        } else if Family::of(path) != Family::Api && self.status != 200 {
            Some("the old API answers with status 200, and says in errcode what is wrong")
        } else {
            None
        }
    }

    fn method_and_path(&self) -> (&str, &str) {
        self.endpoint.split_once(' ').unwrap_or_default()
    }

    fn answer(&self) -> Answer {
        let envelope = match Family::of(self.method_and_path().1) {
            // It always is a status: `objection` refuses any other.
            Family::Api => Answer::api(json!({})).with_status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK)),
            Family::Topapi => Answer::topapi_error(0, "ok"),
            Family::Legacy => Answer::legacy_error(0, "ok"),
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

    /// The answer to a call, if there is one.
    pub fn to(&self, method: &str, path: &str) -> Option<Answer> {
        let is_to_this = |made_up: &&MadeUp| {
            let (its_method, its_path) = made_up.method_and_path();
            its_method == method && fits(its_path, path)
        };
        self.0.iter().find(is_to_this).map(MadeUp::answer)
    }

    pub fn state(&self) -> Value {
        json!(self.0)
    }
}
