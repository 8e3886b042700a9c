//! The entry page when it cannot log anybody in: it says why, and what to do.

use std::net::TcpListener;

use dingtalk_simulator::Answers;
use serde_json::json;

use super::AUTH_CODE;
use super::chromium::Chromium;
use crate::support::TestApp;

const REQUESTS: &str = "return performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname)";

#[tokio::test]
async fn outside_dingtalk_the_page_explains_and_asks_for_nothing() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Normal, true);
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile?from=mail#top", app.url)).await;
    chromium.shown("#entry[data-face='open-in-dingtalk'] #open-link").await;
    let text = chromium.text().await;
    assert!(text.contains("Open this in DingTalk") && !text.contains("Signing you in"), "{text}");
    let link = chromium.run("return document.querySelector('#open-link').href", &[]).await;
    let encoded: String = url::form_urlencoded::byte_serialize(format!("{}/profile?from=mail#top", app.url).as_bytes()).collect();
    assert_eq!(link, json!(format!("dingtalk://dingtalkclient/page/link?url={encoded}&pc_slide=true")));
    let requests = chromium.run(REQUESTS, &[]).await;
    assert!(!requests.as_array().unwrap().contains(&json!("/api/login")), "{requests}");
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.upstream_calls()), (0, 0));
    chromium.finish().await;
}

/// A PC client may show its container only after the library has looked for it.
#[tokio::test]
async fn in_dingtalk_a_page_that_does_not_see_it_can_be_loaded_again() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Normal, true);
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/profile?q=1#top", app.url)).await;
    chromium.shown("#open-link").await;
    assert!(!chromium.text().await.contains("Load the page again"), "a browser that is not DingTalk never becomes it");

    chromium.has_marks("").await;
    chromium.open("about:blank").await;
    chromium.open(&format!("{}/profile?q=1#top", app.url)).await;
    chromium.shown("#look-again").await;
    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#look-again").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(chromium.href().await, format!("{}/profile?q=1#top", app.url));
    chromium.finish().await;
}

#[tokio::test]
async fn a_library_that_cannot_be_loaded_is_said_to_be_missing() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = format!("http://{closed}/dd.js").parse().unwrap();
    let app = TestApp::start_with(|settings| settings.web.jsapi_script_url = nowhere).await;
    shows_that_the_library_is_missing(&app).await;
}

#[tokio::test]
async fn a_library_that_is_not_found_is_said_to_be_missing() {
    let app = TestApp::start_with(|settings| settings.web.jsapi_script_url.set_path("/no-such-library.js")).await;
    shows_that_the_library_is_missing(&app).await;
}

async fn shows_that_the_library_is_missing(app: &TestApp) {
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    for _ in 0..2 {
        chromium.sees("#trouble-text", "The part of this page that talks to DingTalk could not be loaded.").await;
        // Trying again reloads the page.
        chromium.run("window.old = true", &[]).await;
        chromium.click("#retry").await;
        chromium.until("the page is loaded anew", "return !window.old", &[]).await;
    }
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 0);
    chromium.finish().await;
}

#[tokio::test]
async fn a_client_that_refuses_is_quoted_and_can_be_asked_again() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Refuses, false);
    let chromium = Chromium::start().await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    let said = chromium.shown("#trouble-said").await;
    assert!(said.contains("对应企业没有"), "{said}");
    assert_eq!((app.dingtalk.calls(AUTH_CODE), app.dingtalk.upstream_calls()), (1, 0));

    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 2);
    chromium.finish().await;
}

#[tokio::test]
async fn a_client_that_says_only_a_code_is_quoted_with_it_and_a_long_text_leaves_the_button_in_sight() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.is_sized(360, 640).await;
    let long = format!("DingTalk said: {}", "权".repeat(200));
    for (error, said) in [("{ errorCode: '3' }", "DingTalk said: 3"), ("{ errorMessage: '权'.repeat(8000) }", &long)] {
        chromium.is_answered(&format!("Promise.reject({error})")).await;
        chromium.open(&app.url).await;
        chromium.sees("#trouble-said", said).await;
        let bottom = "return document.querySelector('#retry').getBoundingClientRect().bottom";
        let bottom = chromium.run(bottom, &[]).await.as_f64().unwrap();
        assert!(bottom < 640.0, "{said}: the button ends at {bottom}");
    }
    chromium.finish().await;
}

