//! Custom and third-party apps: their tokens, and the organisations that have them.

use std::time::Duration;

use dingtalk_simulator::{App, Decision};
use serde_json::{Value, json};

use crate::caller::Caller;

const CORP_TOKEN: &str = "/v1.0/oauth2/corpAccessToken";

impl Caller {
    pub async fn corp_token(&self, app: &App, corp_id: &str, ticket: &str) -> Value {
        let body =
            json!({"suiteKey": app.client_id, "suiteSecret": app.client_secret, "authCorpId": corp_id, "suiteTicket": ticket});
        self.post(CORP_TOKEN, body).await.json()
    }
}

fn token(granted: &Value) -> String {
    granted["accessToken"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned()
}

#[tokio::test]
async fn a_custom_app_gets_a_new_token_each_time_with_any_ticket() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.custom_app();
    let first = caller.corp_token(app, app.corp_id, "Test").await;
    let second = caller.corp_token(app, app.corp_id, "other").await;
    assert_eq!(first["expireIn"], 7200);
    assert_ne!(first["accessToken"], second["accessToken"]);
    assert_eq!(caller.corp_token(app, app.corp_id, "").await["code"], "invalidSuiteTicket");
    assert_eq!(caller.corp_token(app, caller.dingtalk.organisations()[1], "Test").await["code"], "invalidAuthInfo");
    assert_eq!(caller.corp_token(caller.dingtalk.app(), app.corp_id, "Test").await["code"], "invalidSuiteKey");
    let liar = App { client_secret: "wrong", ..*app };
    assert_eq!(caller.corp_token(&liar, app.corp_id, "Test").await["code"], "invalidClientIdOrSecret");
}

#[tokio::test]
async fn a_third_party_app_needs_the_newest_ticket_and_the_organisations_authorisation() {
    let caller = Caller::start().await;
    let dingtalk = &caller.dingtalk;
    let (app, [one, other]) = (dingtalk.third_party_app(), dingtalk.organisations());
    dingtalk.put_to_test(app);
    let old_ticket = dingtalk.suite_ticket().expect("a ticket");
    assert_eq!(caller.corp_token(app, one, &old_ticket).await["code"], "invalidAuthInfo");
    dingtalk.decide(one, Decision::Authorise);
    token(&caller.corp_token(app, one, &old_ticket).await);
    assert_eq!(caller.corp_token(app, other, &old_ticket).await["code"], "invalidAuthInfo");
    dingtalk.rotate_suite_ticket();
    assert_eq!(caller.corp_token(app, one, &old_ticket).await["code"], "invalidSuiteTicket");
    token(&caller.corp_token(app, one, &dingtalk.suite_ticket().expect("a ticket")).await);
}

#[tokio::test]
async fn a_clock_that_moves_past_five_hours_brings_a_new_suite_ticket_at_once() {
    let caller = Caller::start().await;
    let dingtalk = &caller.dingtalk;
    dingtalk.put_to_test(dingtalk.third_party_app());
    let first = dingtalk.suite_ticket();
    dingtalk.advance(Duration::from_secs(4 * 3600));
    assert_eq!(dingtalk.suite_ticket(), first);
    dingtalk.advance(Duration::from_secs(3600));
    let second = dingtalk.suite_ticket();
    assert_ne!(second, first);
    caller.post("/control/clock", json!({"advanceSeconds": 5 * 3600})).await;
    assert_ne!(dingtalk.suite_ticket(), second);
}

