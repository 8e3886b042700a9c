//! How a session lives, and all the ways in which it ends.

use std::time::Duration;

use dingtalk_h5::dingtalk::{AgentId, AppKind, CorpId, Home};
use dingtalk_h5::web::SessionKeys;
use dingtalk_simulator::Fault;
use reqwest::Method;
use tokio::task::JoinHandle;

use crate::broken::rogue::{EXCHANGE, Rogue, json, well};
use crate::support::{Answer, Browser, TestApp, USER_BY_CODE, USER_DETAILS, eventually, session_key};

#[tokio::test]
async fn a_session_ends_to_the_millisecond_unused_or_with_its_lifetime() {
    let app = TestApp::start().await;
    app.hands.stop();
    for part_of_a_second in [0, 1, 499, 999, 1] {
        app.hands.advance(Duration::from_millis(part_of_a_second));
        let mut browser = app.browser_of("alice").await;
        let (mut left_alone, mut longer) = (browser.clone(), browser.clone());
        app.hands.advance(Duration::from_millis(1_799_999));
        assert_eq!(browser.me().await.status, 200);
        app.hands.advance(Duration::from_millis(1));
        assert_eq!(left_alone.me().await.problem(), (401, "login_required".into()));
        for _ in 0..16 {
            app.hands.advance(Duration::from_millis(1_687_500 - 1));
            assert_eq!(browser.me().await.status, 200, "it was used since");
            longer = browser.clone();
        }
        let rest = 8 * 3_600_000 - 1_800_000 - 16 * (1_687_500 - 1) - 1;
        app.hands.advance(Duration::from_millis(rest));
        assert_eq!(browser.me().await.status, 200);
        app.hands.advance(Duration::from_millis(1));
        assert_eq!(longer.me().await.status, 401);
    }
}

#[tokio::test]
async fn a_session_in_constant_use_ends_with_its_lifetime() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    for _ in 0..16 {
        app.hands.advance(Duration::from_secs(1700));
        assert_eq!(browser.me().await.status, 200);
    }
    app.hands.advance(Duration::from_secs(8 * 3600 - 16 * 1700 - 5));
    assert_eq!(browser.me().await.status, 200);
    app.hands.advance(Duration::from_secs(5));
    assert_eq!(browser.me().await.status, 401);
}

#[tokio::test]
async fn after_logout_a_copy_of_the_cookie_is_worth_nothing() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let mut copy = browser.clone();
    assert_eq!(copy.me().await.status, 200);
    assert_eq!(browser.log_out().await.status, 204);
    assert_eq!(browser.cookie("session"), None);
    assert_eq!(copy.me().await.problem(), (401, "login_required".into()));
    assert!(copy.go("/").await.body.contains("id=\"entry\""));
}

#[tokio::test]
async fn after_a_pause_a_logout_ends_a_copy_that_was_used_meanwhile_as_well() {
    let app = TestApp::start().await;
    let browser = app.browser_of("alice").await;
    let mut copy = browser.clone();
    let pause = app.settings.web.session_idle / 2 + Duration::from_secs(1);
    app.advance(pause);
    assert_eq!(copy.me().await.status, 200);
    app.advance(pause);
    assert_eq!(browser.clone().me().await.status, 401, "its own cookie is too old");
    assert_eq!(copy.me().await.status, 200);
    assert_eq!(browser.clone().log_out().await.status, 204);
    assert_eq!(copy.me().await.status, 401);
}

#[tokio::test]
async fn logging_out_twice_or_without_a_session_is_fine() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    assert_eq!(browser.log_out().await.status, 204);
    assert_eq!(browser.log_out().await.status, 204);
    assert_eq!(app.browser().log_out().await.status, 204);
}

