//! Chinese for those who read Chinese, English for everybody else: every page and every problem.

use dingtalk_h5::app::NAME;
use dingtalk_simulator::Fault;
use reqwest::Method;
use serde_json::json;

use super::queue::one_a_second_and_no_patience;
use crate::support::{Answer, Browser, TestApp, USER_BY_CODE, eventually, pages};

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";
pub const LANGUAGES: [(&str, &str); 2] = [("en-GB,en;q=0.9,zh;q=0.8", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN")];

fn is_chinese(c: char) -> bool {
    ('\u{3000}'..='\u{9fff}').contains(&c) || ('\u{ff00}'..='\u{ffef}').contains(&c)
}

/// What people read in a page: its texts, and the attributes that screen readers say.
fn read_in(page: &str) -> Vec<&str> {
    let texts = page.split('<').filter_map(|piece| piece.split_once('>')).map(|(_, text)| text);
    let labels = page.split("aria-label=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let is_word = |text: &&str| text.chars().any(char::is_alphabetic);
    texts.chain(labels).map(str::trim).filter(is_word).collect()
}

/// What stays as it is in every language: names of people, of things in DingTalk, and of the app.
fn is_name(text: &str) -> bool {
    let names = [
        pages::NAME,
        NAME,
        "Bob",
        "B",
        "bob",
        "JSAPI",
        "userId",
        "corpId",
        "unionId",
        "dd.config",
        "qyapi_get_member",
        "dingsimulator0001",
        "simulatedUnionBob",
    ];
    names.contains(&text) || (text.contains('.') && !text.contains(' '))
}

/// Fails unless the whole page is in the language `tag`.
pub fn is_written_in(tag: &str, page: &Answer) {
    assert!(page.body.contains(&format!("<html lang=\"{tag}\"")), "{}", page.body);
    // A title ends with the name of its app.
    let texts = read_in(&page.body).into_iter().map(|text| match text.rsplit_once(" · ") {
        Some((title, name)) if [pages::NAME, NAME].contains(&name) => title,
        _ => text,
    });
    let texts: Vec<_> = texts.filter(|text| !is_name(text)).collect();
    assert!(!texts.is_empty(), "{}", page.body);
    for text in texts {
        let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_id || text.contains(is_chinese) == (tag == "zh-CN"), "{text:?} in a page in {tag}");
    }
    let words = page.body.split("data-words=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(words.contains(is_chinese), tag == "zh-CN", "{words}");
}

pub async fn browser_of(app: &TestApp, user_id: &str, reads: &'static str) -> Browser {
    let mut browser = app.browser_of(user_id).await;
    browser.reads = reads;
    browser
}

#[tokio::test]
async fn every_page_is_in_the_language_of_its_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::start_with(|settings| settings.web.signature_clinic = true).await;
        let mut bob = browser_of(&app, "bob", reads).await;
        for path in ["/", "/profile", "/jsapi", "/clinic", "/signed-out", "/nothing", "/api"] {
            is_written_in(tag, &bob.go(path).await);
        }
        is_written_in(tag, &bob.open("/").await);
        app.dingtalk.fault("/topapi/v2/user/get", 1000, Fault::Permission);
        is_written_in(tag, &bob.go("/profile").await);
    }
}

#[tokio::test]
async fn every_page_of_a_problem_is_in_the_language_of_its_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::start().await;
        let mut browser = app.browser();
        browser.reads = reads;
        for path in ["/", "/signed-out"] {
            let answer = browser.send(Method::POST, path, &[], None).await;
            assert_eq!(answer.status, 405);
            is_written_in(tag, &answer);
        }
        let mut bob = browser_of(&app, "bob", reads).await;
        app.dingtalk.fault("/v1.0/oauth2/jsapiTickets", 1000, Fault::Permission);
        let answer = bob.go("/jsapi").await;
        assert_eq!(answer.status, 503);
        is_written_in(tag, &answer);
    }
}

#[tokio::test]
async fn an_address_of_another_organisation_is_explained_in_the_language_of_its_reader() {
    let app = TestApp::start().await;
    for (reads, tag) in LANGUAGES {
        for query in ["corpid=dingsomebodyelse", "corpid=$CORPID$"] {
            let mut browser = app.browser();
            browser.reads = reads;
            is_written_in(tag, &browser.open(&format!("/?{query}")).await);
        }
    }
}

/// Checks that `answer` is the problem `code`, with its title and its detail in the language `tag`.
fn is_told_in(tag: &str, code: &str, answer: &Answer) {
    assert_eq!(answer.problem().1, code);
    let problem = answer.json();
    for member in ["title", "detail"] {
        let text = problem[member].as_str().unwrap();
        assert!(!text.is_empty() && text.contains(is_chinese) == (tag == "zh-CN"), "{code} in {tag}: {text:?}");
    }
}

#[tokio::test]
async fn every_problem_of_a_request_is_told_in_the_language_of_its_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::start().await;
        let mut bob = browser_of(&app, "bob", reads).await;
        let mut browser = app.browser();
        browser.reads = reads;
        is_told_in(tag, "not_found", &browser.read("/api/nothing").await);
        is_told_in(tag, "login_required", &browser.me().await);
        is_told_in(tag, "method_not_allowed", &browser.read("/api/login").await);
        is_told_in(tag, "state_rejected", &browser.log_in("code", "no-state").await);
        is_told_in(tag, "bad_request", &browser.post("/api/login", &json!({})).await);
        let long = json!("x".repeat(5000));
        is_told_in(tag, "payload_too_large", &browser.post("/api/login", &long).await);
        let far = format!("/api/me?{}", "x".repeat(9000));
        is_told_in(tag, "uri_too_long", &browser.read(&far).await);
        let heavy = "x".repeat(17_000);
        let answer = browser.send(Method::GET, "/api/me", &[("x-heavy", &heavy)], None).await;
        is_told_in(tag, "head_too_large", &answer);
        is_told_in(tag, "url_rejected", &bob.jsapi_config("https://evil.example/").await);
        let foreign = browser.send(Method::POST, "/api/logout", &[], None).await;
        is_told_in(tag, "origin_rejected", &foreign);
        let origin = app.url.clone();
        let text = [("origin", origin.as_str()), ("content-type", "text/plain")];
        let answer = browser.send(Method::POST, "/api/login", &text, None).await;
        is_told_in(tag, "unsupported_media_type", &answer);
    }
}

