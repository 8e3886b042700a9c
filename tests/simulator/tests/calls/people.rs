//! People, departments and messages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::caller::{Caller, SSO_SECRET};

#[tokio::test]
async fn somebody_is_found_by_code_id_union_id_and_mobile() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    let code = caller.dingtalk.issue_code("alice");
    let exchanged = caller.get(&format!("/user/getuserinfo?access_token={token}&code={code}")).await.json();
    assert_eq!((&exchanged["userid"], &exchanged["errcode"]), (&json!("alice"), &json!(0)), "the older form has no result");
    let again = caller.get(&format!("/user/getuserinfo?access_token={token}&code={code}")).await.json();
    assert_eq!(again["errcode"], 40078);
    let old = caller.get(&format!("/user/get?access_token={token}&userid=zhangsan")).await.json();
    assert_eq!((&old["department"], &old["position"], &old["isAdmin"]), (&json!([1001]), &json!("产品经理"), &json!(true)));
    let by_union_id = caller.old("/topapi/user/getbyunionid", json!({"unionid": "simulatedUnionBob"})).await;
    assert_eq!(by_union_id["result"], json!({"contact_type": 0, "userid": "bob"}));
    let by_mobile = caller.old("/topapi/v2/user/getbymobile", json!({"mobile": "13800000001"})).await;
    assert_eq!(by_mobile["result"]["userid"], "zhangsan");
    for (path, body) in [
        ("/topapi/user/getbyunionid", json!({"unionid": "none"})),
        ("/topapi/v2/user/getbymobile", json!({"mobile": "1"})),
        ("/topapi/v2/user/get", json!({"userid": "none"})),
    ] {
        assert_eq!(caller.old(path, body).await["errcode"], 60121, "{path}");
    }
}

#[tokio::test]
async fn departments_form_a_tree_with_people_in_it() {
    let caller = Caller::start().await;
    let below = caller.old("/topapi/v2/department/listsub", json!({})).await;
    let ids: Vec<_> = below["result"].as_array().unwrap().iter().map(|department| department["dept_id"].clone()).collect();
    assert_eq!(ids, [json!(1001), json!(1002), json!(1003)]);
    let one = caller.old("/topapi/v2/department/get", json!({"dept_id": 1004})).await;
    assert_eq!((&one["result"]["name"], &one["result"]["parent_id"]), (&json!("测试组"), &json!(1003)));
    assert_eq!(caller.old("/topapi/v2/department/get", json!({"dept_id": 9})).await["errcode"], 60003);
    let up = caller.old("/topapi/v2/department/listparentbyuser", json!({"userid": "dmitri"})).await;
    assert_eq!(up["result"]["parent_list"][0]["parent_dept_id_list"], json!([1004, 1003, 1]));
    let ids = caller.old("/topapi/user/listid", json!({"dept_id": 1002})).await;
    assert_eq!(ids["result"]["userid_list"], json!(["alice", "zhouba"]));
    let page = caller.old("/topapi/v2/user/list", json!({"dept_id": 1003, "cursor": 0, "size": 2})).await;
    assert_eq!((&page["result"]["has_more"], &page["result"]["next_cursor"]), (&json!(true), &json!(2)));
    let rest = caller.old("/topapi/v2/user/list", json!({"dept_id": 1003, "cursor": 2, "size": 2})).await;
    assert_eq!((&rest["result"]["has_more"], &rest["result"]["list"][0]["userid"]), (&json!(false), &json!("carol")));
    assert_eq!(caller.old("/auth/scopes", Value::Null).await["auth_org_scopes"]["authed_dept"], json!([1]));
}

