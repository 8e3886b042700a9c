//! A client that never answers. The library has no time-out, so the page has one.

use std::time::{Duration, Instant};

use dingtalk_simulator::Answers;

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
