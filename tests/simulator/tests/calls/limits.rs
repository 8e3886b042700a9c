//! The limit on calls.

use dingtalk_simulator::Decision;
use serde_json::{Value, json};

use crate::caller::{Caller, SSO_SECRET};

const DETAILS: &str = "/topapi/v2/user/get";
const TICKETS: &str = "/v1.0/oauth2/jsapiTickets";

#[tokio::test]
async fn a_call_too_many_is_refused_in_the_words_of_its_family_and_leaves_a_code_good() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    caller.dingtalk.calls_per_second(Some(1));
    let exchange = format!("/topapi/v2/user/getuserinfo?access_token={token}");
    let body = json!({"code": caller.dingtalk.issue_code("alice")});
    caller.post(&exchange, json!({"code": "none"})).await;
    let refusal = caller.post(&exchange, body.clone()).await;
    assert_eq!((refusal.status, &refusal.json()["errcode"], &refusal.json()["sub_code"]), (200, &json!(88), &json!("90018")));

    assert_eq!(caller.post_with(&token, TICKETS, Value::Null).await.status, 200, "another API has a limit of its own");
    let refusal = caller.post_with(&token, TICKETS, Value::Null).await;
    assert_eq!((refusal.status, refusal.json()["code"].as_str()), (403, Some("Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")));

    let unnamed = caller.get("/gettoken").await.json();
    assert_eq!(unnamed["errcode"], 40035, "a call of nobody's counts against no limit");
    let named = format!("/gettoken?appkey={}", caller.dingtalk.app().client_id);
    caller.get(&named).await;
    assert_eq!(caller.get(&named).await.json()["errcode"], 90018);

    caller.dingtalk.calls_per_second(None);
    assert_eq!(caller.post(&exchange, body).await.json()["result"]["userid"], "alice");
    assert_eq!(caller.dingtalk.codes_sent_again(), 0);
    let ledger = caller.get("/control/requests").await.json();
    let refused = ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["note"] == "too many calls in a second");
    assert_eq!(refused.count(), 3);
}

#[tokio::test]
async fn the_control_sets_the_limit_and_tells_what_came_of_it() {
    let caller = Caller::start().await;
    assert_eq!(caller.get("/control/limits").await.json(), json!({"callsPerSecond": null, "refused": 0, "paces": []}));
    let details = format!("{DETAILS}?access_token={}", caller.token().await);
    let state = caller.post("/control/limits", json!({"callsPerSecond": 2})).await.json();
    assert_eq!(state["limits"]["callsPerSecond"], 2);
    for _ in 0..5 {
        caller.get(&details).await;
    }
    let limits = caller.get("/control/limits").await.json();
    let pace = &limits["paces"][0]; // the paces are sorted by path, /topapi before /v1.0
    assert_eq!((&pace["clientId"], &pace["api"]), (&json!("dingsimulatedapp1"), &json!(DETAILS)));
    assert_eq!((&pace["accepted"], &pace["refused"]), (&json!(2), &json!(3)));
    assert_eq!((&pace["mostAcceptedInASecond"], &pace["mostArrivedInASecond"]), (&json!(2), &json!(5)));
    assert_eq!(caller.dingtalk.pace(DETAILS).refused, 3);

    let state = caller.post("/control/reset", json!({})).await.json();
    assert_eq!(state["limits"], json!({"callsPerSecond": 2, "refused": 0, "paces": []}), "the limit stays");
    for (body, named) in
        [(json!({"callsPerSecond": 0}), "at least 1"), (json!({}), "missing"), (json!({"perSecond": 1}), "perSecond")]
    {
        let refusal = caller.post("/control/limits", body).await;
        assert_eq!(refusal.status, 400);
        assert!(refusal.body.contains(named), "{}", refusal.body);
    }
    assert_eq!(
        caller.post("/control/limits", json!({"callsPerSecond": null})).await.json()["limits"]["callsPerSecond"],
        Value::Null
    );
}

#[tokio::test]
async fn a_third_party_app_has_a_limit_of_its_own_at_each_organisation() {
    let caller = Caller::start().await;
    let (app, organisations) = (caller.dingtalk.third_party_app(), caller.dingtalk.organisations());
    caller.dingtalk.put_to_test(app);
    let ticket = caller.dingtalk.suite_ticket().unwrap();
    caller.dingtalk.calls_per_second(Some(1));
    for corp_id in organisations {
        caller.dingtalk.decide(corp_id, Decision::Authorise);
        let granted = caller.corp_token(app, corp_id, &ticket).await;
        assert_eq!(
            caller.corp_token(app, corp_id, &ticket).await["code"],
            "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi"
        );
        let details = format!("{DETAILS}?userid=alice&access_token={}", granted["accessToken"].as_str().unwrap());
        assert_eq!(caller.get(&details).await.json()["result"]["userid"], "alice");
        assert_eq!(caller.get(&details).await.json()["sub_code"], "90019");
    }
    let limits = caller.get("/control/limits").await.json();
    let counted = |corp_id: &str| limits["paces"].as_array().unwrap().iter().filter(|pace| pace["corpId"] == *corp_id).count();
    assert_eq!((limits["refused"].as_u64(), organisations.map(counted)), (Some(4), [2, 2]));
}

