//! English and Chinese: the pages, and what the playground's script says.

use dingtalk_simulator::Fault;

use crate::browser::chromium::Chromium;
use crate::browser::faces::Reader;
use crate::http::languages::{LANGUAGES, browser_of, is_written_in};
use crate::support::TestApp;

#[tokio::test]
async fn every_page_is_in_the_language_of_its_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::demo().await;
        let mut bob = browser_of(&app, "bob", reads).await;
        for path in ["/", "/profile", "/jsapi"] {
            is_written_in(tag, &bob.go(path).await);
        }
        app.dingtalk.fault("/topapi/v2/user/get", 1000, Fault::Permission);
        is_written_in(tag, &bob.go("/profile").await);
    }
}

#[tokio::test]
async fn calls_and_their_outcomes_are_told_in_the_language_of_the_client() {
    let app = TestApp::demo().await;
    let chromium = Chromium::start().await;
    for (language, [accepted, ok, title]) in
        [("en-US", ["Accepted", "OK", "A new title"]), ("zh-CN", ["已通过", "成功", "新标题"])]
    {
        let scheme = "light";
        chromium.is_read_by(Reader { language, scheme }).await;
        chromium.open(&format!("{}/jsapi", app.url)).await;
        chromium.sees("#config-name", accepted).await;
        chromium.click("[data-api='biz.navigation.setTitle'] button").await;
        chromium.sees("[data-api='biz.navigation.setTitle'] output strong", ok).await;
        assert_eq!(chromium.driver.title().await.unwrap(), title);
    }
    chromium.finish().await;
}

#[tokio::test]
async fn what_the_library_or_the_client_lacks_is_told_too() {
    let app = TestApp::demo().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi", app.url)).await;
    chromium.sees("#config-name", "Accepted").await;
    chromium.run("delete window.dd.biz.contact.choose", &[]).await;
    chromium.click("[data-api='biz.contact.choose'] button").await;
    let told = "Failed – This DingTalk does not know that function.";
    chromium.sees("[data-api='biz.contact.choose'] output strong", told).await;
    for code in ["4050", "'1'"] {
        chromium
            .run(&format!("window.dd.device.notification.vibrate = () => Promise.reject({{ errorCode: {code} }})"), &[])
            .await;
        chromium.run("document.querySelector(\"[data-api='device.notification.vibrate'] output\").textContent = ''", &[]).await;
        chromium.click("[data-api='device.notification.vibrate'] button").await;
        chromium.sees("[data-api='device.notification.vibrate'] output strong", told).await;
    }
    chromium.finish().await;
}