#[tokio::test]
async fn a_logout_takes_the_cookie_once_whatever_the_browser_brings_and_clears_what_pages_stored() {
    let app = TestApp::start().await;
    let of = async |somebody: &str| app.browser_of(somebody).await.cookie("session").unwrap().to_owned();
    let (alice, bob, dead, planted) = (of("alice").await, of("bob").await, of("alice").await, of("bob").await);
    let from_a_page = ("origin", app.url.as_str());
    let logs_out =
        async |cookies: &str| app.browser().send(Method::POST, "/api/logout", &[from_a_page, ("cookie", cookies)], None).await;
    logs_out(&format!("session={dead}")).await;
    for (cookies, removals) in [
        (format!("session={alice}"), 1),
        (format!("session={dead}"), 1),
        ("session=; theme=dark".to_owned(), 1),
        ("session=junk".to_owned(), 1),
        (format!("session={bob}; session={alice}"), 1),
        (format!("%73ession={planted}; session={bob}"), 1),
        (format!("%73ession={planted}"), 0),
        ("theme=dark; sessions=1".to_owned(), 0),
    ] {
        let answer = logs_out(&cookies).await;
        let set: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
        assert_eq!((answer.status, set.len()), (204, removals), "{cookies}: {set:?}");
        assert!(set.iter().all(|cookie| cookie.starts_with("session=; ") && cookie.contains("; Max-Age=0")), "{set:?}");
        assert_eq!(answer.header("clear-site-data"), "\"storage\"");
    }
}

#[tokio::test]
async fn whoever_logs_in_next_in_a_browser_ends_the_session_before() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let mut of_alice = browser.clone();
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("bob")).await.status, 200);
    assert_eq!(browser.me().await.json()["userId"], "bob");
    assert_eq!(of_alice.me().await.status, 401);
}

#[tokio::test]
async fn a_failed_login_leaves_the_session_as_it_was() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Busy);
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("bob")).await.status, 503);
    assert_eq!(browser.me().await.json()["userId"], "alice");
    assert_eq!(app.dingtalk.calls(USER_BY_CODE), 2);
}

#[tokio::test]
async fn cookies_that_are_not_ours_are_nobodys_and_are_taken_from_the_browser() {
    let app = TestApp::start().await;
    let genuine = app.browser_of("alice").await.cookie("session").unwrap().to_owned();
    let mut flipped = genuine.clone().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    let other_key = TestApp::start().await.browser_of("alice").await.cookie("session").unwrap().to_owned();
    let planted = [
        String::new(),
        "alice".into(),
        genuine[..genuine.len() / 2].to_owned(),
        String::from_utf8(flipped).unwrap(),
        other_key,
        "%00".into(),
        "x".repeat(8000),
        format!("{genuine}{genuine}"),
    ];
    for value in planted {
        let mut browser = app.browser();
        for path in ["/", "/api/me"] {
            browser.cookies = vec![("session".into(), value.clone())];
            let answer = browser.go(path).await;
            assert_eq!(browser.cookie("session"), None, "{path}, {value}");
            if path == "/" {
                assert!(answer.body.contains("id=\"entry\""));
            } else {
                assert_eq!(answer.problem(), (401, "login_required".into()), "{value}");
            }
        }
    }
}

#[tokio::test]
async fn of_two_session_cookies_neither_counts_whatever_else_the_browser_sends() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.browser_of("alice").await, app.browser_of("bob").await);
    let (alice, bob) = (alice.cookie("session").unwrap(), bob.cookie("session").unwrap());
    for header in [
        format!("session={alice}; session={bob}"),
        format!("session={alice};session={alice}"),
        format!("theme=dark; session={alice}; lang=zh; session="),
    ] {
        let answer = app.browser().send(Method::GET, "/api/me", &[("cookie", &header)], None).await;
        assert_eq!(answer.problem(), (401, "login_required".into()), "{header}");
        assert!(answer.headers.get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("session=; ")));
    }
    let header = format!("theme=dark; xsession=1; session={alice}; sessions=2");
    let answer = app.browser().send(Method::GET, "/api/me", &[("cookie", &header)], None).await;
    assert_eq!(answer.json()["userId"], "alice");
}

#[tokio::test]
async fn a_cookie_that_only_becomes_ours_when_its_name_is_decoded_is_nobodys_and_hides_nobody() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.browser_of("alice").await, app.browser_of("bob").await);
    let (alice, bob) = (alice.cookie("session").unwrap(), bob.cookie("session").unwrap());
    for planted in ["%73ession", "sess%69on", "session "] {
        let header = format!("{planted}={bob}");
        let answer = app.browser().send(Method::GET, "/api/me", &[("cookie", &header)], None).await;
        assert_eq!(answer.problem(), (401, "login_required".into()), "{header}");
        let header = format!("{planted}={bob}; session={alice}");
        let answer = app.browser().send(Method::GET, "/api/me", &[("cookie", &header)], None).await;
        assert_eq!(answer.json()["userId"], "alice", "{header}");
    }
}

