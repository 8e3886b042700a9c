//! Events that DingTalk pushes over HTTP: signed, encrypted, in batches or one by one. And calls that others forge.

use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::events::Cipher;
use dingtalk_h5::dingtalk::{Clock, Events};
use dingtalk_h5::settings::Settings;
use dingtalk_h5::state::Location;
use dingtalk_simulator::{Decision, Shape};
use reqwest::Method;
use serde_json::json;

use crate::state::new_path;
use crate::support::{Answer, TestApp, eventually, state_of};
use crate::wire::Wire;

/// A third-party app to which DingTalk pushes events in this shape.
async fn pushed_to(shape: Shape) -> TestApp {
    let app = TestApp::third_party().await;
    app.dingtalk.push_events_to(format!("{}/dingtalk/events", app.url), shape);
    app
}

#[tokio::test]
async fn an_organisation_that_authorises_relieves_and_authorises_again_works_and_ends_and_works() {
    for shape in [Shape::Sync, Shape::Old] {
        let app = pushed_to(shape).await;
        let [one, _] = app.dingtalk.organisations();
        let told = async || eventually("all events are acknowledged", || app.dingtalk.pushes_waiting() == 0).await;
        for _ in 0..2 {
            app.dingtalk.decide(one, Decision::Authorise);
            told().await;
            let mut browser = app.browser();
            let state = state_of(&browser.open(&format!("/?corpid={one}")).await.body);
            let answer = browser.log_in(&app.dingtalk.issue_code_at(one, "alice"), &state).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert_eq!(browser.me().await.status, 200);
            app.dingtalk.decide(one, Decision::Relieve);
            told().await;
            assert_eq!(browser.me().await.status, 401);
        }
    }
}

#[tokio::test]
async fn the_console_s_check_of_the_address_is_answered() {
    let app = pushed_to(Shape::Sync).await;
    app.dingtalk.check_url();
    eventually("it is acknowledged", || app.dingtalk.pushes_waiting() == 0).await;
}

