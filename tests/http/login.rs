//! `POST /api/login`: what it takes to get a session.

use std::time::Duration;

use dingtalk_simulator::Fault;
use reqwest::Method;
use serde_json::json;

use crate::support::{ACCESS_TOKEN, Browser, TestApp, USER_BY_CODE};

async fn denied(browser: &mut Browser, code: &str) -> (u16, String) {
    let answer = browser.enter_and_log_in(code).await;
    assert_eq!(browser.cookie("session"), None, "no half-made session");
    answer.problem()
}

#[tokio::test]
async fn somebody_enters_is_logged_in_sees_their_page_and_logs_out() {
    let app = TestApp::start().await;
    let mut browser = app.browser();

    let entry = browser.open("/").await;
    assert_eq!(entry.status, 200);
    assert!(entry.body.contains("id=\"entry\"") && !entry.body.contains("张三"));

    let answer = browser.enter_and_log_in(&app.dingtalk.issue_code("zhangsan")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({"userId": "zhangsan", "name": "张三", "corpId": app.dingtalk.app().corp_id}));
    assert_eq!(browser.cookie("presession"), None, "the pre-session is gone");

    let home = browser.go("/").await;
    assert!(home.body.contains("张三") && !home.body.contains("id=\"entry\""));
    assert_eq!(browser.me().await.json()["userId"], "zhangsan");

    let out = browser.log_out().await;
    assert_eq!((out.status, out.body.as_str()), (204, ""));
    assert_eq!(browser.me().await.problem(), (401, "login_required".into()));
}

#[tokio::test]
async fn a_warm_login_makes_exactly_one_call_to_dingtalk() {
    let app = TestApp::start().await;
    app.browser_of("zhangsan").await;
    let before = app.dingtalk.upstream_calls();
    app.browser_of("alice").await;
    assert_eq!(app.dingtalk.upstream_calls() - before, 1);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
}

#[tokio::test]
async fn a_thousand_cold_logins_at_once_all_succeed_with_one_access_token() {
    let app = TestApp::start().await;
    let mut ready = Vec::new();
    for _ in 0..1000 {
        let mut browser = app.browser();
        let state = browser.enter().await;
        ready.push((browser, state, app.dingtalk.issue_code("zhangsan")));
    }
    assert_eq!(app.dingtalk.upstream_calls(), 0);
    let logins: Vec<_> = ready
        .into_iter()
        .map(|(mut browser, state, code)| tokio::spawn(async move { browser.log_in(&code, &state).await.status }))
        .collect();
    for login in logins {
        assert_eq!(login.await.unwrap(), 200);
    }
    assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 1);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1000);
}

#[tokio::test]
async fn a_wrong_code_is_rejected() {
    let app = TestApp::start().await;
    assert_eq!(denied(&mut app.browser(), "never-issued").await, (401, "code_rejected".into()));
}

#[tokio::test]
async fn a_code_is_rejected_five_minutes_and_a_second_after_it_was_issued() {
    let app = TestApp::start().await;
    let (early, late) = (app.dingtalk.issue_code("alice"), app.dingtalk.issue_code("alice"));
    app.dingtalk.advance(Duration::from_secs(298));
    assert_eq!(app.browser().enter_and_log_in(&early).await.status, 200);
    app.dingtalk.advance(Duration::from_secs(3));
    assert_eq!(denied(&mut app.browser(), &late).await, (401, "code_rejected".into()));
}

#[tokio::test]
async fn a_code_that_was_used_is_rejected_without_asking_dingtalk_again() {
    let app = TestApp::start().await;
    let code = app.dingtalk.issue_code("alice");
    assert_eq!(app.browser().enter_and_log_in(&code).await.status, 200);
    assert_eq!(denied(&mut app.browser(), &code).await, (401, "code_rejected".into()));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
}

#[tokio::test]
async fn another_apps_code_is_rejected() {
    let app = TestApp::start().await;
    let foreign = app.dingtalk.issue_foreign_code();
    assert_eq!(denied(&mut app.browser(), &foreign).await, (401, "code_rejected".into()));
}

