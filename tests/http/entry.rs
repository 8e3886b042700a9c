//! Who gets a page, and who gets the entry page.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use dingtalk_h5::web::{App, SessionUser, Visitor, route};
use reqwest::Method;
use url::{Position, Url};

use super::organisations::is_entry_page;
use crate::support::{TestApp, USER_BY_CODE, between, pages};

const PAGES: [&str; 3] = ["/", "/profile", "/jsapi"];

#[tokio::test]
async fn only_a_navigation_from_within_the_app_is_answered_from_the_session() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    app.hands.advance(Duration::from_secs(11));
    let (inside, outside) = (format!("{}/profile", app.url), "https://im.dingtalk.com/");
    let lookalike = format!("{}.evil.example/", app.url);
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("referer", &inside)], true),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "cross-site"), ("referer", &inside)], false),
        (&[("referer", outside)], false),
        (&[("referer", &lookalike)], false),
        (&[("referer", "nonsense")], false),
        (&[], false),
    ];
    for path in PAGES {
        for (headers, answered) in cases {
            let page = browser.send(Method::GET, path, headers, None).await;
            assert_eq!(page.status, 200);
            assert_eq!(page.body.contains("Alice Chen") || page.body.contains("data-jsapi"), *answered, "{path} {headers:?}");
            assert_eq!(page.body.contains("id=\"entry\""), !answered, "{path} {headers:?}");
            assert_eq!(page.header("cache-control"), "no-store");
        }
    }
}

async fn whose(user: SessionUser) -> String {
    user.name.to_string()
}

async fn whose_if_anybodys(user: Option<SessionUser>) -> String {
    user.map_or("nobody".into(), |user| user.name.to_string())
}

async fn shown_twice(Visitor(visitor): Visitor, user: SessionUser) -> String {
    assert_eq!(visitor.user_id, user.user_id);
    user.name.to_string()
}

fn with_more_than_pages() -> App {
    let pages = pages::app();
    let of_pages = Arc::clone(&pages.routes);
    let routes = move |routes: &mut ServiceConfig| {
        routes.service(route::get("/export", whose)).service(route::get("/api/export", whose));
        routes.service(route::get("/greeting", whose_if_anybodys)).service(route::get("/twice", shown_twice));
        of_pages(routes);
    };
    App { routes: Arc::new(routes), ..pages }
}

#[tokio::test]
async fn what_is_no_page_is_answered_from_the_session_unless_its_request_began_outside() {
    let app = TestApp::of(with_more_than_pages()).await;
    let mut browser = app.browser_of("alice").await;
    let (inside, outside) = (format!("{}/profile", app.url), "https://im.dingtalk.com/");
    let cases: &[(&[(&str, &str)], bool)] = &[
        (&[("sec-fetch-site", "same-origin")], true),
        (&[("referer", &inside)], true),
        (&[], true),
        (&[("sec-fetch-site", "none")], false),
        (&[("sec-fetch-site", "same-site")], false),
        (&[("sec-fetch-site", "cross-site"), ("referer", &inside)], false),
        (&[("referer", outside)], false),
    ];
    for (headers, answered) in cases {
        for path in ["/api/me", "/api/export", "/export", "/greeting"] {
            // A session that was used in this very millisecond needs no new cookie.
            app.hands.advance(Duration::from_secs(1));
            let answer = browser.send(Method::GET, path, headers, None).await;
            assert_eq!(answer.body.contains("Alice Chen"), *answered, "{path} {headers:?}");
            let status = if path.starts_with("/api/") && !answered { 401 } else { 200 };
            assert_eq!(answer.status, status, "{path} {headers:?}");
            assert_eq!(answer.body.contains("id=\"entry\""), path == "/export" && !answered, "{headers:?}");
            let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
            assert_eq!(cookies.iter().any(|cookie| cookie.starts_with("session=")), *answered, "{path} {headers:?} {cookies:?}");
        }
    }
}

