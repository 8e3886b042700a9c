//! Silent login: what happens when somebody opens the app in DingTalk.

use serde_json::json;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::{TestApp, USER_BY_CODE, between};

#[tokio::test]
async fn somebody_sees_their_own_name_without_a_click() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/", app.url)).await;
    chromium.sees("#user-name", "张三").await;
    chromium.sees("#user-id", "zhangsan").await;
    assert_eq!(chromium.href().await, format!("{}/", app.url));
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (1, 1));
    chromium.finish().await;
}

/// Pages that put their view into the fragment leave such an address.
#[tokio::test]
async fn an_address_that_ends_in_an_empty_fragment_is_loaded_after_the_login_as_any_other() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for path in ["/#", "/profile?q=1#"] {
        chromium.open(&format!("{}{path}", app.url)).await;
        chromium.sees("#user-name", "张三").await;
        assert_eq!(chromium.href().await, format!("{}{path}", app.url));
        chromium.open("about:blank").await;
    }
    chromium.finish().await;
}

/// A script may route by the fragment, and its routes may have anything in them.
#[tokio::test]
async fn what_the_fragment_says_is_left_alone_and_the_page_is_loaded() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for fragment in ["#/login?sign-in", "#/orders?sign-in&id=3", "#?sign-in"] {
        chromium.open(&format!("{}/{fragment}", app.url)).await;
        chromium.shown("#user-name").await;
        assert_eq!(chromium.run("return location.hash", &[]).await, json!(fragment));
        chromium.open("about:blank").await;
    }
    chromium.finish().await;
}

#[tokio::test]
async fn going_from_page_to_page_needs_no_other_login() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    for path in ["/profile", "/jsapi", "/"] {
        chromium.click(&format!("nav.nav a[href='{path}']")).await;
        chromium.until(path, "return location.pathname === arguments[0] && document.readyState === 'complete'", &[path]).await;
        assert_eq!(chromium.run("return document.querySelector('#entry')", &[]).await, json!(null));
    }
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.calls(USER_BY_CODE)), (1, 1));
    chromium.finish().await;
}

/// Prints the time and asserts nothing, because machines differ.
#[tokio::test]
async fn it_takes_this_long_from_the_navigation_to_the_name() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.on_every_document("console.info('begun ' + performance.timeOrigin)").await;
    for visit in ["first", "second", "third"] {
        let documents_before = begun(&chromium).await.len();
        chromium.open(&app.url).await;
        let painted = chromium.until("the name is painted", NAME_PAINTED, &[]).await.as_f64().unwrap();
        let began = begun(&chromium).await[documents_before];
        println!("{visit} visit: {:.0} ms from the navigation to the painted name", painted - began);
    }
    chromium.finish().await;
}

const NAME_PAINTED: &str = "const paint = performance.getEntriesByName('first-contentful-paint')[0];
    return document.querySelector('#user-name') && paint ? performance.timeOrigin + paint.startTime : null";

/// When the navigation to each document so far began, in milliseconds since 1970.
async fn begun(chromium: &Chromium) -> Vec<f64> {
    let log = chromium.log().await;
    let begun = log.iter().filter_map(|entry| between(&entry.message, "\"begun ", "\""));
    begun.map(|time| time.parse().unwrap()).collect()
}
