//! The control API for organisations and events, over HTTP.

use dingtalk_simulator::Fault;
use serde_json::{Value, json};

use crate::caller::Caller;

#[tokio::test]
async fn organisations_people_and_tickets_have_levers() {
    let caller = Caller::start().await;
    let app = json!({"url": "http://127.0.0.1:1/", "clientId": caller.dingtalk.third_party_app().client_id});
    let state = caller.post("/control/app", app).await.json();
    assert_eq!((&state["app"]["kind"], &state["organisations"][1]["standing"]), (&json!("third-party"), &json!("absent")));
    let corp_id = caller.dingtalk.organisations()[1];
    for (decision, standing) in
        [("authorise", "active"), ("stop", "stopped"), ("restore", "active"), ("remove", "stopped"), ("restore", "active")]
    {
        let state = caller.post("/control/organisation", json!({"corpId": corp_id, "do": decision})).await.json();
        assert_eq!(state["organisations"][1]["standing"], standing, "{decision}");
    }
    let ticket = caller.dingtalk.suite_ticket();
    caller.post("/control/events", json!({"suiteTicket": "again"})).await;
    assert_eq!(caller.dingtalk.suite_ticket(), ticket);
    let state = caller.post("/control/events", json!({"suiteTicket": "rotate"})).await.json();
    assert_ne!(caller.dingtalk.suite_ticket(), ticket);
    assert!(state["pushes"].as_array().unwrap().iter().any(|push| push["eventType"] == "org_suite_auth"), "it waits: {state}");

    let user_ids = |state: &serde_json::Value| state["organisations"][1]["people"].to_string();
    let state = caller.post("/control/person", json!({"corpId": corp_id, "userId": "emma", "do": "leave"})).await.json();
    assert!(!user_ids(&state).contains("emma"));
    let state = caller.post("/control/person", json!({"corpId": corp_id, "userId": "emma", "do": "comeBack"})).await.json();
    assert!(user_ids(&state).contains("emma"));
    let state = caller.post("/control/organisation", json!({"corpId": corp_id, "do": "dissolve"})).await.json();
    assert_eq!(state["organisations"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_an_app_that_is_nowhere_the_state_has_nobody() {
    let caller = Caller::start().await;
    let state = caller.post("/control/organisation", json!({"corpId": "dingsimulator0001", "do": "dissolve"})).await.json();
    assert_eq!((&state["people"], &state["app"]["corpId"]), (&json!([]), &json!("")));
    assert_eq!((&state["organisations"][0]["standing"], &state["organisations"][0]["home"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn an_app_is_opened_with_the_corp_id_where_its_address_has_a_place_for_it_and_in_its_query_otherwise() {
    let caller = Caller::start().await;
    for (url, home) in [
        ("http://127.0.0.1:1", "http://127.0.0.1:1/?corpid=dingsimulator0001"),
        ("http://127.0.0.1:1/h5?x=1#/part", "http://127.0.0.1:1/h5?x=1&corpid=dingsimulator0001#/part"),
        ("http://127.0.0.1:1/?corpid=$CORPID$&x=1", "http://127.0.0.1:1/?corpid=dingsimulator0001&x=1"),
        ("http://127.0.0.1:1/#/?org=$CORPID$", "http://127.0.0.1:1/#/?org=dingsimulator0001"),
    ] {
        let state = caller.post("/control/app", json!({"url": url})).await.json();
        let homes = [0, 1].map(|number| state["organisations"][number]["home"].clone());
        assert_eq!(homes, [json!(home), Value::Null], "{url}: the other organisation does not have the app");
    }
}

/// The answer to a body whose announced length is too large, before any of it is sent.
async fn too_large(caller: &Caller, path: &str) -> String {
    caller.raw(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n")).await
}

#[tokio::test]
async fn a_company_of_thousands_is_a_world_and_what_is_too_large_is_said_in_json() {
    let caller = Caller::start().await;
    let mut world = caller.get("/control/world").await.json();
    let people =
        (0..5_000).map(|number| json!({"userId": format!("user{number}"), "unionId": format!("union{number}"), "name": "某人"}));
    world["organisations"][0]["people"] = people.collect();
    let state = caller.post("/control/world", world).await.json();
    assert_eq!(state["people"].as_array().unwrap().len(), 5_000);
    for path in ["/control/world", "/control/faults", "/control/crowd", "/client/authcode"] {
        let answer = too_large(&caller, path).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
        assert!(answer.ends_with("\r\n\r\n{\"error\":\"the body is too large\"}"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_lever_that_makes_no_sense_is_refused() {
    let caller = Caller::start().await;
    for (path, body) in [
        ("organisation", json!({"corpId": "dingnowhere", "do": "authorise"})),
        ("organisation", json!({"corpId": "dingsimulator0001", "do": "explode"})),
        ("person", json!({"userId": "bob", "do": "comeBack"})),
        ("person", json!({"userId": "nobody", "do": "leave"})),
        ("events", json!({"url": "ftp://x"})),
        ("events", json!({"stream": "explode"})),
        ("events", json!({"shape": "old"})),
        ("events", json!({"suiteTicket": "rotate"})),
        ("events", json!({"suiteTicket": "again"})),
        ("events", json!({"suiteTicket": "rotate", "clientId": "customsimulated01"})),
        ("events", json!({"tell": {"eventType": "x", "data": {}}})),
        ("events", json!({"url": "http://127.0.0.1:1/", "tell": {"eventType": "x", "data": []}})),
        ("events", json!({"url": "http://127.0.0.1:1/", "tell": {"eventType": "", "data": {}}})),
        ("events", json!({"url": "http://127.0.0.1:1/", "tell": {"corpId": "dingnowhere", "eventType": "x", "data": {}}})),
        ("grants", json!({"grants": {}, "colour": "blue"})),
        ("app", json!({"url": "http://127.0.0.1:1/", "clientId": "nobody"})),
        ("world", json!({"organisations": [], "apps": []})),
    ] {
        let refusal = caller.post(&format!("/control/{path}"), body).await;
        assert_eq!((refusal.status, refusal.json()["error"].is_string()), (400, true), "{path}: {}", refusal.body);
    }
    let unknown = json!({"corpId": "dingsimulator0001", "do": "explode"});
    let refusal = caller.post("/control/organisation", unknown).await;
    assert!(refusal.body.contains("do is authorise"), "{}", refusal.body);
}

#[tokio::test]
async fn a_suite_ticket_is_made_for_a_third_party_app_only_and_no_other_is_told_of_one() {
    let caller = Caller::start().await;
    let third_party = caller.dingtalk.third_party_app().client_id;
    for (client_id, status) in [("dingsimulatedapp1", 400), ("customsimulated01", 400), (third_party, 200)] {
        let lever = json!({"clientId": client_id, "url": "http://127.0.0.1:1/", "suiteTicket": "rotate"});
        let answer = caller.post("/control/events", lever).await;
        assert_eq!(answer.status, status, "{client_id}: {}", answer.body);
    }
    let pushes = caller.get("/control/state").await.json()["pushes"].take();
    assert_eq!(pushes.as_array().unwrap().iter().map(|push| &push["clientId"]).collect::<Vec<_>>(), [third_party]);
}

#[tokio::test]
async fn an_event_that_somebody_made_up_is_told_to_the_app_under_test() {
    let caller = Caller::start().await;
    let tell = json!({"eventType": "bpms_instance_change", "data": {"result": "agree"}});
    let state = caller.post("/control/events", json!({"url": "http://127.0.0.1:1/", "tell": tell})).await.json();
    let pushes = state["pushes"].as_array().unwrap();
    let told: Vec<_> = pushes.iter().filter(|push| push["clientId"] == state["app"]["clientId"]).collect();
    assert_eq!(told.len(), 1, "{pushes:?}");
    assert_eq!((&told[0]["eventType"], &told[0]["corpId"]), (&json!("bpms_instance_change"), &json!("dingsimulator0001")));
}

#[tokio::test]
async fn a_reset_forgets_where_an_app_listens_and_remembers_which_one_is_under_test() {
    let caller = Caller::start().await;
    let world = caller.get("/control/world").await.json();
    let app = json!({"url": "http://127.0.0.1:1/", "clientId": caller.dingtalk.custom_app().client_id});
    caller.post("/control/app", app).await;
    for (lever, body) in [("reset", json!({})), ("world", world)] {
        let state = caller.post("/control/events", json!({"url": "http://127.0.0.1:1/told"})).await.json();
        assert_eq!(state["events"]["url"], "http://127.0.0.1:1/told");
        let state = caller.post(&format!("/control/{lever}"), body).await.json();
        assert_eq!((&state["events"]["url"], &state["app"]["kind"]), (&Value::Null, &json!("custom")), "{lever}");
        assert_eq!(state["app"]["url"], "http://127.0.0.1:1/", "{lever}");
    }
}

#[tokio::test]
async fn a_call_that_a_reset_overtakes_is_none_of_the_next_worlds() {
    let caller = Caller::start().await;
    caller.dingtalk.fault("/gettoken", 1, Fault::Delay { milliseconds: 300 });
    let (late, ()) = tokio::join!(caller.get("/gettoken"), async {
        while caller.dingtalk.calls("GET /gettoken") == 0 {
            tokio::task::yield_now().await;
        }
        caller.post("/control/reset", json!({})).await;
    });
    assert_eq!(late.json()["errcode"], 40035);
    let ledger = caller.get("/control/requests").await.json();
    assert_eq!((&ledger["counts"], &ledger["entries"]), (&json!({}), &json!([])));
}

#[tokio::test]
async fn the_ledger_tells_which_world_it_is_of() {
    let (caller, other) = (Caller::start().await, Caller::start().await);
    let world = async |caller: &Caller| caller.get("/control/requests").await.json()["world"].as_u64().expect("a number");
    let first = world(&caller).await;
    assert_eq!(world(&caller).await, first);
    assert_ne!(world(&other).await, first);
    caller.post("/control/reset", json!({})).await;
    assert_eq!(world(&caller).await, first + 1);
}

#[tokio::test]
async fn a_call_may_be_large_and_one_that_is_too_large_is_refused_and_recorded_like_any_other() {
    let caller = Caller::start().await;
    let large = json!({"userid": "bob", "more": "x".repeat(1024 * 1024)});
    assert_eq!(caller.old("/topapi/v2/user/get", large).await["errcode"], 0);
    for (path, said) in [
        ("/topapi/v2/user/get", "{\"errcode\":40035,"),
        ("/service/get_corp_token", "{\"errcode\":40035,"),
        ("/v1.0/oauth2/accessToken", "\"code\":\"Invalidbody\""),
    ] {
        let answer = too_large(&caller, path).await;
        assert!(answer.contains(said), "{path}: {answer}");
    }
    let entries = caller.get("/control/requests").await.json()["entries"].take();
    let noted = entries.as_array().unwrap().iter().filter(|entry| entry["note"] == "the body could not be read").count();
    assert_eq!(noted, 3, "{entries}");
}

#[tokio::test]
async fn a_world_of_ones_own_is_loaded_given_back_and_kept_through_a_reset() {
    let caller = Caller::start().await;
    let mut world = caller.get("/control/world").await.json();
    world["organisations"][0]["people"][0]["name"] = json!("Somebody");
    world["apps"][0]["clientSecret"] = json!("mine");
    caller.post("/control/world", world.clone()).await;
    caller.post("/control/reset", json!({})).await;
    assert_eq!(caller.get("/control/world").await.json(), world);
    assert_eq!(caller.get("/control/state").await.json()["people"][0]["name"], "Somebody");
    let granted = caller.get("/gettoken?appkey=dingsimulatedapp1&appsecret=mine").await.json();
    assert_eq!(granted["errcode"], 0);
}
