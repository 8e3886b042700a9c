//! DingTalk on broken networks: raw sockets that lie, stall, cut and redirect; and everything at once, for an hour.

mod bans;
mod bodies;
mod gone;
mod network;
pub mod rogue;
pub mod soak;
mod tickets;

use dingtalk_h5::settings::Settings;

use self::rogue::Rogue;
use crate::support::{Answer, TestApp};

/// The app with `rogue` in DingTalk's place.
pub async fn app_before(rogue: &Rogue) -> TestApp {
    app_with(rogue, |_| {}).await
}

/// The same with settings as `adjust` leaves them.
pub async fn app_with(rogue: &Rogue, adjust: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(|settings| {
        rogue.takes_dingtalks_place(settings);
        adjust(settings);
    })
    .await
}

/// The app with one rogue for each of DingTalk's hosts.
async fn app_between(api: &Rogue, oapi: &Rogue) -> TestApp {
    TestApp::start_with(|settings| {
        settings.dingtalk.api_url = api.url.parse().unwrap();
        settings.dingtalk.oapi_url = oapi.url.parse().unwrap();
    })
    .await
}

/// One login by somebody new.
pub async fn login(app: &TestApp, code: &str) -> Answer {
    app.browser().enter_and_log_in(code).await
}
