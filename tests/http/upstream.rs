//! When DingTalk refuses, is slow, or changes its mind.

use std::num::NonZeroU32;
use std::time::Duration;

use dingtalk_simulator::Fault;

use crate::support::{ACCESS_TOKEN, JSAPI_TICKET, TestApp, USER_BY_CODE, eventually};

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";
const TOKEN: &str = "/v1.0/oauth2/accessToken";
const TICKET: &str = "/v1.0/oauth2/jsapiTickets";

#[tokio::test]
async fn a_code_that_dingtalk_does_not_accept_is_rejected() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1, Fault::AuthCodeError);
    let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    assert_eq!(answer.problem(), (401, "code_rejected".into()));
    assert_eq!(answer.header("www-authenticate"), "DingTalk");
}

#[tokio::test]
async fn a_missing_permission_is_for_the_administrator_and_is_not_retried() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 10, Fault::Permission);
    let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    assert_eq!(answer.problem(), (503, "misconfigured".into()));
    assert!(!answer.body.contains("qyapi"), "what to do is for the log: {}", answer.body);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
}

#[tokio::test]
async fn a_missing_permission_renews_the_token_behind_and_not_again_for_five_minutes() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let mut tokens = app.dingtalk.calls(ACCESS_TOKEN);
    for (seconds_later, renewed) in
        [(0, true), (0, false), (1, false), (120, false), (120, false), (60, true), (240, false), (61, true)]
    {
        app.advance(Duration::from_secs(seconds_later));
        for call in [EXCHANGE, "/topapi/v2/user/get"] {
            app.dingtalk.fault(call, 1, Fault::Permission);
        }
        let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        assert_eq!(answer.problem(), (503, "misconfigured".into()));
        assert_eq!(browser.go("/profile").await.status, 200);
        tokens += u64::from(renewed);
        eventually("the token is renewed", || app.dingtalk.calls(ACCESS_TOKEN) >= tokens).await;
        assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), tokens, "after {seconds_later} s more");
        app.dingtalk.clear_faults();
    }
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1 + 8, "no code went out twice");
}

#[tokio::test]
async fn a_wrong_secret_is_for_the_administrator_and_is_not_retried() {
    let app = TestApp::start_with(|settings| {
        settings.dingtalk.credentials.client_secret = dingtalk_h5::dingtalk::ClientSecret::parse("not-the-secret").unwrap();
    })
    .await;
    // The clock stands still: the app may try again after a second, and on a busy machine these logins take longer than that.
    app.hands.stop();
    for _ in 0..20 {
        let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        assert_eq!(answer.problem(), (503, "misconfigured".into()));
    }
    assert_eq!(app.dingtalk.upstream_calls(), 1, "and DingTalk is not hammered with it");
}

#[tokio::test]
async fn a_busy_exchange_is_not_repeated_with_the_same_code() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1, Fault::Busy);
    let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
}

#[tokio::test]
async fn a_busy_token_endpoint_is_asked_again() {
    let app = TestApp::start().await;
    app.dingtalk.fault(TOKEN, 2, Fault::Busy);
    app.browser_of("alice").await;
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 3);
}

#[tokio::test]
async fn a_token_endpoint_that_stays_busy_is_asked_three_times_and_then_left_alone() {
    let app = TestApp::start().await;
    // The clock stands still: DingTalk may be called again after a second, and on a busy machine these logins take longer than that.
    app.hands.stop();
    app.dingtalk.fault(TOKEN, 100, Fault::Busy);
    for _ in 0..20 {
        let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 3);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_asks_for_a_new_code_and_the_old_one_is_never_sent_again() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1, Fault::Delay { milliseconds: 60_000 });
    let code = app.dingtalk.issue_code("alice");
    let mut browser = app.browser();
    let state = browser.enter().await;
    assert_eq!(browser.log_in(&code, &state).await.problem(), (503, "retry_with_new_code".into()));
    assert_eq!(browser.log_in(&code, &state).await.problem(), (401, "code_rejected".into()));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200);
}