#[tokio::test]
async fn of_twenty_parallel_posts_of_one_code_one_logs_in_and_the_others_are_told_it_is_in_use() {
    let app = TestApp::start().await;
    app.browser_of("zhangsan").await;
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 1500 });
    let code = app.dingtalk.issue_code("alice");
    let mut ready = Vec::new();
    for _ in 0..20 {
        let mut browser = app.browser();
        let state = browser.enter().await;
        ready.push((browser, state));
    }
    let posts: Vec<_> = ready
        .into_iter()
        .map(|(mut browser, state)| {
            let code = code.clone();
            tokio::spawn(async move {
                let answer = browser.log_in(&code, &state).await;
                if answer.status == 200 { (200, String::new()) } else { answer.problem() }
            })
        })
        .collect();
    let mut answers = Vec::new();
    for post in posts {
        answers.push(post.await.unwrap());
    }
    answers.sort();
    assert_eq!(answers[0].0, 200);
    assert!(answers[1..].iter().all(|answer| *answer == (409, "code_in_use".into())), "{answers:?}");
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
}

#[tokio::test]
async fn a_state_is_needed_that_this_browser_was_given_in_the_last_ten_minutes_and_has_not_used() {
    let app = TestApp::start().await;
    let rejected = (403, "state_rejected".to_owned());

    let mut browser = app.browser();
    let state = browser.enter().await;
    let other_browsers = app.browser().enter().await;
    for wrong in ["", "0", &other_browsers, &state[1..], &state.replace(&state[40..42], "zz"), &format!("{state}00")] {
        assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), wrong).await.problem(), rejected, "{wrong}");
    }
    let mut flipped = state.clone();
    flipped.replace_range(20..21, if &state[20..21] == "0" { "1" } else { "0" });
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &flipped).await.problem(), rejected);

    let mut without_cookie = browser.clone();
    without_cookie.cookies.clear();
    assert_eq!(without_cookie.log_in(&app.dingtalk.issue_code("alice"), &state).await.problem(), rejected);

    app.hands.advance(Duration::from_secs(601));
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.problem(), rejected);

    let fresh = browser.enter().await;
    let before_login = browser.clone();
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &fresh).await.status, 200);
    assert_eq!(before_login.clone().log_in(&app.dingtalk.issue_code("alice"), &fresh).await.problem(), rejected);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1, "a rejected state costs no call");
}

#[tokio::test]
async fn after_a_stale_code_the_same_page_may_try_a_fresh_one() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    assert_eq!(browser.log_in("stale", &state).await.problem(), (401, "code_rejected".into()));
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200);
}

#[tokio::test]
async fn two_pages_of_one_browser_can_log_in_at_the_same_time() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let (one, other) = (browser.enter().await, browser.enter().await);
    let mut second_page = browser.clone();
    let codes = [app.dingtalk.issue_code("alice"), app.dingtalk.issue_code("alice")];
    app.dingtalk.fault(USER_BY_CODE, 2, Fault::Delay { milliseconds: 300 });
    let answers = tokio::join!(browser.log_in(&codes[0], &one), second_page.log_in(&codes[1], &other));
    assert_eq!((answers.0.status, answers.1.status), (200, 200));
}

/// Neither has a pre-session when it enters, and the second answer replaces that of the first.
#[tokio::test]
async fn two_windows_that_open_at_once_are_both_logged_in() {
    let app = TestApp::start().await;
    let (mut first, mut second) = (app.browser(), app.browser());
    let (replaced, state) = (first.enter().await, second.enter().await);
    first.cookies = second.cookies.clone();
    let answer = first.log_in(&app.dingtalk.issue_code("alice"), &replaced).await;
    assert_eq!(answer.problem(), (403, "state_rejected".into()));
    let fresh = first.enter().await;
    assert_eq!(second.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200);
    first.cookies = second.cookies.clone();
    assert_eq!(first.cookie("presession"), None);
    assert_eq!(first.log_in(&app.dingtalk.issue_code("alice"), &fresh).await.status, 200);
    assert_eq!(first.me().await.json()["userId"], "alice");
    first.log_out().await;
    let answer = first.log_in(&app.dingtalk.issue_code("alice"), &second.enter().await).await;
    assert_eq!(answer.problem(), (403, "state_rejected".into()), "nothing is left after a logout");
}