#[tokio::test]
async fn every_problem_with_dingtalk_is_told_in_the_language_of_its_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::start().await;
        let mut bob = browser_of(&app, "bob", reads).await;
        let mut browser = app.browser();
        browser.reads = reads;
        is_told_in(tag, "code_rejected", &browser.enter_and_log_in("never-issued").await);
        app.dingtalk.fault(EXCHANGE, 1, Fault::Busy);
        let code = app.dingtalk.issue_code("alice");
        is_told_in(tag, "dingtalk_unavailable", &browser.enter_and_log_in(&code).await);
        app.dingtalk.fault("/v1.0/oauth2/jsapiTickets", 1, Fault::Permission);
        let page = format!("{}/jsapi", app.url);
        is_told_in(tag, "misconfigured", &bob.jsapi_config(&page).await);
    }
}

#[tokio::test]
async fn a_login_that_is_under_way_or_lost_is_told_in_the_language_of_its_reader() {
    async fn one(reads: &'static str, tag: &str) {
        let app = TestApp::start().await;
        let mut first = app.browser();
        first.reads = reads;
        let mut second = first.clone();
        let (first_state, second_state) = (first.enter().await, second.enter().await);
        let code = app.dingtalk.issue_code("alice");
        // The app stops waiting long before.
        app.dingtalk.fault(EXCHANGE, 1, Fault::Delay { milliseconds: 60_000 });
        let same_code = code.clone();
        let lost = tokio::spawn(async move { first.log_in(&same_code, &first_state).await });
        eventually("the code is under way", || app.dingtalk.calls(USER_BY_CODE) == 1).await;
        is_told_in(tag, "code_in_use", &second.log_in(&code, &second_state).await);
        is_told_in(tag, "retry_with_new_code", &lost.await.unwrap());
    }
    tokio::join!(one(LANGUAGES[0].0, LANGUAGES[0].1), one(LANGUAGES[1].0, LANGUAGES[1].1));
}

#[tokio::test]
async fn logins_that_wait_are_told_so_in_the_language_of_their_reader() {
    for (reads, tag) in LANGUAGES {
        let app = TestApp::start_with(one_a_second_and_no_patience).await;
        app.browser_of("alice").await;
        let mut browser = app.browser();
        browser.reads = reads;
        let answer = browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        is_told_in(tag, "login_queued", &answer);
    }
}

/// The User-Agent of a client on Android. `mark` names its language.
fn client(mark: &str) -> String {
    format!(
        "Mozilla/5.0 (Linux; U; Android 12) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/69.0.3497.100 UWS/3.22.1.249 \
         Mobile Safari/537.36 AliApp(DingTalk/7.0.0.11) com.alibaba.android.rimet/27811579 Channel/227200 {mark} UT4Aplus/0.2.25"
    )
}

#[tokio::test]
async fn the_language_of_the_client_counts_before_that_of_the_browser() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (mark, accepted, tag) in [
        ("language/zh-CN", "en", "zh-CN"),
        ("language/en-CN", "zh-CN", "en"),
        ("language/fr-FR", "zh-CN", "zh-CN"),
        ("colorScheme/dark", "zh-CN", "zh-CN"),
    ] {
        let client = client(mark);
        let headers = [("user-agent", client.as_str()), ("accept-language", accepted)];
        is_written_in(tag, &browser.send(Method::GET, "/", &headers, None).await);
        is_told_in(tag, "login_required", &browser.send(Method::GET, "/api/me", &headers, None).await);
    }
}

#[tokio::test]
async fn accept_language_can_hold_anything() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let long = "zz-ZZ;q=0.001,".repeat(1_000);
    for (accepted, tag) in [
        ("", "en"),
        (",,,;;;q", "en"),
        ("zh;q=9", "en"),
        ("zh;q=0", "en"),
        ("<script>alert(1)</script>", "en"),
        ("\"><img src=x>", "en"),
        ("zh\" data-x=\"", "en"),
        (long.as_str(), "en"),
        ("*;q=0.1,zh-Hant-HK;q=0.2", "zh-CN"),
    ] {
        let page = browser.send(Method::GET, "/signed-out", &[("accept-language", accepted)], None).await;
        assert_eq!(page.status, 200, "{accepted:?}");
        is_written_in(tag, &page);
    }
}

#[tokio::test]
async fn the_client_says_whether_it_is_dark() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (mark, meta, media) in [
        ("colorScheme/dark", "content=\"dark\"", "media=\"all\""),
        ("colorScheme/light", "content=\"light\"", "media=\"not all\""),
        ("colorScheme/\"><x", "content=\"light dark\"", "media=\"(prefers-color-scheme: dark)\""),
        ("", "content=\"light dark\"", "media=\"(prefers-color-scheme: dark)\""),
    ] {
        let page = browser.send(Method::GET, "/", &[("user-agent", &client(mark))], None).await.body;
        assert!(page.contains(&format!("name=\"color-scheme\" {meta}")), "{mark}: {page}");
        let dark = page.lines().find(|line| line.contains("app/dark.")).unwrap();
        assert!(dark.contains(media), "{mark}: {dark}");
    }
}