#[tokio::test]
async fn whatever_a_login_was_for_is_answered_once_wherever_its_load_began() {
    let app = TestApp::of(with_more_than_pages()).await;
    for path in ["/export", "/twice"] {
        let mut browser = app.browser();
        assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
        assert_eq!(browser.open(path).await.body, "Alice Chen", "{path}");
        assert!(browser.open(path).await.body.contains("id=\"entry\""), "{path}");
    }
}

#[tokio::test]
async fn no_page_leads_whoever_came_from_outside_into_the_session_of_who_was_there_before() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    app.hands.advance(Duration::from_secs(11));
    for shown in ["/", "/nothing", "/signed-out", "/profile?x=1"] {
        let address = Url::parse(&app.url).unwrap().join(shown).unwrap();
        for headers in [&[("sec-fetch-site", "none")][..], &[]] {
            let page = browser.send(Method::GET, shown, headers, None).await.body;
            let links: Vec<_> =
                page.split("<a ").skip(1).map(|link| between(link, "href=\"", "\"").unwrap().replace("&#38;", "&")).collect();
            assert!(links.len() >= 2, "{page}");
            for link in links.iter().filter(|link| !link.starts_with("http")) {
                let led_to = &address.join(link).unwrap()[Position::BeforePath..];
                assert!(browser.go(led_to).await.body.contains("id=\"entry\""), "{shown} leads to {led_to}");
            }
        }
        let page = browser.go(shown).await.body;
        assert!(page.contains("<a class=\"brand\" href=\"/\">"), "{shown}");
    }
    assert!(browser.go("/").await.body.contains("Alice Chen"));
}

#[tokio::test]
async fn the_entry_page_can_be_loaded_again_without_its_scripts_and_leads_nowhere_else() {
    let app = TestApp::start().await;
    let mut alice = app.browser_of("alice").await;
    app.hands.advance(Duration::from_secs(11));
    for opened in ["/profile", "/profile?", "/profile?x=1&y=%22", "/profile?x=\"><b>&//evil.example", "/profile?a&sign-in"] {
        for browser in [&mut alice, &mut app.browser()] {
            let page = browser.open(opened).await.body;
            let link = between(&page, "id=\"load-again\" href=\"", "\"").unwrap();
            let link = link.replace("&#38;", "&");
            assert!(link.is_empty() || link.starts_with("?sign-in"), "{opened}: {link}");
            let address = Url::parse(&app.url).unwrap().join(opened).unwrap();
            let led_to = address.join(&link).unwrap();
            let kept = |address: &Url| {
                let query = address.query().unwrap_or_default().split('&').filter(|part| !["", "sign-in"].contains(part));
                query.map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!((led_to.path(), kept(&led_to)), ("/profile", kept(&address)), "{opened}: {link}");
            assert!(browser.go(&led_to[Position::BeforePath..]).await.body.contains("id=\"entry\""), "{opened}: {link}");
        }
    }
}

#[tokio::test]
async fn the_first_page_after_a_login_is_answered_wherever_its_load_began_and_the_second_is_not() {
    let app = TestApp::start().await;
    for site in ["none", "same-site", "cross-site"] {
        let mut browser = app.browser();
        assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
        let headers = [("sec-fetch-site", site)];
        assert!(browser.send(Method::GET, "/", &headers, None).await.body.contains("Alice Chen"), "{site}");
        assert!(browser.send(Method::GET, "/", &headers, None).await.body.contains("id=\"entry\""), "{site}");
    }
}

#[tokio::test]
async fn a_webview_that_says_nothing_gets_its_page_straight_after_the_login_and_never_loops() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    app.hands.advance(Duration::from_secs(9));
    assert!(browser.send(Method::GET, "/", &[], None).await.body.contains("Alice Chen"));
    app.hands.advance(Duration::from_secs(2));
    assert!(browser.send(Method::GET, "/", &[], None).await.body.contains("id=\"entry\""));
}

