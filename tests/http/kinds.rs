//! Internal, custom and third-party apps: where their tokens come from, and what happens when one does not come.

use std::time::Duration;

use dingtalk_h5::dingtalk::events::Happening;
use dingtalk_h5::dingtalk::{AgentId, Authorisation, CorpId, UserId};
use dingtalk_h5::environment::Environment;
use dingtalk_h5::settings::Settings;
use dingtalk_simulator::{Decision, Fault, Shape};

use crate::own_settings::OWN_SETTINGS;
use crate::support::{ACCESS_TOKEN, Browser, CORP_ACCESS_TOKEN, TestApp, USER_BY_CODE, client_accepts, eventually, state_of};

const AUTH_INFO: &str = "POST /service/get_auth_info";

impl TestApp {
    /// Opens the app from the workbench of an organisation. Returns the browser, its login state, and an authCode.
    async fn enters(&self, corp_id: &str, user_id: &str) -> (Browser, String, String) {
        let mut browser = self.browser();
        let page = browser.open(&format!("/?corpid={corp_id}")).await;
        (browser, state_of(&page.body), self.dingtalk.issue_code_at(corp_id, user_id))
    }

    async fn logs_in(&self, corp_id: &str, user_id: &str) -> (Browser, crate::support::Answer) {
        let (mut browser, state, code) = self.enters(corp_id, user_id).await;
        let answer = browser.log_in(&code, &state).await;
        (browser, answer)
    }

    fn hear(&self, corp_id: &str, authorisation: Authorisation) {
        self.authorisations.hear(CorpId::parse(corp_id).unwrap(), authorisation);
    }

    /// Two hundred people log in at once, and all of them succeed.
    async fn two_hundred_get_in(&self, corp_id: &str) {
        let mut ready = Vec::new();
        for _ in 0..200 {
            ready.push(self.enters(corp_id, "zhangsan").await);
        }
        let posts = ready
            .into_iter()
            .map(|(mut browser, state, code)| tokio::spawn(async move { browser.log_in(&code, &state).await.status }));
        for post in posts.collect::<Vec<_>>() {
            assert_eq!(post.await.unwrap(), 200);
        }
    }
}

async fn signed_page_is_accepted(app: &TestApp, browser: &mut Browser, corp_id: &str) {
    let url = format!("{}/jsapi?corpid={corp_id}", app.url);
    let config = browser.jsapi_config(&url).await.json();
    assert_eq!(config["corpId"], corp_id);
    assert_eq!(config["agentId"], app.dingtalk.agent_id(corp_id).unwrap().as_str());
    let verdict = client_accepts(&app.dingtalk, &config, &url).await;
    assert_eq!(verdict["errcode"], 0, "{verdict}");
}

#[tokio::test]
async fn a_custom_app_logs_people_in_and_signs_pages_with_a_token_of_its_own_kind() {
    let app = TestApp::custom().await;
    let mut browser = app.browser_of("zhangsan").await;
    signed_page_is_accepted(&app, &mut browser, app.dingtalk.custom_app().corp_id).await;
    app.browser_of("alice").await;
    assert_eq!((app.dingtalk.calls(CORP_ACCESS_TOKEN), app.dingtalk.calls(ACCESS_TOKEN)), (1, 0));
}

#[tokio::test]
async fn an_organisation_that_nobody_has_heard_of_is_found_by_asking_once() {
    let (app, both) = TestApp::of_both_organisations().await;
    for corp_id in both {
        for user_id in ["zhangsan", "alice"] {
            let (mut browser, answer) = app.logs_in(corp_id, user_id).await;
            assert_eq!(answer.json()["corpId"], corp_id, "{}", answer.body);
            signed_page_is_accepted(&app, &mut browser, corp_id).await;
        }
    }
    assert_eq!((app.dingtalk.calls(CORP_ACCESS_TOKEN), app.dingtalk.calls(AUTH_INFO)), (2, 2));
}

