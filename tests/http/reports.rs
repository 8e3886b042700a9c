//! `POST /api/jsapi/report`: why a client refused a signature.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, JSAPI_TICKET, TestApp, client_accepts, eventually, in_time};

/// The `signed` part of a page's report: the signed address, and the values of its `dd.config`.
fn signed(config: &Value, url: &str) -> Value {
    json!({"url": url, "nonceStr": config["nonceStr"], "timeStamp": config["timeStamp"], "signature": config["signature"]})
}

/// Lets the client judge `config` on the page at `url`, and reports what it said.
async fn refused_on(app: &TestApp, browser: &mut Browser, config: &Value, signed_url: &str, url: &str) -> Value {
    let verdict = client_accepts(&app.dingtalk, config, url).await;
    assert_ne!(verdict["errcode"], 0, "{verdict}");
    let text = format!("权限校验失败 Code:{} - Message: {}", verdict["errcode"], verdict["errmsg"].as_str().unwrap());
    let report = json!({"code": "3", "text": text, "url": url, "signed": signed(config, signed_url)});
    let answer = browser.post("/api/jsapi/report", &report).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn the_part_of_the_address_that_differs_is_named() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let signed = format!("{}/jsapi?q=%E4%B8%AD", app.url);
    let host = app.url.strip_prefix("http://").unwrap();
    let port = host.split(':').nth(1).unwrap();
    for (opened, differs) in [
        (format!("https://{host}/jsapi?q=%E4%B8%AD"), vec!["scheme"]),
        (format!("http://localhost:{port}/jsapi?q=%E4%B8%AD"), vec!["host"]),
        ("http://127.0.0.1:1/jsapi?q=%E4%B8%AD".to_owned(), vec!["port"]),
        (format!("{}/?q=%E4%B8%AD", app.url), vec!["path"]),
        (format!("{}/jsapi?q=other", app.url), vec!["query"]),
        (format!("{}/jsapi", app.url), vec!["query"]),
    ] {
        let config = browser.jsapi_config(&signed).await.json();
        let told = refused_on(&app, &mut browser, &config, &signed, &opened).await;
        assert_eq!(told["differs"], json!(differs), "{opened}");
        assert!(told["explanation"].as_str().unwrap().len() > 20);
    }
}

#[tokio::test]
async fn the_address_that_was_signed_need_not_be_told_where_the_page_is_at_no_other() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi?q={}", app.url, "1".repeat(1900));
    let config = browser.jsapi_config(&url).await.json();
    let mut signed = signed(&config, &url);
    signed.as_object_mut().unwrap().remove("url");
    for (text, differs) in
        [("Code:52013,url:[http://other/…", json!(["host", "port"])), ("Code:52013", json!(["digest", "ticket age"]))]
    {
        let told = browser.post("/api/jsapi/report", &json!({"code": "3", "text": text, "url": url, "signed": signed})).await;
        assert_eq!(told.json()["differs"], differs, "{}", told.body);
    }
}

#[tokio::test]
async fn a_wrong_agent_or_organisation_is_named_with_its_setting() {
    for (field, part, setting) in [("agentId", "agent", "DINGTALK_AGENT_ID"), ("corpId", "corp", "DINGTALK_CORP_ID")] {
        let app = TestApp::start().await;
        let mut browser = app.browser_of("alice").await;
        let url = format!("{}/jsapi", app.url);
        let mut config = browser.jsapi_config(&url).await.json();
        config[field] = "123".into();
        let told = refused_on(&app, &mut browser, &config, &url, &url).await;
        assert_eq!(told["differs"], json!([part]));
        assert!(told["explanation"].as_str().unwrap().contains(setting), "{told}");
    }
}

/// DingTalk's own list of causes has the agentId first for these codes, ahead of the ticket.
#[tokio::test]
async fn a_ticket_that_the_client_does_not_know_may_be_of_another_agent_and_the_settings_are_named() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi", app.url);
    let signed = signed(&browser.jsapi_config(&url).await.json(), &url);
    for text in [
        "权限校验失败 Code:52011 - Messsage:",
        "[错误码:52011][jsapi ticket 读取失败]",
        "Code:52013 - Message: 签名校验失败 ticketList:[aC7X****]",
        "Code:52013 - Message: 签名校验失败",
    ] {
        let told = browser.post("/api/jsapi/report", &json!({"code": "3", "text": text, "url": url, "signed": signed})).await;
        let explanation = told.json()["explanation"].as_str().unwrap().to_owned();
        assert!(explanation.contains("DINGTALK_AGENT_ID") && explanation.contains("DINGTALK_CORP_ID"), "{text}: {explanation}");
    }
}

