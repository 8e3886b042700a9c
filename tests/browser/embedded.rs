//! The app in a frame of another site, as DingTalk's PC client shows it: https, a third-party context, partitioned cookies.

use dingtalk_h5::dingtalk::Origin;
use dingtalk_h5::settings::Settings;
use serde_json::json;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;

use super::chromium::Chromium;
use super::tls;
use crate::support::{TestApp, USER_BY_CODE, in_time};

const APP: &str = "app.example.com";
const CLIENT: &str = "im.dingtalk.com";

/// Sets the app's address to https://app.example.com, as it is for [`framing`], and whether it may be shown in a frame.
pub fn may_be_framed(settings: &mut Settings, embedded: bool) {
    settings.web.public_url = Origin::parse(&format!("https://{APP}")).unwrap();
    settings.web.embedded = embedded;
}

/// A Chromium that finds the app at its https address, and DingTalk's site, on this machine. It shows that site, with the app in a frame.
pub async fn framing(app: &TestApp) -> Chromium {
    let public_url = format!("https://{APP}");
    let (app_port, client_port) = (tls::before(APP, &app.url).await, tls::framing(CLIENT, &public_url).await);
    let chromium = Chromium::start_with(|capabilities| {
        let hosts = format!("--host-resolver-rules=MAP {APP} 127.0.0.1:{app_port}, MAP {CLIENT} 127.0.0.1:{client_port}");
        capabilities.add_arg(&hosts).unwrap();
        capabilities.add_arg("--ignore-certificate-errors").unwrap();
    })
    .await;
    chromium.open(&format!("https://{CLIENT}/")).await;
    chromium.driver.enter_frame(0).await.unwrap();
    chromium
}

#[tokio::test]
async fn in_a_frame_of_dingtalk_somebody_is_logged_in_and_stays_so() {
    let app = TestApp::start_with(|settings| may_be_framed(settings, true)).await;
    let chromium = framing(&app).await;
    chromium.sees("#user-name", "张三").await;
    chromium.click("a[href='/profile']").await;
    chromium.sees("#user-id", "zhangsan").await;
    let me = chromium.resolve("fetch('/api/me').then((answer) => answer.status)").await;
    assert_eq!((me, app.dingtalk.calls(USER_BY_CODE)), (json!(200), 1));
    chromium.finish().await;
}

#[tokio::test]
async fn unless_it_is_told_to_the_app_cannot_be_framed() {
    let app = TestApp::start_with(|settings| may_be_framed(settings, false)).await;
    let chromium = framing(&app).await;
    let refused = async { while !chromium.log().await.iter().any(|entry| entry.message.contains("frame-ancestors")) {} };
    in_time("it is refused", refused).await;
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 0);
    chromium.finish_with_faults();
}
