//! The API that an app calls before it connects to Stream: it returns the URL and a ticket.

use actix_web::http::StatusCode;
use serde_json::{Value, json};

use crate::events::Subscription;
use crate::upstream::answer::Answer;
use crate::upstream::api::{Access, Api};
use crate::upstream::call::Call;
use crate::world::World;

pub static OPEN_CONNECTION: Api =
    Api::post("/v1.0/gateway/connections/open", "open Stream connection", "qyapi_base", Access::Open(open));

fn open(call: &Call, world: &mut World) -> Result<Answer, Answer> {
    let body = call.json()?;
    let value = |name: &str| body[name].as_str().unwrap_or_default();
    let app = world.app(value("clientId")).filter(|app| app.has_secret(value("clientSecret")));
    let Some(client_id) = app.map(|app| app.client_id.clone()) else {
        return Err(Answer::api_error(StatusCode::UNAUTHORIZED, "authFailed", "鉴权失败"));
    };
    let subscriptions = body["subscriptions"].as_array();
    // An app cannot subscribe to single kinds of events: with a topic other than `*` it receives none.
    let is_of_events = |subscription: &Value| subscription["type"] == "EVENT" && subscription["topic"] == "*";
    let events = subscriptions.into_iter().flatten().any(is_of_events);
    let now = world.now();
    let ticket = world.subscribers.issue_ticket(Subscription { client_id, events }, now);
    Ok(Answer::api(json!({"endpoint": call.stream, "ticket": ticket})))
}
