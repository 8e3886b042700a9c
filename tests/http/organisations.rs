//! One app for several organisations: each request is in one of them, and nobody sees another's.

use std::time::Duration;

use dingtalk_simulator::Decision;
use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, Browser, TestApp, between, state_of};

impl Browser {
    /// Opens the app from the workbench of an organisation and logs in.
    pub async fn enter_and_log_in_at(&mut self, corp_id: &str, code: &str) -> Answer {
        let page = self.open(&format!("/?corpid={corp_id}")).await;
        self.log_in(code, &state_of(&page.body)).await
    }

    /// Calls an API as a page does that shows this person.
    pub async fn read_as(&mut self, path: &str, corp_id: &str, user_id: &str) -> Answer {
        let shown = format!("{corp_id} {user_id}");
        self.send(Method::GET, path, &[("sec-fetch-site", "same-origin"), ("x-page-user", &shown)], None).await
    }
}

/// The organisation that a page is about.
pub fn corp_id_of(page: &Answer) -> &str {
    between(&page.body, "data-corp-id=\"", "\"").unwrap()
}

pub fn is_entry_page(page: &Answer) -> bool {
    page.body.contains("id=\"entry\"")
}

#[tokio::test]
async fn the_address_says_which_organisation_is_entered_whatever_is_glued_to_it() {
    let (app, both) = TestApp::of_both_organisations().await;
    for corp_id in both {
        for query in ["corpid=$", "corpId=$?ddtab=true", "x=y&CORPID=$%3Fddtab%3Dtrue", "corpid=$?corpid=other"] {
            let page = app.browser().open(&format!("/profile?{}", query.replacen('$', corp_id, 1))).await;
            assert!(is_entry_page(&page) && corp_id_of(&page) == corp_id, "{query}");
        }
    }
}

#[tokio::test]
async fn an_address_that_names_no_organisation_is_entered_by_who_was_here_before_and_explained_to_others() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    for query in ["", "?corpid=$CORPID$", "?corpId=%2524corpid%2524", "?corpid=undefined", "?corpid=null", "?corpid="] {
        let page = app.browser().open(&format!("/profile{query}")).await;
        assert!(page.status == 400 && page.body.contains("from the workbench"), "{query}: {}", page.body);
        assert!(!page.body.contains("href=\"/\""), "without an organisation there is no home page: {}", page.body);
    }
    let mut browser = app.browser();
    browser.enter_and_log_in_at(corp_id, &app.dingtalk.issue_code_at(corp_id, "zhangsan")).await;
    assert!(browser.go("/profile").await.body.contains("张三"));
    let lost = browser.go("/profile?corpid=null").await;
    assert!(lost.status == 400 && lost.body.contains("Go to the home page"), "the session knows one: {}", lost.body);
    let from_outside = browser.open("/profile").await;
    assert!(is_entry_page(&from_outside) && corp_id_of(&from_outside) == corp_id);

    app.advance(Duration::from_secs(9 * 60 * 60));
    app.hear_suite_ticket();
    for _ in 0..2 {
        assert_eq!(browser.me().await.status, 401);
        let reloaded = browser.go("/profile").await;
        assert!(is_entry_page(&reloaded) && corp_id_of(&reloaded) == corp_id, "an expired session still says where");
    }
    let refused = browser.me().await;
    let state = between(refused.header("www-authenticate"), "state=\"", "\"").unwrap();
    let answer = browser.log_in(&app.dingtalk.issue_code_at(corp_id, "zhangsan"), state).await;
    assert_eq!(answer.json()["corpId"], corp_id, "{}", answer.body);
}

#[tokio::test]
async fn a_script_without_any_session_logs_in_where_its_page_says() {
    let (app, both) = TestApp::of_both_organisations().await;
    for corp_id in both {
        let mut browser = app.browser();
        let refused = browser.read_as("/api/me", corp_id, "zhangsan").await;
        let state = between(refused.header("www-authenticate"), "state=\"", "\"").unwrap().to_owned();
        let answer = browser.log_in(&app.dingtalk.issue_code_at(corp_id, "zhangsan"), &state).await;
        assert_eq!(answer.json()["corpId"], corp_id, "{}", answer.body);
    }
    assert_eq!(app.browser().me().await.problem(), (401, "login_required".into()), "nothing says where");
}

#[tokio::test]
async fn a_code_of_one_organisation_is_none_for_a_login_to_the_other() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    for (entered, of_code) in [(one, other), (other, one)] {
        let mut browser = app.browser();
        let answer = browser.enter_and_log_in_at(entered, &app.dingtalk.issue_code_at(of_code, "zhangsan")).await;
        assert_eq!(answer.problem(), (401, "code_rejected".into()));
        assert_eq!(browser.cookie("session"), None);
    }
}

