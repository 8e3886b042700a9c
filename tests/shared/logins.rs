//! A code or login state that one process takes is taken in all, and a credential that one fetches is fetched for all.

use std::time::{Duration, Instant};

use dingtalk_simulator::{Fault, Simulator};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Company;
use crate::process::{Served, complete, with};
use crate::support::{ACCESS_TOKEN, CORP_ACCESS_TOKEN, JSAPI_TICKET, USER_BY_CODE, eventually};

#[tokio::test]
async fn of_twenty_posts_of_one_code_over_all_processes_one_goes_to_dingtalk() {
    let company = Company::of_three().await;
    company.logged_in_at(0, "bob").await;
    let before = company.dingtalk.calls(USER_BY_CODE);
    let code = company.dingtalk.issue_code("alice");
    let mut posts = Vec::new();
    for nth in 0..20 {
        let (mut browser, code) = (company.browser_at(nth % 3), code.clone());
        let state = browser.enter().await;
        posts.push(tokio::spawn(async move { browser.log_in(&code, &state).await.status }));
    }
    let mut inside = 0;
    for post in posts {
        inside += usize::from(post.await.unwrap() == 200);
    }
    assert_eq!((inside, company.dingtalk.calls(USER_BY_CODE) - before), (1, 1));
}

#[tokio::test]
async fn one_login_state_is_one_session_at_once_and_after_a_restart() {
    let mut company = Company::of_three().await;
    company.logged_in_at(0, "bob").await;
    let mut browser = company.browser_at(0);
    let state = browser.enter().await;
    let posts = (0..9).map(|nth| {
        let (mut browser, state) = (company.sent_to(&browser, nth % 3), state.clone());
        let code = company.dingtalk.issue_code("alice");
        tokio::spawn(async move { browser.log_in(&code, &state).await.status })
    });
    let mut inside = 0;
    for post in posts.collect::<Vec<_>>() {
        inside += usize::from(post.await.unwrap() == 200);
    }
    assert_eq!(inside, 1);
    company.one_more().await;
    for at in 0..4 {
        let answer = company.sent_to(&browser, at).log_in(&company.dingtalk.issue_code("alice"), &state).await;
        assert_eq!(answer.problem(), (403, "state_rejected".into()), "at {at}");
    }
}

#[tokio::test]
async fn a_login_that_fails_leaves_its_state_to_the_next_at_any_process() {
    let company = Company::of_three().await;
    let mut browser = company.browser_at(0);
    let state = browser.enter().await;
    assert_eq!(browser.log_in("made-up", &state).await.problem(), (401, "code_rejected".into()));
    let answer = company.sent_to(&browser, 1).log_in(&company.dingtalk.issue_code("alice"), &state).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(company.browser_at(2).enter_and_log_in("made-up").await.problem(), (401, "code_rejected".into()));
}

#[tokio::test]
async fn a_login_whose_process_is_killed_in_the_middle_is_let_in_with_a_fresh_code_by_another() {
    let mut company = Company::of_three().await;
    company.logged_in_at(0, "bob").await;
    company.dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 4000 });
    let (mut browser, before) = (company.browser_at(0), company.dingtalk.calls(USER_BY_CODE));
    let state = browser.enter().await;
    let (mut again, code) = (company.sent_to(&browser, 1), company.dingtalk.issue_code("alice"));
    let (posted, sent) = (state.clone(), code.clone());
    let lost = tokio::spawn(async move { browser.log_in(&sent, &posted).await.status });
    eventually("it is under way", || company.dingtalk.calls(USER_BY_CODE) > before).await;
    company.processes[0].child.start_kill().unwrap();
    assert!(lost.await.is_err());
    assert_ne!(again.log_in(&code, &state).await.status, 200, "the code was sent");
    let fresh = company.dingtalk.issue_code("alice");
    let answer = company.browser_at(1).enter_and_log_in(&fresh).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // As the page does: it posts the same login state again until that is free.
    let began = Instant::now();
    let mut answer = again.log_in(&company.dingtalk.issue_code("alice"), &state).await;
    while answer.status != 200 {
        assert_eq!(answer.problem(), (409, "code_in_use".into()));
        assert!(began.elapsed() < Duration::from_secs(20), "the process that is gone still has it");
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = again.log_in(&company.dingtalk.issue_code("alice"), &state).await;
    }
    assert_ne!(again.log_in(&code, &state).await.status, 200, "the code was sent by it all the same");
}

