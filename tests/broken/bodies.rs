//! Answers that are not what they should be: never a success, never cached, and over in five seconds.

use std::time::{Duration, Instant};

use super::rogue::{EXCHANGE, Rogue, Step, TOKEN, http, json, well};
use super::{app_before, login};

const IDENTITY: &str = r#"{"errcode":0,"errmsg":"ok","result":{"userid":"alice","name":"Alice Chen"}}"#;

fn head(rest: &str) -> Step {
    Step::Send(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{rest}\r\n").into_bytes())
}

fn identity(userid: &str) -> Step {
    json(&format!(r#"{{"errcode":0,"result":{{"userid":{userid},"name":"x"}}}}"#))
}

/// Broken answers to the exchange of a code, and what the person is told.
fn exchanges() -> Vec<(&'static str, Vec<Step>, &'static str)> {
    let lost = "retry_with_new_code";
    let down = "dingtalk_unavailable";
    vec![
        ("nothing at all", vec![], lost),
        ("a reset", vec![Step::Reset], lost),
        (
            "a reset in the middle",
            vec![head("content-length: 500\r\n"), Step::Send(b"{\"errcode\":0".to_vec()), Step::Reset],
            lost,
        ),
        ("less than promised", vec![head("content-length: 500\r\n"), Step::Send(IDENTITY.into())], lost),
        ("more than promised", vec![head("content-length: 12\r\n"), Step::Send(IDENTITY.into())], lost),
        ("a head and no more", vec![head("content-length: 80\r\n"), Step::Hold], lost),
        ("silence", vec![Step::Hold], lost),
        ("a byte each half second", vec![head("content-length: 78\r\n"), Step::Drip(IDENTITY.into())], lost),
        (
            "chunks without end",
            vec![
                head("transfer-encoding: chunked\r\n"),
                Step::Endless(b"400\r\n".iter().copied().chain([b' '; 1024]).chain(*b"\r\n").collect()),
            ],
            lost,
        ),
        ("packed", vec![head("content-encoding: gzip\r\nconnection: close\r\n"), Step::Send(vec![0x1f; 70_000])], lost),
        ("no HTTP", vec![Step::Send(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec())], lost),
        ("half of the JSON", vec![json(&IDENTITY[..40])], lost),
        ("JSON and more", vec![json(&format!("{IDENTITY}{{}}"))], lost),
        ("another content type", vec![http("200 OK", "text/plain", IDENTITY)], lost),
        ("nearly the content type", vec![http("200 OK", "application/jsonp", IDENTITY)], lost),
        ("a page", vec![http("200 OK", "text/html", "<!doctype html><title>punish</title>")], lost),
        ("a gateway's page", vec![http("502 Bad Gateway", "text/html", "<html>502</html>")], lost),
        ("another status", vec![http("206 Partial Content", "application/json", IDENTITY)], lost),
        ("a key twice", vec![json(r#"{"errcode":1,"errcode":0,"result":{"userid":"alice"}}"#)], lost),
        ("errcode as text", vec![json(r#"{"errcode":"0","result":{"userid":"alice"}}"#)], lost),
        ("no errcode", vec![json(r#"{"result":{"userid":"alice"}}"#)], lost),
        ("no result", vec![json(r#"{"errcode":0,"errmsg":"ok"}"#)], down),
        ("an empty userid", vec![identity("\"\"")], down),
        ("a userid of spaces", vec![identity("\"   \"")], down),
        ("a userid that turns the text around", vec![identity("\"a\\u202eb\"")], down),
        ("a userid in a list", vec![identity("[\"alice\"]")], down),
        ("a number for a userid", vec![identity("12345")], down),
        ("a huge userid", vec![identity(&format!("\"{}\"", "x".repeat(10_240)))], down),
        ("a userid with control characters", vec![identity("\"a\\u0000\\r\\nb\"")], down),
        (
            "a server error",
            vec![http("500 Internal Server Error", "application/json", r#"{"code":"unknownError","message":"x"}"#)],
            lost,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_broken_answer_to_an_exchange_is_a_login_and_none_keeps_anybody_waiting() {
    let mut entered = Vec::new();
    for (what, steps, told) in exchanges() {
        let rogue = Rogue::start(move |call| if call.path == EXCHANGE { steps.clone() } else { well(call) }).await;
        let app = app_before(&rogue).await;
        let mut browser = app.browser();
        let state = browser.enter().await;
        entered.push((what, told, rogue, app, browser, state));
    }
    let mut running = Vec::new();
    for (what, told, rogue, app, mut browser, state) in entered {
        let login = tokio::spawn(async move {
            let began = Instant::now();
            let answer = browser.log_in("code-1", &state).await;
            assert_eq!(answer.problem(), (503, told.to_owned()), "{what}");
            assert!(began.elapsed() < Duration::from_millis(6500), "{what} took {:?}", began.elapsed());
            assert!(
                !answer.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("session=")),
                "{what}"
            );
            assert_eq!(rogue.calls(EXCHANGE).len(), 1, "{what}: the code was sent once");
        });
        running.push((app, login));
    }
    for (_app, login) in running {
        login.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_with_an_absurd_life_or_value_is_no_token() {
    let mut running = Vec::new();
    for granted in [
        r#"{"accessToken":"t","expireIn":0}"#,
        r#"{"accessToken":"t","expireIn":-1}"#,
        r#"{"accessToken":"t"}"#,
        r#"{"accessToken":"t","expireIn":null}"#,
        r#"{"accessToken":"t","expireIn":"7200"}"#,
        r#"{"accessToken":"t","expireIn":7200.0}"#,
        r#"{"accessToken":"t","expireIn":1e20}"#,
        r#"{"accessToken":"t","expireIn":18446744073709551615}"#,
        r#"{"accessToken":"t","expireIn":7200,"expireIn":7200}"#,
        r#"{"accessToken":"t","expires_in":7200}"#,
        r#"{"access_token":"t","expires_in":7200}"#,
        r#"{"accessToken":"","expireIn":7200}"#,
        r#"{"accessToken":"a\r\nb","expireIn":7200}"#,
        r#"{"accessToken":7,"expireIn":7200}"#,
        r#"{"accessToken":"t","expireIn":7200,"errcode":40014}"#,
        r#"{"expireIn":7200}"#,
        r#"{}"#,
        r#"[]"#,
        r#"["t",7200]"#,
        r#""token""#,
    ] {
        running.push(tokio::spawn(async move {
            let rogue = Rogue::start(move |call| if call.path == TOKEN { vec![json(granted)] } else { well(call) }).await;
            let app = app_before(&rogue).await;
            for nth in 1..=2 {
                let answer = login(&app, &format!("code-{nth}")).await;
                assert_eq!(answer.status, 503, "{granted}");
                app.hands.advance(Duration::from_secs(60));
            }
            assert_eq!(rogue.calls(EXCHANGE).len(), 0, "{granted}: nothing was called with it");
            assert_eq!(rogue.calls(TOKEN).len(), 2, "{granted}: it was not kept");
        }));
    }
    for one in running {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_said_to_live_for_moments_is_not_fetched_for_every_login() {
    for seconds in [1, 2, 10, 59, 60, 90, 299] {
        let rogue = Rogue::start(move |call| match call.path.as_str() {
            TOKEN => vec![json(&format!(r#"{{"accessToken":"token-1","expireIn":{seconds}}}"#))],
            _ => well(call),
        })
        .await;
        let app = app_before(&rogue).await;
        for nth in 0..5 {
            assert_eq!(login(&app, &format!("code-{nth}")).await.status, 200);
            app.hands.advance(Duration::from_secs(50));
        }
        assert_eq!(rogue.calls(TOKEN).len(), 1, "{seconds} s");
    }
}
