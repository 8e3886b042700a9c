//! The profile: everything DingTalk tells, or as much as it may.

use std::time::Duration;

use dingtalk_simulator::{Fault, Simulator};
use serde_json::{Value, json};

use crate::browser::chromium::Chromium;
use crate::process::{Served, complete};
use crate::support::{TestApp, USER_DETAILS};

#[tokio::test]
async fn somebody_sees_all_that_dingtalk_knows_of_them() {
    let app = TestApp::demo().await;
    app.dingtalk.sign_in("alice");
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile", app.url)).await;
    chromium.sees("#user-name", "Alice Chen").await;
    chromium.sees("#user-id", "alice").await;
    let text = chromium.text().await;
    for detail in ["Head of Design", "Departments", "simulatedUnionAliceChen", app.dingtalk.app().corp_id] {
        assert!(text.contains(detail), "no {detail} in {text}");
    }
    let departments = chromium.run("return document.querySelectorAll('dd.chips')[0].children.length", &[]).await;
    assert_eq!(departments, json!(2));
    let drawn = "const avatar = document.querySelector('.avatar img'); return avatar.complete && avatar.naturalWidth > 0";
    chromium.until("the avatar is drawn", drawn, &[]).await;
    chromium.finish().await;
}

#[tokio::test]
async fn somebody_without_details_sees_their_name_and_their_initial() {
    let app = TestApp::demo().await;
    app.dingtalk.sign_in("bob");
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile", app.url)).await;
    chromium.sees("#user-name", "Bob").await;
    chromium.sees(".avatar", "B").await;
    assert!(!chromium.text().await.contains("Departments"));
    chromium.finish().await;
}

#[tokio::test]
async fn without_the_permission_the_page_names_it_and_shows_the_name() {
    let app = TestApp::demo().await;
    app.dingtalk.fault("/topapi/v2/user/get", 1000, Fault::Permission);
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile", app.url)).await;
    chromium.sees("#user-name", "张三").await;
    chromium.sees("#user-id", "zhangsan").await;
    let text = chromium.text().await;
    assert!(text.contains("qyapi_get_member"), "{text}");
    assert!(app.dingtalk.calls(USER_DETAILS) > 0);
    chromium.finish().await;
}

#[tokio::test]
async fn the_profile_shows_what_the_session_knows_when_the_permission_is_missing() {
    let app = TestApp::demo().await;
    let mut browser = app.browser_of("alice").await;
    let full = browser.go("/profile").await;
    assert!(full.body.contains("Head of Design"), "{}", full.body);
    app.advance(Duration::from_secs(60));
    app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Permission);
    let poor = browser.go("/profile").await;
    assert_eq!(poor.status, 200);
    assert!(poor.body.contains("Alice Chen") && poor.body.contains("qyapi_get_member"), "{} {:?}", poor.status, poor.body);
    assert!(!poor.body.contains("Head of Design"));
    assert_eq!(app.dingtalk.calls(USER_DETAILS), 2);
}

#[tokio::test]
async fn only_a_missing_permission_is_named_and_nobody_is_told_to_apply_for_one_when_dingtalk_fails() {
    for fault in [Fault::Busy, Fault::Quota, Fault::Status { status: 502 }, Fault::Ban { form: Default::default() }] {
        let app = TestApp::demo().await;
        let mut browser = app.browser_of("alice").await;
        app.dingtalk.fault("/topapi/v2/user/get", 1000, fault.clone());
        for (reads, words) in [("en", "not available at present"), ("zh", "暂时无法获取完整资料")] {
            browser.reads = reads;
            let poor = browser.go("/profile").await.body;
            assert!(poor.contains("Alice Chen") && poor.contains(words), "{fault:?}: {poor}");
            assert!(!poor.contains("qyapi_get_member"), "{fault:?}: {poor}");
        }
    }
}

#[tokio::test]
async fn why_details_are_missing_is_in_the_log_under_the_pages_id_and_once_while_dingtalk_is_not_asked() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&complete(&dingtalk)).await;
    let mut browsers = [served.browser(), served.browser()];
    for (browser, somebody) in browsers.iter_mut().zip(["alice", "bob"]) {
        assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code(somebody)).await.status, 200);
    }
    dingtalk.fault("/topapi/v2/user/get", 1, Fault::Ban { form: Default::default() });
    let [asked, not_asked] = &mut browsers;
    let page = asked.go("/profile").await;
    assert_eq!((page.status, not_asked.go("/profile").await.status), (200, 200));
    let (_, log) = served.stop().await;
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let told: Vec<_> = lines.filter(|line| line["message"] == "the profile is shown without details").collect();
    assert_eq!(told.len(), 1, "{log}");
    assert_eq!(told[0]["request_id"], page.header("x-request-id"));
}
