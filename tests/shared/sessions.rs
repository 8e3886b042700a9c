//! What ends in one process has ended in all.

use std::time::{Duration, Instant};

use dingtalk_simulator::Fault;

use super::{Company, standing_at, standing_is};
use crate::process::{program, run, with};
use crate::support::redis::RedisServer;
use crate::support::{Browser, TestApp, USER_DETAILS, eventually};

#[tokio::test]
async fn a_logout_is_known_everywhere_within_a_second() {
    let company = Company::of_three().await;
    let mut took = Vec::new();
    for _ in 0..30 {
        let browser = company.logged_in_at(0, "alice").await;
        assert!(company.holds_at(1, &browser).await && company.holds_at(2, &browser).await);
        assert_eq!(browser.clone().log_out().await.status, 204);
        took.push(company.ends_at(1, &browser).await.max(company.ends_at(2, &browser).await));
    }
    took.sort();
    println!("known elsewhere after {:?} (median), {:?} (worst)", took[15], took[29]);
    assert!(took[29] < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn whoever_logs_in_at_one_process_has_left_the_older_session_at_all() {
    let company = Company::of_three().await;
    let older = company.logged_in_at(0, "alice").await;
    let mut same = company.sent_to(&older, 1);
    same.go("/").await;
    assert_eq!(same.enter_and_log_in(&company.dingtalk.issue_code("bob")).await.status, 200);
    assert!(company.ends_at(0, &older).await < Duration::from_secs(1));
    assert!(company.holds_at(0, &same).await && company.holds_at(2, &same).await);
}

/// Two apps that share a Redis, with pages of the tests' own.
async fn two_apps() -> (RedisServer, TestApp, TestApp) {
    let redis = RedisServer::start().await;
    let url: secrecy::SecretString = redis.url().into();
    let location = dingtalk_h5::state::Location::parse(&url).unwrap();
    let first = TestApp::start_with(|settings| settings.state = location.clone()).await;
    let keys = first.settings.web.session_keys.clone();
    let other = TestApp::start_with(|settings| (settings.state, settings.web.session_keys) = (location, keys)).await;
    for app in [&first, &other] {
        while standing_at(&app.url).await["reachable"] != true {}
    }
    (redis, first, other)
}

/// The same browser, sent to another app.
fn sent_to(app: &TestApp, browser: &Browser) -> Browser {
    let mut sent = browser.clone();
    (sent.url, sent.origin) = (app.url.clone(), app.url.clone());
    sent
}

async fn ends_at(app: &TestApp, browser: &Browser) {
    let (mut browser, began) = (sent_to(app, browser), Instant::now());
    while browser.me().await.status == 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "it does not end");
    }
}

/// Requests a page at `app` and does `meanwhile` before the slow response is ready: the session cookie that the response sets.
async fn late_answer_at(app: &TestApp, browser: &Browser, meanwhile: impl AsyncFnOnce()) -> Option<String> {
    app.dingtalk.fault("/topapi/v2/user/get", 1, Fault::Delay { milliseconds: 1500 });
    let (mut page, before) = (sent_to(app, browser), app.dingtalk.calls(USER_DETAILS));
    let page = tokio::spawn(async move { page.go("/profile").await });
    eventually("it is under way", || app.dingtalk.calls(USER_DETAILS) > before).await;
    meanwhile().await;
    let answer = page.await.unwrap();
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().to_owned())
        .find(|cookie| cookie.starts_with("session="))
}

#[tokio::test]
async fn a_late_answer_of_another_process_never_brings_back_whoever_was_replaced_or_has_left() {
    let (_redis, app, other) = two_apps().await;
    let first = app.browser_of("alice").await;
    let replaced = async || {
        let mut phone = first.clone();
        phone.go("/jsapi").await;
        assert_eq!(phone.enter_and_log_in(&app.dingtalk.issue_code("bob")).await.status, 200);
        ends_at(&other, &first).await;
    };
    assert_eq!(late_answer_at(&other, &first, replaced).await, None);

    let second = app.browser_of("zhangsan").await;
    let left = async || {
        assert_eq!(second.clone().log_out().await.status, 204);
        ends_at(&other, &second).await;
    };
    assert_eq!(late_answer_at(&other, &second, left).await, None);

    let stays = app.browser_of("bob").await;
    assert!(late_answer_at(&other, &stays, async || {}).await.is_some(), "an answer in time keeps the session");
}

#[tokio::test]
async fn what_has_ended_is_known_to_a_process_that_starts_later_before_it_is_ready() {
    let mut company = Company::of_three().await;
    let mut gone = Vec::new();
    for _ in 0..20 {
        let browser = company.logged_in_at(0, "alice").await;
        assert_eq!(browser.clone().log_out().await.status, 204);
        gone.push(browser);
    }
    company.one_more().await;
    standing_is(&company.processes[3], |state| state["reachable"] == true).await;
    for browser in gone {
        assert!(!company.holds_at(3, &browser).await);
    }
}

