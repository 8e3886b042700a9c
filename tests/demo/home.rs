//! The pages as somebody meets them first: not without a login, and not heavy.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::TestApp;

#[tokio::test]
async fn every_page_needs_a_login() {
    let app = TestApp::demo().await;
    let mut alice = app.browser_of("alice").await;
    for path in ["/", "/profile", "/jsapi"] {
        assert!(app.browser().go(path).await.body.contains("id=\"entry\""), "{path}");
        let page = alice.go(path).await;
        assert!(page.status == 200 && page.body.contains("data-user-id=\"alice\""), "{path}");
    }
}

#[tokio::test]
async fn it_is_an_app_of_many_organisations_as_well() {
    let (app, both) = TestApp::demo_of_both_organisations().await;
    for corp_id in both {
        let mut browser = app.browser();
        let code = app.dingtalk.issue_code_at(corp_id, "zhangsan");
        assert_eq!(browser.enter_and_log_in_at(corp_id, &code).await.status, 200);
        assert_eq!(browser.me().await.json()["corpId"], corp_id);
    }
}

/// Scripts wait for DingTalk's library, which may be late: until then their buttons are disabled or hidden.
#[tokio::test]
async fn no_button_can_be_clicked_before_its_script_can_take_the_click() {
    let app = TestApp::demo().await;
    let mut alice = app.browser_of("alice").await;
    let mut buttons = 0;
    for path in ["/", "/profile", "/jsapi"] {
        let page = alice.go(path).await.body;
        for button in page.split("<button ").skip(1).filter_map(|rest| rest.split('>').next()) {
            assert!([" disabled", " hidden"].iter().any(|until| button.ends_with(until)), "{path}: {button}");
            buttons += 1;
        }
    }
    assert!(buttons > 5, "{buttons}");
}

fn gzipped(bytes: &str) -> usize {
    let mut gzip = Command::new("gzip").arg("-9c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = gzip.stdin.take().unwrap();
    let bytes = bytes.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(bytes.as_bytes()).unwrap());
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout.len()
}

/// Everything of ours that somebody loads who opens the app for the first time: the entry page, the home page, and their files.
#[tokio::test]
async fn the_first_view_weighs_twenty_kilobytes_at_most() {
    const LIMIT: usize = 20 * 1024;
    let app = TestApp::demo().await;
    for reads in ["en", "zh-CN"] {
        let mut browser = app.browser();
        browser.reads = reads;
        let entry = browser.open("/").await.body;
        let state = crate::support::state_of(&entry);
        browser.log_in(&app.dingtalk.issue_code("zhangsan"), &state).await;
        let home = browser.go("/").await.body;
        let both = format!("{entry}{home}");
        let addresses = both.split('"').filter(|text| text.starts_with("/static/"));
        let addresses: std::collections::BTreeSet<_> = addresses.collect();
        assert!(addresses.len() >= 8, "{addresses:?}");
        let mut weight = gzipped(&entry) + gzipped(&home);
        for address in addresses {
            weight += gzipped(&browser.go(address).await.body);
        }
        println!("the first view weighs {weight} bytes for those who read {reads}");
        assert!((5000..=LIMIT).contains(&weight), "{weight} bytes for those who read {reads}");
    }
}