#[tokio::test]
async fn two_organisations_have_people_of_one_user_id_and_no_code_serves_the_other() {
    let caller = Caller::start().await;
    let dingtalk = &caller.dingtalk;
    let (app, [one, other]) = (dingtalk.third_party_app(), dingtalk.organisations());
    dingtalk.put_to_test(app);
    let ticket = dingtalk.suite_ticket().expect("a ticket");
    let mut tokens = Vec::new();
    for corp_id in [one, other] {
        dingtalk.decide(corp_id, Decision::Authorise);
        tokens.push(token(&caller.corp_token(app, corp_id, &ticket).await));
    }
    let exchange = async |token: &str, corp_id| {
        let body = json!({"code": dingtalk.issue_code_at(corp_id, "zhangsan")});
        caller.post(&format!("/topapi/v2/user/getuserinfo?access_token={token}"), body).await.json()
    };
    assert_eq!(exchange(&tokens[0], one).await["result"]["name"], "张三");
    assert_eq!(exchange(&tokens[1], other).await["result"]["name"], "章珊");
    assert_eq!(exchange(&tokens[0], other).await["errcode"], 40078);
    assert_eq!(exchange(&tokens[1], one).await["errcode"], 40078);
    assert_ne!(dingtalk.agent_id(one), dingtalk.agent_id(other));
}

#[tokio::test]
async fn a_third_party_app_is_not_told_what_only_an_organisations_own_apps_may_know() {
    let caller = Caller::start().await;
    let (dingtalk, corp_id) = (&caller.dingtalk, caller.dingtalk.app().corp_id);
    dingtalk.put_to_test(dingtalk.third_party_app());
    dingtalk.decide(corp_id, Decision::Authorise);
    let granted = caller.corp_token(dingtalk.third_party_app(), corp_id, &dingtalk.suite_ticket().expect("a ticket")).await;
    let details = format!("/topapi/v2/user/get?userid=zhangsan&access_token={}", token(&granted));
    let theirs = caller.get(&details).await.json()["result"].clone();
    let own = caller.old("/topapi/v2/user/get", json!({"userid": "zhangsan"})).await["result"].clone();
    for (name, is_told) in
        [("mobile", false), ("email", false), ("telephone", false), ("org_email", false), ("hired_date", false), ("title", true)]
    {
        assert_eq!((own.get(name).is_some(), theirs.get(name).is_some()), (true, is_told), "{name}");
    }
}

#[tokio::test]
async fn a_relieved_app_is_refused_and_a_stopped_or_removed_one_too_until_it_is_restored() {
    let caller = Caller::start().await;
    let dingtalk = &caller.dingtalk;
    let (app, [one, _]) = (dingtalk.third_party_app(), dingtalk.organisations());
    dingtalk.put_to_test(app);
    dingtalk.decide(one, Decision::Authorise);
    let ticket = dingtalk.suite_ticket().expect("a ticket");
    let token = token(&caller.corp_token(app, one, &ticket).await);
    let details = async || caller.get(&format!("/topapi/v2/user/get?userid=bob&access_token={token}")).await.json();
    let opens = async || {
        let answer = caller.post("/client/authcode", json!({"corpId": one, "clientId": app.client_id})).await.json();
        !answer["code"].is_null()
    };
    assert_eq!((details().await["errcode"].clone(), opens().await), (json!(0), true));
    for end in [Decision::Stop, Decision::Remove] {
        dingtalk.decide(one, end);
        assert_eq!((details().await["errcode"].clone(), opens().await), (json!(50003), false));
        let ticket_path = format!("/get_jsapi_ticket?access_token={token}");
        let refused = json!({"errcode": 50003, "errmsg": "应用已停用"});
        assert_eq!(caller.get(&ticket_path).await.json(), refused, "and no request_id");
        dingtalk.decide(one, Decision::Restore);
        assert_eq!((details().await["errcode"].clone(), opens().await), (json!(0), true));
    }
    dingtalk.decide(one, Decision::Relieve);
    assert_eq!((details().await["sub_code"].clone(), opens().await), (json!("40014"), false));
    assert_eq!(caller.corp_token(app, one, &ticket).await["code"], "invalidAuthInfo");
}

