//! Sessions that do not come back: the page says so, and does not go in circles.

use std::time::Duration;

use serde_json::json;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, USER_BY_CODE};

const LOST: &str = "You were signed in, but your session does not come back.";

/// Makes sessionStorage throw, as in a frame of another site whose storage is blocked.
const NO_STORAGE: &str = "Object.defineProperty(window, 'sessionStorage', {
    get() { throw new DOMException('Access is denied', 'SecurityError'); }
})";

/// An app whose sessions are over before the next request, as with a cookie that the browser does not keep.
async fn forgetful() -> TestApp {
    TestApp::start_with(|settings| settings.web.session_idle = Duration::ZERO).await
}

#[tokio::test]
async fn a_session_that_does_not_come_back_is_told_after_two_logins() {
    let app = forgetful().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    // Somebody who tries again gets one more login, not a loop.
    for logins in 2..=3 {
        chromium.sees("#trouble-text", LOST).await;
        assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (logins, logins));
        chromium.tries_again().await;
    }
    chromium.sees("#trouble-text", LOST).await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_browser_that_keeps_no_cookie_and_no_storage_is_told_so() {
    let app = TestApp::start().await;
    let blocked = json!({"profile.default_content_setting_values.cookies": 2});
    let chromium =
        Chromium::start_whole_with(|capabilities| capabilities.add_experimental_option("prefs", blocked).unwrap()).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "The sign-in of this page is no longer valid.").await;
    let text = chromium.text().await;
    assert!(text.contains("may block cookies"), "{text}");
    // One authCode, and another one after the only reload. Neither was sent to DingTalk.
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 0));
    chromium.finish().await;
}

#[tokio::test]
async fn without_storage_a_session_that_does_not_come_back_is_told_after_one_login() {
    let app = forgetful().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(NO_STORAGE).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", LOST).await;
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (1, 1));
    chromium.finish().await;
}

#[tokio::test]
async fn without_storage_somebody_is_logged_in_all_the_same() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document(NO_STORAGE).await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (1, 1));
    chromium.finish().await;
}