#[tokio::test]
async fn a_token_that_dies_early_is_replaced_once_however_many_notice() {
    let app = TestApp::start().await;
    app.browser_of("zhangsan").await;
    let mut ready = Vec::new();
    for _ in 0..200 {
        let mut browser = app.browser();
        let state = browser.enter().await;
        ready.push((browser, state, app.dingtalk.issue_code("alice")));
    }
    app.dingtalk.fault(EXCHANGE, 1, Fault::RevokedToken);
    let logins: Vec<_> = ready
        .into_iter()
        .map(|(mut browser, state, code)| tokio::spawn(async move { browser.log_in(&code, &state).await.status }))
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), 200);
    }
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn a_token_that_is_always_rejected_ends_in_an_answer_and_not_in_a_loop() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 100, Fault::RevokedToken);
    let answer = app.browser().enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn the_access_token_is_renewed_in_the_background_before_it_expires() {
    let app = TestApp::start().await;
    app.browser_of("alice").await;
    app.advance(Duration::from_secs(6000));
    app.browser_of("alice").await;
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 1, "not yet due");
    app.advance(Duration::from_secs(1000));
    app.dingtalk.fault(TOKEN, 1, Fault::Delay { milliseconds: 4_000 });
    let began = std::time::Instant::now();
    app.browser_of("alice").await;
    assert!(began.elapsed() < Duration::from_secs(3), "nobody waits for a renewal");
    eventually("the token is renewed", || app.dingtalk.calls(ACCESS_TOKEN) == 2).await;
    app.browser_of("alice").await;
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn the_ticket_is_fetched_once_for_a_thousand_signatures() {
    let app = TestApp::start().await;
    let browser = app.browser_of("alice").await;
    let asked: Vec<_> = (0..1000)
        .map(|number| {
            let mut browser = browser.clone();
            let url = format!("{}/jsapi?n={number}", app.url);
            tokio::spawn(async move { browser.jsapi_config(&url).await.status })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.unwrap(), 200);
    }
    assert_eq!(app.dingtalk.calls(JSAPI_TICKET), 1);
}

#[tokio::test]
async fn a_day_later_signatures_are_made_with_a_new_ticket() {
    let app = TestApp::start_with(|settings| {
        settings.web.session_lifetime = Duration::from_secs(3 * 24 * 3600);
        settings.web.session_idle = settings.web.session_lifetime;
    })
    .await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi", app.url);
    // The last signature is made more than a day after the first: by then DingTalk's first ticket has expired, however often renewed.
    for step in 0..14 {
        let config = browser.jsapi_config(&url).await;
        assert_eq!(config.status, 200);
        let verdict = crate::support::client_accepts(&app.dingtalk, &config.json(), &url).await;
        assert_eq!(verdict["errcode"], 0, "after {} s: {verdict}", step * 7000);
        app.advance(Duration::from_secs(7000));
    }
}

#[tokio::test]
async fn a_ticket_call_with_a_dead_token_gets_another_token() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    app.dingtalk.fault(TICKET, 1, Fault::RevokedToken);
    assert_eq!(browser.jsapi_config(&app.url.clone()).await.status, 400, "an origin alone is no page");
    assert_eq!(browser.jsapi_config(&format!("{}/", app.url)).await.status, 200);
    assert_eq!((app.dingtalk.calls(ACCESS_TOKEN), app.dingtalk.calls(JSAPI_TICKET)), (2, 2));
}

#[tokio::test]
async fn a_token_that_dies_is_replaced_once_and_costs_nobody_who_waits_in_line_a_turn() {
    let app = TestApp::start_with(|settings| settings.dingtalk.calls_per_second = NonZeroU32::new(4).unwrap()).await;
    let people = (0..16).map(|_| {
        let (mut browser, code) = (app.browser(), app.dingtalk.issue_code("alice"));
        tokio::spawn(async move { browser.enter_and_log_in(&code).await.status })
    });
    let people: Vec<_> = people.collect();
    eventually("the first are in", || app.dingtalk.calls(USER_BY_CODE) >= 4).await;
    app.dingtalk.revoke_tokens(app.dingtalk.app().corp_id);
    for person in people {
        assert_eq!(person.await.unwrap(), 200);
    }
    // Up to four calls of one second may still be sent with the revoked token.
    let calls = app.dingtalk.calls(USER_BY_CODE);
    assert!((17..=20).contains(&calls), "{calls} calls for sixteen people");
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2);
}
