//! The levers of several organisations and of events, as they are pulled over HTTP.

use serde_json::json;

use crate::caller::Caller;

#[tokio::test]
async fn organisations_people_and_tickets_have_levers() {
    let caller = Caller::start().await;
    let app = json!({"url": "http://127.0.0.1:1/", "clientId": caller.dingtalk.third_party_app().client_id});
    let state = caller.post("/control/app", app).await.json();
    assert_eq!((&state["app"]["kind"], &state["organisations"][1]["standing"]), (&json!("third-party"), &json!("absent")));
    let corp_id = caller.dingtalk.organisations()[1];
    for (decision, standing) in [("authorise", "active"), ("stop", "stopped"), ("restore", "active"), ("remove", "absent")] {
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
        ("grants", json!({"grants": {}, "colour": "blue"})),
        ("app", json!({"url": "http://127.0.0.1:1/", "clientId": "nobody"})),
        ("world", json!({"organisations": [], "apps": []})),
    ] {
        let refusal = caller.post(&format!("/control/{path}"), body).await;
        assert_eq!((refusal.status, refusal.json()["error"].is_string()), (400, true), "{path}: {}", refusal.body);
    }
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
