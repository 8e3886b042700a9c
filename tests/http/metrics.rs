//! What Prometheus reads.

use std::collections::HashMap;
use std::time::Duration;

use dingtalk_h5::settings::Settings;
use dingtalk_simulator::Fault;

use crate::support::{TestApp, http_client};

async fn watched() -> TestApp {
    watched_with(|_| {}).await
}

pub async fn watched_with(adjust: impl FnOnce(&mut Settings)) -> TestApp {
    TestApp::start_with(|settings| {
        settings.server.metrics_addr = Some("127.0.0.1:0".parse().unwrap());
        adjust(settings);
    })
    .await
}

async fn text(app: &TestApp) -> String {
    let url = app.metrics_url.as_ref().unwrap();
    let answer = http_client().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4");
    answer.text().await.unwrap()
}

/// Samples by name with labels.
pub async fn samples(app: &TestApp) -> HashMap<String, f64> {
    let text = text(app).await;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once(' ').unwrap()).map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[tokio::test]
async fn nobody_reads_metrics_where_pages_are_served_nor_anything_else_where_metrics_are() {
    let app = watched().await;
    assert_eq!(app.browser().read("/metrics").await.status, 404);
    let listener = app.metrics_url.as_ref().unwrap().strip_suffix("/metrics").unwrap();
    for path in ["/", "/healthz", "/api/me", "/static/dingtalk.js"] {
        let answer = http_client().get(format!("{listener}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
    assert_eq!(TestApp::start().await.metrics_url, None, "off unless asked for");
}

#[tokio::test]
async fn what_an_app_counts_itself_is_read_with_the_rest() {
    let orders = prometheus::register_int_counter!("test_orders_total", "Orders.").unwrap();
    let app = watched().await;
    orders.inc_by(3);
    assert_eq!(samples(&app).await["test_orders_total"], 3.0);
}

#[tokio::test]
async fn logins_are_counted_by_how_they_ended_whoever_turned_them_away() {
    let app = watched().await;
    app.browser_of("alice").await;
    app.browser_of("bob").await;
    let mut browser = app.browser();
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::AuthCodeError);
    browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    browser.log_in("code", "no state").await;
    browser.post("/api/login", &serde_json::json!({"authCode": 7})).await;
    browser.origin = "https://elsewhere.example".to_owned();
    browser.log_in("code", "no state").await;
    let seen = samples(&app).await;
    for (result, times) in
        [("ok", 2.0), ("code_rejected", 1.0), ("state_rejected", 1.0), ("bad_request", 1.0), ("origin_rejected", 1.0)]
    {
        assert_eq!(seen[&format!("logins_total{{result=\"{result}\"}}")], times, "{result}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_endpoint_and_class_and_renewals_by_credential() {
    let app = watched().await;
    let before = samples(&app).await;
    assert!(!before.keys().any(|name| name.contains("credential_age")), "{before:?}");
    app.dingtalk.fault("/v1.0/oauth2/accessToken", 1, Fault::Busy);
    let mut browser = app.browser_of("alice").await;
    app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::RevokedToken);
    assert_eq!(browser.go("/profile").await.status, 200);
    app.advance(Duration::from_secs(60));
    let seen = samples(&app).await;
    for (name, value) in [
        ("dingtalk_calls_total{class=\"busy\",endpoint=\"access_token\"}", 1.0),
        ("dingtalk_calls_total{class=\"ok\",endpoint=\"access_token\"}", 2.0),
        ("dingtalk_calls_total{class=\"ok\",endpoint=\"user_by_code\"}", 1.0),
        ("dingtalk_calls_total{class=\"token_rejected\",endpoint=\"user_details\"}", 1.0),
        ("dingtalk_calls_total{class=\"ok\",endpoint=\"user_details\"}", 1.0),
        ("dingtalk_call_seconds_count{endpoint=\"access_token\"}", 3.0),
        ("dingtalk_renewals_total{class=\"ok\",credential=\"access_token\"}", 2.0),
        ("dingtalk_breaker{state=\"closed\"}", 1.0),
        ("dingtalk_breaker{state=\"open\"}", 0.0),
    ] {
        assert_eq!(seen.get(name), Some(&value), "{name} in {seen:#?}");
    }
    let age = seen["dingtalk_credential_age_seconds{credential=\"access_token\"}"];
    assert!((60.0..90.0).contains(&age), "{age}");
    assert!(!seen.contains_key("dingtalk_credential_age_seconds{credential=\"jsapi_ticket\"}"));
}

#[tokio::test]
async fn no_label_names_a_person_or_an_address() {
    let app = watched().await;
    let mut browser = app.browser_of("alice").await;
    browser.go("/jsapi?room=canary").await;
    browser.read("/canary").await;
    browser.jsapi_config(&format!("{}/jsapi?room=canary", app.url)).await;
    let text = text(&app).await;
    for word in ["alice", "Alice", "canary", "/", "127.0.0.1", "http", "ding0", "suite"] {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(samples.filter(|line| line.contains(word)).count(), 0, "{word} in {text}");
    }
}

#[tokio::test]
async fn metrics_are_for_who_asks_for_this_machine_by_its_own_name() {
    let app = watched().await;
    let address = app.metrics_url.as_deref().unwrap().strip_suffix("/metrics").unwrap().to_owned();
    for (host, status) in [
        ("127.0.0.1", 200),
        ("127.0.0.1:9464", 200),
        ("localhost:9464", 200),
        ("[::1]:9464", 200),
        ("LocalHost", 200),
        ("127.1.2.3:80", 200),
        ("localhost.", 404),
        ("127.0.0.1.nip.io", 404),
        ("[::ffff:10.0.0.1]", 404),
        ("0.0.0.0:9464", 404),
        ("", 404),
        ("evil.example", 404),
        ("127.0.0.1.evil.example", 404),
        ("localhost.evil.example:9464", 404),
        ("10.0.0.1", 404),
        ("app.example.com", 404),
    ] {
        let mut wire = crate::wire::Wire::to(&address).await;
        wire.send(format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(wire.reply().await.status, status, "{host}");
    }
}
