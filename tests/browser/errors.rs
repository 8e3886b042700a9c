//! No error in a page goes unnoticed. If one could, no other test would fail for it.

use super::chromium::Chromium;
use crate::support::TestApp;

/// A script that causes a fault in a page, and a part of what is logged about it.
const FAULTS: [(&str, &str); 4] = [
    ("setTimeout(() => { throw new Error('thrown') })", "Uncaught Error: thrown"),
    ("Promise.reject(new Error('rejected'))", "Uncaught (in promise) Error: rejected"),
    ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    ("console.error('complained')", "complained"),
];

async fn noticed(chromium: &Chromium, told: &str) {
    let gives_up = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !chromium.faults().await.iter().any(|fault| fault.contains(told)) {
        assert!(std::time::Instant::now() < gives_up, "{told:?} unnoticed: {:?}", chromium.log().await);
    }
}

#[tokio::test]
async fn every_kind_of_fault_is_noticed_and_none_without_one() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(chromium.faults().await, Vec::<String>::new());
    for (count, (script, told)) in FAULTS.iter().enumerate() {
        chromium.run(script, &[]).await;
        noticed(&chromium, told).await;
        assert_eq!(chromium.faults().await.len(), count + 1);
    }
    chromium.finish_with_faults();
}

#[tokio::test]
async fn a_fault_of_a_document_that_is_gone_by_now_is_noticed() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#user-name", "张三").await;
    let script =
        "setTimeout(() => { Promise.reject(new Error('before leaving')); setTimeout(() => location.assign('/profile')) })";
    chromium.run(script, &[]).await;
    chromium.until("the profile is open", "return location.pathname === '/profile'", &[]).await;
    noticed(&chromium, "before leaving").await;
    chromium.finish_with_faults();
}

#[tokio::test]
async fn a_fault_in_a_frame_is_noticed() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.dingtalk.url()).await;
    chromium.driver.enter_frame(0).await.unwrap();
    chromium.sees("#user-name", "张三").await;
    chromium.run("Promise.reject(new Error('framed'))", &[]).await;
    noticed(&chromium, "framed").await;
    chromium.finish_with_faults();
}

#[tokio::test]
#[should_panic(expected = "rejected")]
async fn a_test_with_a_fault_fails() {
    let chromium = Chromium::start().await;
    chromium.run("Promise.reject(new Error('rejected'))", &[]).await;
    noticed(&chromium, "rejected").await;
    chromium.finish().await;
}

#[tokio::test]
#[should_panic(expected = "did not call finish()")]
async fn a_test_that_does_not_look_for_faults_fails() {
    Chromium::start().await;
}
