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
    TestApp::start_with(|settings| rogue.takes_dingtalks_place(settings)).await
}

/// One login by somebody new.
async fn login(app: &TestApp, code: &str) -> Answer {
    app.browser().enter_and_log_in(code).await
}