#[tokio::test]
async fn a_thousand_cold_clients_of_three_processes_make_one_token_call_and_one_ticket_call() {
    let company = Company::of_three().await;
    company.dingtalk.newer_tokens_kill_older(true);
    let mut people = Vec::new();
    for nth in 0..1000 {
        let (mut browser, code) = (company.browser_at(nth % 3), company.dingtalk.issue_code("alice"));
        people.push(tokio::spawn(async move {
            let answer = browser.enter_and_log_in(&code).await;
            let page = browser.sign().await;
            assert_eq!((answer.status, page.status), (200, 200), "{}", answer.body);
        }));
        if nth % 100 == 99 {
            for person in std::mem::take(&mut people) {
                person.await.unwrap();
            }
        }
    }
    assert_eq!((company.dingtalk.calls(ACCESS_TOKEN), company.dingtalk.calls(JSAPI_TICKET)), (1, 1));
}

#[tokio::test]
async fn a_token_that_is_new_on_each_call_is_fetched_once_for_all_and_replaced_once_when_it_is_rejected() {
    let company = Company::with(super::as_custom).await;
    company.dingtalk.newer_tokens_kill_older(true);
    let all_come = async || {
        let mut people = Vec::new();
        for nth in 0..60 {
            let mut browser = company.browser_at(nth % 3);
            let code = company.dingtalk.issue_code("alice");
            people.push(tokio::spawn(async move { browser.enter_and_log_in(&code).await.status }));
        }
        for person in people {
            assert_eq!(person.await.unwrap(), 200);
        }
    };
    all_come().await;
    assert_eq!(company.dingtalk.calls(CORP_ACCESS_TOKEN), 1);
    company.dingtalk.revoke_tokens(company.dingtalk.custom_app().corp_id);
    all_come().await;
    assert_eq!(company.dingtalk.calls(CORP_ACCESS_TOKEN), 2);
}

