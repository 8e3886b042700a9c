//! Calls whose body has no end in sight.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::caller::Caller;

/// Far longer than an answer takes, and shorter than anybody waits for a test.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn who_wants_a_websocket_or_a_tunnel_where_there_is_none_is_answered_and_counted_like_any_caller() {
    const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let caller = Caller::start().await;
    for (asked, headers, said) in [
        ("GET /stream/connect", WEBSOCKET, "\"errcode\":404"),
        ("GET /v1.0/nothing", WEBSOCKET, "InvalidAction.NotFound"),
        ("GET /gettoken", WEBSOCKET, "\"errcode\":40035"),
        ("POST /v1.0/oauth2/accessToken", WEBSOCKET, "Missingbody"),
        ("CONNECT /gettoken", "", "\"errcode\":43001"),
    ] {
        let head = format!("{asked} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let answer = timeout(PATIENCE, caller.raw(&head)).await.unwrap_or_else(|_| panic!("no answer to {asked}"));
        assert!(answer.contains(said) && answer.contains("connection: close"), "{asked}: {answer}");
        assert_eq!(caller.dingtalk.calls(asked), 1, "{asked}");
    }
    let entries = caller.get("/control/requests").await.json()["entries"].take();
    assert_eq!(entries.as_array().unwrap().len(), 5, "{entries}");
}

#[tokio::test]
async fn who_offers_another_protocol_with_a_body_has_the_body_read() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.app();
    let body = json!({"appKey": app.client_id, "appSecret": app.client_secret}).to_string();
    let head = format!(
        "POST /v1.0/oauth2/accessToken HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = timeout(PATIENCE, caller.raw(&(head + &body))).await.expect("an answer");
    assert!(answer.contains("accessToken"), "{answer}");
}

#[tokio::test]
async fn a_call_whose_body_does_not_come_is_counted_all_the_same() {
    let caller = Caller::start().await;
    let mut stream = caller.connection().await;
    let head = "POST /topapi/v2/user/get HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("a connection");
    let counted = async {
        while caller.dingtalk.calls("POST /topapi/v2/user/get") == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.expect("it is counted");
    assert_eq!(caller.get("/control/requests").await.json()["entries"], Value::Array(Vec::new()), "it has not ended");
}
