//! Calls of an app whose grants are restricted.

use serde_json::{Value, json};

use crate::caller::Caller;

impl Caller {
    async fn grant(&self, grants: Value) {
        let answer = self.post("/control/grants", json!({"grants": grants})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[tokio::test]
async fn without_a_permission_a_call_is_refused_and_says_which_it_lacks() {
    let caller = Caller::start().await;
    caller.grant(json!({"without": ["qyapi_get_member", "Contact.User.Read", "qyapi_base"]})).await;
    let refused = caller.old("/topapi/v2/user/get", json!({"userid": "bob"})).await;
    assert_eq!(refused["sub_code"], "60011");
    assert!(refused["errmsg"].as_str().unwrap().contains("requiredScopes=[qyapi_get_member]"));
    let refused = caller.post_with(&caller.token().await, "/v1.0/oauth2/jsapiTickets", Value::Null).await;
    assert_eq!((refused.status, &refused.json()["accessdenieddetail"]["requiredScopes"]), (403, &json!(["qyapi_base"])));
    caller.grant(json!({})).await;
    assert_eq!(caller.old("/topapi/v2/user/get", json!({"userid": "bob"})).await["errcode"], 0);
}

#[tokio::test]
async fn each_call_needs_the_permission_that_its_page_names_and_what_no_call_needs_cannot_be_taken() {
    let caller = Caller::start().await;
    for (scope, path, body) in [
        ("qyapi_get_department_member", "/topapi/v2/user/list", json!({"dept_id": 1, "size": 1})),
        ("qyapi_get_member", "/topapi/user/listid", json!({"dept_id": 1})),
        ("qyapi_get_department_list", "/topapi/v2/department/get", json!({"dept_id": 1})),
    ] {
        caller.grant(json!({"without": [scope]})).await;
        let refused = caller.old(path, body).await;
        assert!(refused["errmsg"].to_string().contains(&format!("requiredScopes=[{scope}]")), "{path}: {refused}");
    }
    caller.grant(json!({"without": ["Calendar.Event.Read"]})).await;
    let calendars = "/v1.0/calendar/users/simulatedUnionBob/calendars";
    let refused = caller.get_with(&caller.token().await, calendars).await.json();
    assert_eq!(refused["accessdenieddetail"]["requiredScopes"], json!(["Calendar.Event.Read"]));
    let answer = caller.post("/control/grants", json!({"grants": {"without": ["qyapi_get_membr"]}})).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("qyapi_get_membr"), "{}", answer.body);
}

#[tokio::test]
async fn fields_vanish_without_their_permission() {
    let caller = Caller::start().await;
    let details = async || caller.old("/topapi/v2/user/get", json!({"userid": "zhangsan"})).await["result"].clone();
    assert!(details().await["mobile"].is_string() && details().await["email"].is_string());
    caller.grant(json!({"without": ["fieldMobile"]})).await;
    assert!(details().await.get("mobile").is_none() && details().await["email"].is_string());
    caller.grant(json!({"without": ["fieldEmail"]})).await;
    assert!(details().await["mobile"].is_string() && details().await.get("email").is_none());
}

#[tokio::test]
async fn an_app_sees_those_in_its_range_only() {
    let caller = Caller::start().await;
    caller.grant(json!({"visible": ["bob"]})).await;
    assert_eq!(caller.old("/topapi/v2/user/get", json!({"userid": "bob"})).await["errcode"], 0);
    assert_eq!(caller.old("/topapi/v2/user/get", json!({"userid": "alice"})).await["errcode"], 50002);
    for (path, asked) in [
        ("/topapi/v2/user/getuserinfo", json!({"code": caller.dingtalk.issue_code("alice")})),
        ("/topapi/user/getbyunionid", json!({"unionid": "simulatedUnionAliceChen"})),
    ] {
        assert_eq!(caller.old(path, asked).await["errcode"], 50002, "{path}");
    }
    let up = caller.old("/topapi/v2/department/listparentbyuser", json!({"userid": "alice"})).await;
    assert_eq!(up["result"]["parent_list"].as_array().unwrap().len(), 2, "it has no range");
    let old = format!("/user/getuserinfo?access_token={}&code=", caller.token().await);
    assert_eq!(caller.get(&(old.clone() + &caller.dingtalk.issue_code("alice"))).await.json()["errcode"], 50002);
    assert_eq!(caller.get(&(old + &caller.dingtalk.issue_code("bob"))).await.json()["userid"], "bob");
    let ids = caller.old("/topapi/user/listid", json!({"dept_id": 1002})).await;
    assert_eq!(ids["result"]["userid_list"], json!(["alice", "zhouba"]), "nor has this");
    let people = caller.old("/topapi/v2/user/list", json!({"dept_id": 1, "size": 100})).await;
    assert_eq!(people["result"]["list"], json!([{"userid": "bob", "unionid": "simulatedUnionBob", "name": "Bob"}]));
    let scopes = caller.old("/auth/scopes", Value::Null).await;
    assert_eq!(scopes["auth_org_scopes"], json!({"authed_dept": [], "authed_user": ["bob"]}));
}

#[tokio::test]
async fn a_caller_over_ipv4_is_known_by_the_address_of_ipv4_to_a_listener_of_both() {
    let caller = Caller::start_on("[::ffff:127.0.0.1]:0").await;
    for (ip, errcode) in [("127.0.0.1", 0), ("10.0.0.1", 88)] {
        caller.grant(json!({"ips": [ip]})).await;
        assert_eq!(caller.old("/topapi/v2/user/get", json!({"userid": "bob"})).await["errcode"], errcode, "{ip}");
    }
}

#[tokio::test]
async fn calls_from_elsewhere_and_pages_of_other_domains_are_refused() {
    let caller = Caller::start().await;
    caller.grant(json!({"ips": ["10.*"], "domains": ["app.example.com"]})).await;
    assert_eq!(caller.old("/topapi/v2/user/get", json!({"userid": "bob"})).await["sub_code"], "60020");
    let refused = caller.post_with(&caller.token().await, "/v1.0/oauth2/jsapiTickets", Value::Null).await;
    assert_eq!(refused.json()["code"], "Forbidden.AccessDenied.IpNotInWhiteList");
    for (url, has_code) in [("https://app.example.com/x", true), ("https://evil.example.com/", false)] {
        let asked = json!({"corpId": "dingsimulator0001", "url": url});
        assert_eq!(caller.post("/client/authcode", asked).await.json()["code"].is_string(), has_code, "{url}");
    }
}