#[tokio::test]
async fn a_process_that_dies_while_it_asks_for_a_token_holds_the_others_up_for_seconds_only() {
    let mut company = Company::of_three().await;
    company.logged_in_at(0, "bob").await;
    company.dingtalk.revoke_tokens(company.dingtalk.app().corp_id);
    company.dingtalk.fault("/v1.0/oauth2/accessToken", 1, Fault::Delay { milliseconds: 4500 });
    let (mut lost, code, before) =
        (company.browser_at(0), company.dingtalk.issue_code("alice"), company.dingtalk.calls(ACCESS_TOKEN));
    let lost = tokio::spawn(async move { lost.enter_and_log_in(&code).await.status });
    eventually("it asks", || company.dingtalk.calls(ACCESS_TOKEN) > before).await;
    company.processes[0].child.start_kill().unwrap();
    let began = Instant::now();
    company.logged_in_at(1, "alice").await;
    println!("a dead process's lock: {:?}", began.elapsed());
    assert!((1..5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert!(lost.await.is_err());
}

#[tokio::test]
async fn a_report_that_reaches_another_process_renews_the_ticket_of_all() {
    let company = Company::of_three().await;
    let mut browser = company.logged_in_at(0, "alice").await;
    let path = "/api/jsapi/config?url=http%3A%2F%2F127.0.0.1%3A9%2Fjsapi";
    let config = browser.read(path).await.json();
    assert_eq!(company.sent_to(&browser, 1).read(path).await.status, 200);
    assert_eq!(company.dingtalk.calls(JSAPI_TICKET), 1);
    let report = json!({
        "code": "3", "text": "Code:52011", "url": "http://127.0.0.1:9/jsapi",
        "signed": {"url": "http://127.0.0.1:9/jsapi", "nonceStr": config["nonceStr"], "timeStamp": config["timeStamp"], "signature": config["signature"]},
    });
    let answer = company.sent_to(&browser, 1).post("/api/jsapi/report", &report).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    eventually("it is renewed", || company.dingtalk.calls(JSAPI_TICKET) == 2).await;
}

#[tokio::test]
async fn a_login_asks_redis_three_times() {
    let company = Company::of_three().await;
    company.logged_in_at(0, "alice").await;
    let mut watched = TcpStream::connect(company.redis.address()).await.unwrap();
    watched.write_all(b"MONITOR\r\n").await.unwrap();
    for _ in 0..10 {
        company.logged_in_at(1, "alice").await;
    }
    company.redis.ask::<()>("ECHO done").await.unwrap();
    let (mut lines, mut asked) = (BufReader::new(watched).lines(), 0);
    while let Some(line) = lines.next_line().await.unwrap()
        && !line.contains("\"done\"")
    {
        // MONITOR also shows the commands that scripts run. Heartbeats, and notes in the background on what became of a call, do not count.
        let is_asked = line.contains("\"EVAL\"") && !line.contains("local names") && !line.contains("== 'stayed'");
        asked += usize::from(is_asked);
    }
    assert_eq!(asked, 3 * 10, "what is needed, a turn, what became of it");
}

#[tokio::test]
async fn nobody_who_reads_redis_learns_anything_and_nobody_who_writes_it_gains_anything() {
    let company = Company::of_three().await;
    let mut browser = company.logged_in_at(0, "alice").await;
    assert_eq!(browser.sign().await.status, 200);
    assert_eq!(browser.log_out().await.status, 204);
    let code = company.dingtalk.issue_code("zhangsan");
    assert_eq!(company.browser_at(1).enter_and_log_in(&code).await.status, 200);
    let dump = company.redis.dump().await;
    assert!(dump.len() > 500, "{dump}");
    let control = crate::support::http_client().get(format!("{}/control/state", company.dingtalk.url())).send().await.unwrap();
    let control: serde_json::Value = control.json().await.unwrap();
    let secrets = [&code, "zhangsan", "alice", company.dingtalk.app().corp_id, company.dingtalk.app().client_secret];
    for secret in secrets {
        assert!(!dump.contains(secret), "{secret} in {dump}");
    }
    for secret in strings_of(&control).filter(|text| text.len() >= 16 && !text.contains("://")) {
        assert!(secret == company.dingtalk.app().client_id || !dump.contains(secret), "{secret} is told");
    }
    // Somebody swaps two encrypted values: neither can be decrypted under the name of the other.
    let mut sealed = Vec::new();
    for key in company.redis.keys_of("string").await {
        if !key.ends_with("names") && company.redis.ask::<i64>(&format!("STRLEN {key}")).await.unwrap() > 60 {
            sealed.push(key);
        }
    }
    assert_eq!(sealed.len(), 2, "a token and a ticket");
    company.redis.ask::<()>(&format!("RENAME {} swapped", sealed[0])).await.unwrap();
    company.redis.ask::<()>(&format!("RENAME {} {}", sealed[1], sealed[0])).await.unwrap();
    company.redis.ask::<()>(&format!("RENAME swapped {}", sealed[1])).await.unwrap();
    let asked = || (company.dingtalk.calls(ACCESS_TOKEN), company.dingtalk.calls(JSAPI_TICKET));
    let before = asked();
    let fresh = Served::start(&company.variables).await;
    let mut browser = fresh.browser();
    assert_eq!(browser.enter_and_log_in(&company.dingtalk.issue_code("bob")).await.status, 200);
    assert_eq!(browser.sign().await.status, 200);
    assert_eq!(asked(), (before.0 + 1, before.1 + 1), "both were replaced");
}

fn strings_of(value: &serde_json::Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        serde_json::Value::String(text) => Box::new(std::iter::once(text.as_str())),
        serde_json::Value::Array(all) => Box::new(all.iter().flat_map(strings_of)),
        serde_json::Value::Object(all) => Box::new(all.values().flat_map(strings_of)),
        _ => Box::new(std::iter::empty()),
    }
}

#[tokio::test]
async fn two_apps_share_a_redis_and_know_nothing_of_each_other() {
    let company = Company::of_three().await;
    company.logged_in_at(0, "alice").await;
    let other = Simulator::start().await.unwrap();
    let variables = super::as_custom(&other, with(complete(&other), "STATE_URL", &company.redis.url()));
    let served = Served::start(&variables).await;
    super::standing_is(&served, |state| state["reachable"] == true && state["processes"] == 1).await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&other.issue_code("bob")).await.status, 200);
    assert_eq!(other.calls("POST /v1.0/oauth2/corpAccessToken"), 1);
    company.all_agree().await;
}
