//! A client that never answers. The library has no time-out, so the page has one.

use std::time::{Duration, Instant};

use dingtalk_simulator::Answers;
use serde_json::json;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::TestApp;

#[tokio::test]
async fn the_page_gives_up_says_so_and_can_be_asked_again() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Never, false);
    let chromium = Chromium::start().await;
    let began = Instant::now();
    chromium.open(&app.url).await;
    chromium.shown("#entry[data-face='signing-in'] .spinner").await;
    chromium.sees("#trouble-text", "DingTalk did not answer.").await;
    assert!(began.elapsed() > Duration::from_secs(7), "a slow client was given up after {:?}", began.elapsed());
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.upstream_calls()), (1, 0));

    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn whoever_asks_again_waits_longer_for_a_client_whose_network_is_slow() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    // The client answers nine seconds after it is asked, and time goes ten times as fast.
    let slow = "const wait = window.setTimeout;
        window.setTimeout = (work, time, ...more) => wait(work, time / 10, ...more);
        const ask = window.fetch;
        window.fetch = async (address, init) => {
            if (!String(address).includes('/client/authcode')) return ask(address, init);
            const answer = await ask(address, Object.assign({}, init, { signal: null }));
            return new Promise((resolve) => setTimeout(resolve, 9000, answer));
        };";
    chromium.on_every_document(slow).await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "DingTalk did not answer.").await;
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    chromium.finish().await;
}

/// A phone that is locked suspends the page. When it wakes, its timers are overdue and run before the answers that have come meanwhile.
/// Time goes `times` as fast in it. The page is suspended while it waits for `path`, and for longer than it would wait.
async fn suspended_while_it_asks(path: &str, times: u32, chromium: &Chromium, url: &str) {
    let slow = "const [wait, ask, now, began] = [setTimeout, fetch, Date.now, Date.now()];
        Date.now = () => began + (now() - began) * TIMES;
        window.setTimeout = (work, time, ...more) => wait(work, time / TIMES, ...more);
        window.fetch = async (address, init) => {
            if (!String(address).endsWith('PATH')) return ask(address, init);
            window.asked = true;
            await new Promise((resolve) => wait(resolve, 1000));
            return ask(address, 'PATH'.startsWith('/client') ? Object.assign({}, init, { signal: null }) : init);
        };";
    chromium.on_every_document(&slow.replace("TIMES", &times.to_string()).replace("PATH", path)).await;
    chromium.open(url).await;
    chromium.until("it asks", "return window.asked", &[]).await;
    let cdp = chromium.driver.cdp();
    cdp.send_raw("Page.setWebLifecycleState", json!({ "state": "frozen" })).await.unwrap();
    // This sleep is the suspension: while it lasts the page does nothing, so there is nothing to wait for.
    tokio::time::sleep(Duration::from_millis(3500)).await;
    cdp.send_raw("Page.setWebLifecycleState", json!({ "state": "active" })).await.unwrap();
}

#[tokio::test]
async fn a_page_that_was_suspended_takes_the_auth_code_that_was_waiting_for_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    suspended_while_it_asks("/client/authcode", 4, &chromium, &app.url).await;
    chromium.until("somebody is in, or not", SETTLED, &[]).await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 1);
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_was_suspended_takes_the_session_that_was_waiting_for_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    suspended_while_it_asks("/api/login", 14, &chromium, &app.url).await;
    chromium.until("somebody is in, or not", SETTLED, &[]).await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 1);
    chromium.finish().await;
}

#[tokio::test]
async fn a_page_that_was_suspended_takes_the_configuration_that_was_waiting_for_it() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    suspended_while_it_asks("/client/config", 4, &chromium, &format!("{}/jsapi", app.url)).await;
    let state = chromium.until("it is configured, or not", CONFIG_STATE, &[]).await;
    assert_eq!(state, json!("accepted"));
    chromium.finish().await;
}

const SETTLED: &str = "return document.querySelector(\"#user-name, #entry[data-face='trouble']\") && document.body.innerText";
const CONFIG_STATE: &str = "const { state } = document.querySelector('#config-state').dataset;
    return ['accepted', 'refused'].includes(state) && state";