#[tokio::test]
async fn an_organisation_whose_departments_were_not_told_is_one_department_under_its_own_name() {
    let caller = Caller::start().await;
    let mut world = caller.get("/control/world").await.json();
    let people = json!([{"userId": "zhangsan", "unionId": "one", "name": "张三"}]);
    world["organisations"][0] = json!({"corpId": "dingsimulator0001", "name": "某公司", "people": people});
    assert_eq!(caller.post("/control/world", world).await.status, 200);
    let whole = caller.old("/topapi/v2/department/get", json!({"dept_id": 1})).await;
    assert_eq!((&whole["result"]["name"], &whole["result"]["member_count"]), (&json!("某公司"), &json!(1)), "{whole}");
    for path in ["/topapi/v2/department/listsub", "/topapi/user/listid", "/topapi/v2/user/list", "/department/list"] {
        let body = if path == "/department/list" { Value::Null } else { json!({"dept_id": 1, "size": 1}) };
        assert_eq!(caller.old(path, body).await["errcode"], 0, "{path}");
    }
}

#[tokio::test]
async fn a_notification_is_shown_to_whom_it_is_for() {
    let caller = Caller::start().await;
    let send = "/topapi/message/corpconversation/asyncsend_v2";
    let agent_id = caller.dingtalk.app().agent_id;
    let message = json!({"msgtype": "text", "text": {"content": "Lunch is ready"}});
    let told = json!({"agent_id": agent_id, "userid_list": "zhangsan,nobody", "msg": message});
    let task_id = caller.old(send, told).await["task_id"].clone();
    let shown = caller.get("/control/state").await.json();
    assert_eq!(shown["notifications"], json!([{"app": "Demo H5 app", "text": "Lunch is ready"}]));
    let task = json!({"agent_id": agent_id, "task_id": task_id});
    let progress = caller.old("/topapi/message/corpconversation/getsendprogress", task.clone()).await;
    assert_eq!(progress["progress"]["progress_in_percent"], 100);
    let result = caller.old("/topapi/message/corpconversation/getsendresult", task).await;
    assert_eq!(result["send_result"]["unread_user_id_list"], json!(["zhangsan"]));
    assert_eq!(result["send_result"]["invalid_user_id_list"], json!(["nobody"]));
    let strange = json!({"agent_id": "1", "userid_list": "bob", "msg": message});
    assert_eq!(caller.old(send, strange).await["errcode"], 400_002);
}