#[tokio::test]
async fn a_cookie_that_cannot_be_read_is_taken_away_and_one_that_was_a_session_is_left_to_the_next_login() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let answer = browser.open("/").await;
    assert!(answer.body.contains("id=\"entry\""), "from outside");
    assert!(browser.cookie("session").is_some(), "nobody has ended it");
    let mut copy = browser.clone();
    app.advance(Duration::from_secs(20 * 60));
    assert_eq!(copy.me().await.status, 200);
    app.advance(Duration::from_secs(11 * 60));
    let expired = browser.cookie("session").unwrap().to_owned();
    assert_eq!(browser.me().await.status, 401);
    assert_eq!(browser.cookie("session"), Some(&*expired), "this answer might come later than the next session");
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
    assert_eq!(copy.me().await.status, 401, "the login has ended it for good");

    browser.cookies.retain(|(name, _)| name != "session");
    browser.cookies.push(("session".into(), "no-session-of-ours".into()));
    assert_eq!(browser.me().await.status, 401);
    assert_eq!(browser.cookie("session"), None);
}

#[tokio::test]
async fn a_cookie_planted_before_login_is_not_the_session_after_it() {
    let app = TestApp::start().await;
    let attackers = app.browser_of("bob").await;
    let mut victim = app.browser();
    victim.cookies = attackers.cookies.clone();
    assert_eq!(victim.enter_and_log_in(&app.dingtalk.issue_code("alice")).await.status, 200);
    assert_ne!(victim.cookie("session"), attackers.cookie("session"));
    assert_eq!(attackers.clone().me().await.status, 401);
}

#[tokio::test]
async fn cookies_are_out_of_reach_of_scripts_and_other_sites() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let entry = browser.open("/").await;
    let login = browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
    let cookies: Vec<_> = [entry, login].iter().flat_map(|answer| answer.headers.get_all("set-cookie")).cloned().collect();
    assert!(cookies.len() >= 3);
    for cookie in cookies {
        let cookie = cookie.to_str().unwrap();
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Secure"), "plain http on loopback: {cookie}");
        assert!(cookie.len() <= 4096);
    }
}

#[tokio::test]
async fn over_https_cookies_are_host_bound_and_framed_ones_partitioned() {
    for embedded in [false, true] {
        let app = TestApp::start_with(|settings| {
            settings.web.public_url = dingtalk_h5::dingtalk::Origin::parse("https://app.example.com").unwrap();
            settings.web.embedded = embedded;
        })
        .await;
        let mut browser = app.browser();
        browser.origin = "https://app.example.com".into();
        let entry = browser.open("/").await;
        let login = browser.enter_and_log_in(&app.dingtalk.issue_code("alice")).await;
        assert_eq!(login.status, 200);
        for cookie in [&entry, &login].iter().flat_map(|answer| answer.headers.get_all("set-cookie")) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; Path=/"), "{cookie}");
            assert_eq!(cookie.contains("; SameSite=None") && cookie.ends_with("; Partitioned"), embedded, "{cookie}");
        }
        assert_eq!(entry.header("strict-transport-security"), "max-age=31536000");
        assert_eq!(entry.header("content-security-policy").contains("https://*.dingtalk.com"), embedded);
    }
}

#[tokio::test]
async fn after_a_key_rotation_old_sessions_live_and_are_sealed_anew() {
    let (old, new) = (session_key(), session_key());
    let keys = |text: &str| SessionKeys::parse(&text.to_owned().into()).unwrap();
    let before = TestApp::start_with(|settings| settings.web.session_keys = keys(&old)).await;
    let of_alice = before.browser_of("alice").await;

    let rotated = TestApp::start_with(|settings| settings.web.session_keys = keys(&format!("{new},{old}"))).await;
    let mut browser = rotated.browser();
    browser.cookies = of_alice.cookies.clone();
    // Cookies of other programs on the same host, as browsers send them.
    browser.cookies.insert(0, ("name".into(), "张三".into()));
    browser.cookies.push(("odd".into(), "a=b%zz\"".into()));
    rotated.hands.advance(Duration::from_secs(2));
    assert_eq!(browser.me().await.json()["userId"], "alice");
    assert_ne!(browser.cookie("session"), of_alice.cookie("session"), "sealed anew");

    let after = TestApp::start_with(|settings| settings.web.session_keys = keys(&new)).await;
    let mut resealed = after.browser();
    resealed.cookies = vec![("session".into(), browser.cookie("session").unwrap().to_owned())];
    assert_eq!(resealed.me().await.status, 200);
    let mut stale = after.browser();
    stale.cookies = of_alice.cookies.clone();
    assert_eq!(stale.me().await.status, 401);
}

