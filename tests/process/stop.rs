//! Being told to stop, and starting again.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use dingtalk_simulator::{Fault, Simulator};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::unix::pipe;
use tokio::process::Command;

use super::{Served, complete, with, with_tls};
use crate::http::tls::Pair;
use crate::support::{ACCESS_TOKEN, USER_BY_CODE, eventually, http_client, in_time};

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";

/// Connections with a login whose body never arrives in full.
async fn stalled(url: &str, count: usize) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..count {
        let mut connection = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        let head = "POST /api/login HTTP/1.1\r\nHost: x\r\nOrigin: http://127.0.0.1:9\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
        connection.write_all(head.as_bytes()).await.unwrap();
        connections.push(connection);
    }
    connections
}

#[tokio::test]
async fn fifty_logins_in_flight_end_well_when_the_program_is_told_to_stop_and_their_sessions_outlive_it() {
    let dingtalk = Simulator::start().await.unwrap();
    let variables = complete(&dingtalk);
    let served = Served::start(&variables).await;
    let mut probe = served.browser();
    assert_eq!(probe.enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
    dingtalk.fault(EXCHANGE, 50, Fault::Delay { milliseconds: 3000 });
    let mut logins = Vec::new();
    for _ in 0..50 {
        let (mut browser, code) = (served.browser(), dingtalk.issue_code("alice"));
        let state = browser.enter().await;
        logins.push(tokio::spawn(async move {
            let status = browser.log_in(&code, &state).await.status;
            (status, browser)
        }));
    }
    let _stalled = stalled(&served.url, 5).await;
    eventually("all logins are under way", || dingtalk.calls(USER_BY_CODE) == 51).await;
    assert_eq!(probe.read("/readyz").await.status, 200);

    let told = Instant::now();
    let stopping = tokio::spawn(served.stop());
    let told_off = loop {
        let answer = probe.read("/readyz").await;
        if answer.status == 503 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(probe.read("/healthz").await.status, 503);
    assert_eq!(told_off.header("connection"), "close", "whoever keeps connections for later opens another elsewhere");
    assert_eq!(stopping.await.unwrap().0, Some(0));
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());

    let before = dingtalk.calls(ACCESS_TOKEN);
    let again = Served::start(&variables).await;
    for login in logins {
        let (status, mut browser) = login.await.unwrap();
        assert_eq!(status, 200);
        browser.url = again.url.clone();
        assert_eq!(browser.me().await.json()["userId"], "alice");
    }
    let mut newcomer = again.browser();
    assert_eq!(newcomer.enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
    assert_eq!(dingtalk.calls(ACCESS_TOKEN) - before, 1, "one token call after a restart");
    again.stop().await;
}

#[tokio::test]
async fn of_those_who_wait_when_the_program_is_told_to_stop_some_are_let_in_and_the_others_keep_their_place_with_the_next() {
    const WAITING: &str = "dingtalk_waiting{endpoint=\"user_by_code\"} ";
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(complete(&dingtalk), "METRICS_ADDR", "127.0.0.1:0");
    let mut served = Served::start(&with(variables.clone(), "DINGTALK_CALLS_PER_SECOND", "1")).await;
    let metrics_url = served.metrics_url().await;
    assert_eq!(served.browser().enter_and_log_in(&dingtalk.issue_code("bob")).await.status, 200);
    let mut logins = Vec::new();
    for _ in 0..12 {
        let (mut browser, code) = (served.browser(), dingtalk.issue_code("alice"));
        logins.push(tokio::spawn(async move {
            let state = browser.enter().await;
            let answer = browser.log_in(&code, &state).await;
            (browser, state, code, answer)
        }));
    }
    let waiting = async || {
        let text = http_client().get(&metrics_url).send().await.unwrap().text().await.unwrap();
        text.lines().find_map(|line| line.strip_prefix(WAITING)?.parse::<usize>().ok()).unwrap_or_default()
    };
    in_time("all are in line", async { while waiting().await + dingtalk.calls(USER_BY_CODE) as usize <= 12 {} }).await;
    assert_eq!(served.stop().await.0, Some(0));

    let next = Served::start(&variables).await;
    let mut told = 0;
    for login in logins {
        let (mut browser, state, code, answer) = login.await.unwrap();
        browser.url = next.url.clone();
        if answer.status == 200 {
            assert_eq!(browser.me().await.json()["userId"], "alice");
            continue;
        }
        told += 1;
        assert_eq!(answer.problem(), (429, "login_queued".into()));
        let place = answer.json()["place"].as_str().unwrap().to_owned();
        assert_eq!(browser.log_in_at(&place, &code, &state).await.status, 200);
    }
    assert!((6..12).contains(&told), "{told} were told to post again");
    next.stop().await;
}

#[tokio::test]
async fn signals_that_services_are_sent_for_other_reasons_end_nothing() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&complete(&dingtalk)).await;
    let pid = served.child.id().unwrap().to_string();
    for signal in ["-HUP", "-USR1", "-USR2"] {
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
        let mut browser = served.browser();
        assert_eq!(browser.enter_and_log_in(&dingtalk.issue_code("alice")).await.status, 200, "after {signal}");
    }
    assert_eq!(served.stop().await.0, Some(0));
}

/// A pipe into which nobody writes stands for a disk that hangs: reading the file never ends.
#[tokio::test]
async fn a_file_that_does_not_come_to_its_end_does_not_keep_the_program_from_stopping() {
    let (dingtalk, pair) = (Simulator::start().await.unwrap(), Pair::new());
    let served = Served::start(&with_tls(complete(&dingtalk), &pair)).await;
    let certificate = pair.folder.join("cert.pem");
    std::fs::remove_file(&certificate).unwrap();
    assert!(Command::new("mkfifo").arg(&certificate).status().await.unwrap().success());
    let silent = OnceCell::new();
    let is_read = || pipe::OpenOptions::new().open_sender(&certificate).is_ok_and(|sender| silent.set(sender).is_ok());
    eventually("the server looks for a new certificate", is_read).await;
    assert_eq!(served.stop().await.0, Some(0));
}