#[tokio::test]
async fn a_post_from_elsewhere_is_turned_away_before_anything_happens() {
    let app = TestApp::start().await;
    let ours = app.url.clone();
    let cases: &[&[(&str, &str)]] = &[
        &[],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("origin", "http://127.0.0.1"), ("sec-fetch-site", "same-site")],
        &[("origin", &ours), ("sec-fetch-site", "cross-site")],
        &[("origin", &ours), ("sec-fetch-site", "none")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in cases {
        let mut browser = app.browser();
        let state = browser.enter().await;
        let body = json!({"authCode": app.dingtalk.issue_code("alice"), "state": state}).to_string();
        let headers = [headers, &[("content-type", "application/json")][..]].concat();
        for path in ["/api/login", "/api/logout", "/api/jsapi/report"] {
            let answer = browser.send(Method::POST, path, &headers, Some(body.clone().into())).await;
            assert_eq!(answer.problem(), (403, "origin_rejected".into()), "{path} {headers:?}");
            assert!(!answer.headers.contains_key("set-cookie"));
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
        }
    }
    assert_eq!(app.dingtalk.upstream_calls(), 0);
}

#[tokio::test]
async fn a_post_of_an_old_webview_passes_on_its_origin_alone() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let body = json!({"authCode": app.dingtalk.issue_code("alice"), "state": state}).to_string();
    let origin = app.url.clone();
    let headers = [("origin", origin.as_str()), ("content-type", "application/json")];
    assert_eq!(browser.send(Method::POST, "/api/login", &headers, Some(body.into())).await.status, 200);
}

#[tokio::test]
async fn a_body_of_any_other_shape_is_refused_before_dingtalk_is_asked() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let long = "x".repeat(600);
    let bodies = [
        String::new(),
        "null".into(),
        "[]".into(),
        "\"code\"".into(),
        "{".into(),
        "{}".into(),
        r#"{"authCode":"c"}"#.into(),
        format!(r#"{{"state":"{state}"}}"#),
        format!(r#"{{"authCode":"","state":"{state}"}}"#),
        format!(r#"{{"authCode":null,"state":"{state}"}}"#),
        format!(r#"{{"authCode":1,"state":"{state}"}}"#),
        format!(r#"{{"authCode":["c"],"state":"{state}"}}"#),
        format!(r#"{{"authCode":"c","state":"{state}","extra":1}}"#),
        format!(r#"{{"authCode":"c","state":"{state}","place":1}}"#),
        format!(r#"{{"authCode":"c","authCode":"d","state":"{state}"}}"#),
        format!(r#"{{"authCode":"c\u0000","state":"{state}"}}"#),
        format!(r#"{{"authCode":"c\r\nX: y","state":"{state}"}}"#),
        format!(r#"{{"authCode":"{long}","state":"{state}"}}"#),
        format!(r#"{{"authCode":"c","state":"{state}"}} trailing"#),
        format!("{}1{}", "[".repeat(1000), "]".repeat(1000)),
        format!(r#"["c","{state}"]"#),
    ];
    let origin = app.url.clone();
    let headers = [("origin", origin.as_str()), ("content-type", "application/json")];
    for body in bodies {
        let answer = browser.send(Method::POST, "/api/login", &headers, Some(body.clone().into())).await;
        assert_eq!(answer.problem(), (400, "bad_request".into()), "{body}");
    }
    assert_eq!(app.dingtalk.upstream_calls(), 0);
}