#[tokio::test]
async fn the_cookie_of_the_longest_identity_is_one_that_browsers_keep() {
    for character in ["\"", "\\", "𠮷", "<", "%"] {
        let userid = character.repeat(256 / character.len());
        let person = serde_json::json!({"userid": userid, "name": character.repeat(10_240)});
        let answer = serde_json::json!({"errcode": 0, "result": person}).to_string();
        let rogue = Rogue::start(move |call| if call.path == EXCHANGE { vec![json(&answer)] } else { well(call) }).await;
        let app = TestApp::start_with(|settings| {
            settings.dingtalk.api_url = rogue.url.parse().unwrap();
            settings.dingtalk.oapi_url = rogue.url.parse().unwrap();
            let agent_id = AgentId::parse("1").unwrap();
            settings.dingtalk.kind = AppKind::Internal(Home { corp_id: CorpId::parse("\"".repeat(128)).unwrap(), agent_id });
        })
        .await;
        let mut browser = app.browser();
        assert_eq!(browser.enter_and_log_in("code").await.status, 200);
        let cookie = browser.cookie("session").unwrap();
        // RFC 6265, section 6.1: name, value and attributes together.
        assert!("__Host-session=".len() + cookie.len() + 100 <= 4096, "{} bytes", cookie.len());
        assert_eq!(browser.me().await.json()["userId"], userid);
    }
}

/// Requests a page that has to wait for DingTalk. Resolves to the answer, and to the browser with the cookies that the answer left it.
async fn slow_page(app: &TestApp, browser: &Browser) -> JoinHandle<(Answer, Browser)> {
    app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Delay { milliseconds: 1000 });
    app.advance(Duration::from_secs(5));
    let mut slow = browser.clone();
    let page = tokio::spawn(async move { (slow.go("/profile").await, slow) });
    eventually("the page waits for DingTalk", || app.dingtalk.calls(USER_DETAILS) == 1).await;
    page
}

#[tokio::test]
async fn a_request_that_was_slow_to_end_does_not_bring_back_a_session_that_was_logged_out_meanwhile() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let page = slow_page(&app, &browser).await;
    assert_eq!(browser.log_out().await.status, 204);
    let (page, mut slow) = page.await.unwrap();
    assert_eq!(page.status, 200);
    assert!(!page.headers.contains_key("set-cookie"), "the browser has no session any more");
    assert_eq!(slow.me().await.problem(), (401, "login_required".into()));
}

#[tokio::test]
async fn a_late_answer_of_the_session_before_does_not_take_the_new_one_away() {
    let app = TestApp::start().await;
    let mut browser = app.browser_of("alice").await;
    let late = slow_page(&app, &browser).await;
    assert_eq!(browser.enter_and_log_in(&app.dingtalk.issue_code("bob")).await.status, 200);
    let (late, _) = late.await.unwrap();
    assert!(!late.headers.contains_key("set-cookie"), "{:?}", late.headers);
    assert_eq!(browser.me().await.json()["userId"], "bob");
}

#[tokio::test]
async fn a_session_from_the_future_is_nobodys() {
    let key = session_key();
    let ahead = with_key(&key).await;
    ahead.hands.advance(Duration::from_secs(3600));
    let cookie = ahead.browser_of("alice").await.cookie("session").unwrap().to_owned();
    let behind = with_key(&key).await;
    let mut browser = behind.browser();
    browser.cookies.push(("session".into(), cookie));
    assert_eq!(browser.me().await.problem(), (401, "login_required".into()));
}

async fn with_key(key: &str) -> TestApp {
    let keys = SessionKeys::parse(&key.to_owned().into()).unwrap();
    TestApp::start_with(|settings| settings.web.session_keys = keys).await
}

#[tokio::test]
async fn nobody_is_kept_from_logging_in_by_a_planted_presession() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let state = browser.enter().await;
    browser.cookies.insert(0, ("presessio%6e".into(), "0".repeat(32)));
    assert_eq!(browser.log_in(&app.dingtalk.issue_code("alice"), &state).await.status, 200);
}
