//! A login with a browser outside the client.

use std::time::Duration;

use dingtalk_simulator::{Decision, Simulator};
use serde_json::{Value, json};
use url::Url;

use crate::caller::{Answer, Caller};

impl Caller {
    async fn sign_in(&self, answer: &[(&str, &str)]) -> Url {
        let sent = self.answer_question(answer).await;
        Url::parse(&sent.location.unwrap_or_else(|| panic!("{}", sent.body))).expect("an address")
    }

    async fn answer_question(&self, answer: &[(&str, &str)]) -> Answer {
        self.answer_question_of("openid corpid", answer).await
    }

    async fn answer_question_of(&self, scope: &str, answer: &[(&str, &str)]) -> Answer {
        let question = [
            ("redirect_uri", "http://127.0.0.1:1/back?x=1"),
            ("response_type", "code"),
            ("client_id", self.dingtalk.app().client_id),
            ("scope", scope),
            ("state", "s&t"),
        ];
        self.submit("/oauth2/auth", &[&question[..], answer].concat()).await
    }

    async fn user_token(&self, more: Value) -> Value {
        let app = self.dingtalk.app();
        let mut body = json!({"clientId": app.client_id, "clientSecret": app.client_secret, "grantType": "authorization_code"});
        for (name, value) in more.as_object().expect("members") {
            body[name] = value.clone();
        }
        self.post("/v1.0/oauth2/userAccessToken", body).await.json()
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[tokio::test]
async fn who_signs_in_comes_back_with_a_code_that_is_good_for_their_token() {
    let caller = Caller::start().await;
    let query =
        "redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&response_type=code&client_id=dingsimulatedapp1&scope=openid&state=%22%3E%3Cx";
    let page = caller.get(&format!("/oauth2/auth?{query}&prompt=consent")).await;
    assert!(page.body.contains("dingsimulator0001 alice") && page.body.contains("value=\"&quot;&gt;&lt;x\""), "{}", page.body);
    let back = caller.sign_in(&[("person", "dingsimulator0001 alice")]).await;
    assert_eq!((parameter(&back, "state").as_deref(), parameter(&back, "x").as_deref()), (Some("s&t"), Some("1")));
    let code = parameter(&back, "authCode").expect("a code");
    let granted = caller.user_token(json!({"code": code})).await;
    assert_eq!((&granted["expireIn"], &granted["corpId"]), (&json!(7200), &json!("dingsimulator0001")));
    let token = granted["accessToken"].as_str().expect("a token");
    let me = caller.get_with(token, "/v1.0/contact/users/me").await.json();
    assert_eq!((&me["nick"], &me["unionId"]), (&json!("Alice Chen"), &json!("simulatedUnionAliceChen")));
    let bob = caller.get_with(token, "/v1.0/contact/users/simulatedUnionBob").await.json();
    assert_eq!(bob["nick"], "Bob");
    assert_eq!(caller.get_with(token, "/v1.0/contact/users/none").await.status, 404);
    assert_eq!(caller.user_token(json!({"code": code})).await["code"], "invalidParameter.authCode.notFound");

    let renewed = caller.user_token(json!({"grantType": "refresh_token", "refreshToken": granted["refreshToken"]})).await;
    assert_eq!(renewed["accessToken"], granted["accessToken"], "it lives, and is renewed");
    assert_ne!(renewed["refreshToken"], granted["refreshToken"]);
    caller.dingtalk.advance(Duration::from_secs(7200));
    let expired = caller.get_with(token, "/v1.0/contact/users/me").await;
    assert_eq!((expired.status, expired.json()["code"].as_str()), (400, Some("accesstoken.expired")));
}

#[tokio::test]
async fn what_an_app_may_not_know_of_people_it_is_not_told_with_their_own_token_either() {
    let caller = Caller::start().await;
    let code = parameter(&caller.sign_in(&[("person", "dingsimulator0001 alice")]).await, "code");
    let token = caller.user_token(json!({"code": code})).await["accessToken"].as_str().expect("a token").to_owned();
    for (without, mobile, email) in
        [(json!([]), true, true), (json!(["fieldMobile"]), false, true), (json!(["fieldEmail"]), true, false)]
    {
        caller.post("/control/grants", json!({"grants": {"without": without}})).await;
        let told = caller.get_with(&token, "/v1.0/contact/users/simulatedUnionZhangSan").await.json();
        let has = |name: &str| told.get(name).is_some();
        assert_eq!((has("mobile"), has("stateCode"), has("email")), (mobile, mobile, email), "{told}");
    }
}

#[tokio::test]
async fn an_empty_corp_id_and_one_that_nobody_asked_for_choose_no_organisation() {
    let caller = Caller::start().await;
    let people = async |more: &str| {
        let query = "redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&response_type=code&client_id=dingsimulatedapp1&prompt=consent";
        caller.get(&format!("/oauth2/auth?{query}&{more}")).await.body.matches("<button name=\"person\"").count()
    };
    let all = people("scope=openid").await;
    assert!(all > 0);
    assert_eq!(people("scope=openid&corpId=").await, all);
    assert_eq!(people("scope=openid&corpId=dingsimulator0002").await, all);
    assert_eq!(people("scope=openid+corpid&corpId=dingsimulator0002").await, 0);
}

#[tokio::test]
async fn a_third_party_app_is_told_a_masked_number() {
    let caller = Caller::start().await;
    let (app, corp_id) = (caller.dingtalk.third_party_app(), caller.dingtalk.app().corp_id);
    caller.dingtalk.put_to_test(app);
    caller.dingtalk.decide(corp_id, Decision::Authorise);
    let question = [
        ("redirect_uri", "http://127.0.0.1:1/"),
        ("response_type", "code"),
        ("client_id", app.client_id),
        ("scope", "openid"),
        ("person", "dingsimulator0001 zhangsan"),
    ];
    let back = caller.submit("/oauth2/auth", &question).await;
    let code = parameter(&Url::parse(&back.location.unwrap_or_else(|| panic!("{}", back.body))).expect("an address"), "code");
    let body =
        json!({"clientId": app.client_id, "clientSecret": app.client_secret, "code": code, "grantType": "authorization_code"});
    let granted = caller.post("/v1.0/oauth2/userAccessToken", body).await.json();
    let token = granted["accessToken"].as_str().unwrap_or_else(|| panic!("{granted}"));
    let me = caller.get_with(token, "/v1.0/contact/users/me").await.json();
    assert_eq!(me["mobile"], "138****0001", "{me}");
}

#[tokio::test]
async fn who_refuses_comes_back_without_a_code() {
    let caller = Caller::start().await;
    let back = caller.sign_in(&[]).await;
    assert_eq!((parameter(&back, "error").as_deref(), parameter(&back, "authCode")), (Some("access_denied"), None));
    let wrong = caller.get("/oauth2/auth?redirect_uri=x&response_type=code&client_id=dingsimulatedapp1").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn the_organisation_is_told_to_an_app_only_that_asked_for_it_and_after_a_refresh_too() {
    let caller = Caller::start().await;
    // The second login gets the same access token, because it is the same person's.
    for (scope, corp_id) in [("openid corpid", Some("dingsimulator0001")), ("openid", None)] {
        let back = caller.answer_question_of(scope, &[("person", "dingsimulator0001 alice")]).await.location.expect("a way back");
        let code = parameter(&Url::parse(&back).expect("an address"), "code");
        let mut granted = caller.user_token(json!({"code": code})).await;
        for _ in 0..2 {
            assert!(granted["accessToken"].is_string(), "{granted}");
            assert_eq!(granted.get("corpId"), corp_id.map(Value::from).as_ref(), "{scope}: {granted}");
            granted = caller.user_token(json!({"grantType": "refresh_token", "refreshToken": granted["refreshToken"]})).await;
        }
    }
}

#[tokio::test]
async fn an_app_says_what_it_asks_for_in_one_of_two_ways() {
    let caller = Caller::start().await;
    let asked = async |scope: &str| {
        let query = format!("redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&response_type=code&client_id=dingsimulatedapp1{scope}");
        caller.get(&format!("/oauth2/auth?{query}")).await.status
    };
    for (scope, status) in [
        ("&scope=openid", 200),
        ("&scope=openid%20corpid", 200),
        ("&scope=openid+corpid", 200),
        ("", 400),
        ("&scope=", 400),
        ("&scope=corpid", 400),
        ("&scope=openid%2520corpid", 400),
    ] {
        assert_eq!(asked(scope).await, status, "{scope}");
    }
    for scope in ["", "snsapi_login"] {
        let refused = caller.answer_question_of(scope, &[("person", "dingsimulator0001 alice")]).await;
        assert_eq!((refused.status, refused.location), (400, None), "{scope}");
    }
}

#[tokio::test]
async fn nobody_signs_in_to_an_app_that_their_organisation_does_not_have() {
    let caller = Caller::start().await;
    let refused = caller.answer_question(&[("person", "dingsimulator0002 alice")]).await;
    assert_eq!((refused.status, refused.location), (400, None), "{}", refused.body);
}

#[tokio::test]
async fn calls_for_somebody_count_against_the_limit_of_the_app() {
    let caller = Caller::start().await;
    let code = parameter(&caller.sign_in(&[("person", "dingsimulator0001 alice")]).await, "code");
    let granted = caller.user_token(json!({"code": code})).await;
    let token = granted["accessToken"].as_str().expect("a token");
    caller.dingtalk.calls_per_second(Some(1));
    assert_eq!(caller.get_with(token, "/v1.0/contact/users/me").await.status, 200);
    let refused = caller.get_with(token, "/v1.0/contact/users/simulatedUnionBob").await;
    assert_eq!(refused.json()["code"], "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi");
}

#[tokio::test]
async fn with_an_apps_authorisation_the_tokens_of_its_people_end() {
    type End = fn(&Simulator, &str);
    let relieved: End = |dingtalk, corp_id| dingtalk.decide(corp_id, Decision::Relieve);
    let dissolved: End = |dingtalk, corp_id| dingtalk.dissolve(corp_id);
    for end in [relieved, dissolved] {
        let caller = Caller::start().await;
        let code = async || parameter(&caller.sign_in(&[("person", "dingsimulator0001 alice")]).await, "code").expect("a code");
        let granted = caller.user_token(json!({"code": code().await})).await;
        let unused = code().await;
        end(&caller.dingtalk, caller.dingtalk.app().corp_id);
        let token = granted["accessToken"].as_str().expect("a token");
        assert_eq!(caller.get_with(token, "/v1.0/contact/users/me").await.json()["code"], "InvalidAuthentication");
        let refresh = json!({"grantType": "refresh_token", "refreshToken": granted["refreshToken"]});
        for asked in [refresh, json!({"code": unused})] {
            assert_eq!(caller.user_token(asked).await["code"], "invalidParameter.authCode.notFound");
        }
    }
}

#[tokio::test]
async fn the_codes_of_the_client_and_of_the_login_page_are_not_interchangeable() {
    let caller = Caller::start().await;
    let back = caller.sign_in(&[("person", "dingsimulator0001 alice")]).await;
    let code = parameter(&back, "authCode").expect("a code");
    assert_eq!(caller.old("/topapi/v2/user/getuserinfo", json!({"code": code})).await["errcode"], 40078);
    let code = caller.dingtalk.issue_code("alice");
    assert_eq!(caller.user_token(json!({"code": code})).await["code"], "invalidParameter.authCode.notFound");
}
