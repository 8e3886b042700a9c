//! Wrong addresses, types and sizes: always a clear answer.

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use dingtalk_h5::web::{App, SameOrigin, SessionUser, Visitor, route};
use reqwest::Method;

use crate::support::{TestApp, pages};

#[tokio::test]
async fn what_is_not_there_is_said_as_a_page_or_as_json() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    assert_eq!(browser.read("/api/nothing").await.problem(), (404, "not_found".into()));
    assert_eq!(browser.read("/static/nothing.js").await.problem(), (404, "not_found".into()));
    for path in ["/nothing", "/profile/x.css", "/profile/", "//", "/static"] {
        let answer = browser.open(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        assert!(answer.body.contains(answer.header("x-request-id")), "the page shows the request id");
    }
}

#[tokio::test]
async fn a_form_that_the_browser_posts_when_the_session_has_ended_is_not_led_to_an_empty_one() {
    let own = pages::app();
    let routes = move |routes: &mut ServiceConfig| {
        let form = route::get_and_post("/form", async |_: Visitor| "a form", async |_: SameOrigin, _: SessionUser| "taken");
        (own.routes)(routes.service(form));
    };
    let app = TestApp::of(App { routes: Arc::new(routes), ..pages::app() }).await;
    let mut browser = app.browser_of("alice").await;
    let body = b"dish=Rice".to_vec();
    assert_eq!(browser.upload("/form", "application/x-www-form-urlencoded", body.clone()).await.body, "taken");
    browser.log_out().await;
    let answer = browser.upload("/form", "application/x-www-form-urlencoded", body).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert!(!answer.body.contains("id=\"entry\"") && answer.body.contains("You are not signed in."), "{}", answer.body);
    assert!(browser.open("/form").await.body.contains("id=\"entry\""), "whoever loads it signs in");
}

#[tokio::test]
async fn an_escaped_address_is_the_same_address() {
    let mut browser = TestApp::start().await.browser();
    assert_eq!(browser.read("/%61pi/me").await.problem(), (401, "login_required".into()));
    assert_eq!(browser.read("/a%70i/nothing").await.problem(), (404, "not_found".into()));
}

#[tokio::test]
async fn static_paths_cannot_leave_the_embedded_files() {
    let app = TestApp::start().await;
    let ways_out = [
        "/static/../Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/%2e%2e/Cargo.toml",
        "/static/%252e%252e/Cargo.toml",
        "/static/..\\Cargo.toml",
        "/static//etc/passwd",
        "/static/app/",
        "/static/app",
        "/static/",
        "/static/login.js%00",
        "/static/./login.js",
    ];
    for path in ways_out {
        let answer = app.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
}

#[tokio::test]
async fn only_json_is_taken_and_only_four_kibibytes_of_it() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let origin = app.url.clone();
    for kind in
        ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", "application/xml"]
    {
        let headers = [("origin", origin.as_str()), ("content-type", kind)];
        let answer = browser.send(Method::POST, "/api/login", &headers, Some("{}".into())).await;
        assert_eq!(answer.problem(), (415, "unsupported_media_type".into()), "{kind}");
    }
    for (kind, length, status) in [("application/json", 4096, 400), ("application/json; charset=utf-8", 4097, 413)] {
        let headers = [("origin", origin.as_str()), ("content-type", kind)];
        let body = format!("\"{}\"", "x".repeat(length - 2));
        assert_eq!(browser.send(Method::POST, "/api/login", &headers, Some(body.into())).await.problem().0, status, "{length}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours_whatever_the_client_sends() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let mut ids = std::collections::HashSet::new();
    for path in ["/", "/api/me", "/healthz", "/nothing", "/static/nothing"] {
        let answer = browser.send(Method::GET, path, &[("x-request-id", "chosen-by-the-client")], None).await;
        let id = answer.header("x-request-id").to_owned();
        assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(ids.insert(id));
    }
}

#[tokio::test]
async fn static_files_are_kept_for_ever_under_their_hashed_names_only() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let page = browser.open("/").await.body;
    let addresses: Vec<_> =
        page.match_indices("/static/").map(|(at, _)| page[at..].split('"').next().unwrap().to_owned()).collect();
    assert!(addresses.len() >= 4);
    for address in addresses {
        let file = browser.open(&address).await;
        assert_eq!((file.status, file.header("cache-control")), (200, "public, max-age=31536000, immutable"), "{address}");
        assert!(!file.headers.contains_key("set-cookie"));
    }
    assert_eq!(browser.open("/static/login.js").await.status, 404);
}

#[tokio::test]
async fn a_page_of_another_version_gets_the_file_that_is_there_and_keeps_it_not() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let page = browser.open("/").await.body;
    let hashed = page.split('"').find(|address| address.starts_with("/static/app/messages.")).unwrap().to_owned();
    let ours = browser.open(&hashed).await;
    let theirs = browser.open("/static/app/messages.0123456789abcdef.js").await;
    assert_eq!((theirs.status, theirs.header("cache-control")), (200, "no-store"));
    assert_eq!((theirs.header("content-type"), &theirs.body), (ours.header("content-type"), &ours.body));
    for address in [
        "/static/nothing.0123456789abcdef.js",
        "/static/app/messages.0123456789abcde.js",
        "/static/app/messages.0123456789abcdeg.js",
        "/static/app/messages.js.0123456789abcdef.js",
        "/static/app/messages.0123456789abcdef.css",
        "/static/app/../app/messages.0123456789abcdef.js",
        "/static/app/..%2fapp/messages.0123456789abcdef.js",
        "/static/.0123456789abcdef.js",
        "/static/0123456789abcdef",
    ] {
        let answer = app.raw(&format!("GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{address}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_after_ten_seconds() {
    let app = TestApp::start().await;
    let began = std::time::Instant::now();
    let head = format!(
        "POST /api/login HTTP/1.1\r\nHost: x\r\nOrigin: {}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
        app.url
    );
    let answer = app.raw(&head).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"), "{answer}");
    assert!((9..14).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}
