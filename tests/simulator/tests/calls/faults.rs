//! Faults of each kind at the calls that can have them.

use dingtalk_simulator::Fault;
use serde_json::{Value, json};

use crate::caller::Caller;

const DETAILS: &str = "/topapi/v2/user/get";
const TICKETS: &str = "/v1.0/oauth2/jsapiTickets";
const NOT_SPOILT: &str = "only calls of an app to DingTalk can be spoilt";

impl Caller {
    async fn arrange(&self, endpoint: &str, fault: Value) -> u16 {
        self.post("/control/faults", json!({"endpoint": endpoint, "fault": fault})).await.status
    }
}

#[tokio::test]
async fn limits_quotas_and_addresses_have_the_codes_of_each_family() {
    let caller = Caller::start().await;
    for (fault, old, new) in [
        (json!({"kind": "rate"}), "90018", "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"),
        (json!({"kind": "rate", "limit": "api"}), "90002", "Forbidden.AccessDenied.QpsLimitForApi"),
        (json!({"kind": "rate", "limit": "organisation"}), "90019", "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi"),
        (json!({"kind": "rate", "limit": "minute"}), "90017", "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"),
        (json!({"kind": "quota"}), "90020", "Forbidden.AccessDenied.ApiCountLimitForOrg"),
        (json!({"kind": "address"}), "60020", "Forbidden.AccessDenied.IpNotInWhiteList"),
    ] {
        caller.arrange(DETAILS, fault.clone()).await;
        assert_eq!(caller.old(DETAILS, json!({"userid": "bob"})).await["sub_code"], old);
        caller.arrange(TICKETS, fault).await;
        let refusal = caller.post_with(&caller.token().await, TICKETS, Value::Null).await;
        assert_eq!((refusal.status, refusal.json()["code"].as_str()), (403, Some(new)));
    }
    caller.arrange(TICKETS, json!({"kind": "throttled"})).await;
    assert_eq!(caller.post_with(&caller.token().await, TICKETS, Value::Null).await.status, 429);
}

#[tokio::test]
async fn an_answer_may_come_in_another_form() {
    let caller = Caller::start().await;
    caller.arrange(DETAILS, json!({"kind": "form", "form": "strings"})).await;
    assert_eq!(caller.old(DETAILS, json!({"userid": "alice"})).await["result"]["active"], "true");
    caller.arrange(DETAILS, json!({"kind": "form", "form": "english"})).await;
    assert_eq!(caller.old(DETAILS, json!({"userid": "none"})).await["errmsg"], "user not found");
    caller.arrange(TICKETS, json!({"kind": "form", "form": "capitals"})).await;
    let refusal = caller.post_with("dead", TICKETS, Value::Null).await.json();
    assert_eq!(refusal["Code"], "InvalidAuthentication");
}

#[tokio::test]
async fn in_any_form_an_answer_says_what_it_is_there_for() {
    const OLD_TOKEN: &str = "/gettoken?appkey=dingsimulatedapp1&appsecret=simulated-secret-not-for-production";
    const STREAM: &str = "/v1.0/gateway/connections/open";
    let caller = Caller::start().await;
    let (token, app) = (caller.token().await, caller.dingtalk.app());
    let form = async |endpoint: &str, form: &str| caller.arrange(endpoint, json!({"kind": "form", "form": form})).await;
    form("/gettoken", "strings").await;
    assert_eq!(caller.get(OLD_TOKEN).await.json()["expires_in"], "7200");
    for dropping in ["absent", "null"] {
        form(TICKETS, dropping).await;
        assert!(caller.post_with(&token, TICKETS, Value::Null).await.json()["jsapiTicket"].is_string());
        form(TICKETS, dropping).await;
        assert_eq!(caller.post_with("dead", TICKETS, Value::Null).await.json()["code"], "InvalidAuthentication");
        form("/get_jsapi_ticket", dropping).await;
        assert!(caller.get(&format!("/get_jsapi_ticket?access_token={token}")).await.json()["ticket"].is_string());
        form(STREAM, dropping).await;
        let secret = json!({"clientId": app.client_id, "clientSecret": app.client_secret});
        let opened = caller.post(STREAM, secret).await.json();
        assert!(opened["endpoint"].is_string() && opened["ticket"].is_string(), "{opened}");
    }
    for dropping in ["absent", "null"] {
        let token = caller.sso_token().await;
        form("/v1.0/oauth2/ssoUserInfo", dropping).await;
        let path = format!("/v1.0/oauth2/ssoUserInfo?code={}", caller.sso_code("zhangsan").await);
        let told = caller.get_with(&token, &path).await.json();
        assert_eq!((&told["userId"], &told["corpId"]), (&json!("zhangsan"), &json!("dingsimulator0001")), "{told}");
        form("/sso/getuserinfo", dropping).await;
        let path = format!("/sso/getuserinfo?access_token={token}&code={}", caller.sso_code("zhangsan").await);
        let told = caller.get(&path).await.json();
        assert_eq!(
            (&told["user_info"]["userid"], &told["corp_info"]["corpid"]),
            (&json!("zhangsan"), &json!("dingsimulator0001"))
        );
    }
    form("/user/getuserinfo", "absent").await;
    let exchange = format!("/user/getuserinfo?access_token={token}&code={}", caller.dingtalk.issue_code("bob"));
    assert_eq!(caller.get(&exchange).await.json(), json!({"errcode": 0, "errmsg": "ok", "userid": "bob", "name": "Bob"}));
}

#[tokio::test]
async fn a_call_that_the_simulator_does_not_know_can_fail_too() {
    let caller = Caller::start().await;
    assert_eq!(caller.arrange("/v1.0/calendar/users/me", json!({"kind": "quota"})).await, 200);
    assert_eq!(caller.get("/v1.0/calendar/users/me").await.status, 403);
    assert_eq!(caller.get("/v1.0/calendar/users/me").await.status, 404);
}

