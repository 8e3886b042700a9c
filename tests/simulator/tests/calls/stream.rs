//! Stream as an app meets it.

use std::time::Duration;

use dingtalk_simulator::{App, Decision, StreamFault};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::caller::Caller;

struct Listener(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Caller {
    async fn listen(&self, app: &App) -> Listener {
        self.subscribe(app, json!([{"type": "EVENT", "topic": "*"}])).await
    }

    async fn subscribe(&self, app: &App, subscriptions: Value) -> Listener {
        let body = json!({"clientId": app.client_id, "clientSecret": app.client_secret, "subscriptions": subscriptions});
        let opened = self.post("/v1.0/gateway/connections/open", body).await.json();
        let [endpoint, ticket] = ["endpoint", "ticket"].map(|name| opened[name].as_str().unwrap_or_else(|| panic!("{opened}")));
        let (stream, _) = connect_async(format!("{endpoint}?ticket={ticket}")).await.expect("a connection");
        assert!(connect_async(format!("{endpoint}?ticket={ticket}")).await.is_err(), "a ticket is good once");
        Listener(stream)
    }
}

impl Listener {
    /// The next message; `None` if the connection has ended.
    async fn hears(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return None,
            }
        }
    }

    async fn hears_event(&mut self) -> (String, Value, Value) {
        let frame = self.hears().await.expect("an event");
        assert_eq!(frame["type"], "EVENT");
        let data = serde_json::from_str(frame["data"].as_str().expect("JSON in a text")).expect("JSON");
        (frame["headers"]["eventType"].as_str().expect("a type").to_owned(), data, frame["headers"].clone())
    }

    async fn answers(&mut self, headers: &Value, status: &str) {
        let data = json!({"status": status}).to_string();
        let reply = json!({"code": 200, "headers": {"messageId": headers["messageId"], "contentType": "application/json"}, "message": "OK", "data": data});
        self.0.send(Message::text(reply.to_string())).await.expect("a connection");
    }
}

async fn third_party() -> (Caller, Listener) {
    let caller = Caller::start().await;
    let app = caller.dingtalk.third_party_app();
    caller.dingtalk.put_to_test(app);
    let mut listener = caller.listen(app).await;
    let (kind, ticket, headers) = listener.hears_event().await;
    assert_eq!((kind.as_str(), &ticket["suiteTicket"]), ("suite_ticket", &json!(caller.dingtalk.suite_ticket())));
    listener.answers(&headers, "SUCCESS").await;
    (caller, listener)
}

#[tokio::test]
async fn an_app_hears_its_ticket_who_authorises_it_and_who_leaves() {
    let (caller, mut listener) = third_party().await;
    let [one, _] = caller.dingtalk.organisations();
    caller.dingtalk.decide(one, Decision::Authorise);
    let (kind, told, headers) = listener.hears_event().await;
    assert_eq!((kind.as_str(), &headers["eventCorpId"]), ("org_suite_auth", &json!(one)));
    assert_eq!(told["authScope"]["authOrgScopes"]["authedDept"], json!([1]), "as /auth/scopes has it");
    assert_eq!(told["authInfo"]["agent"][0]["agentid"], 2_000_000_001);
    listener.answers(&headers, "SUCCESS").await;
    caller.dingtalk.leave(one, "bob");
    let (kind, told, headers) = listener.hears_event().await;
    assert_eq!((kind.as_str(), &told), ("user_leave_org", &json!({"userId": ["bob"]})));
    listener.answers(&headers, "SUCCESS").await;
    caller.dingtalk.dissolve(one);
    assert_eq!(listener.hears_event().await.0, "org_remove");
}

#[tokio::test]
async fn a_connection_that_did_not_subscribe_to_events_is_given_none() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.third_party_app();
    caller.dingtalk.put_to_test(app);
    let mut callbacks = caller.subscribe(app, json!([{"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"}])).await;
    assert_eq!(caller.dingtalk.stream_connections(), 0);
    let mut events = caller.listen(app).await;
    let (kind, _, headers) = events.hears_event().await;
    assert_eq!(kind, "suite_ticket", "it waited");
    events.answers(&headers, "SUCCESS").await;
    assert_eq!(caller.dingtalk.disturb_stream(StreamFault::Ping), 2, "it is a connection all the same");
    assert_eq!(callbacks.hears().await.expect("a ping")["type"], "SYSTEM", "the first that it hears");
}