#[tokio::test]
async fn an_administrator_ends_the_sessions_of_a_person_and_of_everybody() {
    let company = Company::of_three().await;
    let (alice, bob) = (company.logged_in_at(0, "alice").await, company.logged_in_at(1, "bob").await);
    let command = async |arguments: &[&str]| run(company.program().arg("end-sessions").args(arguments)).await;
    assert_eq!(command(&["--user", "alice"]).await.0, Some(0));
    assert!(company.ends_at(2, &alice).await < Duration::from_secs(1));
    assert!(company.holds_at(0, &bob).await && company.holds_at(2, &bob).await);
    assert_eq!(command(&["--all"]).await.0, Some(0));
    assert!(company.ends_at(0, &bob).await < Duration::from_secs(1));
    let mut counts = Vec::new();
    for key in company.redis.keys_of("zset").await {
        let members: Vec<String> = company.redis.ask(&format!("ZRANGE {key} 0 -1")).await.unwrap();
        // The other set has what waits for its turn.
        let are_processes = members.iter().all(|name| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        counts.extend(are_processes.then_some(members.len()));
    }
    assert_eq!(counts, [3], "a command is no process");
    let back = company.logged_in_at(2, "alice").await;
    assert!(company.holds_at(0, &back).await, "whoever comes back is let in");
    let nobody = command(&[]).await;
    assert_eq!(nobody.0, Some(2), "{}", nobody.1);
    let (code, said) = command(&["--corp", "dinganother0001", "--all"]).await;
    assert!(code == Some(1) && said.contains("--corp is not DINGTALK_CORP_ID"), "{said}");
}

#[tokio::test]
async fn an_administrator_whom_nobody_hears_is_told_so() {
    let company = Company::of_three().await;
    let heard = run(company.program().args(["end-sessions", "--user", "alice"])).await.1;
    assert!(heard.contains("\"processes\":3"), "{heard}");
    // As an option of the server's was for another app.
    let elsewhere = ["end-sessions", "--user", "alice", "--dingtalk-client-id", "dinganotherapp1"];
    let (code, said) = run(company.program().args(elsewhere)).await;
    assert!(code == Some(0) && said.contains("no process of this app has heard it"), "{said}");
}

#[tokio::test]
async fn a_command_with_another_key_ends_with_what_is_wrong() {
    let company = Company::of_three().await;
    let variables = with(company.variables.clone(), "SESSION_KEY", &crate::support::session_key());
    let (code, said) = run(program(&variables).args(["end-sessions", "--all"])).await;
    let last = said.trim().lines().last().unwrap();
    assert!(code == Some(1) && last.contains("nothing was changed") && last.contains("another SESSION_KEY"), "{said}");
}

#[tokio::test]
async fn a_server_that_stops_while_redis_hangs_logs_no_panic() {
    let mut company = Company::of_three().await;
    company.redis.signal("-STOP").await;
    company.logged_in_at(0, "alice").await;
    let (code, log) = company.processes.remove(0).stop().await;
    assert!(code == Some(0) && !log.contains("a panic"), "{log}");
}

#[tokio::test]
async fn sessions_that_end_while_nobody_can_be_told_are_not_said_to_have_ended() {
    let mut company = Company::of_three().await;
    company.redis.kill().await;
    let began = Instant::now();
    let (code, said) = run(company.program().args(["end-sessions", "--user", "alice"])).await;
    assert!(code == Some(1) && said.contains("redis"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_new_key_rolls_out_over_three_processes_without_a_lost_session() {
    let mut company = Company::of_three().await;
    let old = company.variables.iter().find(|(name, _)| *name == "SESSION_KEY").unwrap().1.clone();
    let new = crate::support::session_key();
    let mut inside = vec![company.logged_in_at(0, "alice").await];
    for keys in [format!("{old},{new}"), format!("{new},{old}"), new] {
        company.variables = with(company.variables.clone(), "SESSION_KEY", &keys);
        for nth in 0..3 {
            let next = crate::process::Served::start(&company.variables).await;
            let last = std::mem::replace(&mut company.processes[nth], next);
            standing_is(&company.processes[nth], |state| state["reachable"] == true).await;
            assert_eq!(last.stop().await.0, Some(0));
            inside.push(company.logged_in_at(nth, "bob").await);
            for browser in &mut inside {
                for at in 0..3 {
                    let mut here = company.sent_to(browser, at);
                    assert_eq!(here.me().await.status, 200, "{keys:.8} at {at}");
                    *browser = here;
                }
            }
            let leaves = inside.pop().unwrap();
            assert_eq!(leaves.clone().log_out().await.status, 204);
            for at in 0..3 {
                company.ends_at(at, &leaves).await;
            }
        }
    }
}

#[tokio::test]
async fn clocks_that_differ_by_five_minutes_cost_nobody_a_session_and_bring_none_back() {
    let (_redis, first, other) = two_apps().await;
    for (by, back) in [(300, -300), (-300, 300)] {
        other.hands.set_time_of_day(by);
        // Each app asks Redis for the time every second.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        for (made, shown) in [(&first, &other), (&other, &first)] {
            let mut browser = made.browser();
            let state = browser.enter().await;
            let code = shown.dingtalk.issue_code("alice");
            let mut browser = sent_to(shown, &browser);
            assert_eq!(browser.log_in(&code, &state).await.status, 200, "a state of the other's");
            assert_eq!(sent_to(made, &browser).me().await.status, 200, "a session of the other's");
            let copy = browser.clone();
            assert_eq!(browser.log_out().await.status, 204);
            ends_at(made, &copy).await;
        }
        other.hands.set_time_of_day(back);
    }
}
