//! The calls that a provider signs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dingtalk_simulator::{App, Decision};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use url::form_urlencoded::Serializer;

use crate::caller::Caller;

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

fn query(app: &App, timestamp: u128, ticket: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(app.client_secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}\n{ticket}").as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    Serializer::new(String::new())
        .append_pair("accessKey", app.client_id)
        .append_pair("timestamp", &timestamp.to_string())
        .append_pair("suiteTicket", ticket)
        .append_pair("signature", &signature)
        .finish()
}

impl Caller {
    async fn signed(&self, path: &str, query: &str, corp_id: &str) -> Value {
        self.post(&format!("/service/{path}?{query}"), json!({"auth_corpid": corp_id})).await.json()
    }
}

#[tokio::test]
async fn a_signed_call_gets_the_token_and_the_agent_of_an_organisation() {
    let caller = Caller::start().await;
    let dingtalk = &caller.dingtalk;
    let (app, [_, other]) = (dingtalk.third_party_app(), dingtalk.organisations());
    dingtalk.put_to_test(app);
    let signed = query(app, now(), &dingtalk.suite_ticket().unwrap());
    assert_eq!(caller.signed("get_auth_info", &signed, other).await["errcode"], 48004);
    dingtalk.decide(other, Decision::Authorise);
    let told = caller.signed("get_auth_info", &signed, other).await;
    assert_eq!(told["auth_info"]["agent"][0]["agentid"], 2_000_000_002, "{told}");
    assert!(told.get("auth_scope").is_none(), "only events tell it: {told}");
    assert_eq!((&told["auth_corp_info"]["corpid"], &told["errcode"]), (&json!(other), &json!(0)));
    let token = caller.signed("get_corp_token", &signed, other).await;
    let token = token["access_token"].as_str().unwrap_or_else(|| panic!("{token}"));
    let details = caller.get(&format!("/topapi/v2/user/get?userid=emma&access_token={token}")).await.json();
    assert_eq!(details["result"]["name"], "Emma Clark");
}

#[tokio::test]
async fn each_mistake_in_a_signature_has_a_code_of_its_own() {
    let caller = Caller::start().await;
    let app = *caller.dingtalk.custom_app();
    let refused = async |query: String| caller.signed("get_corp_token", &query, app.corp_id).await["errcode"].clone();
    assert_eq!(refused(query(&app, now(), "Test")).await, 0);
    assert_eq!(refused(query(&app, now() / 1000, "Test")).await, 853_001);
    assert_eq!(refused(query(&app, now() - 61_000, "Test")).await, 853_002);
    assert_eq!(refused(query(&App { client_id: "nobody", ..app }, now(), "Test")).await, 853_003);
    assert_eq!(refused(query(&App { client_secret: "wrong", ..app }, now(), "Test")).await, 853_004);
    caller.dingtalk.advance(Duration::from_secs(3600));
    assert_eq!(refused(query(&app, now(), "Test")).await, 0, "an app's clock cannot be moved with DingTalk's");
    let third_party = *caller.dingtalk.third_party_app();
    assert_eq!(refused(query(&third_party, now(), "stale")).await, 40085);
}