#[tokio::test]
async fn whoever_is_not_dingtalk_is_told_nothing() {
    let app = TestApp::third_party().await;
    let good = &format!("?msg_signature=0000000000000000000000000000000000000000&timestamp={}&nonce=x", now());
    for (query, body) in [
        ("", r#"{"encrypt":"x"}"#),
        ("?msg_signature=x", r#"{"encrypt":"x"}"#),
        (good, r#"{"encrypt":"x"}"#),
        (good, ""),
        (good, "[]"),
        (good, r#"{"encrypt":7}"#),
    ] {
        let path = format!("/dingtalk/events{query}");
        let answer = app.browser().send(Method::POST, &path, &[("content-type", "application/json")], Some(body.into())).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{query} {body}");
    }
    let message = |length: usize| json!({"EventType": "check_url", "more": "x".repeat(length)});
    app.takes(&app.dingtalk.sealed(&message(150_000), &now().to_string())).await;
    app.refuses(&app.dingtalk.sealed(&message(200_000), &now().to_string()), "in base64 it is longer than 256 KiB").await;
    let other = TestApp::start().await;
    assert_eq!(other.browser().send(Method::POST, &format!("/dingtalk/events{good}"), &[], None).await.status, 404);
}

#[tokio::test]
async fn a_call_of_which_anything_was_changed_is_refused() {
    let app = TestApp::third_party().await;
    let message = json!({"EventType": "check_url"});
    let (query, body) = app.dingtalk.sealed(&message, &now().to_string());
    app.takes(&(query.clone(), body.clone())).await;
    let changed = |name: &str, change: &dyn Fn(&str) -> String| {
        let parts = query.split('&').map(|part| match part.split_once('=') {
            Some((key, value)) if key == name => format!("{key}={}", change(value)),
            _ => part.to_owned(),
        });
        let changed = parts.collect::<Vec<_>>().join("&");
        assert_ne!(changed, query, "there is no {name}");
        changed
    };
    let last_digit = |value: &str| format!("{}{}", &value[..value.len() - 1], if value.ends_with('0') { '1' } else { '0' });
    let later = |value: &str| (value.parse::<u64>().unwrap() + 1).to_string();
    for (query, why) in [
        (changed("msg_signature", &last_digit), "another signature"),
        (changed("timestamp", &later), "another time"),
        (changed("nonce", &|value| format!("{value}x")), "another nonce"),
    ] {
        app.refuses(&(query, body.clone()), why).await;
    }
    let (_, another) = app.dingtalk.sealed(&json!({"EventType": "check_url", "more": 1}), &now().to_string());
    app.refuses(&(query, another), "another body").await;
}

#[tokio::test]
async fn only_whoever_may_be_dingtalk_by_the_head_is_told_to_send_the_rest() {
    let app = TestApp::third_party().await;
    let signature = "0".repeat(40);
    let (now, old) = (now(), now() - 24 * 60 * 60 * 1000);
    for (query, status) in [
        (format!("msg_signature={signature}&timestamp={now}&nonce=x"), 100),
        (format!("msg_signature={signature}&timestamp={old}&nonce=x"), 400),
        (format!("timestamp={now}&nonce=x"), 400),
        (String::new(), 400),
    ] {
        let mut wire = Wire::to(&app.url).await;
        let lines = "Host: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n";
        wire.send(format!("POST /dingtalk/events?{query} HTTP/1.1\r\n{lines}")).await;
        assert_eq!(wire.reply().await.status, status, "{query}");
    }
}

/// The query and the body of a call.
type Call = (String, String);

/// A call with the event of a decision that an organisation made at `at`, in milliseconds since 1970.
fn call(app: &TestApp, corp_id: &str, decision: &str, at: u64) -> Call {
    let data = json!({"syncAction": decision});
    let told = json!({"corp_id": corp_id, "biz_type": 4, "biz_id": corp_id, "gmt_modified": at, "biz_data": data});
    app.dingtalk.sealed(&json!({"EventType": "SYNC_HTTP_PUSH_HIGH", "bizData": [told]}), &now().to_string())
}

fn now() -> u64 {
    Clock::system().unix_millis()
}

impl TestApp {
    async fn is_called(&self, (query, body): &Call) -> Answer {
        let path = format!("/dingtalk/events?{query}");
        self.browser().send(Method::POST, &path, &[("content-type", "application/json")], Some(body.clone().into())).await
    }

    async fn takes(&self, call: &Call) {
        let answer = self.is_called(call).await;
        assert!(answer.status == 200 && answer.json()["encrypt"].is_string(), "{}: {}", answer.status, answer.body);
    }

    async fn refuses(&self, call: &Call, why: &str) {
        let answer = self.is_called(call).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{why}");
    }

    /// The status with which the app answers somebody who opens it in this organisation.
    async fn opens_at(&self, corp_id: &str) -> u16 {
        self.browser().open(&format!("/?corpid={corp_id}")).await.status
    }
}

#[tokio::test]
async fn a_call_that_somebody_has_recorded_and_makes_again_is_acknowledged_and_changes_nothing() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    let (authorised, relieved) = (call(&app, one, "org_suite_auth", now() - 2), call(&app, one, "org_suite_relieve", now() - 1));
    app.takes(&authorised).await;
    assert_eq!(app.opens_at(one).await, 200);
    app.takes(&relieved).await;
    for _ in 0..3 {
        app.takes(&authorised).await;
        assert_eq!((app.opens_at(one).await, app.opens_at(other).await), (403, 200));
    }
}

#[tokio::test]
async fn calls_that_come_twice_and_in_any_order_mean_what_happened_last() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for (decisions, status) in [
            (["org_suite_auth", "org_suite_relieve", "org_suite_auth"], 200),
            (["org_suite_auth", "org_micro_app_stop", "org_micro_app_restore"], 200),
            (["org_suite_relieve", "org_suite_auth", "org_micro_app_stop"], 403),
            (["org_suite_auth", "org_suite_change", "org_suite_relieve"], 403),
            (["org_micro_app_stop", "org_suite_relieve", "org_suite_change"], 200),
            (["org_suite_auth", "org_micro_app_stop", "org_suite_change"], 403),
        ] {
            let (app, [one, _]) = TestApp::of_both_organisations().await;
            let began = now() - 10;
            for nth in order.into_iter().chain(order) {
                app.takes(&call(&app, one, decisions[nth], began + nth as u64)).await;
            }
            assert_eq!(app.opens_at(one).await, status, "{decisions:?} in the order {order:?}");
        }
    }
}

#[tokio::test]
async fn a_call_of_yesterday_or_tomorrow_or_for_another_app_is_refused_and_one_whose_time_is_in_seconds_is_not() {
    let app = TestApp::third_party().await;
    let message = json!({"EventType": "check_url"});
    let made = |at: u64| app.dingtalk.sealed(&message, &at.to_string());
    let (hour, now) = (3_600_000, now());
    for (call, why) in
        [(made(now - 25 * hour), "yesterday"), (made(now / 1000 - 25 * 3600), "in seconds"), (made(now + hour), "tomorrow")]
    {
        app.refuses(&call, why).await;
    }
    for call in [made(now), made(now / 1000), made(now - 23 * hour)] {
        app.takes(&call).await;
    }
    let recorded = made(now);
    app.hands.advance(Duration::from_secs(25 * 60 * 60));
    app.refuses(&recorded, "it was made a day ago").await;

    let other = TestApp::start_with(|settings: &mut Settings| {
        let registered = app.dingtalk.third_party_app();
        let cipher = Cipher::new(registered.callback_token.into(), &registered.callback_aes_key.into()).unwrap();
        settings.dingtalk.events = Events::Http(cipher);
    })
    .await;
    other.refuses(&recorded, "the token and the key are the same, and the app is another").await;
}

#[tokio::test]
async fn a_batch_of_hundreds_is_kept_in_one_go_and_not_one_by_one() {
    let path = new_path();
    let app = TestApp::third_party_with(|settings| settings.state = Location::File(path.clone())).await;
    let corp_id = app.dingtalk.organisations()[0];
    let batch = |people: std::ops::Range<u32>| {
        let left = json!({"syncAction": "user_leave_org"});
        let told = people.map(|number| {
            json!({"corp_id": corp_id, "biz_type": 13, "biz_id": format!("person{number}"), "gmt_modified": now(), "biz_data": left})
        });
        let told = json!({"EventType": "SYNC_HTTP_PUSH_MEDIUM", "bizData": told.collect::<Vec<_>>()});
        app.dingtalk.sealed(&told, &now().to_string())
    };
    let began = Instant::now();
    for one in 0..60 {
        app.takes(&batch(one..one + 1)).await;
    }
    let (one_by_one, began) = (began.elapsed(), Instant::now());
    app.takes(&batch(100..350)).await;
    assert!(began.elapsed() < one_by_one, "250 took {:?}, and 60 one by one {one_by_one:?}", began.elapsed());
    std::fs::remove_file(path).unwrap();
}
