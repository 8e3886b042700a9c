//! Events over HTTP: encrypted, signed, and pushed again until the encrypted "success" comes back.

use std::time::Duration;

use rand::random;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cipher::Cipher;
use super::{Event, Happening, number};
use crate::secret;
use crate::upstream::APP_ID;
use crate::world::{Kind, Registered, real_now};

/// The longest of the times that DingTalk's pages give an app for its answer.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The URL to which the events for an app are pushed, and their format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushUrl {
    pub url: String,
    pub shape: Shape,
}

/// The format of events that are pushed to third-party apps over HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Batches of final states: SyncHTTP.
    #[default]
    Sync,
    /// One event in each push: the format before SyncHTTP.
    Old,
}

/// Why an event counts as not delivered.
pub type Refusal = String;

/// Pushes one event, and checks the answer.
pub async fn push(http: &Client, to: &PushUrl, app: &Registered, event: &Event) -> Result<(), Refusal> {
    let cipher = cipher(app)?;
    let (query, body) = sealed(&cipher, &message(app, to.shape, event), &real_now().to_string());
    let request = http.post(&to.url).query(&query).timeout(PATIENCE).json(&body);
    let response = request.send().await.map_err(|_| "no answer".to_owned())?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("HTTP {}", status.as_u16()));
    }
    let reply: Value = response.json().await.map_err(|_| "an answer that is no JSON".to_owned())?;
    acknowledged(&cipher, &reply)
}

pub fn cipher(app: &Registered) -> Result<Cipher<'_>, Refusal> {
    Cipher::new(&app.callback_token, &app.callback_aes_key, &app.client_id)
        .map_err(|_| "the app has no callbackToken and callbackAesKey".to_owned())
}

/// The query and the body of the request that pushes `message`.
pub fn sealed(cipher: &Cipher, message: &Value, timestamp: &str) -> ([(&'static str, String); 4], Value) {
    let (encrypted, nonce) = (cipher.encrypt(&message.to_string(), random()), secret::hex32()[..8].to_owned());
    let signature = cipher.signature(timestamp, &nonce, &encrypted);
    let query =
        [("signature", signature.clone()), ("msg_signature", signature), ("timestamp", timestamp.to_owned()), ("nonce", nonce)];
    (query, json!({"encrypt": encrypted}))
}

fn acknowledged(cipher: &Cipher, reply: &Value) -> Result<(), Refusal> {
    let text = |name: &str| match &reply[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    // DingTalk's own samples spell it both ways.
    let timestamp = Some(text("timeStamp")).filter(|time| !time.is_empty()).unwrap_or_else(|| text("timestamp"));
    match cipher.open(&text("msg_signature"), &timestamp, &text("nonce"), &text("encrypt")) {
        Ok(said) if said == "success" => Ok(()),
        Ok(_) => Err("an answer that is not success".to_owned()),
        Err(fault) => Err(format!("an answer that cannot be read: {fault:?}")),
    }
}

fn message(app: &Registered, shape: Shape, event: &Event) -> Value {
    match (app.kind, shape, &event.happening) {
        (_, _, Happening::UrlChecked) => json!({"EventType": "check_url"}),
        (Kind::ThirdParty, Shape::Sync, _) => batch(event),
        (Kind::ThirdParty, Shape::Old, _) => as_it_was_before(app, event),
        (Kind::Internal | Kind::Custom, ..) => plain(event),
    }
}

/// The body of a push to a third-party app, in the format of SyncHTTP.
fn batch(event: &Event) -> Value {
    let happening = &event.happening;
    let mut data = happening.old_names();
    data.insert("syncAction".to_owned(), json!(happening.name()));
    data.insert("syncSeq".to_owned(), json!(event.id));
    data.insert("eventId".to_owned(), json!(event.id));
    json!({
        "EventType": if happening.is_urgent() { "SYNC_HTTP_PUSH_HIGH" } else { "SYNC_HTTP_PUSH_MEDIUM" },
        "bizData": [{
            "gmt_create": event.born_at,
            "gmt_modified": event.born_at,
            "biz_type": happening.biz_type(),
            "biz_id": happening.subject(event),
            "id": event.number,
            "open_cursor": event.number,
            "subscribe_id": format!("{}_0", event.client_id),
            "corp_id": event.corp_id,
            "status": 0,
            "biz_data": Value::Object(data).to_string(),
        }],
    })
}

/// The body of a push to an organisation's own app. It has the names that apps have been seen to read, and those of the documentation.
fn plain(event: &Event) -> Value {
    let mut told = bare(event);
    if let Happening::Left { user_id, .. } | Happening::Joined { user_id, .. } = &event.happening {
        told["userId"] = json!([user_id]);
    }
    told["eventId"] = json!(event.id);
    told["EventTime"] = json!(event.born_at);
    told["BizId"] = json!(event.number.to_string());
    told
}

fn bare(event: &Event) -> Value {
    let mut told = match &event.happening {
        Happening::MadeUp { data, .. } => Value::Object(data.clone()),
        _ => json!({}),
    };
    told["EventType"] = json!(event.happening.name());
    told["CorpId"] = json!(event.corp_id);
    told["TimeStamp"] = json!(event.born_at);
    if let Happening::Left { user_id, .. } | Happening::Joined { user_id, .. } = &event.happening {
        told["UserId"] = json!([user_id]);
    }
    told
}

fn as_it_was_before(app: &Registered, event: &Event) -> Value {
    let corp_id = &event.corp_id;
    let more = match &event.happening {
        Happening::SuiteTicket { ticket } => json!({"SuiteTicket": ticket}),
        Happening::Authorised { temporary_code, .. } => {
            json!({"EventType": "tmp_auth_code", "AuthCode": temporary_code, "AuthCorpId": corp_id})
        }
        Happening::ScopeChanged { .. } => json!({"EventType": "change_auth", "AuthCorpId": corp_id}),
        Happening::Relieved => json!({"EventType": "suite_relieve", "AuthCorpId": corp_id}),
        Happening::Stopped { agent_id } | Happening::Restored { agent_id } | Happening::Removed { agent_id } => {
            json!({"AgentId": number(agent_id), "AppId": APP_ID, "AuthCorpId": corp_id})
        }
        Happening::Left { .. } | Happening::Joined { .. } | Happening::Dissolved | Happening::UrlChecked => json!({}),
        Happening::MadeUp { .. } => json!({}),
    };
    let mut told = bare(event);
    told["SuiteKey"] = json!(app.client_id);
    if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
