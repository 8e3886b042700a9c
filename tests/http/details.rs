//! A person's details are fetched from DingTalk once a minute at most, however often a page is loaded.

use std::time::Duration;

use dingtalk_simulator::Fault;

use crate::broken::app_before;
use crate::broken::rogue::{Rogue, http, json, well};
use crate::support::{Browser, TestApp, USER_DETAILS};

const DETAILS: &str = "/topapi/v2/user/get";

/// Loads the profile this many times at once.
async fn loads(browser: &Browser, times: usize) {
    let loads: Vec<_> = (0..times)
        .map(|_| {
            let mut browser = browser.clone();
            tokio::spawn(async move { browser.go("/profile").await.status })
        })
        .collect();
    for load in loads {
        assert_eq!(load.await.unwrap(), 200);
    }
}

#[tokio::test]
async fn a_person_who_reloads_makes_one_call_a_minute_and_takes_nothing_from_others() {
    let app = TestApp::start().await;
    app.hands.stop();
    let (alice, bob) = (app.browser_of("alice").await, app.browser_of("bob").await);
    for minute in 1..4 {
        loads(&alice, 40).await;
        app.advance(Duration::from_millis(59_999));
        loads(&alice, 10).await;
        assert_eq!(app.dingtalk.calls(USER_DETAILS), 2 * minute - 1);
        loads(&bob, 10).await;
        assert_eq!(app.dingtalk.calls(USER_DETAILS), 2 * minute);
        app.advance(Duration::from_secs(60));
    }
    assert!(alice.clone().go("/profile").await.body.contains("Head of Design"));
}

#[tokio::test]
async fn a_browser_that_goes_away_leaves_the_call_to_the_next_load() {
    let app = TestApp::start().await;
    let alice = app.browser_of("alice").await;
    app.dingtalk.fault(DETAILS, 1, Fault::Delay { milliseconds: 1500 });
    for _ in 0..20 {
        let mut browser = alice.clone();
        let load = tokio::spawn(async move { browser.go("/profile").await });
        crate::support::eventually("the call is made", || app.dingtalk.calls(USER_DETAILS) > 0).await;
        load.abort();
    }
    assert!(alice.clone().go("/profile").await.body.contains("Head of Design"));
    assert_eq!(app.dingtalk.calls(USER_DETAILS), 1);
}

#[tokio::test]
async fn a_refusal_for_too_many_calls_is_answered_by_none() {
    for (limited, seconds) in [
        (json(r#"{"errcode":90018,"errmsg":"x"}"#), 1),
        (json(r#"{"errcode":88,"sub_code":"90018","errmsg":"x"}"#), 1),
        (json(r#"{"errcode":90002,"errmsg":"x"}"#), 1),
        (json(r#"{"errcode":90007,"errmsg":"x"}"#), 60),
        (json(r#"{"errcode":90020,"errmsg":"x"}"#), 60),
        (http("429 Too Many Requests", "application/json", r#"{"errcode":90001}"#), 60),
    ] {
        let rogue = Rogue::start(move |call| if call.path == DETAILS { vec![limited.clone()] } else { well(call) }).await;
        let app = app_before(&rogue).await;
        app.hands.stop();
        let mut alice = app.browser();
        assert_eq!(alice.enter_and_log_in("code").await.status, 200);
        for times in 1..4 {
            loads(&alice, 20).await;
            app.hands.advance(Duration::from_millis(seconds * 1000 - 1));
            loads(&alice, 5).await;
            assert_eq!(rogue.calls(DETAILS).len(), times);
            app.hands.advance(Duration::from_millis(1));
        }
    }
}
