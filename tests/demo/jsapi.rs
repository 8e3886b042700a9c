//! The JSAPI playground: the calls that `dd.config` opens, and the others.

use serde_json::json;

use crate::browser::chromium::Chromium;
use crate::support::{TestApp, with_another_agent};

impl Chromium {
    async fn press(&self, api: &str) {
        self.click(&format!("[data-api='{api}'] button")).await;
    }

    /// Waits until the row of `api` shows this outcome, and returns its text.
    async fn outcome(&self, api: &str, outcome: &str) -> String {
        self.shown(&format!("[data-api='{api}'] output[data-outcome='{outcome}']")).await
    }
}

#[tokio::test]
async fn a_gated_call_succeeds_and_can_be_cancelled() {
    let app = TestApp::demo().await;
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
    let focused = "return document.activeElement.closest('[data-api]').dataset.api";
    assert_eq!(chromium.run(focused, &[]).await, "biz.contact.choose", "whoever goes by keys starts anew");

    chromium.press("device.geolocation.get").await;
    let place = chromium.outcome("device.geolocation.get", "ok").await;
    assert!(place.contains("\"longitude\""), "{place}");
    chromium.finish().await;
}

#[tokio::test]
async fn a_signature_that_dingtalk_does_not_answer_for_is_not_called_refused() {
    let app = TestApp::demo().await;
    let chromium = Chromium::start().await;
    chromium
        .on_every_document(
            "const wait = window.setTimeout;
             window.setTimeout = (then, milliseconds) => wait(then, milliseconds === 10000 ? 0 : milliseconds);
             let library;
             Object.defineProperty(window, 'dd', { get: () => library, set: (dd) => { dd.config = () => {}; library = dd; } });",
        )
        .await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.sees("#config-name", "No answer").await;
    chromium.sees("#config-next", "Calls that need the signature may fail. The others still work.").await;
    chromium.finish().await;
}

#[tokio::test]
async fn without_dingtalks_library_the_page_does_not_say_that_some_calls_work() {
    let app = TestApp::demo().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.config_is("accepted").await;
    chromium.on_every_document("Object.defineProperty(window, 'dd', { get: () => undefined, set: () => {} });").await;
    chromium.go(&format!("{}/jsapi?again", app.url)).await;
    chromium.sees("#config-text", "The part of this page that talks to DingTalk could not be loaded.").await;
    chromium.sees("#config-name", "Not asked").await;
    let next = "Check your network connection, then try again.";
    assert_eq!(chromium.run("return document.querySelector('#config-next').textContent", &[]).await, next);
    chromium.finish().await;
}

#[tokio::test]
async fn open_calls_work() {
    let app = TestApp::demo().await;
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
    let app = TestApp::demo_with(with_another_agent).await;
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