#[tokio::test]
async fn a_notification_is_for_people_for_departments_with_those_below_or_for_everybody() {
    let caller = Caller::start().await;
    let agent_id = caller.dingtalk.app().agent_id;
    let message = "/topapi/message/corpconversation";
    let sent = async |mut to: Value| {
        to["agent_id"] = json!(agent_id);
        to["msg"] = json!({"msgtype": "text"});
        let task_id = caller.old(&format!("{message}/asyncsend_v2"), to).await["task_id"].clone();
        let task = json!({"agent_id": agent_id, "task_id": task_id});
        let told = caller.old(&format!("{message}/getsendresult"), task).await["send_result"]["unread_user_id_list"].clone();
        told.as_array().map(|told| told.iter().map(|user_id| user_id.as_str().unwrap().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(sent(json!({"userid_list": "bob,alice", "dept_id_list": "1002"})).await.unwrap(), ["bob", "alice", "zhouba"]);
    assert_eq!(sent(json!({"dept_id_list": "1004"})).await.unwrap(), ["zhaoliu", "dmitri"]);
    let below = sent(json!({"dept_id_list": "1003"})).await.unwrap();
    assert!(below.contains(&"lisi".to_owned()) && below.contains(&"dmitri".to_owned()) && below.len() < 12, "{below:?}");
    for all in [json!(true), json!("true")] {
        assert_eq!(sent(json!({"to_all_user": all})).await.unwrap().len(), 12);
    }
    assert_eq!(sent(json!({"to_all_user": false})).await, None);
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_answered_all_the_same() {
    let caller = Caller::start().await;
    let (token, agent_id) = (caller.token().await, caller.dingtalk.app().agent_id);
    let send = "/topapi/message/corpconversation/asyncsend_v2";
    let in_query = format!("{send}?access_token={token}&agent_id={agent_id}&userid_list=bob&msg=%7B%7D");
    for body in [json!([]), json!(1), json!("text")] {
        assert_eq!(caller.post(&in_query, body.clone()).await.json()["errcode"], 0, "{body}");
    }
    let beyond = caller.old("/topapi/v2/user/list", json!({"dept_id": 1, "cursor": u64::MAX, "size": 1})).await;
    assert_eq!((&beyond["result"]["list"], &beyond["result"]["has_more"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn a_call_without_what_it_needs_is_refused() {
    let caller = Caller::start().await;
    let told = |msg: Value| json!({"agent_id": caller.dingtalk.app().agent_id, "userid_list": "bob", "msg": msg});
    let send = "/topapi/message/corpconversation/asyncsend_v2";
    for (path, body, errcode) in [
        ("/topapi/v2/department/get", json!({}), 400_002),
        ("/topapi/user/listid", json!({}), 400_002),
        ("/topapi/v2/user/list", json!({"size": 1}), 400_002),
        ("/topapi/v2/department/listsub", json!({}), 0),
        (send, told(Value::Null), 400_002),
        (send, told(json!("Lunch is ready")), 400_002),
        (send, told(json!([])), 400_002),
        (send, told(json!("{\"msgtype\":\"text\"}")), 0),
    ] {
        assert_eq!(caller.old(path, body.clone()).await["errcode"], errcode, "{path} {body}");
    }
}

#[tokio::test]
async fn a_department_counts_its_own_people_and_with_them_those_below() {
    let caller = Caller::start().await;
    let counts = async |id: u64| {
        let told = caller.old("/topapi/v2/department/get", json!({"dept_id": id})).await["result"].take();
        ["member_count", "owning_member_count"].map(|name| told[name].as_u64().expect("a number"))
    };
    let ([all, own], [below, _]) = (counts(1).await, counts(1001).await);
    assert!(all > own && below > 0 && all >= own + below, "{all} {own} {below}");
}

#[tokio::test]
async fn each_api_that_tells_of_somebody_has_names_of_its_own_for_it() {
    let caller = Caller::start().await;
    let listed = caller.old("/topapi/v2/user/list", json!({"dept_id": 1001, "size": 1})).await["result"]["list"][0].take();
    let token = caller.token().await;
    let old = caller.get(&format!("/user/get?access_token={token}&userid=zhangsan")).await.json();
    for (told, names) in [
        (
            &listed,
            "active admin avatar boss dept_id_list dept_order email exclusive_account extension hide_mobile hired_date job_number \
             leader mobile name org_email remark state_code telephone title unionid userid work_place",
        ),
        (
            &old,
            "active avatar department email errcode errmsg exclusiveAccount extattr hiredDate isAdmin isBoss isHide \
             isLeaderInDepts isSenior jobnumber mobile name orderInDepts orgEmail position realAuthed remark roles stateCode \
             tel unionid userid workPlace",
        ),
    ] {
        let told: BTreeSet<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, names.split(' ').collect());
    }
    assert_eq!((&listed["dept_order"], &listed["leader"]), (&json!(1), &json!(true)));
    assert_eq!((&old["orderInDepts"], &old["isLeaderInDepts"]), (&json!("{1001:1}"), &json!("{1001:true}")));
    assert_eq!(old["roles"], json!([{"id": 1, "name": "主管理员", "groupName": "默认"}]));
}

#[tokio::test]
async fn the_older_list_of_departments_has_those_below_or_all_of_them() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    let ids = async |query: &str| {
        let told = caller.get(&format!("/department/list?access_token={token}{query}")).await.json();
        let ids = told["department"].as_array().map(|all| all.iter().map(|one| one["id"].as_u64().unwrap()).collect::<Vec<_>>());
        ids.ok_or(told["errcode"].clone())
    };
    assert_eq!(ids("&fetch_child=False").await, Ok(vec![1001, 1002, 1003]));
    assert_eq!(ids("").await, Ok(vec![1001, 1002, 1003, 1004]));
    assert_eq!(ids("&id=1&fetch_child=true").await, Ok(vec![1001, 1002, 1003, 1004]));
    assert_eq!(ids("&id=1003&fetch_child=false").await, Ok(vec![1004]));
    assert_eq!(ids("&id=1004&fetch_child=true").await, Ok(vec![]));
    assert_eq!(ids("&id=77").await, Err(json!(60003)));
}

#[tokio::test]
async fn an_administrator_who_comes_from_the_admin_console_is_known_by_a_code_of_its_own_to_either_family() {
    let caller = Caller::start().await;
    let corp_id = caller.dingtalk.app().corp_id;
    let token = caller.sso_token().await;
    let of_code = async |code: &str| caller.get_with(&token, &format!("/v1.0/oauth2/ssoUserInfo?code={code}")).await.json();
    let one = caller.sso_code("zhangsan").await;
    let told = of_code(&one).await;
    assert_eq!((&told["userId"], &told["isAdmin"], &told["corpId"]), (&json!("zhangsan"), &json!(true), &json!(corp_id)));
    assert_eq!(of_code(&caller.sso_code("bob").await).await["isAdmin"], false);
    for none in [one, caller.dingtalk.issue_code("zhangsan"), "none".to_owned()] {
        assert_eq!(of_code(&none).await["code"], "invalidCode");
    }
    let old = caller.get(&format!("/sso/gettoken?corpid={corp_id}&corpsecret={SSO_SECRET}")).await.json();
    let old_token = old["access_token"].as_str().unwrap();
    let of_code = async |code: &str| caller.get(&format!("/sso/getuserinfo?access_token={old_token}&code={code}")).await.json();
    let told = of_code(&caller.sso_code("zhangsan").await).await;
    assert_eq!((&told["user_info"]["userid"], &told["is_sys"]), (&json!("zhangsan"), &json!(true)));
    assert_eq!(of_code("none").await["errcode"], 41007);

    let wrong = caller.post("/v1.0/oauth2/ssoAccessToken", json!({"corpid": corp_id, "ssoSecret": "x"})).await;
    assert_eq!((wrong.status, wrong.json()["code"].clone()), (400, json!("invalidClientIdOrSecret")));
    assert_eq!(caller.get("/sso/gettoken?corpid=x&corpsecret=x").await.json()["errcode"], 40089);
    let own = caller.token().await;
    assert_eq!(caller.get_with(&own, "/v1.0/oauth2/ssoUserInfo?code=x").await.json()["code"], "InvalidAuthentication");
    assert_eq!(caller.post("/control/sso", json!({"userId": "nobody"})).await.status, 400);
}

#[tokio::test]
async fn an_app_reads_which_calendars_somebody_has() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    let calendars =
        async |token: &str, union_id: &str| caller.get_with(token, &format!("/v1.0/calendar/users/{union_id}/calendars")).await;
    let of_alice = calendars(&token, "simulatedUnionAliceChen").await.json();
    let calendar = &of_alice["response"]["calendars"][0];
    assert_eq!((&calendar["id"], &calendar["summary"]), (&json!("primary"), &json!("Alice Chen")));
    assert_eq!(calendars(&token, "none").await.json()["code"], "invalidParameter.user.notFound");
    assert_eq!(calendars("dead", "simulatedUnionAliceChen").await.json()["code"], "InvalidAuthentication");
}

#[tokio::test]
async fn the_library_is_told_whom_and_what_its_pickers_offer_in_each_organisation() {
    let caller = Caller::start().await;
    let library = caller.get("/dd.js").await.body;
    let (_, told) = library.split_once("var SIMULATOR = ").unwrap();
    let told: Value = serde_json::from_str(told.split_once(";\n").unwrap().0).unwrap();
    let contacts = &told["contacts"]["dingsimulator0002"];
    let avatar = format!("{}/avatar/dingsimulator0002/zhangsan.svg", caller.dingtalk.url());
    assert_eq!(contacts["people"][0], json!({"emplId": "zhangsan", "name": "章珊", "avatar": avatar}));
    assert_eq!(contacts["departments"][0], json!({"id": "2001", "name": "采购部", "number": 3}));
}