#[tokio::test]
async fn a_ticket_that_the_client_no_longer_knows_is_replaced_once_however_often_it_is_reported() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi", app.url);
    let stale = browser.jsapi_config(&url).await.json();
    // DingTalk's ticket dies a day after its creation; this server's clock says that it was fetched a moment ago.
    app.dingtalk.advance(Duration::from_secs(25 * 3600));
    for _ in 0..5 {
        let told = refused_on(&app, &mut browser, &stale, &url, &url).await;
        assert_eq!(told["differs"], json!(["ticket age"]));
    }
    eventually("the ticket is replaced behind", || app.dingtalk.calls(JSAPI_TICKET) >= 2).await;
    let signed_with_it = async {
        loop {
            let config = browser.jsapi_config(&url).await.json();
            if client_accepts(&app.dingtalk, &config, &url).await["errcode"] == 0 {
                break config;
            }
        }
    };
    let fresh = in_time("it is signed with the new one", signed_with_it).await;
    let fetched = app.dingtalk.calls(JSAPI_TICKET);
    for _ in 0..5 {
        let report = json!({"code": "3", "text": "Code:52011", "url": url, "signed": signed(&fresh, &url)});
        assert_eq!(browser.post("/api/jsapi/report", &report).await.status, 200);
        browser.jsapi_config(&url).await;
    }
    assert_eq!(app.dingtalk.calls(JSAPI_TICKET), fetched, "one a minute, whatever pages claim");
}

#[tokio::test]
async fn what_one_organisation_claims_keeps_no_dead_ticket_in_use_at_another() {
    let (app, organisations) = TestApp::of_both_organisations().await;
    let url = format!("{}/jsapi", app.url);
    for (nth, corp_id) in (1..).zip(organisations) {
        let mut browser = app.browser();
        let code = app.dingtalk.issue_code_at(corp_id, "zhangsan");
        assert_eq!(browser.enter_and_log_in_at(corp_id, &code).await.status, 200);
        let config = browser.jsapi_config(&url).await.json();
        let fetched = app.dingtalk.calls(JSAPI_TICKET);
        let report = json!({"code": "3", "text": "Code:52011", "url": url, "signed": signed(&config, &url)});
        assert_eq!(browser.post("/api/jsapi/report", &report).await.status, 200);
        eventually("its ticket is replaced", || app.dingtalk.calls(JSAPI_TICKET) > fetched).await;
        assert_eq!(fetched, 2 * nth - 1);
    }
}

#[tokio::test]
async fn reports_cannot_flood_the_log() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let report = json!({"code": "3", "text": "x", "url": "x"});
    let mut limited = 0;
    for _ in 0..60 {
        let answer = browser.post("/api/jsapi/report", &report).await;
        limited += usize::from(answer.status == 429);
    }
    assert!(limited >= 30, "{limited}");
}

#[tokio::test]
async fn one_persons_flood_of_reports_silences_nobody_else() {
    let app = TestApp::start().await;
    let (mut loud, mut other) = (app.browser_of("alice").await, app.browser_of("bob").await);
    let report = json!({"code": "3", "text": "x", "url": "x"});
    let mut limited = false;
    for _ in 0..40 {
        limited |= loud.post("/api/jsapi/report", &report).await.status == 429;
    }
    assert!(limited);
    assert_eq!(other.post("/api/jsapi/report", &report).await.status, 200);
}

#[tokio::test]
async fn a_refused_auth_code_is_reported_by_the_browser_that_was_given_the_state_and_by_no_other() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    let report = |state: &str| json!({"call": "requestAuthCode", "code": "3", "text": "1002,corpId", "url": "x", "state": state});
    let told = browser.post("/api/jsapi/report", &report(&state)).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let explanation = told.json()["explanation"].as_str().unwrap().to_owned();
    assert!(explanation.contains("DINGTALK_CORP_ID") && explanation.contains(&app.url), "{explanation}");
    assert_eq!(app.browser().post("/api/jsapi/report", &report(&state)).await.problem(), (401, "login_required".into()));
    let mut another = app.browser();
    another.enter().await;
    for state in [state.as_str(), "", "00"] {
        assert_eq!(another.post("/api/jsapi/report", &report(state)).await.problem(), (403, "state_rejected".into()));
    }
    let config = json!({"code": "3", "text": "x", "url": "x"});
    assert_eq!(browser.post("/api/jsapi/report", &config).await.problem(), (401, "login_required".into()));
}
