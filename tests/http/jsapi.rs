//! Signatures: valid for the addresses of the app, refused for all others.

use std::collections::BTreeSet;

use dingtalk_h5::dingtalk::{Digest, Origin};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, between, client_accepts};

/// Queries as they stand in `location.href`.
const QUERIES: [&str; 6] =
    ["", "?q=%E5%BC%A0%E4%B8%89", "?q=a%20b", "?q=a+b", "?q=%2B&x=%27&y=a|b", "?x=ding1&next=https://evil.example/"];

fn carried(page: &str) -> Value {
    let attribute = between(page, "data-jsapi=\"", "\"").unwrap_or_else(|| panic!("no configuration in {page}"));
    let json = attribute.replace("&quot;", "\"").replace("&#34;", "\"").replace("&amp;", "&").replace("&#38;", "&");
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn a_page_carries_a_configuration_that_the_client_accepts_for_its_very_address() {
    for digest in [Digest::Sha1, Digest::Sha256] {
        let app = TestApp::start_with(|settings| settings.web.jsapi_digest = digest).await;
        let mut browser = app.browser_of("alice").await;
        for query in QUERIES {
            let path = format!("/jsapi{query}");
            let config = carried(&browser.go(&path).await.body);
            let verdict = client_accepts(&app.dingtalk, &config, &format!("{}{path}", app.url)).await;
            assert_eq!((&verdict["errcode"], &verdict["matched"]["url"]), (&json!(0), &json!("raw")), "{path} {verdict}");
        }
    }
}

#[tokio::test]
async fn a_configuration_on_demand_is_accepted_for_the_page_that_asked() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    for query in QUERIES {
        let url = format!("{}/jsapi{query}", app.url);
        let config = browser.jsapi_config(&format!("{url}#some/fragment?x=1")).await.json();
        assert_eq!(client_accepts(&app.dingtalk, &config, &url).await["errcode"], 0, "{url}");
    }
}

/// Not all browsers encode the same characters, but each has in `location.href` what it sends.
#[tokio::test]
async fn what_a_browser_sends_as_it_is_is_signed_as_it_is() {
    let app = TestApp::start().await;
    let session = app.browser_of("alice").await.cookie("session").unwrap().to_owned();
    for query in
        ["?who=O'Hara", "?'", "?ids[]=1&filter[status]='open'", "?f={a:[1]}|b^c`d", "?p=c:\\x", "?who=O%27Hara", "?q=a%5B1%5D"]
    {
        let path = format!("/jsapi{query}");
        let head = format!("Host: x\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\nCookie: session={session}");
        let page = app.raw(&format!("GET {path} HTTP/1.1\r\n{head}\r\n\r\n")).await;
        let verdict = client_accepts(&app.dingtalk, &carried(&page), &format!("{}{path}", app.url)).await;
        assert_eq!((&verdict["errcode"], &verdict["matched"]["url"]), (&json!(0), &json!("raw")), "{path} {verdict}");
    }
}

#[tokio::test]
async fn a_configuration_has_exactly_seven_fields_and_never_the_same_nonce() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi", app.url);
    let (one, other) = (browser.jsapi_config(&url).await.json(), browser.jsapi_config(&url).await.json());
    let fields: BTreeSet<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["agentId", "corpId", "timeStamp", "nonceStr", "signature", "type", "jsApiList"].into());
    assert_ne!(one["nonceStr"], other["nonceStr"]);
    assert_eq!(one["nonceStr"].as_str().unwrap().len(), 32);
    assert!(one["timeStamp"].as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(one["type"], 0);
}

#[tokio::test]
async fn nothing_is_signed_without_a_session() {
    let app = TestApp::start().await;
    let url = format!("{}/jsapi", app.url);
    assert_eq!(app.browser().jsapi_config(&url).await.problem(), (401, "login_required".into()));
    assert!(app.browser().go("/jsapi").await.body.contains("id=\"entry\""));
    assert_eq!(app.dingtalk.upstream_calls(), 0);
}

