//! State in a file, as the program keeps it: killed at any moment, on a full disk, and beside another process.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use dingtalk_h5::dingtalk::Clock;
use dingtalk_simulator::Simulator;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{Served, Variables, complete, prepared, program, run, with, with_callbacks};
use crate::state::new_path;
use crate::support::{Browser, USER_BY_CODE, session_key};
use crate::wire::ask;

/// Settings whose state is in a file that does not exist yet, and its path.
fn with_file(dingtalk: &Simulator) -> (Variables, String) {
    let path = new_path().to_str().unwrap().to_owned();
    (with(complete(dingtalk), "STATE_URL", &format!("file:{path}")), path)
}

/// Somebody who logs in and out for as long as the server answers, and keeps copies of the cookies.
async fn comes_and_goes(mut browser: Browser, codes: Vec<String>, went: mpsc::UnboundedSender<Browser>) {
    for code in codes {
        assert_eq!(browser.enter_and_log_in(&code).await.status, 200);
        let copy = browser.clone();
        assert_eq!(browser.log_out().await.status, 204);
        went.send(copy).unwrap();
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_has_lost_no_logout_that_was_answered_and_no_session() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let (mut gone, mut stays) = (Vec::new(), Vec::new());
    for round in 0..6 {
        let mut served = Served::start(&variables).await;
        let mut staying = served.browser();
        assert_eq!(staying.enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
        stays.push(staying);
        let (went, mut goes) = mpsc::unbounded_channel();
        let people: Vec<_> = (0..4)
            .map(|_| {
                let codes = (0..50).map(|_| dingtalk.issue_code("alice")).collect();
                tokio::spawn(comes_and_goes(served.browser(), codes, went.clone()))
            })
            .collect();
        drop(went);
        for _ in 0..5 + round {
            gone.push(goes.recv().await.unwrap());
        }
        served.child.start_kill().unwrap();
        assert_eq!(served.child.wait().await.unwrap().signal(), Some(9));
        // Each ended with a request that failed, because the server was killed.
        for person in people {
            assert!(person.await.is_err());
        }
        goes.close();
        while let Some(browser) = goes.recv().await {
            gone.push(browser);
        }
    }
    let again = Served::start(&variables).await;
    let count = gone.len();
    for browser in &mut gone {
        browser.url = again.url.clone();
        assert_eq!(browser.me().await.status, 401, "one of {count} who logged out");
    }
    for browser in &mut stays {
        browser.url = again.url.clone();
        assert_eq!(browser.me().await.status, 200);
    }
    again.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn a_code_and_a_state_are_used_up_for_the_next_process_too() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let served = Served::start(&variables).await;
    let (mut browser, code) = (served.browser(), dingtalk.issue_code("alice"));
    let state = browser.enter().await;
    let before = browser.clone();
    assert_eq!(browser.log_in(&code, &state).await.status, 200);
    served.stop().await;

    let again = Served::start(&variables).await;
    let mut thief = before;
    thief.url = again.url.clone();
    assert_eq!(thief.log_in(&dingtalk.issue_code("alice"), &state).await.problem(), (403, "state_rejected".to_owned()));
    let calls = dingtalk.calls(USER_BY_CODE);
    let state = thief.enter().await;
    assert_eq!(thief.log_in(&code, &state).await.problem(), (401, "code_rejected".to_owned()));
    assert_eq!(dingtalk.calls(USER_BY_CODE), calls, "DingTalk was not asked again");
    again.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_is_named() {
    let dingtalk = Simulator::start().await.unwrap();
    let (code, said) = run(&mut program(&with(complete(&dingtalk), "STATE_URL", "file:/nowhere/at/all"))).await;
    assert!(code == Some(1) && said.contains("STATE_URL cannot be used: file:/nowhere/at/all: "), "{said}");
}

#[tokio::test]
async fn a_second_process_is_told_what_several_need_and_a_lost_key_what_to_do() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let served = Served::start(&variables).await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    let (code, said) = run(&mut program(&variables)).await;
    assert_eq!(code, Some(1));
    assert!(said.contains(&path) && said.contains("another process") && said.contains("redis://"), "{said}");
    served.stop().await;
    let (code, said) = run(&mut program(&with(variables, "SESSION_KEY", &session_key()))).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("SESSION_KEY") && said.contains("behind the new one"), "{said}");
    std::fs::remove_file(path).unwrap();
}

/// A limit on the size of the files that the process may write stands for a full disk.
#[cfg(target_os = "linux")]
async fn serve_on_a_disk(variables: &Variables) -> (Served, impl AsyncFn(&str)) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; exec \"$0\"", env!("CARGO_BIN_EXE_dingtalk-h5")]);
    let served = Served::start_as(prepared(shell, variables)).await;
    let pid = served.child.id().unwrap().to_string();
    let room = async move |bytes: &str| {
        let limit = format!("--fsize={bytes}:");
        assert!(Command::new("prlimit").args([&limit, "--pid", &pid]).status().await.unwrap().success());
    };
    (served, room)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn on_a_full_disk_people_come_and_go_and_all_is_kept_once_there_is_room() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let (served, room) = serve_on_a_disk(&variables).await;
    room("0").await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    let mut copy = browser.clone();
    let began = Instant::now();
    assert_eq!(browser.log_out().await.status, 204);
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(copy.me().await.status, 401);

    room("unlimited").await;
    let (code, log) = served.stop().await;
    assert_eq!(code, Some(0));
    assert!(log.contains("the state cannot be kept") && log.contains("the state is kept again"), "{log}");
    let again = Served::start(&variables).await;
    copy.url = again.url.clone();
    assert_eq!(copy.me().await.status, 401, "it was kept in the end");
    again.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_that_cannot_store_its_state_has_its_file_alone_and_says_so_everywhere() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let watched = with(variables.clone(), "METRICS_ADDR", "127.0.0.1:0");
    let (mut served, room) = serve_on_a_disk(&watched).await;
    let metrics = served.metrics_url().await;
    let address = served.url.strip_prefix("http://").unwrap().to_owned();
    let kept = async |served: &Served| served.browser().read("/readyz").await.json();
    let counted = async || ask(metrics.trim_end_matches("/metrics"), "GET", "/metrics", &[], "").await.body;
    assert!(kept(&served).await["weaker"].is_null() && counted().await.contains("\nstate_kept 1\n"));
    room("0").await;
    let mut browser = served.browser();
    assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200);
    assert_eq!(browser.log_out().await.status, 204);
    let said = kept(&served).await;
    assert!(said["state"]["kept"] == false && said["weaker"].as_str().unwrap().contains("cannot be stored"), "{said}");
    assert!(counted().await.contains("\nstate_kept 0\n"));

    let (code, said) = run(&mut program(&variables)).await;
    assert!(code == Some(1) && said.contains("another process"), "{said}");
    let mut doctor = program(&with(variables, "APP_ADDR", &address));
    let (code, said) = run(doctor.args(["doctor", "--no-dingtalk", "--no-public"])).await;
    assert!(code == Some(1) && said.contains("cannot store its state") && !said.contains("start it again"), "{said}");
    room("unlimited").await;
    assert_eq!(served.stop().await.0, Some(0));
    std::fs::remove_file(path).unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_event_that_cannot_be_kept_is_not_acknowledged_until_it_can() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let variables = with_callbacks(variables, dingtalk.app());
    let (served, room) = serve_on_a_disk(&variables).await;
    let now = Clock::system().unix_millis();
    let left = json!({"EventType": "user_leave_org", "CorpId": dingtalk.app().corp_id, "UserId": ["alice"], "TimeStamp": now});
    let (query, body) = dingtalk.sealed(&left, &now.to_string());
    let path_and_query = format!("/dingtalk/events?{query}");
    let mut dingtalks = served.browser();
    let mut told = async || dingtalks.send(Method::POST, &path_and_query, &[], Some(body.clone().into())).await;

    room("0").await;
    for _ in 0..2 {
        let answer = told().await;
        assert_eq!((answer.status, answer.body.as_str()), (503, ""));
    }
    room("unlimited").await;
    let gives_up = Instant::now() + Duration::from_secs(20);
    while told().await.status != 200 {
        assert!(Instant::now() < gives_up, "it is not kept");
    }
    served.stop().await;
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn sessions_that_no_file_is_there_for_are_not_said_to_have_ended() {
    let dingtalk = Simulator::start().await.unwrap();
    let (variables, path) = with_file(&dingtalk);
    let (code, said) = run(program(&variables).args(["end-sessions", "--all"])).await;
    assert!(code == Some(1) && said.contains(&path), "{said}");
    assert!(!std::path::Path::new(&path).exists(), "it was made");
}
