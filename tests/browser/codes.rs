//! Stale authCodes: the page takes one fresh code, and does not loop.

use dingtalk_simulator::Fault;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, USER_BY_CODE};

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";

#[tokio::test]
async fn after_a_stale_code_one_fresh_code_lets_in() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1, Fault::AuthCodeError);
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2, 2));
    chromium.finish().await;
}

#[tokio::test]
async fn when_every_code_is_stale_the_page_stops_after_the_second_and_says_so() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1000, Fault::AuthCodeError);
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    // If the page looped, more than two codes a try would have been used by the time somebody tries again.
    for tries in 1..=3 {
        chromium.sees("#trouble-text", "DingTalk did not accept the sign-in code.").await;
        let reference = chromium.shown("#trouble-reference").await;
        assert!(reference.len() > "Reference: ".len(), "{reference}");
        assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (2 * tries, 2 * tries));
        chromium.tries_again().await;
    }
    chromium.sees("#trouble-text", "DingTalk did not accept the sign-in code.").await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_dingtalk_that_is_not_set_up_is_not_asked_twice() {
    let app = TestApp::start().await;
    app.dingtalk.fault(EXCHANGE, 1000, Fault::Permission);
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "This app is not set up correctly.").await;
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (1, 1));
    chromium.finish().await;
}