#[tokio::test]
async fn what_dingtalk_judges_by_its_clock_goes_by_this_machine_s_and_not_by_that_of_redis() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let redis_is_off_by = |minutes: i64| {
        let theirs = app.clock.machine_millis().saturating_add_signed(minutes * 60_000);
        assert_ne!(app.clock.go_by(theirs), 0);
    };
    redis_is_off_by(-10);
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    signed_page_is_accepted(&app, &mut browser, corp_id).await;
    assert_eq!(app.dingtalk.calls(AUTH_INFO), 1);
    app.dingtalk.push_events_to(format!("{}/dingtalk/events", app.url), Shape::Sync);
    for minutes in [-10, 10] {
        redis_is_off_by(minutes);
        app.dingtalk.check_url();
        eventually("a call is taken for one of now", || app.dingtalk.pushes_waiting() == 0).await;
    }
}

#[tokio::test]
async fn an_agent_that_came_with_the_authorisation_is_not_asked_for() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let agent_id = AgentId::parse(app.dingtalk.agent_id(corp_id).unwrap()).unwrap();
    app.hear(corp_id, Authorisation::Granted { agent_id: Some(agent_id), since: 1 });
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    signed_page_is_accepted(&app, &mut browser, corp_id).await;
    assert_eq!(app.dingtalk.calls(AUTH_INFO), 0);
}

#[tokio::test]
async fn an_agent_that_an_organisation_renames_is_signed_for_at_once() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    app.hear(corp_id, Authorisation::Granted { agent_id: Some(AgentId::parse("999").unwrap()), since: 1 });
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    let agent_id = AgentId::parse(app.dingtalk.agent_id(corp_id).unwrap()).unwrap();
    app.authorisations.tell(Happening::AuthorisationChanged(CorpId::parse(corp_id).unwrap(), Some(agent_id)));
    signed_page_is_accepted(&app, &mut browser, corp_id).await;
}

#[tokio::test]
async fn an_organisation_that_was_asked_about_too_early_gets_in_as_soon_as_it_has_authorised_the_app() {
    let app = TestApp::third_party().await;
    let [corp_id, _] = app.dingtalk.organisations();
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.problem(), (403, "not_authorised".into()));
    app.dingtalk.decide(corp_id, Decision::Authorise);
    app.hear(corp_id, Authorisation::Granted { agent_id: None, since: 1 });
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.status, 200);
}

#[tokio::test]
async fn a_token_that_the_next_one_may_kill_is_used_to_its_end_and_not_renewed_before() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    app.dingtalk.newer_tokens_kill_older(true);
    app.logs_in(corp_id, "zhangsan").await;
    app.advance(Duration::from_secs(7100));
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.status, 200);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 1);
    app.advance(Duration::from_secs(101));
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.status, 200);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn a_token_that_is_rejected_for_two_hundred_at_once_is_replaced_once() {
    let (app, [corp_id, other]) = TestApp::of_both_organisations().await;
    app.dingtalk.newer_tokens_kill_older(true);
    app.logs_in(corp_id, "zhangsan").await;
    app.logs_in(other, "zhangsan").await;
    app.dingtalk.revoke_tokens(corp_id);
    app.two_hundred_get_in(corp_id).await;
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 3);
    assert_eq!(app.logs_in(other, "alice").await.1.status, 200);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 3, "the other organisation's is left alone");
}

#[tokio::test]
async fn tokens_that_die_again_and_again_are_replaced_ever_more_seldom() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    for _ in 0..20 {
        app.logs_in(corp_id, "zhangsan").await;
        app.dingtalk.revoke_tokens(corp_id);
    }
    let calls = app.dingtalk.calls(CORP_ACCESS_TOKEN);
    assert!(calls <= 4, "{calls}: the first, the next, and after that one a second at most");
    app.advance(Duration::from_secs(31));
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.status, 200);
}

#[tokio::test]
async fn without_a_suite_ticket_a_login_says_so_to_the_administrator_and_works_when_one_has_come() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    app.dingtalk.rotate_suite_ticket();
    let (mut browser, answer) = app.logs_in(corp_id, "zhangsan").await;
    assert_eq!(answer.problem(), (503, "misconfigured".into()), "the one it has is old");
    app.hear_suite_ticket();
    app.advance(Duration::from_secs(1));
    let answer = browser.enter_and_log_in_at(corp_id, &app.dingtalk.issue_code_at(corp_id, "zhangsan")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn a_signed_call_that_is_refused_for_the_clock_is_for_the_administrator() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    app.hands.set_time_of_day(-600);
    let config = browser.jsapi_config(&format!("{}/jsapi?corpid={corp_id}", app.url)).await;
    assert_eq!(config.problem(), (503, "misconfigured".into()), "{}", config.body);
}

