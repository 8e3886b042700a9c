//! What DingTalk tells, by either way, and what becomes of it.

use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::Events;
use dingtalk_h5::dingtalk::events::Patience;
use dingtalk_h5::settings::Settings;
use dingtalk_simulator::{Decision, Shape, StreamFault};
use reqwest::Method;

use crate::support::{Browser, TestApp, eventually, state_of};

const CORP: &str = "dingsimulator0001";
const STREAM: &str = "POST /v1.0/gateway/connections/open";

/// An internal app that listens.
async fn listening() -> TestApp {
    let app = TestApp::start_with(|settings: &mut Settings| {
        settings.dingtalk.events = Events::Stream(Patience(Duration::from_millis(600)));
    })
    .await;
    eventually("stream is open", || app.dingtalk.stream_connections() == 1).await;
    app
}

/// Returns when the session has ended.
async fn gone(browser: &mut Browser) {
    let began = Instant::now();
    while browser.me().await.status != 401 {
        assert!(began.elapsed() < Duration::from_secs(20), "the session goes on");
    }
}

#[tokio::test]
async fn whoever_leaves_the_organisation_is_logged_out_everywhere_within_a_second_and_nobody_else() {
    let app = listening().await;
    let (mut phone, mut pc, mut colleague) =
        (app.browser_of("alice").await, app.browser_of("alice").await, app.browser_of("bob").await);
    let began = Instant::now();
    app.dingtalk.leave(CORP, "alice");
    gone(&mut phone).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(pc.me().await.status, 401);
    assert_eq!(colleague.me().await.status, 200);
}

#[tokio::test]
async fn whoever_comes_back_is_let_in() {
    let app = listening().await;
    let mut browser = app.browser_of("alice").await;
    app.dingtalk.leave(CORP, "alice");
    gone(&mut browser).await;
    app.dingtalk.come_back(CORP, "alice");
    let mut browser = app.browser_of("alice").await;
    assert_eq!(browser.me().await.status, 200);
}

#[tokio::test]
async fn stream_opens_again_when_it_is_told_to_leave_and_when_it_is_lost() {
    let app = listening().await;
    for (fault, opened) in [(StreamFault::Ping, 1), (StreamFault::Disconnect, 2), (StreamFault::Lose, 3)] {
        let mut browser = app.browser_of("bob").await;
        assert_eq!(app.dingtalk.disturb_stream(fault), 1, "{fault:?}");
        eventually("it is open again", || app.dingtalk.calls(STREAM) == opened && app.dingtalk.stream_connections() == 1).await;
        app.dingtalk.leave(CORP, "bob");
        gone(&mut browser).await;
        app.dingtalk.come_back(CORP, "bob");
    }
}

#[tokio::test]
async fn a_connection_through_which_nothing_comes_is_given_up_for_another() {
    let app = listening().await;
    assert_eq!(app.dingtalk.disturb_stream(StreamFault::Freeze), 1);
    // The other end of the frozen one does not notice that nobody is there any more.
    eventually("another one is open", || app.dingtalk.stream_connections() == 2).await;
}

/// A third-party app to which DingTalk pushes in this shape.
async fn pushed_to(shape: Shape) -> TestApp {
    let app = TestApp::third_party().await;
    app.dingtalk.push_events_to(format!("{}/dingtalk/events", app.url), shape);
    app
}

#[tokio::test]
async fn an_organisation_that_authorises_relieves_and_authorises_again_works_and_ends_and_works() {
    for shape in [Shape::Sync, Shape::Old] {
        let app = pushed_to(shape).await;
        let [one, _] = app.dingtalk.organisations();
        let told = async || eventually("all events are acknowledged", || app.dingtalk.pushes_waiting() == 0).await;
        for _ in 0..2 {
            app.dingtalk.decide(one, Decision::Authorise);
            told().await;
            let mut browser = app.browser();
            let state = state_of(&browser.open(&format!("/?corpid={one}")).await.body);
            let answer = browser.log_in(&app.dingtalk.issue_code_at(one, "alice"), &state).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(browser.me().await.status, 200);
            app.dingtalk.decide(one, Decision::Relieve);
            told().await;
            assert_eq!(browser.me().await.status, 401);
        }
    }
}

#[tokio::test]
async fn the_console_s_check_of_the_address_is_answered() {
    let app = pushed_to(Shape::Sync).await;
    app.dingtalk.check_url();
    eventually("it is acknowledged", || app.dingtalk.pushes_waiting() == 0).await;
}

#[tokio::test]
async fn whoever_is_not_dingtalk_is_told_nothing() {
    let app = TestApp::third_party().await;
    let good = "?msg_signature=0000000000000000000000000000000000000000&timestamp=1614767836&nonce=x";
    for (query, body) in [
        ("", r#"{"encrypt":"x"}"#),
        ("?msg_signature=x", r#"{"encrypt":"x"}"#),
        (good, r#"{"encrypt":"x"}"#),
        (good, ""),
        (good, "[]"),
        (good, r#"{"encrypt":7}"#),
    ] {
        let path = format!("/dingtalk/events{query}");
        let answer =
            app.browser().send(Method::POST, &path, &[("content-type", "application/json")], Some(body.to_owned())).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{query} {body}");
    }
    let large = "x".repeat(300_000);
    let answer = app.browser().send(Method::POST, &format!("/dingtalk/events{good}"), &[], Some(large)).await;
    assert_eq!((answer.status, answer.body.as_str()), (400, ""));
    let other = TestApp::start().await;
    assert_eq!(other.browser().send(Method::POST, &format!("/dingtalk/events{good}"), &[], None).await.status, 404);
}
