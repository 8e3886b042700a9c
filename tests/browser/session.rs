//! Sessions that end in the middle of work.

use std::time::Duration;

use dingtalk_simulator::Answers;
use serde_json::json;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, USER_BY_CODE};

const ME: &str = "h5.session.fetch('/api/me').then((answer) => answer.json().then((me) => [answer.status, me.userId]))";

/// Somebody has logged in and sees their first page.
pub async fn at_home(app: &TestApp) -> Chromium {
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#user-name").await;
    chromium
}

/// The same, but their session has ended meanwhile.
async fn away_too_long(app: &TestApp) -> Chromium {
    let chromium = at_home(app).await;
    app.hands.advance(Duration::from_secs(31 * 60));
    chromium
}

#[tokio::test]
async fn a_request_after_the_end_of_the_session_logs_in_again_unseen() {
    let app = TestApp::start().await;
    let chromium = away_too_long(&app).await;
    chromium.run("window.same = true", &[]).await;
    assert_eq!(chromium.resolve("fetch('/api/me').then((answer) => answer.status)").await, 401);
    assert_eq!(chromium.resolve(ME).await, json!([200, "zhangsan"]));
    assert_eq!(chromium.run("return window.same", &[]).await, true, "the page stayed");
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 2));
    chromium.finish().await;
}

#[tokio::test]
async fn requests_that_fail_together_log_in_once() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    chromium.driver.delete_all_cookies().await.unwrap();
    let answers = chromium.resolve(&format!("Promise.all([1, 2, 3, 4, 5, 6].map(() => {ME}))")).await;
    assert_eq!(answers, json!(vec![json!([200, "zhangsan"]); 6]));
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 2));
    chromium.finish().await;
}

#[tokio::test]
async fn a_session_that_another_page_has_ended_before_the_request_was_repeated_is_renewed_again() {
    let app = TestApp::start().await;
    let chromium = away_too_long(&app).await;
    chromium
        .run(
            "const ask = window.fetch;
             window.fetch = async (path, init) => {
               const answer = await ask(path, init);
               if (path === '/api/login') {
                 window.fetch = ask;
                 await ask('/api/logout', Object.assign({}, init, { body: '{}' }));
               }
               return answer;
             };",
            &[],
        )
        .await;
    assert_eq!(chromium.resolve(ME).await, json!([200, "zhangsan"]));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 3);
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_whose_state_another_page_has_taken_away_is_tried_once_more() {
    let app = TestApp::start().await;
    let chromium = away_too_long(&app).await;
    // As when two pages log in again at once, and the answer to the other page has replaced the pre-session cookie.
    chromium
        .run(
            "const ask = window.fetch;
             window.fetch = (path, init) => {
               if (path !== '/api/login') return ask(path, init);
               window.fetch = ask;
               return ask(path, Object.assign({}, init, { body: init.body.replace(/\"state\":\"../, '\"state\":\"00') }));
             };",
            &[],
        )
        .await;
    assert_eq!(chromium.resolve(ME).await, json!([200, "zhangsan"]));
    chromium.finish().await;
}

#[tokio::test]
async fn a_login_in_the_middle_of_work_that_fails_is_told_and_not_repeated() {
    let app = TestApp::start().await;
    let chromium = away_too_long(&app).await;
    app.dingtalk.client(Answers::Refuses, false);
    let outcome = chromium.resolve(ME).await;
    assert_eq!(outcome["rejected"]["kind"], "refused", "{outcome}");
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 1));
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_waited_too_long_takes_a_fresh_state_by_itself() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Refuses, false);
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.shown("#trouble-text").await;
    app.advance(Duration::from_secs(601));
    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
    chromium.finish().await;
}

#[tokio::test]
async fn a_401_that_offers_no_login_is_the_app_s_and_a_request_that_it_stops_is_stopped() {
    let app = TestApp::start().await;
    let chromium = at_home(&app).await;
    let script = "const ask = window.fetch;
         window.fetch = (path, init) => (path === '/api/pin' ? Promise.resolve(new Response('', { status: 401 })) : ask(path, init));";
    chromium.run(script, &[]).await;
    assert_eq!(chromium.resolve("h5.session.fetch('/api/pin').then((answer) => answer.status)").await, 401);
    let stopped = "(() => {
         const stop = new AbortController();
         const asked = h5.session.fetch('/api/me', { signal: stop.signal });
         stop.abort();
         return asked.catch((error) => error.name);
       })()";
    assert_eq!(chromium.resolve(stopped).await, "AbortError");
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 1);
    chromium.finish().await;
}