#[tokio::test]
async fn a_third_party_app_that_speaks_for_itself_has_a_limit_for_each_organisation_that_it_names() {
    let caller = Caller::start().await;
    let (app, organisations) = (caller.dingtalk.third_party_app(), caller.dingtalk.organisations());
    caller.dingtalk.put_to_test(app);
    let ticket = caller.dingtalk.suite_ticket().unwrap();
    let body = json!({"suiteKey": app.client_id, "suiteSecret": app.client_secret, "suiteTicket": ticket});
    let granted = caller.post("/v1.0/oauth2/suiteAccessToken", body).await.json();
    let token = granted["accessToken"].as_str().unwrap();
    caller.dingtalk.calls_per_second(Some(1));
    for corp_id in organisations {
        let asked = format!("/v1.0/oauth2/apps/authInfo?authCorpId={corp_id}");
        let codes = [caller.get_with(token, &asked).await.json(), caller.get_with(token, &asked).await.json()];
        assert_eq!(codes[0]["code"], "orgNotAuthApp");
        assert_eq!(codes[1]["code"], "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi");
    }
    let inactive = format!("/service/get_unactive_corp?suite_access_token={token}");
    assert_eq!(caller.post(&inactive, json!({})).await.json()["errcode"], 0);
    assert_eq!(caller.post(&inactive, json!({"auth_corpid": "none"})).await.json()["errcode"], 90018, "of no organisation");
}

#[tokio::test]
async fn an_app_that_is_named_by_its_secret_only_has_a_limit_too() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.app();
    caller.dingtalk.calls_per_second(Some(1));
    let asked = format!("/gettoken?corpid={}&corpsecret={}", app.corp_id, app.client_secret);
    let codes = [caller.get(&asked).await.json(), caller.get(&asked).await.json()].map(|answer| answer["errcode"].clone());
    assert_eq!(codes, [0, 90018]);
    assert_eq!(caller.dingtalk.pace("/gettoken").refused, 1);
}

#[tokio::test]
async fn an_organisations_own_back_end_has_a_limit_whatever_the_app() {
    let caller = Caller::start().await;
    let token = caller.sso_token().await;
    caller.dingtalk.calls_per_second(Some(1));
    for (corp_id, errcode) in [("dingsimulator0001", 0), ("dingsimulator0001", 90018), ("dingsimulator0002", 0)] {
        let answer = caller.get(&format!("/sso/gettoken?corpid={corp_id}&corpsecret={SSO_SECRET}")).await.json();
        assert_eq!(answer["errcode"], errcode, "{corp_id}");
    }
    for code in ["invalidCode", "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"] {
        assert_eq!(caller.get_with(&token, "/v1.0/oauth2/ssoUserInfo?code=none").await.json()["code"], code);
    }
    let paces = caller.get("/control/limits").await.json()["paces"].take();
    let pace = paces.as_array().unwrap().iter().find(|pace| pace["api"] == "/sso/gettoken").unwrap();
    assert_eq!((&pace["corpId"], pace.get("clientId")), (&json!("dingsimulator0001"), None));
}

#[tokio::test]
async fn a_third_party_app_has_a_limit_for_each_organisation_that_its_path_names() {
    let caller = Caller::start().await;
    let (app, organisations) = (caller.dingtalk.third_party_app(), caller.dingtalk.organisations());
    caller.dingtalk.put_to_test(app);
    caller.dingtalk.calls_per_second(Some(1));
    let body = json!({"client_id": app.client_id, "client_secret": app.client_secret, "grant_type": "client_credentials"});
    for corp_id in organisations {
        caller.dingtalk.decide(corp_id, Decision::Authorise);
        let path = format!("/v1.0/oauth2/{corp_id}/token");
        assert!(caller.post(&path, body.clone()).await.json()["access_token"].is_string(), "{corp_id}");
        let refusal = caller.post(&path, body.clone()).await.json();
        assert_eq!(refusal["code"], "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi");
    }
}

#[tokio::test]
async fn a_code_that_came_too_soon_may_come_again_by_the_older_form_as_well_and_no_other() {
    let caller = Caller::start().await;
    let exchange = format!("/user/getuserinfo?access_token={}&code=", caller.token().await);
    let code = caller.dingtalk.issue_code("alice");
    for limit in ["app", "minute"] {
        let fault = json!({"endpoint": "/user/getuserinfo", "fault": {"kind": "rate", "limit": limit}});
        caller.post("/control/faults", fault).await;
        caller.get(&(exchange.clone() + &code)).await;
    }
    caller.get(&format!("/user/getuserinfo?code={code}")).await;
    assert_eq!(caller.get(&(exchange.clone() + &code)).await.json()["userid"], "alice");
    assert_eq!(caller.dingtalk.codes_sent_again(), 0);
    assert_eq!(caller.get(&(exchange + &code)).await.json()["errcode"], 40078);
    assert_eq!(caller.dingtalk.codes_sent_again(), 1);
}
