//! The JSAPI playground: `dd.config` with our signature, and the calls it opens.

use dingtalk_h5::dingtalk::AgentId;
use serde_json::json;

use super::chromium::Chromium;
use crate::support::TestApp;

/// What comes after the path of a page, exactly as `location.href` has it.
const TAILS: [&str; 8] = [
    "?q=%E5%BC%A0%E4%B8%89",
    "?q=a%20b",
    "?q=a+b",
    "#part",
    "#%E5%BC%A0%E4%B8%89",
    "?q=%E5%BC%A0%E4%B8%89&x=a%20b+c%2B#part?of=it",
    "?x=ding1&empty=&flag&q=a%2Fb/c:d@e%27f|g",
    "?",
];

impl Chromium {
    async fn config_is(&self, state: &str) {
        self.shown(&format!("#config-state[data-state='{state}']")).await;
    }

    async fn press(&self, api: &str) {
        self.click(&format!("[data-api='{api}'] button")).await;
    }

    /// What a call came to, by its row.
    async fn outcome(&self, api: &str, outcome: &str) -> String {
        self.shown(&format!("[data-api='{api}'] output[data-outcome='{outcome}']")).await
    }
}

#[tokio::test]
async fn the_configuration_is_accepted_at_every_address_gone_to_from_within() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for tail in TAILS {
        let address = format!("{}/jsapi{tail}", app.url);
        chromium.open(&app.url).await;
        chromium.shown("#user-name").await;
        chromium.go(&address).await;
        chromium.config_is("accepted").await;
        assert_eq!(chromium.href().await, address);
    }
    chromium.finish().await;
}

#[tokio::test]
async fn the_configuration_is_accepted_at_every_address_opened_from_outside() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for tail in TAILS {
        let address = format!("{}/jsapi{tail}", app.url);
        chromium.open("about:blank").await;
        chromium.open(&address).await;
        chromium.config_is("accepted").await;
        assert_eq!(chromium.href().await, address);
    }
    chromium.finish().await;
}

#[tokio::test]
async fn an_address_in_plain_chinese_is_accepted_as_the_browser_writes_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi?q=张三&x=a b", app.url)).await;
    chromium.config_is("accepted").await;
    assert_eq!(chromium.href().await, format!("{}/jsapi?q=%E5%BC%A0%E4%B8%89&x=a%20b", app.url));
    chromium.finish().await;
}

#[tokio::test]
async fn a_gated_call_succeeds_and_can_be_cancelled() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.config_is("accepted").await;

    chromium.press("biz.contact.choose").await;
    chromium.click("#dd-dialog-choice-1").await;
    let chosen = chromium.outcome("biz.contact.choose", "ok").await;
    assert!(chosen.contains("\"emplId\": \"alice\""), "{chosen}");

    chromium.press("biz.contact.choose").await;
    chromium.click("#dd-dialog-cancel").await;
    let cancelled = chromium.outcome("biz.contact.choose", "cancelled").await;
    assert!(cancelled.starts_with("Cancelled"), "{cancelled}");

    chromium.press("device.geolocation.get").await;
    let place = chromium.outcome("device.geolocation.get", "ok").await;
    assert!(place.contains("\"longitude\""), "{place}");
    chromium.finish().await;
}

#[tokio::test]
async fn open_calls_work() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi", app.url)).await;

    chromium.press("device.connection.getNetworkType").await;
    let network = chromium.outcome("device.connection.getNetworkType", "ok").await;
    assert!(network.contains("wifi"), "{network}");

    chromium.press("device.notification.alert").await;
    chromium.click("#dd-dialog-ok").await;
    chromium.outcome("device.notification.alert", "ok").await;

    chromium.press("device.notification.confirm").await;
    chromium.click("#dd-dialog-cancel").await;
    let answer = chromium.outcome("device.notification.confirm", "ok").await;
    assert!(answer.contains("\"buttonIndex\": 0"), "{answer}");

    chromium.press("device.notification.toast").await;
    chromium.outcome("device.notification.toast", "ok").await;

    chromium.press("biz.navigation.setTitle").await;
    chromium.outcome("biz.navigation.setTitle", "ok").await;
    assert_eq!(chromium.driver.title().await.unwrap(), "A new title");
    chromium.finish().await;
}

#[tokio::test]
async fn a_refused_configuration_is_explained_and_costs_only_the_gated_calls() {
    let app = TestApp::start_with(|settings| settings.dingtalk.agent_id = AgentId::parse("999").unwrap()).await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.config_is("refused").await;
    let reason = chromium.shown("#config-reason").await;
    assert!(reason.contains("52019"), "{reason}");

    chromium.press("biz.contact.choose").await;
    let failed = chromium.outcome("biz.contact.choose", "failed").await;
    assert!(failed.contains("DingTalk refused the request.") && failed.contains("dd.config"), "{failed}");
    assert_eq!(chromium.run("return document.querySelector('#dd-dialog')", &[]).await, json!(null));

    chromium.press("device.connection.getNetworkType").await;
    chromium.outcome("device.connection.getNetworkType", "ok").await;
    chromium.click("nav.nav a[href='/']").await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}
