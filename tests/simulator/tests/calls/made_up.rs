//! Answers that a test makes up for calls that are not simulated.

use serde_json::{Value, json};

use crate::caller::Caller;

const TASKS: &str = "/v1.0/todo/users/{unionId}/tasks";
const ATTENDANCE: &str = "/topapi/attendance/list";

impl Caller {
    async fn make_up(&self, answer: Value) -> u16 {
        self.post("/control/answers", answer).await.status
    }
}

#[tokio::test]
async fn a_call_that_is_not_simulated_is_answered_as_the_test_says() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    assert_eq!(caller.get_with(&token, "/v1.0/todo/users/u1/tasks").await.status, 404);
    assert_eq!(caller.old(ATTENDANCE, json!({})).await["errcode"], 22);

    assert_eq!(caller.make_up(json!({"endpoint": format!("GET {TASKS}"), "answer": {"todoCards": ["t1"]}})).await, 200);
    let answer = caller.get_with(&token, "/v1.0/todo/users/u1/tasks").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"todoCards": ["t1"]})));
    caller.dingtalk.answer(&format!("POST {ATTENDANCE}"), 200, json!({"recordresult": [1], "hasMore": false}));
    let answer = caller.old(ATTENDANCE, json!({})).await;
    assert_eq!((&answer["errcode"], &answer["errmsg"], &answer["recordresult"]), (&json!(0), &json!("ok"), &json!([1])));
    assert_eq!(caller.dingtalk.calls(&format!("POST {ATTENDANCE}")), 2);

    for (method, path) in [("POST", "/v1.0/todo/users/u1/tasks"), ("GET", "/v1.0/todo/users/tasks")] {
        let answer = match method {
            "POST" => caller.post_with(&token, path, json!({})).await,
            _ => caller.get_with(&token, path).await,
        };
        assert_eq!(answer.status, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn it_is_answered_only_to_a_caller_with_a_valid_token() {
    let caller = Caller::start().await;
    caller.dingtalk.answer(&format!("GET {TASKS}"), 200, json!({}));
    caller.dingtalk.answer(&format!("POST {ATTENDANCE}"), 200, json!({}));
    let refusal = caller.get("/v1.0/todo/users/u1/tasks").await.json();
    assert_eq!(refusal["code"], "AuthenticationFailed.MissingParameter");
    assert_eq!(caller.get_with("dead", "/v1.0/todo/users/u1/tasks").await.json()["code"], "InvalidAuthentication");
    let refusal = caller.post(&format!("{ATTENDANCE}?access_token=dead"), json!({})).await.json();
    assert_eq!((&refusal["errcode"], &refusal["sub_code"]), (&json!(88), &json!("40014")));
}

#[tokio::test]
async fn a_made_up_refusal_keeps_its_code_and_a_later_answer_replaces_it() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    let endpoint = format!("GET {TASKS}");
    caller.dingtalk.answer(&endpoint, 400, json!({"code": "task.notFound", "message": "no task"}));
    caller.dingtalk.answer(&format!("POST {ATTENDANCE}"), 200, json!({"errcode": 41019, "errmsg": "too many"}));
    let refusal = caller.get_with(&token, "/v1.0/todo/users/u1/tasks").await;
    assert_eq!((refusal.status, refusal.json()["code"].as_str()), (400, Some("task.notFound")));
    assert_eq!(caller.old(ATTENDANCE, json!({})).await["errcode"], 41019);
    let ledger = caller.get("/control/requests").await.json();
    let made_up = ledger["entries"].as_array().unwrap().iter().filter(|entry| entry["note"] == "made up");
    let codes: Vec<_> = made_up.map(|entry| entry["code"].clone()).collect();
    assert_eq!(codes, [json!("task.notFound"), json!("41019")]);

    caller.dingtalk.answer(&endpoint, 200, json!({"todoCards": []}));
    assert_eq!(caller.get_with(&token, "/v1.0/todo/users/u1/tasks").await.status, 200);
    assert_eq!(caller.get("/control/state").await.json()["answers"].as_array().map(Vec::len), Some(2));
    caller.post("/control/reset", json!({})).await;
    assert_eq!(caller.get("/control/state").await.json()["answers"], json!([]));
}

#[tokio::test]
async fn of_several_answers_that_fit_the_latest_counts_and_a_payload_s_code_is_not_the_result() {
    let caller = Caller::start().await;
    let token = caller.token().await;
    caller.dingtalk.answer("GET /v1.0/todo/users/{unionId}/tasks", 200, json!({"code": "of-a-task"}));
    caller.dingtalk.answer("GET /v1.0/todo/users/u1/tasks", 200, json!({"nth": 2}));
    assert_eq!(caller.get_with(&token, "/v1.0/todo/users/u1/tasks").await.json(), json!({"nth": 2}));
    assert_eq!(caller.get_with(&token, "/v1.0/todo/users/u2/tasks").await.json(), json!({"code": "of-a-task"}));
    assert!(!caller.get("/control/requests").await.body.contains("of-a-task"));
}

#[tokio::test]
async fn it_is_refused_to_an_address_that_may_make_no_calls() {
    let caller = Caller::start().await;
    caller.dingtalk.answer(&format!("POST {ATTENDANCE}"), 200, json!({}));
    caller.post("/control/grants", json!({"grants": {"ips": ["10.*"]}})).await;
    assert_eq!(caller.old(ATTENDANCE, json!({})).await["sub_code"], "60020");
}

#[tokio::test]
async fn faults_apply_to_it_as_to_any_call() {
    let caller = Caller::start().await;
    caller.dingtalk.answer(&format!("POST {ATTENDANCE}"), 200, json!({"recordresult": []}));
    caller.post("/control/faults", json!({"endpoint": ATTENDANCE, "fault": {"kind": "revokedToken"}})).await;
    assert_eq!(caller.old(ATTENDANCE, json!({})).await["sub_code"], "40014");
    assert_eq!(caller.old(ATTENDANCE, json!({})).await["errcode"], 0);
}

#[tokio::test]
async fn what_dingtalk_cannot_answer_is_refused() {
    let caller = Caller::start().await;
    for impossible in [
        json!({"endpoint": "/topapi/attendance/list", "answer": {}}),
        json!({"endpoint": "POST topapi/attendance/list", "answer": {}}),
        json!({"endpoint": "POST /topapi/attendance/list?a=1", "answer": {}}),
        json!({"endpoint": "POST /topapi/v2/user/get", "answer": {}}),
        json!({"endpoint": "POST /v1.0/oauth2/dingsimulator0001/token", "answer": {}}),
        json!({"endpoint": "GET /control/state", "answer": {}}),
        json!({"endpoint": "POST /topapi/attendance/list", "status": 400, "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo", "status": 100, "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo", "status": 204, "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo", "status": 302, "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo", "status": 400, "answer": {"message": "no"}}),
        json!({"endpoint": "POST /topapi/attendance/list", "answer": {"errcode": "41019", "errmsg": "too many"}}),
        json!({"endpoint": "POST /topapi/attendance/list", "answer": {"errcode": 41019}}),
        json!({"endpoint": "get /v1.0/todo", "answer": {}}),
        json!({"endpoint": "FETCH /v1.0/todo", "answer": {}}),
        json!({"endpoint": "GET /{version}/todo", "answer": {}}),
        json!({"endpoint": "GET //v1.0/todo", "answer": {}}),
        json!({"endpoint": "GET /v1.0/用户", "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo /a", "answer": {}}),
        json!({"endpoint": "GET /v1.0/todo", "answer": []}),
        json!({"endpoint": "GET /v1.0/todo", "answer": {}, "times": 1}),
    ] {
        assert_eq!(caller.make_up(impossible.clone()).await, 400, "{impossible}");
    }
    assert_eq!(caller.get("/control/state").await.json()["answers"], json!([]));
}
