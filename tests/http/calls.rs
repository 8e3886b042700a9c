//! Calls of an app's own, with parameters in their paths and queries.

use std::time::Duration;

use dingtalk_h5::dingtalk::{Call, Error, Kind, Organisation, Target};
use dingtalk_simulator::Fault;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::metrics::{samples, watched_with};
use crate::broken::app_before;
use crate::broken::rogue::{Rogue, http, json as answered, well};
use crate::support::TestApp;

const CALENDARS: Call = Call::new("calendars", "/v1.0/calendar/users/{userId}/calendars").get();
const EVENTS: Call = Call::new("events", "/v1.0/calendar/users/{userId}/calendars/{calendarId}/events");
const DETAILS: Call = Call::old("details", "/topapi/v2/user/get").get();

const ALICE: &str = "simulatedUnionAliceChen";
const BOB: &str = "simulatedUnionBob";

fn home(app: &TestApp) -> &Organisation {
    app.client.home().unwrap()
}

async fn summary(app: &TestApp, calendars: Call, union_id: &str) -> String {
    let told: Value = home(app).call(calendars.at([union_id]), &()).await.unwrap();
    told["response"]["calendars"][0]["summary"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_parameter_stays_within_its_part_of_the_path_whatever_is_in_it() {
    let rogue = Rogue::start(|call| if call.path.contains("/calendar/") { vec![answered("{}")] } else { well(call) }).await;
    let app = app_before(&rogue).await;
    for (value, sent) in [
        ("z21HjQliSzpw0Y", "z21HjQliSzpw0Y"),
        ("a/b", "a%2Fb"),
        ("../../oauth2", "..%2F..%2Foauth2"),
        ("a?b=c", "a%3Fb%3Dc"),
        ("a#b", "a%23b"),
        ("%2e%2e", "%252e%252e"),
        ("%2F", "%252F"),
        ("..\\..", "..%5C.."),
        (".\t.", ".%09."),
        ("...", "..."),
        (" ", "%20"),
        ("a\r\nb", "a%0D%0Ab"),
        ("a\0b", "a%00b"),
        ("a;b:c@d&e+f=", "a%3Bb%3Ac%40d%26e%2Bf%3D"),
        ("{calendarId}", "%7BcalendarId%7D"),
        ("张三", "%E5%BC%A0%E4%B8%89"),
        ("-._~", "-._~"),
    ] {
        for (values, path) in [
            ([value, "primary"], format!("/v1.0/calendar/users/{sent}/calendars/primary/events")),
            (["u", value], format!("/v1.0/calendar/users/u/calendars/{sent}/events")),
        ] {
            home(&app).call::<Value>(EVENTS.at(values), &json!({})).await.unwrap();
            assert_eq!(rogue.calls(&path).len(), 1, "{value:?}");
        }
    }
}

#[tokio::test]
async fn what_can_be_no_part_of_a_path_and_a_wrong_number_of_parameters_are_errors_and_no_calls() {
    let app = TestApp::start().await;
    let targets: [(Target, &str); 9] = [
        (EVENTS.at(["", "primary"]), "empty or made of dots"),
        (EVENTS.at([".", "primary"]), "empty or made of dots"),
        (EVENTS.at(["..", "primary"]), "empty or made of dots"),
        (EVENTS.at(["u", ".."]), "empty or made of dots"),
        (EVENTS.at(["secret-of-alice"]), "more parameters than it was given"),
        (EVENTS.at(["secret-of-alice", "primary", "x"]), "fewer parameters than it was given"),
        (DETAILS.at(["secret-of-alice"]), "fewer parameters than it was given"),
        (EVENTS.query("maxResults", 20), "more parameters than it was given"),
        ((&EVENTS).into(), "more parameters than it was given"),
    ];
    let call = async |target, body: Value| home(&app).call::<Value>(target, &body).await.unwrap_err();
    for (target, said) in targets {
        let error = call(target, Value::Null).await;
        assert_eq!(error.kind, Kind::Unexpected);
        assert!(error.to_string().ends_with(said) && !error.to_string().contains("alice"), "{error}");
    }
    let error = call(CALENDARS.at([ALICE]), json!({"maxResults": 20})).await;
    assert!(error.to_string().contains("a GET has no body"), "{error}");
    assert_eq!(app.dingtalk.upstream_calls(), 0);
}

#[tokio::test]
async fn each_method_is_sent_as_it_is_with_its_query_and_its_body_and_may_be_answered_by_nothing() {
    let rogue = Rogue::start(|call| match call.path.as_str() {
        "/v1.0/a/1" => vec![http("204 No Content", "text/plain", "")],
        "/v1.0/a/2" => vec![http("200 OK", "text/plain", "")],
        "/v1.0/a/3" => vec![http("502 Bad Gateway", "text/plain", "")],
        "/v1.0/a/4" => vec![answered(r#"{"result":true}"#)],
        _ => well(call),
    })
    .await;
    let app = app_before(&rogue).await;
    let call = Call::new("a", "/v1.0/a/{id}");
    let cases = [(call, "POST", "{}"), (call.get(), "GET", ""), (call.put(), "PUT", "{}"), (call.delete(), "DELETE", "")];
    for (nth, (call, method, body)) in cases.into_iter().enumerate() {
        for (id, is_success) in [("1", true), ("2", true), ("3", false), ("4", true)] {
            let target = call.at([id]).query("q", "a&b=张 3").query("maxResults", 20);
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let answer = home(&app).call::<IgnoredAny>(target, &body).await;
            assert_eq!(answer.is_ok(), is_success, "{method} {id}");
            let head = &rogue.calls(&format!("/v1.0/a/{id}"))[nth].head;
            let first = format!("{method} /v1.0/a/{id}?q=a%26b%3D%E5%BC%A0+3&maxResults=20 HTTP/1.1\r\n");
            assert!(head.starts_with(&first), "{head}");
            assert!(head.contains("accept: application/json\r\n"), "{head}");
            assert_eq!(head.contains("content-type: application/json"), !body.is_null(), "{head}");
        }
    }
    #[derive(Debug, serde::Deserialize)]
    struct Created {
        #[expect(dead_code)]
        id: String,
    }
    assert!(home(&app).call::<Created>(call.at(["1"]), &()).await.is_err(), "nothing is no id");
}

#[tokio::test]
async fn calls_about_two_people_keep_one_pace_and_another_method_has_its_own() {
    let app = TestApp::start().await;
    for (union_id, name) in [(ALICE, "Alice Chen"), (BOB, "Bob")] {
        assert_eq!(summary(&app, CALENDARS, union_id).await, name);
    }
    let lines = || {
        let mut names: Vec<_> = app.client.waiting().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(lines(), ["access_token", "calendars"]);
    let change = Call::new("change_calendars", "/v1.0/calendar/users/{userId}/calendars").put();
    home(&app).call::<Value>(change.at([BOB]), &()).await.unwrap_err();
    assert_eq!(lines(), ["access_token", "calendars", "change_calendars"]);
}

#[tokio::test]
async fn errors_and_metrics_name_the_call_and_nobody_whom_it_is_about() {
    let app = watched_with(|_| {}).await;
    app.dingtalk.fault("/v1.0/calendar/users/{userId}/calendars", 1, Fault::Busy);
    let failed = async |target: Target| home(&app).call::<Value>(target, &()).await.unwrap_err();
    let errors: [Error; 2] = [failed(CALENDARS.at([ALICE])).await, failed(CALENDARS.at(["nobody-has-it"]).query("q", BOB)).await];
    for (error, kind) in errors.iter().zip([Kind::Busy, Kind::UserUnknown]) {
        assert_eq!(error.kind, kind);
        let said = format!("{error} {:?}", error.fix());
        assert!(said.starts_with("GET /v1.0/calendar/users/{userId}/calendars: dingtalk refused"), "{said}");
        assert!(![ALICE, BOB, "nobody-has-it"].iter().any(|name| format!("{said} {error:?}").contains(name)), "{error:?}");
    }
    let seen = samples(&app).await;
    assert_eq!(seen["dingtalk_call_seconds_count{endpoint=\"calendars\"}"], 2.0);
    assert!(!seen.keys().any(|name| name.contains(ALICE) || name.contains("nobody") || name.contains('/')), "{seen:?}");
}

#[tokio::test]
async fn an_answer_that_is_kept_is_that_of_these_parameters_and_of_this_query() {
    let app = TestApp::start().await;
    let (calendars, details) = (CALENDARS.kept_for(Duration::from_secs(60)), DETAILS.kept_for(Duration::from_secs(60)));
    for _ in 0..3 {
        for (union_id, user_id, name) in [(ALICE, "alice", "Alice Chen"), (BOB, "bob", "Bob")] {
            assert_eq!(summary(&app, calendars, union_id).await, name);
            let told: Value = home(&app).call(details.query("userid", user_id), &()).await.unwrap();
            assert_eq!(told["result"]["name"], name);
        }
    }
    assert_eq!(app.dingtalk.calls("GET /v1.0/calendar/users/{userId}/calendars"), 2);
    assert_eq!(app.dingtalk.calls("GET /topapi/v2/user/get"), 2);
}
