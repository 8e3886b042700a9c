//! Networks that refuse, redirect, or speak something else.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::rogue::{EXCHANGE, Rogue, Step, TICKET, TOKEN, http, json, well};
use super::{app_before, app_with, login};
use crate::support::{TestApp, eventually};

const UNAVAILABLE: &str = "dingtalk_unavailable";

async fn app_at(url: &str) -> TestApp {
    let url: url::Url = url.parse().unwrap();
    TestApp::start_with(|settings| {
        settings.dingtalk.api_url = url.clone();
        settings.dingtalk.oapi_url = url;
    })
    .await
}

#[tokio::test]
async fn a_network_that_does_not_lead_to_dingtalk_is_told_within_eight_seconds() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for url in [format!("http://{closed}"), "https://no-such-host.invalid".to_owned()] {
        let app = app_at(&url).await;
        let began = Instant::now();
        let answer = login(&app, "code").await;
        assert_eq!(answer.problem(), (503, UNAVAILABLE.into()), "{url}");
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(began.elapsed() < Duration::from_secs(8), "{url} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_call_that_did_not_get_out_leaves_its_turn_to_the_next() {
    let rogue = Rogue::start(well).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = app_with(&rogue, |settings| {
        settings.dingtalk.oapi_url = format!("http://{closed}").parse().unwrap();
        settings.dingtalk.calls_per_second = NonZeroU32::MIN;
        settings.web.login_patience = Duration::ZERO;
    })
    .await;
    for nth in 0..5 {
        assert_eq!(login(&app, &format!("code-{nth}")).await.problem(), (503, UNAVAILABLE.into()), "it waits for nothing");
    }
}

#[tokio::test]
async fn a_code_that_did_not_get_out_is_not_used_up() {
    let rogue = Rogue::start(well).await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let app = app_with(&rogue, |settings| settings.dingtalk.oapi_url = format!("http://{closed}").parse().unwrap()).await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    for _ in 0..3 {
        assert_eq!(browser.log_in("code", &state).await.problem(), (503, UNAVAILABLE.into()));
    }
}

#[tokio::test]
async fn token_calls_are_tried_three_times_when_the_connection_breaks_and_the_third_may_succeed() {
    for good_after in [2, 3] {
        let rogue =
            Rogue::start(move |call| if call.path == TOKEN && call.nth < good_after { vec![Step::Reset] } else { well(call) })
                .await;
        let answer = login(&app_before(&rogue).await, "code").await;
        assert_eq!(answer.status, if good_after == 2 { 200 } else { 503 });
        assert_eq!(rogue.calls(TOKEN).len(), 3);
    }
}

#[tokio::test]
async fn a_silent_token_endpoint_is_given_up_within_eight_seconds() {
    let rogue = Rogue::start(|_| vec![Step::Hold]).await;
    let app = app_before(&rogue).await;
    let began = Instant::now();
    assert_eq!(login(&app, "code").await.problem(), (503, UNAVAILABLE.into()));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_does_not_speak_tls_is_asked_once_and_never_in_plain_text() {
    let rogue = Rogue::start(well).await;
    let app = app_at(&rogue.url.replace("http://", "https://")).await;
    assert_eq!(login(&app, "code").await.problem(), (503, UNAVAILABLE.into()));
    assert_eq!(rogue.connections(), 1, "a handshake that failed is not repeated");
    assert!(rogue.calls(TOKEN).is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_place_it_points_to_hears_nothing() {
    for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        for path in [TOKEN, EXCHANGE] {
            let elsewhere = Rogue::start(well).await;
            let target = format!("{}{path}", elsewhere.url);
            let rogue = Rogue::start(move |call| {
                if call.path != path {
                    return well(call);
                }
                let head = format!("HTTP/1.1 {status}\r\nlocation: {target}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                vec![Step::Send(head.into_bytes())]
            })
            .await;
            assert_eq!(login(&app_before(&rogue).await, "code").await.status, 503, "{status} {path}");
            assert_eq!(elsewhere.connections(), 0, "{status} {path}");
        }
    }
}

#[tokio::test]
async fn calls_carry_no_referer_and_secrets_only_where_they_belong() {
    let rogue = Rogue::start(well).await;
    assert_eq!(login(&app_before(&rogue).await, "code-to-look-for").await.status, 200);
    for path in [TOKEN, EXCHANGE] {
        let head = rogue.calls(path)[0].head.to_lowercase();
        for word in ["referer", "cookie", "code-to-look-for", "simulated-secret"] {
            assert!(!head.contains(word), "{word} in {head}");
        }
    }
}

/// Some servers answer 411 to a POST without a Content-Length.
#[tokio::test]
async fn a_call_without_a_body_says_that_it_has_none_as_dingtalks_own_sdks_do() {
    let rogue = Rogue::start(well).await;
    let app = app_before(&rogue).await;
    let mut browser = app.browser();
    assert_eq!(browser.enter_and_log_in("code").await.status, 200);
    assert_eq!(browser.jsapi_config(&format!("{}/jsapi", app.url)).await.status, 200);
    let head = rogue.calls(TICKET)[0].head.to_lowercase();
    assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
}

#[tokio::test]
async fn a_401_of_any_shape_means_that_the_token_is_dead() {
    for body in [r#"{"code":"whatever","message":"x"}"#, "", "no", r#"{"errcode":40014,"errmsg":"x"}"#] {
        let rogue = Rogue::start(move |call| match (call.path.as_str(), call.nth) {
            (EXCHANGE, 0) => vec![http("401 Unauthorized", "application/json", body)],
            (TOKEN, nth) => vec![json(&format!(r#"{{"accessToken":"token-{nth}","expireIn":7200}}"#))],
            _ => well(call),
        })
        .await;
        assert_eq!(login(&app_before(&rogue).await, "code").await.status, 200, "{body}");
        assert_eq!((rogue.calls(TOKEN).len(), rogue.calls(EXCHANGE).len()), (2, 2), "{body}");
        assert!(rogue.calls(EXCHANGE)[1].head.contains("access_token=token-1"));
    }
}

#[tokio::test]
async fn what_sounds_like_a_dead_token_where_none_was_sent_is_a_wrong_secret() {
    let rogue = Rogue::start(|_| vec![json(r#"{"errcode":40001,"errmsg":"获取access_token时Secret错误"}"#)]).await;
    let app = app_before(&rogue).await;
    assert_eq!(login(&app, "code").await.problem(), (503, "misconfigured".into()));
    assert_eq!(rogue.calls(TOKEN).len(), 1);
}

#[tokio::test]
async fn the_client_that_started_a_renewal_may_vanish_and_the_others_still_get_their_answer() {
    let rogue = Rogue::start(|call| match call.path.as_str() {
        TOKEN => [vec![Step::Pause(Duration::from_secs(1))], well(call)].concat(),
        _ => well(call),
    })
    .await;
    let app = app_before(&rogue).await;
    let mut vanishing = app.browser();
    let state = vanishing.enter().await;
    let body = format!(r#"{{"authCode":"code-0","state":"{state}"}}"#);
    let request = format!(
        "POST /api/login HTTP/1.1\r\nHost: x\r\nOrigin: {}\r\nCookie: presession={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        app.url,
        vanishing.cookie("presession").unwrap(),
        body.len()
    );
    let mut socket = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    eventually("the renewal has begun", || rogue.calls(TOKEN).len() == 1).await;
    let mut other = app.browser();
    let state = other.enter().await;
    let waiting = tokio::spawn(async move { other.log_in("code-1", &state).await.status });
    socket.set_zero_linger().unwrap();
    drop(socket);
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(rogue.calls(TOKEN).len(), 1);
}