#[tokio::test]
async fn an_event_that_is_to_come_later_comes_again() {
    let (caller, mut listener) = third_party().await;
    caller.dingtalk.rotate_suite_ticket();
    let (_, first, headers) = listener.hears_event().await;
    listener.answers(&headers, "LATER").await;
    let (_, second, again) = listener.hears_event().await;
    assert_eq!((first, &headers["eventId"]), (second, &again["eventId"]));
    assert_eq!(caller.dingtalk.pushes_waiting(), 1);
    listener.answers(&again, "SUCCESS").await;
    while caller.dingtalk.pushes_waiting() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_event_that_a_lost_connection_took_with_it_comes_over_the_next() {
    let (caller, mut listener) = third_party().await;
    caller.dingtalk.rotate_suite_ticket();
    let (_, unanswered, _) = listener.hears_event().await;
    assert_eq!(caller.dingtalk.disturb_stream(StreamFault::Lose), 1);
    assert_eq!(listener.hears().await, None);
    let mut next = caller.listen(caller.dingtalk.third_party_app()).await;
    let (_, again, _) = next.hears_event().await;
    assert_eq!(unanswered, again);
}

#[tokio::test]
async fn a_frozen_connection_takes_nothing_with_it_into_the_next_world_and_can_be_lost() {
    for lever in ["reset", "events"] {
        let (caller, mut listener) = third_party().await;
        assert_eq!(caller.dingtalk.disturb_stream(StreamFault::Freeze), 1);
        caller.dingtalk.rotate_suite_ticket();
        assert_eq!(caller.dingtalk.stream_connections(), 1, "it is given events that vanish");
        caller.post(&format!("/control/{lever}"), json!({"stream": "lose"})).await;
        assert_eq!(caller.dingtalk.stream_connections(), 0, "{lever}");
        let end = tokio::time::timeout(Duration::from_secs(20), listener.hears()).await;
        assert_eq!(end.expect("an end"), None, "{lever}");
    }
}

#[tokio::test]
async fn a_connection_is_asked_whether_it_lives_and_told_when_it_ends() {
    let (caller, mut listener) = third_party().await;
    caller.dingtalk.disturb_stream(StreamFault::Ping);
    let ping = listener.hears().await.expect("a ping");
    assert_eq!((&ping["type"], &ping["headers"]["topic"]), (&json!("SYSTEM"), &json!("ping")));
    caller.dingtalk.disturb_stream(StreamFault::Disconnect);
    let end = listener.hears().await.expect("a word");
    assert_eq!((&end["type"], &end["headers"]["topic"]), (&json!("SYSTEM"), &json!("disconnect")));
    assert_eq!(caller.dingtalk.stream_connections(), 0, "nothing more is sent there");
}

#[tokio::test]
async fn who_has_the_wrong_secret_gets_no_connection() {
    let caller = Caller::start().await;
    let body = json!({"clientId": caller.dingtalk.app().client_id, "clientSecret": "wrong"});
    assert_eq!(caller.post("/v1.0/gateway/connections/open", body).await.status, 401);
    let nowhere = format!("{}/connect?ticket=none", caller.dingtalk.url().replace("http", "ws"));
    assert!(connect_async(nowhere).await.is_err());
}

#[tokio::test]
async fn a_ticket_is_good_for_ninety_seconds() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.app();
    for (seconds, is_good) in [(89, true), (90, false)] {
        let body = json!({"clientId": app.client_id, "clientSecret": app.client_secret, "subscriptions": [{"type": "EVENT", "topic": "*"}]});
        let opened = caller.post("/v1.0/gateway/connections/open", body).await.json();
        let [endpoint, ticket] = ["endpoint", "ticket"].map(|name| opened[name].as_str().expect("a way in").to_owned());
        caller.dingtalk.advance(Duration::from_secs(seconds));
        assert_eq!(connect_async(format!("{endpoint}?ticket={ticket}")).await.is_ok(), is_good, "{seconds}");
    }
}

/// An app that subscribes to single kinds of events receives none, as at DingTalk.
#[tokio::test]
async fn only_the_star_subscribes_to_events_and_they_name_the_app_otherwise_than_its_client_id() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.app();
    let _named = caller.subscribe(app, json!([{"type": "EVENT", "topic": "user_leave_org"}])).await;
    assert_eq!(caller.dingtalk.stream_connections(), 0, "it is told of nothing");
    let mut all = caller.listen(app).await;
    for person in ["bob", "alice", "carol"] {
        caller.dingtalk.leave(app.corp_id, person);
        let (name, _, headers) = all.hears_event().await;
        assert_eq!(name, "user_leave_org");
        assert_ne!(headers["eventUnifiedAppId"], app.client_id);
        all.answers(&headers, "SUCCESS").await;
    }
}
