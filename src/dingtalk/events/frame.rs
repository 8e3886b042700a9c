//! What goes over a Stream connection (DingTalk's own clients for Stream: `dingtalk-stream`).

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::JsonObject;
use super::event::{member, millis, unfolded};
use super::{Event, Happening};

/// A message of DingTalk's. Its data is JSON within JSON.
#[derive(Deserialize)]
pub(super) struct Frame {
    #[serde(rename = "type")]
    kind: String,
    headers: JsonObject<Value>,
    #[serde(default)]
    data: Value,
}

/// What it asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Whether anybody is there.
    Pong,
    /// To leave, since this end is about to close.
    Leave,
    /// To keep an event.
    Keep(Event),
    /// Something else, which is not answered.
    Nothing,
}

impl Frame {
    pub fn asks(&self) -> Asked {
        match (self.kind.as_str(), self.header("topic").as_str()) {
            ("SYSTEM", "ping") => Asked::Pong,
            ("SYSTEM", "disconnect") => Asked::Leave,
            ("EVENT", _) => Asked::Keep(self.event()),
            _ => Asked::Nothing,
        }
    }

    fn event(&self) -> Event {
        let [name, corp_id, id, born] = ["eventType", "eventCorpId", "eventId", "eventBornTime"].map(|name| self.header(name));
        let what = Happening::read(&name, &corp_id, "", &unfolded(&self.data));
        // An id would do; without one, the whole is.
        let told = if id.is_empty() { self.data.to_string() } else { id };
        Event::new(&[&name, &corp_id, &told, &born], millis(&born), what)
    }

    /// Says back what was asked with.
    pub fn pong(&self) -> String {
        self.reply(self.data.as_str().unwrap_or("{}"))
    }

    /// That the event is kept, or that it shall come again.
    pub fn kept(&self, kept: bool) -> String {
        let status = if kept { "SUCCESS" } else { "LATER" };
        self.reply(&json!({"status": status, "message": ""}).to_string())
    }

    fn reply(&self, data: &str) -> String {
        let headers = json!({"messageId": self.header("messageId"), "contentType": "application/json"});
        json!({"code": 200, "headers": headers, "message": "OK", "data": data}).to_string()
    }

    fn header(&self, name: &str) -> String {
        member(&self.headers.0, &[name]).unwrap_or_default()
    }
}