#[tokio::test]
async fn a_state_is_for_the_organisation_of_its_page_and_cannot_be_rewritten() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    let mut browser = app.browser();
    let state = state_of(&browser.open(&format!("/?corpid={one}")).await.body);
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert!(state.contains(&hex(one)));
    for forged in [state.replace(&hex(one), &hex(other)), state.replace(&hex(one), ""), format!("{state}{}", hex(other))] {
        let answer = browser.log_in(&app.dingtalk.issue_code_at(other, "zhangsan"), &forged).await;
        assert_eq!(answer.problem(), (403, "state_rejected".into()));
    }
    assert_eq!(browser.log_in(&app.dingtalk.issue_code_at(one, "zhangsan"), &state).await.status, 200);
}

#[tokio::test]
async fn a_page_of_another_organisation_than_the_sessions_is_entered_anew() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    let mut browser = app.browser();
    browser.enter_and_log_in_at(one, &app.dingtalk.issue_code_at(one, "zhangsan")).await;
    browser.go("/").await;
    for path in ["/", "/profile", "/jsapi"] {
        let page = browser.go(&format!("{path}?corpid={other}")).await;
        assert!(is_entry_page(&page) && corp_id_of(&page) == other && !page.body.contains("张三"), "{path}");
        let page = browser.go(&format!("{path}?corpid={one}")).await;
        assert!(!is_entry_page(&page) && corp_id_of(&page) == one, "{path}");
    }
}

#[tokio::test]
async fn a_request_from_a_page_that_shows_somebody_else_is_told_that_the_user_changed_and_is_no_use_of_the_session() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    let mut browser = app.browser();
    browser.enter_and_log_in_at(one, &app.dingtalk.issue_code_at(one, "zhangsan")).await;
    assert_eq!(browser.read_as("/api/me", one, "zhangsan").await.status, 200);
    assert_eq!(browser.read_as("/api/me", one, "%7Ahangsan").await.status, 200, "percent-encoded");
    let before = browser.cookie("session").map(str::to_owned);
    for (corp_id, user_id) in [(other, "zhangsan"), (one, "alice"), (one, ""), ("", "zhangsan"), (one, "zhangsan zhangsan")] {
        for path in ["/api/me", "/api/jsapi/config?url=x"] {
            let answer = browser.read_as(path, corp_id, user_id).await;
            assert_eq!(answer.problem(), (409, "user_changed".into()), "{corp_id} {user_id}");
        }
    }
    assert_eq!(browser.cookie("session").map(str::to_owned), before);
}

#[tokio::test]
async fn what_was_told_of_somebody_is_not_told_of_their_namesake() {
    let (app, both) = TestApp::of_both_organisations().await;
    let mut told = Vec::new();
    for corp_id in both {
        let mut browser = app.browser();
        browser.enter_and_log_in_at(corp_id, &app.dingtalk.issue_code_at(corp_id, "alice")).await;
        let page = browser.go("/profile").await;
        told.push(between(&page.body, "<p class=\"card\">", "</main>").unwrap().to_owned());
    }
    assert_ne!(told[0], told[1]);
}

#[tokio::test]
async fn after_a_logout_the_way_back_leads_to_the_same_organisation() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let page = app.browser().open(&format!("/signed-out?corpid={corp_id}")).await;
    assert!(page.body.contains(&format!("href=\"/?corpid={corp_id}\"")), "{}", page.body);
}

#[tokio::test]
async fn a_page_that_shows_nobody_leads_home_in_the_organisation_that_its_address_names() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    for corp_id in [one, other] {
        for shown in ["/", "/profile", "/nothing", "/signed-out"] {
            let page = app.browser().open(&format!("{shown}?corpid={corp_id}")).await.body;
            let links: Vec<_> = page.split("<a ").skip(1).filter_map(|link| between(link, "href=\"", "\"")).collect();
            let home: Vec<_> = links.iter().filter(|link| link.starts_with('/')).collect();
            assert!(home.len() >= 2, "{page}");
            for link in home {
                let there = app.browser().go(&link.replace("&#38;", "&")).await;
                assert_eq!(between(&there.body, "data-corp-id=\"", "\""), Some(corp_id), "{shown} leads to {link}");
                assert!(there.body.contains("id=\"entry\""), "{shown} leads to {link}");
            }
        }
    }
}

#[tokio::test]
async fn the_trouble_of_one_organisation_is_not_the_others() {
    let (app, [one, other]) = TestApp::of_both_organisations().await;
    app.dingtalk.decide(one, Decision::Stop);
    let answer = app.browser().enter_and_log_in_at(one, &app.dingtalk.issue_code_at(one, "zhangsan")).await;
    assert_eq!(answer.problem(), (403, "not_authorised".into()));
    let answer = app.browser().enter_and_log_in_at(other, &app.dingtalk.issue_code_at(other, "zhangsan")).await;
    assert_eq!(answer.json()["name"], Value::from("章珊"));
}
