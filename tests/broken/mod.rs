//! DingTalk on broken networks: raw sockets that lie, stall, cut and redirect; and everything at once, for an hour.

mod bans;
mod bodies;
mod network;
pub mod rogue;
pub mod soak;
mod tickets;

use self::rogue::Rogue;
use crate::support::{Answer, TestApp};

/// The app with `rogue` in DingTalk's place.
async fn app_before(rogue: &Rogue) -> TestApp {
    let url: url::Url = rogue.url.parse().unwrap();
    TestApp::start_with(|settings| {
        settings.dingtalk.api_url = url.clone();
        settings.dingtalk.oapi_url = url;
    })
    .await
}

/// One login by somebody new.
async fn login(app: &TestApp, code: &str) -> Answer {
    app.browser().enter_and_log_in(code).await
}
