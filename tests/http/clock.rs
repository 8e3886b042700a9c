//! Somebody sets the machine's clock: nothing lives for ever, and nothing dies in a herd.

use std::time::Duration;

use crate::support::{ACCESS_TOKEN, JSAPI_TICKET, TestApp, client_accepts};

const HOUR: i64 = 3600;

#[tokio::test]
async fn a_jump_of_the_time_of_day_ends_no_session_and_no_credential_and_prolongs_none() {
    for jump in [HOUR, -HOUR, 24 * HOUR, -24 * HOUR] {
        let app = TestApp::start().await;
        let mut browser = app.browser_of("alice").await;
        let url = format!("{}/jsapi", app.url);
        assert_eq!(browser.jsapi_config(&url).await.status, 200);
        let state = browser.enter().await;

        app.hands.set_time_of_day(jump);
        assert_eq!(browser.me().await.status, 200, "{jump}");
        let config = browser.jsapi_config(&url).await;
        assert_eq!(client_accepts(&app.dingtalk, &config.json(), &url).await["errcode"], 0, "{jump}");
        assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200, "{jump}");
        assert_eq!((app.dingtalk.calls(ACCESS_TOKEN), app.dingtalk.calls(JSAPI_TICKET)), (1, 1), "{jump}");

        app.advance(Duration::from_secs(1801));
        assert_eq!(browser.me().await.status, 401, "{jump}: idle is idle");
        app.advance(Duration::from_secs(7200));
        app.browser_of("alice").await;
        assert_eq!(app.dingtalk.calls(ACCESS_TOKEN), 2, "{jump}");
    }
}
