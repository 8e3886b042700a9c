//! Bodies: too long, without an end, unwanted, or not what they say they are.

use std::time::{Duration, Instant};

use super::{GOOD, exchange, post, statuses};
use crate::support::TestApp;
use crate::wire::Wire;

/// Sends `head`, and then `more` for as long as the server takes it. Returns the statuses, the bytes taken, and the time.
async fn flood(app: &TestApp, head: String, more: &[u8]) -> (Vec<u16>, usize, Duration) {
    let began = Instant::now();
    let mut wire = Wire::to(&app.url).await;
    assert!(wire.send(head).await);
    let mut taken = 0;
    while wire.send(more).await && began.elapsed() < Duration::from_secs(20) {
        taken += more.len();
        tokio::task::yield_now().await;
    }
    let took = began.elapsed();
    (statuses(&wire.closed().await), taken, took)
}

#[tokio::test]
async fn a_body_without_end_is_answered_at_once_and_the_connection_closed_soon() {
    let app = TestApp::start().await;
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for (path, lines, more, status) in [
        ("/api/login", "Content-Length: 10737418240", "x".repeat(1024), 413),
        ("/api/login", "Transfer-Encoding: chunked", chunk.clone(), 413),
        ("/api/jsapi/report", "Transfer-Encoding: chunked", chunk.clone(), 401),
        ("/api/logout", "Content-Length: 10737418240", "x".repeat(1024), 204),
        ("/api/logout", "Transfer-Encoding: chunked", chunk.clone(), 204),
        ("/api/nothing", "Transfer-Encoding: chunked", chunk.clone(), 404),
        ("/", "Transfer-Encoding: chunked", chunk, 405),
    ] {
        let (statuses, _, took) = flood(&app, format!("{}{lines}\r\n\r\n", post(&app, path)), more.as_bytes()).await;
        // The answer may be lost to the reset that follows it when somebody goes on sending.
        assert!(statuses == [status] || statuses.is_empty(), "{path} {lines}: {statuses:?}");
        assert!(took < Duration::from_secs(5), "{path} {lines}: {took:?}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let app = TestApp::start().await;
    for (length, status) in [(4097, 413), (10_737_418_240_u64, 413), (u64::MAX, 413)] {
        let head = format!("{}Content-Length: {length}\r\n\r\n{{", post(&app, "/api/login"));
        let closed = exchange(&app, head).await;
        assert_eq!((statuses(&closed), closed.replies[0].code().as_str()), (vec![status], "payload_too_large"));
        assert!(closed.after < Duration::from_secs(5), "{:?}", closed.after);
    }
}

#[tokio::test]
async fn one_chunk_that_is_too_long_is_not_waited_for_either() {
    let app = TestApp::start().await;
    let chunk = format!("ffffffffffffffff\r\n{}", "x".repeat(4097));
    let closed = exchange(&app, format!("{}Transfer-Encoding: chunked\r\n\r\n{chunk}", post(&app, "/api/login"))).await;
    assert_eq!(statuses(&closed), [413]);
}

#[tokio::test]
async fn whoever_asks_before_sending_is_told_to_go_on_and_what_the_limit_is() {
    let app = TestApp::start().await;
    let mut wire = Wire::to(&app.url).await;
    let body = "[]";
    wire.send(format!("{}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n", post(&app, "/api/login"), body.len())).await;
    assert_eq!(wire.reply().await.status, 100);
    wire.send(body).await;
    assert_eq!(wire.reply().await.status, 400);

    let origin = post(&app, "/api/login");
    let foreign = origin.replace(&format!("Origin: {}", app.url), "Origin: https://evil.example");
    for (head, lines, status) in [
        (&origin, "Content-Length: 4097", 413),
        (&origin, "Content-Length: 1073741824", 413),
        (&origin, "Content-Length: 5\r\nContent-Type: text/plain", 415),
        (&foreign, "Content-Length: 5", 403),
        (&foreign, "Transfer-Encoding: chunked", 403),
        (&post(&app, "/api/logout"), "Content-Length: 5", 204),
        (&post(&app, "/api/nothing"), "Transfer-Encoding: chunked", 404),
    ] {
        for expects in ["Expect: 100-continue", "EXPECT:100-Continue", "Expect: x, 100-continue\r\nExpect: 100-continue"] {
            let closed = exchange(&app, format!("{head}{expects}\r\n{lines}\r\n\r\n")).await;
            assert_eq!(statuses(&closed), [status], "{lines} {expects}: nobody is told to send what nobody takes");
            assert_eq!(closed.replies[0].header("connection"), "close");
        }
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_no_request() {
    let app = TestApp::start().await;
    for head in [post(&app, "/api/logout"), "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".to_owned()] {
        let closed = exchange(&app, format!("{head}Content-Length: {}\r\n\r\n{GOOD}", GOOD.len())).await;
        assert_eq!(closed.replies.len(), 1);
        let closed =
            exchange(&app, format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{GOOD}\r\n0\r\n\r\n", GOOD.len())).await;
        assert_eq!(closed.replies.len(), 1);
    }
}

#[tokio::test]
async fn only_one_flat_object_in_utf_8_is_a_body() {
    let app = TestApp::start().await;
    let deep = |open: &str, close: &str, times: usize| [open.repeat(times), close.repeat(times)].concat();
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        br#"["code","state"]"#.to_vec(),
        b"{\"authCode\":\"\xff\",\"state\":\"x\"}".to_vec(),
        b"\xff\xfe{\x00}\x00".to_vec(),
        "\u{feff}{\"authCode\":\"x\",\"state\":\"x\"}".into(),
        br#"{"authCode":"\ud800","state":"x"}"#.to_vec(),
        br#"{"authCode":"x","state":"x"}{"authCode":"x","state":"x"}"#.to_vec(),
        br#"{"authCode":"x","state":"x"} x"#.to_vec(),
        b"{\"authCode\":\"x\",\"state\":\"x\"}\0".to_vec(),
        br#"{"authCode":"x","state":"x",}"#.to_vec(),
        br#"{'authCode':'x','state':'x'}"#.to_vec(),
        deep("[", "]", 2000).into(),
        deep("{\"authCode\":", "}", 300).into(),
        format!("{{\"authCode\":{},\"state\":\"x\"}}", deep("[", "]", 1500)).into(),
        format!("{{\"authCode\":{},\"state\":\"x\"}}", "9".repeat(4000)).into(),
        br#"{"authCode":1e999,"state":"x"}"#.to_vec(),
    ];
    for body in bodies {
        let head = format!("{}Connection: close\r\nContent-Length: {}\r\n\r\n", post(&app, "/api/login"), body.len());
        let closed = exchange(&app, [head.as_bytes(), &body].concat()).await;
        let shown = String::from_utf8_lossy(&body).chars().take(80).collect::<String>();
        assert_eq!((statuses(&closed), closed.replies[0].code().as_str()), (vec![400], "bad_request"), "{shown}");
    }
    assert_eq!(app.dingtalk.upstream_calls(), 0);
}