#[tokio::test]
async fn what_becomes_of_an_older_corp_token_can_be_chosen() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.custom_app();
    caller.dingtalk.put_to_test(app);
    for kills in [false, true] {
        caller.dingtalk.newer_tokens_kill_older(kills);
        let older = token(&caller.corp_token(app, app.corp_id, "Test").await);
        token(&caller.corp_token(app, app.corp_id, "Test").await);
        let answer = caller.post_with(&older, "/v1.0/oauth2/jsapiTickets", Value::Null).await;
        assert_eq!(answer.status, if kills { 400 } else { 200 }, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_suite_token_is_the_apps_own_and_says_nothing_for_an_organisation() {
    let caller = Caller::start().await;
    let app = caller.dingtalk.third_party_app();
    caller.dingtalk.put_to_test(app);
    let ticket = caller.dingtalk.suite_ticket().expect("a ticket");
    let body = |secret, ticket: &str| json!({"suiteKey": app.client_id, "suiteSecret": secret, "suiteTicket": ticket});
    let granted = caller.post("/v1.0/oauth2/suiteAccessToken", body(app.client_secret, &ticket)).await.json();
    let old = json!({"suite_key": app.client_id, "suite_secret": app.client_secret, "suite_ticket": ticket});
    let same = caller.post("/service/get_suite_token", old).await.json();
    assert_eq!(granted["accessToken"], same["suite_access_token"]);
    let refused = caller.post_with(&token(&granted), "/v1.0/oauth2/jsapiTickets", Value::Null).await;
    assert_eq!(refused.json()["code"], "InvalidAuthentication");
    let wrong = caller.post("/v1.0/oauth2/suiteAccessToken", body("wrong", &ticket)).await.json();
    assert_eq!(wrong["code"], "invalidClientIdOrSecret");
    let stale = caller.post("/v1.0/oauth2/suiteAccessToken", body(app.client_secret, "stale")).await.json();
    assert_eq!(stale["code"], "invalidSuiteTicket");
    let inactive = format!("/service/get_unactive_corp?suite_access_token={}", token(&granted));
    assert_eq!(caller.post(&inactive, json!({})).await.json()["errcode"], 0);
    caller.dingtalk.decide(app.corp_id, Decision::Authorise);
    for (query, code) in [
        ("", "invalidCorpId"),
        ("?authCorpId=", "invalidCorpId"),
        ("?authCorpId=dingsimulator0002", "orgNotAuthApp"),
        ("?authCorpId=dingnowhere", "orgNotExist"),
        ("?authCorpId=dingsimulator0001", ""),
    ] {
        let told = caller.get_with(&token(&granted), &format!("/v1.0/oauth2/apps/authInfo{query}")).await;
        assert_eq!(told.json()["code"].as_str().unwrap_or_default(), code, "{query}: {}", told.body);
        let app_id = told.json()["authAppInfo"]["agentList"][0]["appId"].clone();
        assert_eq!((told.status == 200, app_id == 1), (code.is_empty(), code.is_empty()), "{query}: {}", told.body);
    }
    caller.dingtalk.advance(Duration::from_secs(7200));
    assert_eq!(caller.post(&inactive, json!({})).await.json()["errcode"], 42009);
}

#[tokio::test]
async fn a_relieved_app_that_is_authorised_again_has_nothing_left_of_what_it_was_given() {
    let caller = Caller::start().await;
    let (dingtalk, corp_id) = (&caller.dingtalk, caller.dingtalk.app().corp_id);
    let ticket = async || caller.old("/get_jsapi_ticket", Value::Null).await["ticket"].clone();
    let (code, first) = (dingtalk.issue_code("alice"), ticket().await);
    assert_eq!(ticket().await, first);
    dingtalk.decide(corp_id, Decision::Relieve);
    dingtalk.decide(corp_id, Decision::Authorise);
    assert_ne!(ticket().await, first);
    assert_eq!(caller.old("/topapi/v2/user/getuserinfo", json!({"code": code})).await["errcode"], 40078);
}

#[tokio::test]
#[should_panic(expected = "only a third-party app has suite tickets")]
async fn a_test_that_would_rotate_the_suite_ticket_of_an_internal_app_has_a_slip_in_it() {
    Caller::start().await.dingtalk.rotate_suite_ticket();
}