/// Our own failures have a kind, and words as codes. The client's are taken for none of them.
#[tokio::test]
async fn whatever_fields_and_codes_a_client_s_error_has_it_is_the_client_s() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    for (error, said) in [
        ("{ kind: 'problem', code: 'state_rejected', text: 'x' }", "\"state_rejected\""),
        ("{ kind: 'network', errorCode: '3' }", "3"),
        ("{ errorCode: 'state_rejected' }", "\"state_rejected\""),
        ("{ errorCode: 'login_queued' }", "\"login_queued\""),
        ("{ errorCode: 'code_rejected' }", "\"code_rejected\""),
        ("{ errorCode: 'user_changed' }", "\"user_changed\""),
        ("{ errorCode: 'wrong_address' }", "\"wrong_address\""),
        ("{ errorCode: 'network', errorMessage: 'no signal' }", "no signal"),
        ("{ errorMsg: 'no signal' }", "no signal"),
        ("3", "3"),
        ("undefined", "–"),
    ] {
        chromium.is_answered(&format!("Promise.reject({error})")).await;
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        chromium.sees("#trouble-said", &format!("DingTalk said: {said}")).await;
        chromium.shown("#retry").await;
    }
    chromium.finish().await;
}

#[tokio::test]
async fn what_cannot_be_an_auth_code_is_not_posted() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    let posts = "const ask = window.fetch;
        window.fetch = (path, init) => {
            window.posted = window.posted || path === '/api/login';
            return ask(path, init);
        };";
    chromium.on_every_document(posts).await;
    for code in ["''", "' '", "'a\\0'", "'\\ud83d'", "'x'.repeat(513)", "{}", "{ code: 'x' }", "null", "-1"] {
        chromium.is_answered(&format!("Promise.resolve({{ code: {code} }})")).await;
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", "DingTalk answered without a sign-in code.").await;
        assert_eq!(chromium.run("return Boolean(window.posted)", &[]).await, json!(false), "{code}");
    }
    chromium.is_answered("Promise.resolve({ code: '-abc' })").await;
    chromium.open(&app.url).await;
    chromium.sees("#trouble-text", "DingTalk did not accept the sign-in code.").await;
    for answer in ["'a-live-code'", r#"JSON.stringify({ code: 'a-live-code' })"#] {
        chromium.is_answered(&format!("Promise.resolve({answer})")).await;
        chromium.open(&app.url).await;
        chromium.sees("#trouble-text", "DingTalk answered without a sign-in code.").await;
        let page = chromium.text().await;
        assert!(!page.contains("a-live-code"), "a code on the screen: {page}");
    }
    chromium.finish().await;
}

#[tokio::test]
async fn a_client_that_fails_twice_in_a_row_is_asked_from_another_document() {
    let app = TestApp::start().await;
    app.dingtalk.client(Answers::Refuses, false);
    let chromium = Chromium::start().await;
    let address = format!("{}/profile?q=1#top", app.url);
    chromium.open(&address).await;
    chromium.run("window.old = true", &[]).await;
    for calls in 1..=2 {
        chromium.sees("#trouble-text", "DingTalk refused the request.").await;
        assert_eq!((chromium.run("return window.old", &[]).await, app.dingtalk.calls(AUTH_CODE)), (json!(true), calls));
        chromium.tries_again().await;
    }
    chromium.until("the page is loaded anew", "return !window.old", &[]).await;
    // The new document counts from the start: this failure is its first.
    chromium.sees("#trouble-text", "DingTalk refused the request.").await;
    app.dingtalk.client(Answers::Normal, false);
    chromium.click("#retry").await;
    chromium.sees("#user-name", "张三").await;
    assert_eq!((chromium.href().await, app.dingtalk.calls(AUTH_CODE)), (address, 4));
    chromium.finish().await;
}

#[tokio::test]
async fn at_another_address_the_page_sends_people_to_the_right_one() {
    let app = TestApp::start().await;
    let chromium = Chromium::start().await;
    chromium.open(&format!("{}/jsapi?q=1", app.url.replace("127.0.0.1", "localhost"))).await;
    chromium.sees("#trouble-text", "This app is served at another address.").await;
    assert_eq!(app.dingtalk.calls(AUTH_CODE), 0);
    chromium.click("#public-address").await;
    chromium.shown("#config-state").await;
    assert_eq!(chromium.href().await, format!("{}/jsapi?q=1", app.url));
    chromium.finish().await;
}