#[tokio::test]
async fn the_entry_page_holds_nothing_personal_and_what_a_login_needs() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let page = browser.open("/profile?x=corpid").await;
    for personal in ["Alice", "alice", "Head of Design"] {
        assert!(!page.body.contains(personal));
    }
    let registered = app.dingtalk.app();
    for needed in [&registered.corp_id, &registered.client_id] {
        assert!(page.body.contains(&needed.to_string()));
    }
    assert!(page.body.contains(&format!("{}/dd.js", app.dingtalk.url())));
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1, "an entry page costs no call");
}

#[tokio::test]
async fn an_entry_keeps_the_session_until_somebody_else_has_logged_in() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    browser.open("/").await;
    assert_eq!(browser.me().await.json()["userId"], "alice");
}

#[tokio::test]
async fn the_signed_out_page_is_for_everybody() {
    let app = TestApp::start().await;
    let page = app.browser().open("/signed-out").await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("id=\"entry\""));
}

#[tokio::test]
async fn every_page_may_run_its_own_scripts_only() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let mut nonces = std::collections::HashSet::new();
    for path in ["/", "/profile", "/jsapi", "/signed-out", "/nothing-here"] {
        let page = browser.go(path).await;
        let policy = page.header("content-security-policy").to_owned();
        let nonce = crate::support::between(&policy, "script-src 'nonce-", "'").unwrap().to_owned();
        assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
        assert!(page.body.contains(&format!("nonce=\"{nonce}\"")), "{path}");
        assert!(nonces.insert(nonce), "a nonce is used once");
        for inline in ["<script>", "javascript:", " onclick=", " style=", "<style"] {
            assert!(!page.body.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn an_address_that_names_another_organisation_or_none_is_answered_clearly_and_without_a_call() {
    let app = TestApp::start().await;
    let ours = app.dingtalk.app().corp_id.to_string();
    let ours_percent_encoded = ours.replacen('d', "%64", 1);
    let cases = [
        ("corpid=dingsomebodyelse".to_owned(), 403),
        ("corpId=dingsomebodyelse".to_owned(), 403),
        (format!("corpid={ours}&corpid=dingsomebodyelse"), 403),
        ("corpid=$CORPID$".to_owned(), 400),
        ("corpId=%24CORPID%24".to_owned(), 400),
        ("corpid=".to_owned(), 400),
        ("corpid".to_owned(), 400),
        ("corpid=%2524corpid%2524".to_owned(), 400),
        ("corpId=undefined&ddtab=true".to_owned(), 400),
        ("corpid=$CorpId$?dd_nav_bgcolor=FF5E97F6".to_owned(), 400),
        (format!("corpid={ours}?ddtab=true&x=y"), 200),
        ("corpid=dingsomebodyelse?ddtab=true".to_owned(), 403),
        (format!("corpid={ours}"), 200),
        (format!("CorpId={ours_percent_encoded}"), 200),
        ("other=1".to_owned(), 200),
    ];
    for path in PAGES {
        for (query, status) in &cases {
            let page = app.browser().open(&format!("{path}?{query}")).await;
            assert_eq!(page.status, *status, "{path}?{query}");
            assert_eq!(page.body.contains("id=\"entry\""), *status == 200, "{path}?{query}");
            assert_eq!(page.body.contains("another organisation"), *status == 403, "{path}?{query}");
            assert_eq!(page.body.contains("which organisation you are in"), *status == 400, "{path}?{query}");
        }
    }
    let mut inside = app.browser_of("alice").await;
    assert_eq!(inside.go("/?corpid=dingsomebodyelse").await.status, 403);
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 1);
}

#[tokio::test]
async fn only_the_load_of_a_page_may_be_the_one_that_a_login_was_for() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
    let from_elsewhere = |mode| [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", mode)];
    for mode in ["no-cors", "cors"] {
        for path in ["/api/me", "/profile"] {
            let answer = browser.send(Method::GET, path, &from_elsewhere(mode), None).await;
            assert!(answer.status == 401 || is_entry_page(&answer), "{mode} {path}: {}", answer.body);
        }
    }
    let page = browser.send(Method::GET, "/profile", &from_elsewhere("navigate"), None).await;
    assert!(page.status == 200 && !is_entry_page(&page), "{}", page.body);
}