#[tokio::test]
async fn a_ticket_that_is_replaced_while_two_hundred_come_costs_nobody_their_login() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    app.dingtalk.fault("/v1.0/oauth2/corpAccessToken", 1, Fault::Delay { milliseconds: 1500 });
    app.dingtalk.rotate_suite_ticket();
    let replaced = async {
        eventually("the old ticket is under way", || app.dingtalk.calls(CORP_ACCESS_TOKEN) == 1).await;
        app.hear_suite_ticket();
    };
    tokio::join!(app.two_hundred_get_in(corp_id), replaced);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn a_ticket_that_is_replaced_while_the_agent_is_asked_for_costs_nobody_their_page() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    app.dingtalk.fault("/service/get_auth_info", 1, Fault::Delay { milliseconds: 1000 });
    app.dingtalk.rotate_suite_ticket();
    let replaced = async {
        eventually("the old ticket is under way", || app.dingtalk.calls(AUTH_INFO) == 1).await;
        app.hear_suite_ticket();
    };
    tokio::join!(signed_page_is_accepted(&app, &mut browser, corp_id), replaced);
    assert_eq!(app.dingtalk.calls(AUTH_INFO), 2);
}

#[tokio::test]
async fn an_organisation_that_takes_the_app_back_during_a_login_gets_no_session() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    let (mut browser, state, code) = app.enters(corp_id, "zhangsan").await;
    app.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 1000 });
    let relieved = async {
        eventually("the code is under way", || app.dingtalk.calls(USER_BY_CODE) == 1).await;
        app.hear(corp_id, Authorisation::Relieved);
    };
    let (answer, ()) = tokio::join!(browser.log_in(&code, &state), relieved);
    assert_eq!(answer.problem(), (403, "not_authorised".into()));
    assert_eq!(browser.cookie("session"), None);
}

#[tokio::test]
async fn an_app_knows_all_organisations_that_have_it_and_errors_name_theirs() {
    let (app, [corp_id, other]) = TestApp::of_both_organisations().await;
    let known = async || {
        let mut known: Vec<_> = app.client.corp_ids().await.iter().map(ToString::to_string).collect();
        known.sort();
        known
    };
    assert_eq!(known().await, Vec::<String>::new(), "no event has come");
    for corp_id in [corp_id, other] {
        app.hear(corp_id, Authorisation::Granted { agent_id: None, since: 1 });
    }
    assert_eq!(known().await, [corp_id, other]);
    app.hear(corp_id, Authorisation::Stopped);
    assert_eq!(known().await, [other]);
    app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Permission);
    let theirs = app.client.organisation(&CorpId::parse(other).unwrap()).unwrap();
    let error = theirs.user_details(&UserId::parse("zhangsan").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains(other) && error.code() == Some("60011"), "{error}");
    let error = app.client.admits(&CorpId::parse(corp_id).unwrap()).unwrap_err();
    assert!(error.to_string().contains(corp_id), "{error}");

    let stranger = app.client.organisation(&CorpId::parse("ding-made-up").unwrap()).unwrap();
    let error = stranger.access_token().await.unwrap_err();
    assert!(!error.to_string().contains("made-up"), "a stranger's words in the log: {error}");

    let internal = TestApp::start().await;
    assert_eq!(internal.client.corp_ids().await, [CorpId::parse(internal.dingtalk.app().corp_id).unwrap()]);
    internal.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Permission);
    let ours = internal.client.home().unwrap();
    let error = ours.user_details(&UserId::parse("zhangsan").unwrap()).await.unwrap_err();
    assert!(!error.to_string().contains("organisation"), "{error}");
}

#[tokio::test]
async fn an_organisation_that_took_the_app_back_is_told_so_and_is_served_again_when_it_authorises_anew() {
    let (app, [corp_id, other]) = TestApp::of_both_organisations().await;
    let (mut browser, _) = app.logs_in(corp_id, "zhangsan").await;
    browser.go("/").await;
    let (mut elsewhere, _) = app.logs_in(other, "zhangsan").await;
    for authorisation in [Authorisation::Stopped, Authorisation::Relieved] {
        app.hear(corp_id, authorisation);
        let page = browser.go("/").await;
        assert!(page.status == 403 && page.body.contains("does not use this app at present"), "{}", page.body);
        assert_eq!(browser.me().await.problem(), (403, "not_authorised".into()));
        assert_eq!(elsewhere.me().await.status, 200, "the other organisation");
    }
    app.dingtalk.decide(corp_id, Decision::Relieve);
    app.dingtalk.decide(corp_id, Decision::Authorise);
    app.hear(corp_id, Authorisation::Granted { agent_id: None, since: 2 });
    assert_eq!(app.logs_in(corp_id, "zhangsan").await.1.status, 200);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 3, "what was held before is worth nothing");
}