#[tokio::test]
async fn addresses_that_are_not_ours_are_not_signed() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let ours = app.url.clone();
    let host = ours.strip_prefix("http://").unwrap();
    let foreign = [
        "".to_owned(),
        "/jsapi".into(),
        ours.clone(),
        "https://evil.example/".into(),
        format!("https://{host}/"),
        format!("http://user@{host}/"),
        format!("http://{host}@evil.example/"),
        format!("http://{host}.evil.example/"),
        format!("http://{host}\\@evil.example/"),
        format!("//{host}/"),
        format!("HTTP://{host}/"),
        format!("{ours}/a/../b"),
        format!("{ours}/?q=中"),
        format!("{ours}/ "),
        format!("{ours}/\n"),
        format!("{ours}/{}", "x".repeat(2048)),
        "http://127.0.0.1/".into(),
        "http://localhost:8080/".into(),
        "javascript:alert(1)".into(),
        "about:blank".into(),
        "null".into(),
    ];
    for url in foreign {
        assert_eq!(browser.jsapi_config(&url).await.problem(), (400, "url_rejected".into()), "{url}");
    }
    for query in ["", "?", "?url", "?uri=x", "?url=a&url=b", "?url=%ff", "?url=x&more=1"] {
        let answer = browser.read(&format!("/api/jsapi/config{query}")).await;
        assert_eq!(answer.status, 400, "{query} {}", answer.body);
        answer.problem();
    }
}

/// The nonce may be any text, and nothing in the signed text is escaped: a signature for one address could be valid for another.
#[tokio::test]
async fn an_address_that_reads_like_the_rest_of_what_is_signed_is_not_signed() {
    let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
    let mut browser = app.browser_of("alice").await;
    let (honest, foreign) = (format!("{}/jsapi?a=b&noncestr=x", app.url), "https://evil.example/page");
    let crafted = format!("{honest}&timestamp=1700000000&url={foreign}");
    assert_eq!(browser.jsapi_config(&crafted).await.problem(), (400, "url_rejected".into()));

    let mut config = browser.jsapi_config(&honest).await.json();
    let [nonce, time] = ["nonceStr", "timeStamp"].map(|name| config[name].as_str().unwrap().to_owned());
    assert_eq!(client_accepts(&app.dingtalk, &config, &honest).await["errcode"], 0);
    config["nonceStr"] = format!("{nonce}&timestamp={time}&url={honest}").into();
    config["timeStamp"] = "1700000000".into();
    assert_ne!(client_accepts(&app.dingtalk, &config, foreign).await["errcode"], 0);

    let path = crafted.strip_prefix(&app.url).unwrap();
    let encoded = path.replace('&', "%26").replace('=', "%3D");
    for path in [path, &format!("/clinic?recipe=sha1-query-decoded&{}", &encoded[7..])] {
        let page = browser.go(path).await;
        assert_eq!(page.status, 400, "{path} {}", page.body);
    }
    let as_opened = browser.go(&encoded).await.body;
    assert_eq!(client_accepts(&app.dingtalk, &carried(&as_opened), &format!("{}{encoded}", app.url)).await["errcode"], 0);
}

#[tokio::test]
async fn what_a_request_says_about_its_host_changes_no_signature() {
    let app = TestApp::start_with(|settings| settings.web.public_url = Origin::parse("https://app.example.com").unwrap()).await;
    let mut browser = app.browser();
    browser.origin = "https://app.example.com".into();
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
    let liars: [&[(&str, &str)]; 4] = [
        &[],
        &[("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http"), ("x-forwarded-port", "1")],
        &[("forwarded", "host=evil.example;proto=http")],
        &[("x-original-url", "/elsewhere"), ("x-forwarded-prefix", "/x")],
    ];
    for headers in liars {
        let headers = [&[("sec-fetch-site", "same-origin")][..], headers].concat();
        let page = browser.send(Method::GET, "/jsapi?a=1", &headers, None).await;
        let verdict = client_accepts(&app.dingtalk, &carried(&page.body), "https://app.example.com/jsapi?a=1").await;
        assert_eq!(verdict["errcode"], 0, "{verdict}");
        assert!(!page.body.contains("evil.example"));
    }
}

#[tokio::test]
async fn the_ticket_the_token_and_the_secret_never_reach_the_browser() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let url = format!("{}/jsapi", app.url);
    let answers =
        [browser.go("/jsapi").await, browser.jsapi_config(&url).await, browser.me().await, browser.go("/profile").await];
    for answer in answers {
        assert_eq!(answer.status, 200);
        for word in ["ticket\"", "accessToken", "access_token", app.dingtalk.app().client_secret] {
            assert!(!answer.body.contains(word), "{word} in {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_report_of_a_refused_configuration_is_taken_from_somebody_logged_in() {
    let app = TestApp::start().await;
    let report = json!({"code": "3", "text": "Code:52013", "url": format!("{}/jsapi", app.url)});
    assert_eq!(app.browser().post("/api/jsapi/report", &report).await.problem(), (401, "login_required".into()));
    let mut browser = app.browser_of("alice").await;
    assert_eq!(browser.post("/api/jsapi/report", &report).await.status, 200);
    assert_eq!(browser.post("/api/jsapi/report", &json!({"text": "x"})).await.problem(), (400, "bad_request".into()));
}