#[tokio::test]
async fn a_fault_that_is_asked_for_at_one_of_an_apis_paths_strikes() {
    let caller = Caller::start().await;
    for (path, documented) in [
        ("/v1.0/contact/users/me", "/v1.0/contact/users/{unionId}"),
        ("/v1.0/oauth2/dingsimulator0001/token", "/v1.0/oauth2/{corpId}/token"),
    ] {
        let state = caller.post("/control/faults", json!({"endpoint": path, "fault": {"kind": "busy"}})).await.json();
        assert_eq!(state["faults"][0]["endpoint"], documented);
        assert_eq!(caller.post_with("any", path, json!({})).await.json()["code"], "systemBusy", "{path}");
    }
}

#[tokio::test]
async fn where_a_token_dies_at_a_call_that_is_not_simulated_the_call_says_so() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    let fault = json!({"kind": "revokedToken"});
    for (path, said) in [
        ("/v1.0/calendar/users/me", json!({"code": "InvalidAuthentication"})),
        ("/topapi/attendance/list", json!({"errcode": 88, "sub_code": "40014"})),
        ("/media/list", json!({"errcode": 40014})),
    ] {
        caller.arrange(path, fault.clone()).await;
        let answer = caller.post_with(&token, &format!("{path}?access_token={token}"), json!({})).await.json();
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(&answer[name], value, "{path}: {answer}");
        }
    }
    assert_eq!(caller.post_with(&token, TICKETS, Value::Null).await.json()["code"], "InvalidAuthentication");
    caller.arrange("/v1.0/calendar/users/me", fault).await;
    let answer = caller.get("/v1.0/calendar/users/me").await.json();
    assert_eq!(answer["code"], "AuthenticationFailed.MissingParameter");
}

#[tokio::test]
async fn an_administrators_code_can_be_a_bad_one_too() {
    let caller = Caller::start().await;
    let token = caller.sso_token().await;
    for (path, name, said) in
        [("/v1.0/oauth2/ssoUserInfo", "code", json!("invalidCode")), ("/sso/getuserinfo", "errcode", json!(41007))]
    {
        assert_eq!(caller.arrange(path, json!({"kind": "authCodeError"})).await, 200, "{path}");
        let code = caller.sso_code("zhangsan").await;
        let answers = async || caller.get_with(&token, &format!("{path}?access_token={token}&code={code}")).await.json();
        assert_eq!(answers().await[name], said, "{path}");
        assert!(answers().await.to_string().contains("zhangsan"), "{path}: the code is still good");
    }
}

#[tokio::test]
async fn a_fault_that_a_call_cannot_have_is_refused() {
    let caller = Caller::start().await;
    for (endpoint, fault) in [
        (DETAILS, json!({"kind": "authCodeError"})),
        ("/gettoken", json!({"kind": "revokedToken"})),
        (DETAILS, json!({"kind": "throttled"})),
        (DETAILS, json!({"kind": "form", "form": "capitals"})),
        ("gettoken", json!({"kind": "busy"})),
        ("/gettoken?appkey=x", json!({"kind": "busy"})),
    ] {
        assert_eq!(caller.arrange(endpoint, fault.clone()).await, 400, "{endpoint} {fault}");
    }
}

#[tokio::test]
async fn what_is_no_call_of_an_app_to_dingtalk_cannot_be_spoilt() {
    let caller = Caller::start().await;
    for own in [
        "POST /client/authcode",
        "/client/config",
        "/control/reset",
        "GET /dd.js",
        "/connect",
        "/oauth2/auth",
        "/oauth2/challenge.htm",
        "/",
        "/console.js",
        "/console.css",
        "/ca.pem",
        "/favicon.ico",
        "/avatar/dingsimulator0001/alice.svg",
    ] {
        let refusal = caller.post("/control/faults", json!({"endpoint": own, "fault": {"kind": "busy"}})).await;
        assert_eq!((refusal.status, refusal.json()["error"].as_str()), (400, Some(NOT_SPOILT)), "{own}");
    }
    let others = ["/clients", "/connect/oauth2/sns_authorize", "/{any}/thing"];
    for other in others {
        assert_eq!(caller.arrange(other, json!({"kind": "busy"})).await, 200, "{other}");
    }
}

#[tokio::test]
#[should_panic(expected = "only calls of an app to DingTalk can be spoilt")]
async fn a_test_that_would_spoil_what_is_no_call_to_dingtalk_has_a_slip_in_it() {
    Caller::start().await.dingtalk.fault("POST /client/authcode", 1, Fault::Busy);
}

#[tokio::test]
async fn a_call_that_is_not_simulated_can_have_a_fault_whatever_its_parameters() {
    const EVENTS: &str = "/v1.0/calendar/users/{userId}/calendars/{calendarId}/events";
    let caller = Caller::start().await;
    let called = async |path: &str| caller.post_with("any", path, json!({})).await.status;
    caller.dingtalk.fault(EVENTS, 2, Fault::Busy);
    for (path, status) in [
        ("/v1.0/calendar/users/one/calendars/primary/attendees", 404),
        ("/v1.0/calendar/users/one/calendars//events", 404),
        ("/v1.0/calendar/users/one/calendars/primary/events", 500),
        ("/v1.0/calendar/users/two/calendars/other/events", 500),
        ("/v1.0/calendar/users/two/calendars/other/events", 404),
    ] {
        assert_eq!(called(path).await, status, "{path}");
    }
    caller.arrange(EVENTS, json!({"kind": "busy"})).await;
    assert_eq!(called("/v1.0/calendar/users/three/calendars/primary/events").await, 500);
}
