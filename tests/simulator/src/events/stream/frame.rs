//! The messages on a Stream connection.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Event;
use crate::secret;
use crate::world::real_now;

/// A message from DingTalk to an app.
#[derive(Debug)]
pub struct Frame {
    pub message_id: String,
    kind: &'static str,
    topic: &'static str,
    headers: Value,
    data: Value,
}

impl Frame {
    pub fn of(event: &Event) -> Self {
        let headers = json!({
            "eventBornTime": event.born_at.to_string(),
            "eventCorpId": event.corp_id,
            "eventId": event.id,
            "eventType": event.happening.name(),
            "eventUnifiedAppId": "simulated",
        });
        Self::new("EVENT", "*", headers, event.happening.new_names())
    }

    /// A message about the connection, not about an event.
    pub fn system(topic: &'static str, data: Value) -> Self {
        Self::new("SYSTEM", topic, json!({}), data)
    }

    fn new(kind: &'static str, topic: &'static str, headers: Value, data: Value) -> Self {
        Self { message_id: secret::hex32(), kind, topic, headers, data }
    }

    /// The message as the text that is sent over a connection.
    pub fn text(&self, connection_id: &str) -> String {
        let mut headers = self.headers.clone();
        headers["appId"] = json!("simulated");
        headers["connectionId"] = json!(connection_id);
        headers["contentType"] = json!("application/json");
        headers["messageId"] = json!(self.message_id);
        headers["time"] = json!(real_now().to_string());
        headers["topic"] = json!(self.topic);
        // The data is JSON within JSON.
        json!({"specVersion": "1.0", "type": self.kind, "headers": headers, "data": self.data.to_string()}).to_string()
    }
}

/// An app's answer to a message.
#[derive(Debug, Deserialize)]
pub struct Reply {
    #[serde(default)]
    code: i64,
    headers: ReplyHeaders,
    #[serde(default)]
    data: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplyHeaders {
    message_id: String,
}

impl Reply {
    pub fn message_id(&self) -> &str {
        &self.headers.message_id
    }

    /// An error unless the app has accepted the event; with the status `LATER` the app asks for it to be pushed again.
    pub fn verdict(&self) -> Result<(), String> {
        let data: Value = match &self.data {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        match (self.code, data["status"].as_str()) {
            (200, None | Some("SUCCESS")) => Ok(()),
            (200, Some(status)) => Err(status.chars().take(40).collect()),
            (code, _) => Err(format!("code {code}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_is_success() {
        let verdict = |reply: Value| serde_json::from_value::<Reply>(reply).expect("a reply").verdict();
        let reply = |code, data| json!({"code": code, "headers": {"messageId": "m"}, "message": "OK", "data": data});
        assert!(verdict(reply(200, json!("{\"status\":\"SUCCESS\"}"))).is_ok());
        assert!(verdict(reply(200, json!("{}"))).is_ok());
        assert_eq!(verdict(reply(200, json!("{\"status\":\"LATER\"}"))), Err("LATER".to_owned()));
        assert_eq!(verdict(reply(500, json!(""))), Err("code 500".to_owned()));
    }
}
