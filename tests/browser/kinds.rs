//! The kinds of app besides the internal one, in the client.

use std::time::Duration;

use serde_json::json;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, USER_BY_CODE};

const ME: &str = "h5.session.fetch('/api/me').then((answer) => answer.json().then((me) => [answer.status, me.name]))";

impl Chromium {
    /// Opens the app in the organisation `corp_id`, as the person called `name`, and waits until `dd.config` is accepted on the gated page.
    async fn is_configured_for(&self, app: &TestApp, corp_id: &str, name: &str) {
        self.open(&format!("{}/?corpid={corp_id}", app.url)).await;
        self.sees("#user-name", name).await;
        self.go(&format!("{}/jsapi", app.url)).await;
        self.config_is("accepted").await;
    }
}

#[tokio::test]
async fn somebody_logs_in_to_a_custom_app_and_its_gated_page_is_configured() {
    let app = TestApp::custom().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    chromium.go(&format!("{}/jsapi", app.url)).await;
    chromium.config_is("accepted").await;
    chromium.finish().await;
}

#[tokio::test]
async fn people_of_two_organisations_log_in_to_a_third_party_app_and_their_gated_pages_are_configured() {
    let (app, both) = TestApp::of_both_organisations().await;
    let chromium = Chromium::start().await;
    for (corp_id, name) in both.into_iter().zip(["张三", "章珊"]) {
        chromium.is_configured_for(&app, corp_id, name).await;
    }
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn people_are_picked_from_the_organisation_that_the_page_was_configured_for() {
    let (app, both) = TestApp::of_both_organisations().await;
    let chromium = Chromium::start().await;
    for (corp_id, name) in both.into_iter().zip(["张三", "章珊"]) {
        chromium.is_configured_for(&app, corp_id, name).await;
        chromium.run("dd.biz.contact.choose({}).catch(() => {})", &[]).await;
        chromium.sees("#dd-dialog-choice-0", name).await;
        chromium.click("#dd-dialog-cancel").await;
    }
    chromium.finish().await;
}

#[tokio::test]
async fn a_session_that_ends_or_is_lost_in_the_middle_of_work_is_renewed_unseen_in_its_organisation() {
    let (app, [_, corp_id]) = TestApp::of_both_organisations().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/?corpid={corp_id}", app.url)).await;
    chromium.sees("#user-name", "章珊").await;
    chromium.go(&format!("{}/profile", app.url)).await;
    chromium.sees("#user-name", "章珊").await;
    app.hands.advance(Duration::from_secs(31 * 60));
    assert_eq!(chromium.resolve(ME).await, json!([200, "章珊"]));
    chromium.driver.delete_all_cookies().await.unwrap();
    assert_eq!(chromium.resolve(ME).await, json!([200, "章珊"]));
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 3);
    app.hands.advance(Duration::from_secs(31 * 60));
    chromium.driver.refresh().await.unwrap();
    chromium.sees("#user-name", "章珊").await;
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_whose_browser_went_to_a_namesake_in_another_organisation_is_loaded_anew_and_does_nothing_in_their_name() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/?corpid={one}", app.url)).await;
    chromium.sees("#user-name", "张三").await;
    chromium.run("window.old = true", &[]).await;
    let page = chromium.driver.window().await.unwrap();
    let another = chromium.driver.new_tab().await.unwrap();
    chromium.driver.switch_to_window(another).await.unwrap();
    chromium.open(&format!("{}/?corpid={other}", app.url)).await;
    chromium.sees("#user-name", "章珊").await;
    chromium.driver.switch_to_window(page).await.unwrap();
    assert_eq!(chromium.rejected_on_leaving(ME).await["code"], "user_changed");
    chromium.until("the page was asked for anew", "return !window.old", &[]).await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}
