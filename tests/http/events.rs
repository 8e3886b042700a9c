//! Events that DingTalk sends over Stream, and what the app does about them.

use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::Events;
use dingtalk_h5::dingtalk::events::LONGEST_SILENCE;
use dingtalk_h5::settings::Settings;
use dingtalk_simulator::{Fault, Simulator, StreamFault};
use serde_json::json;
use tokio::net::TcpSocket;

use super::metrics::{samples, watched_with};
use crate::support::{Browser, TestApp, USER_BY_CODE, eventually};

const CORP: &str = "dingsimulator0001";
const STREAM: &str = "POST /v1.0/gateway/connections/open";
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An internal app that receives events over Stream.
async fn listening() -> TestApp {
    let app = TestApp::start_with(|settings: &mut Settings| {
        settings.dingtalk.events = Events::Stream(Duration::from_millis(600));
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
async fn a_connection_that_answers_pings_and_tells_nothing_is_left_for_another_in_time() {
    let app = TestApp::start_with(|settings: &mut Settings| {
        settings.dingtalk.events = Events::Stream(Duration::from_millis(300));
    })
    .await;
    eventually("stream is open", || app.dingtalk.calls(STREAM) == 1).await;
    let mut lasted = Vec::new();
    // A busy machine may be too late for pings that are so frequent: then the connection was lost, not mute.
    while lasted.last().is_none_or(|time| *time < Duration::from_secs(17)) && lasted.len() < 4 {
        let (opened, connections) = (Instant::now(), app.dingtalk.calls(STREAM));
        eventually("another is open", || app.dingtalk.calls(STREAM) > connections).await;
        lasted.push(opened.elapsed());
    }
    assert!(lasted.last().is_some_and(|time| *time > Duration::from_secs(17)), "none was left because it was mute: {lasted:?}");
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
async fn whoever_is_told_to_leave_comes_back_at_once_and_the_next_time_after_a_pause() {
    let app = listening().await;
    let mut away = Vec::new();
    for opened in [2, 3] {
        let began = Instant::now();
        assert_eq!(app.dingtalk.disturb_stream(StreamFault::Disconnect), 1);
        eventually("it is open again", || app.dingtalk.calls(STREAM) == opened && app.dingtalk.stream_connections() == 1).await;
        away.push(began.elapsed());
    }
    assert!(away[0] < Duration::from_secs(1) && away[1] >= Duration::from_secs(1), "{away:?}");
}

#[tokio::test]
async fn a_connection_through_which_nothing_comes_is_given_up_for_another() {
    let app = listening().await;
    assert_eq!(app.dingtalk.disturb_stream(StreamFault::Freeze), 1);
    // DingTalk still counts the frozen connection: it does not notice that the app has given it up.
    eventually("another one is open", || app.dingtalk.stream_connections() == 2).await;
}

#[tokio::test]
async fn whoever_leaves_during_their_login_gets_no_session() {
    let app = listening().await;
    let mut browser = app.browser();
    let (state, code) = (browser.enter().await, app.dingtalk.issue_code("alice"));
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 1000 });
    let leaves = async {
        eventually("the code is under way", || app.dingtalk.calls(USER_BY_CODE) == 1).await;
        app.dingtalk.leave(CORP, "alice");
    };
    let (answer, ()) = tokio::join!(browser.log_in(&code, &state), leaves);
    assert_eq!(answer.problem(), (401, "code_rejected".into()));
    assert_eq!(browser.cookie("session"), None);

    // The page posts one fresh authCode. Only that shows whether the person is back in the organisation.
    app.dingtalk.come_back(CORP, "alice");
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200);
}

#[tokio::test]
async fn readiness_shows_whether_stream_is_connected_and_since_when_and_does_not_depend_on_it() {
    let app = listening().await;
    eventually("it is noticed", || app.client.state().stream.unwrap().connected).await;
    app.hands.stop();
    app.hands.advance(Duration::from_secs(90));
    let answer = app.browser().read("/readyz").await;
    assert_eq!((answer.status, &answer.json()["stream"]["connected"]), (200, &json!(true)));
    assert!((90..120).contains(&answer.json()["stream"]["forSeconds"].as_u64().unwrap()), "{}", answer.body);
    app.dingtalk.fault("/v1.0/gateway/connections/open", 9, Fault::Busy);
    app.dingtalk.disturb_stream(StreamFault::Lose);
    eventually("it is noticed", || !app.client.state().stream.unwrap().connected).await;
    app.hands.advance(Duration::from_secs(30));
    let answer = app.browser().read("/readyz").await;
    assert_eq!((answer.status, &answer.json()["stream"]), (200, &json!({"connected": false, "forSeconds": 30})));
    let silent = TestApp::start().await.browser().read("/readyz").await;
    assert!(silent.json().get("stream").is_none(), "{}", silent.body);
}

#[tokio::test]
async fn after_an_hour_without_dingtalk_stream_has_been_tried_about_once_a_minute_and_tells_of_whoever_leaves_then() {
    // The address is bound, but nobody listens there: connections are refused.
    let place = TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", place.local_addr().unwrap());
    let mut app = watched_with(|settings: &mut Settings| {
        settings.dingtalk.events = Events::Stream(LONGEST_SILENCE);
        (settings.dingtalk.api_url, settings.dingtalk.oapi_url) = (url.parse().unwrap(), url.parse().unwrap());
    })
    .await;
    // While tokio's clock is paused, it jumps by itself from one timer to the next, and gives nothing else time to run.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    tokio::time::resume();
    app.dingtalk = Simulator::start_on(place.listen(64).unwrap().into_std().unwrap()).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(LONGEST_PAUSE).await;
    tokio::time::resume();
    eventually("stream is open", || app.dingtalk.stream_connections() == 1).await;
    let tried = samples(&app).await[r#"dingtalk_calls_total{class="not_sent",endpoint="stream"}"#];
    assert!((60.0..=135.0).contains(&tried), "{tried}");
    let mut browser = app.browser_of("alice").await;
    app.dingtalk.leave(CORP, "alice");
    gone(&mut browser).await;
}