#[tokio::test]
async fn corp_ids_that_somebody_makes_up_cost_few_calls_and_push_no_organisation_out() {
    let (app, [corp_id, _]) = TestApp::of_both_organisations().await;
    app.logs_in(corp_id, "zhangsan").await;
    let stranger = async |number: usize| {
        let mut browser = app.browser();
        let page = browser.open(&format!("/?corpid=dingmadeup{number}")).await;
        browser.log_in(&format!("code{number}"), &state_of(&page.body)).await.problem().1
    };
    assert_eq!(stranger(0).await, "not_authorised");
    app.advance(Duration::from_secs(30));
    let mut browser = app.browser();
    let page = browser.open("/?corpid=dingmadeup0").await;
    browser.log_in("again", &state_of(&page.body)).await;
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), 2, "that it has not authorised the app is remembered");
    let mut crowded = 0;
    for number in 1..1000 {
        crowded += usize::from(stranger(number).await == "crowded");
    }
    assert!(crowded > 500, "{crowded}");
    let before = app.dingtalk.calls(CORP_ACCESS_TOKEN);
    assert_eq!(app.logs_in(corp_id, "alice").await.1.status, 200);
    assert_eq!(app.dingtalk.calls(CORP_ACCESS_TOKEN), before, "its token is still there");
}

#[tokio::test]
async fn readiness_shows_the_credentials_of_a_few_organisations_and_names_none() {
    let (app, both) = TestApp::of_both_organisations().await;
    for corp_id in both {
        app.logs_in(corp_id, "zhangsan").await;
    }
    let ready = app.browser().read("/readyz").await;
    let told = ready.json();
    assert_eq!(
        (ready.status, &told["count"], &told["organisations"][1]["accessToken"]),
        (200, &2.into(), &"fresh".into()),
        "{told}"
    );
    assert!(told["organisations"][0]["accessTokenAgeSeconds"].is_u64());
    assert!(both.iter().all(|corp_id| !ready.body.contains(corp_id)));
}

fn faults(variables: &[(&str, &str)]) -> String {
    let key = crate::support::session_key();
    let always = [
        ("DINGTALK_CLIENT_ID", "suite1"),
        ("DINGTALK_CLIENT_SECRET", "a-secret"),
        ("PUBLIC_URL", "https://app.example.com"),
        ("SESSION_KEY", &key),
    ];
    let variables = always.iter().chain(variables).chain(OWN_SETTINGS);
    let environment: Environment = variables.map(|(name, value)| (*name, *value)).collect();
    Settings::read(environment).err().map(|faults| faults.to_string()).unwrap_or_default()
}

#[test]
fn a_third_party_app_needs_events_and_has_neither_corp_id_nor_agent_id() {
    let third_party = ("DINGTALK_APP_KIND", "third-party");
    assert!(faults(&[third_party]).contains("DINGTALK_EVENTS: it is off"));
    assert_eq!(faults(&[third_party, ("DINGTALK_EVENTS", "stream")]), "");
    let set = [("DINGTALK_CORP_ID", "ding1"), ("DINGTALK_AGENT_ID", "1")];
    let told = faults(&[third_party, ("DINGTALK_EVENTS", "http"), set[0], set[1]]);
    assert!(set.iter().all(|(name, _)| told.contains(&format!("{name}: it is set"))), "{told}");
    for kind in ["internal", "custom"] {
        let told = faults(&[("DINGTALK_APP_KIND", kind)]);
        assert!(set.iter().all(|(name, _)| told.contains(&format!("{name}: it is not set"))), "{told}");
        assert_eq!(faults(&[("DINGTALK_APP_KIND", kind), set[0], set[1]]), "");
    }
    assert!(faults(&[("DINGTALK_APP_KIND", "isv")]).contains("it is none of internal, custom, third-party"));
}
