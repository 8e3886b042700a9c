//! What the log says, and what it never says.

use std::io::BufRead;
use std::process::Stdio;
use std::time::{Duration, Instant};

use dingtalk_simulator::{Fault, Simulator};
use reqwest::Method;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Served, complete, program, with};
use crate::broken::rogue::{Rogue, Step, http, json, message, stream};
use crate::support::{USER_BY_CODE, eventually, http_client};
use crate::wire::Wire;

#[tokio::test]
async fn the_log_has_the_id_of_the_answer_and_the_fix_and_nothing_that_is_secret() {
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(complete(&dingtalk), "RUST_LOG", "trace");
    let served = Served::start(&variables).await;
    let mut browser = served.browser();
    let code = dingtalk.issue_code("alice");
    assert_eq!(browser.enter_and_log_in(&code).await.status, 200);
    let me = browser.send(Method::GET, "/api/me?canary=query", &[("x-canary", "header\\n")], None).await;
    let page = "http://127.0.0.1:9/jsapi?q=canary";
    assert_eq!(browser.jsapi_config(page).await.status, 200);
    let refusal = serde_json::json!({"code": "3", "text": format!("url:[{page}],ticketList:[x]"), "url": page});
    assert_eq!(browser.post("/api/jsapi/report", &refusal).await.status, 200);
    let session = browser.cookie("session").unwrap().to_owned();
    let rejected = served.browser().enter_and_log_in("canary-code").await;
    dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Permission);
    let misconfigured = served.browser().enter_and_log_in(&dingtalk.issue_code("alice")).await;
    assert_eq!(misconfigured.problem().1, "misconfigured");

    let (exit, log) = served.stop().await;
    assert_eq!(exit, Some(0));
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for answer in [&me, &rejected, &misconfigured] {
        let id = answer.header("x-request-id");
        assert!(lines.iter().any(|line| line["request_id"] == id && line["status"] == answer.status), "{id}");
    }
    let id = misconfigured.header("x-request-id");
    let told: Vec<_> = lines.iter().filter(|line| line["level"] == "ERROR" && line["request_id"] == id).collect();
    assert_eq!(told.len(), 1, "logged once");
    let fix = told[0]["fix"].as_str().unwrap();
    assert!(fix.contains("qyapi_base") && fix.contains("Permission Management"), "{fix}");
    let of_another_app = |line: &&serde_json::Value| line["fix"].as_str().is_some_and(|fix| fix.contains("DINGTALK_CLIENT_ID"));
    let told = lines.iter().filter(|line| line["request_id"] == rejected.header("x-request-id")).find(of_another_app);
    assert_eq!(told.unwrap()["code"], "code_rejected");

    let key = &variables.iter().find(|(name, _)| *name == "SESSION_KEY").unwrap().1;
    for secret in [dingtalk.app().client_secret, &code, &session, &key[..32], "canary"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn probes_that_go_well_are_not_in_the_log_and_what_does_not_is() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&complete(&dingtalk)).await;
    let mut probe = served.browser();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(probe.read(path).await.status, 200);
    }
    assert_eq!(probe.send(Method::POST, "/healthz", &[], None).await.status, 405);
    let (_, log) = served.stop().await;
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    let requests: Vec<_> = lines.filter(|line| line["message"] == "request").map(|line| line["status"].clone()).collect();
    assert_eq!(requests, [405]);
}

#[tokio::test]
async fn whoever_has_left_before_an_answer_is_in_the_log_too_and_their_login_is_counted() {
    let dingtalk = Simulator::start().await.unwrap();
    let mut served = Served::start(&with(complete(&dingtalk), "METRICS_ADDR", "127.0.0.1:0")).await;
    let metrics_url = served.metrics_url().await;
    dingtalk.fault("/topapi/v2/user/getuserinfo", 1, Fault::Delay { milliseconds: 4000 });
    let (mut browser, code) = (served.browser(), dingtalk.issue_code("alice"));
    let state = browser.enter().await;
    let login = tokio::spawn(async move { browser.log_in(&code, &state).await });
    eventually("DingTalk is asked", || dingtalk.calls(USER_BY_CODE) == 1).await;
    login.abort();
    served.logs(r#""status":499"#).await;
    let text = http_client().get(&metrics_url).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("logins_total{result=\"gone\"} 1\n"), "{text}");
    let (_, log) = served.stop().await;
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line));
    let requests: Vec<_> = lines.filter(|line| line["route"] == "/api/login").collect();
    assert_eq!(requests.len(), 1, "{log}");
    assert_eq!((&requests[0]["method"], &requests[0]["status"]), (&"POST".into(), &499.into()), "{log}");
}

#[tokio::test]
async fn malformed_requests_have_the_lines_of_any_other_and_no_more() {
    let dingtalk = Simulator::start().await.unwrap();
    let served = Served::start(&complete(&dingtalk)).await;
    let mut ids = Vec::new();
    for malformed in [
        "\u{16}\u{3}\u{1}",
        "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "\r\n\0\r\n\r\n",
        "GET /canary\u{ff} HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /?canary=<> HTTP/1.1\r\nHost: x\r\n\r\n",
        "CANARY / HTTP/1.1\r\n\r\n",
    ] {
        let mut wire = Wire::to(&served.url).await;
        wire.send(malformed).await;
        wire.done().await;
        let replies = wire.closed().await.replies;
        assert!(replies.len() == 1 && replies[0].status == 400, "{malformed:?} {replies:?}");
        ids.push(replies[0].header("x-request-id").to_owned());
    }
    let (_, log) = served.stop().await;
    assert!(!log.contains("actix_http") && !log.to_lowercase().contains("canary"), "{log}");
    for id in ids {
        assert_eq!(log.matches(&id).count(), 2, "that it was refused, and the request: {log}");
    }
}

#[tokio::test]
async fn a_ban_and_a_credential_that_cannot_be_renewed_are_said_once_however_many_meet_them() {
    for (answer, said) in [
        (http("200 OK", "text/html", "<html>banned"), "has shut this server's address out"),
        (json(r#"{"errcode":-1,"errmsg":"busy"}"#), "a credential cannot be renewed"),
    ] {
        let rogue = Rogue::start(move |_| vec![answer.clone()]).await;
        let dingtalk = Simulator::start().await.unwrap();
        let variables = with(complete(&dingtalk), "DINGTALK_API_URL", &rogue.url);
        let served = Served::start(&with(variables, "DINGTALK_OAPI_URL", &rogue.url)).await;
        for nth in 0..20 {
            let answer = served.browser().enter_and_log_in(&format!("code-{nth}")).await;
            assert_eq!(answer.problem(), (503, "dingtalk_unavailable".into()));
        }
        let (_, log) = served.stop().await;
        assert_eq!(log.matches(said).count(), 1, "{log}");
    }
}

#[tokio::test]
async fn why_stream_was_lost_is_said_and_nothing_of_what_came() {
    // The second message is one byte longer than the limit.
    let says = [message(1 << 20), message((1 << 20) + 1), Step::Hold];
    let rogue = Rogue::start(move |call| stream(call, &says)).await;
    let dingtalk = Simulator::start().await.unwrap();
    let variables = with(complete(&dingtalk), "DINGTALK_API_URL", &rogue.url);
    let mut served = Served::start(&with(variables, "DINGTALK_EVENTS", "stream")).await;
    served.logs("Message too long: 1048577 > 1048576").await;
    let (_, log) = served.stop().await;
    assert!(log.contains("stream was lost") && !log.contains("canary"), "{log}");
}

#[tokio::test]
async fn what_events_are_about_is_said_by_the_organisation_and_by_no_person() {
    let dingtalk = Simulator::start().await.unwrap();
    let mut served = Served::start(&with(complete(&dingtalk), "DINGTALK_EVENTS", "stream")).await;
    served.logs("stream is open").await;
    let corp_id = dingtalk.app().corp_id;
    dingtalk.leave(corp_id, "bob");
    served.logs(&format!(r#""event":"left","corp_id":"{corp_id}""#)).await;
    dingtalk.tell(corp_id, "bpms_instance_change", serde_json::json!({"result": "agree"}));
    served.logs(&format!(r#""event":"bpms_instance_change","corp_id":"{corp_id}""#)).await;
    let (_, log) = served.stop().await;
    assert!(!log.contains("bob") && !log.contains("agree"), "{log}");
}

/// As when the program that collects the logs hangs.
#[tokio::test]
async fn a_reader_of_the_log_that_stalls_keeps_nobody_waiting_and_what_is_lost_is_counted() {
    let dingtalk = Simulator::start().await.unwrap();
    let mut served = Served::start(&with(complete(&dingtalk), "METRICS_ADDR", "127.0.0.1:0")).await;
    let metrics_url = served.metrics_url().await;
    assert_eq!(lines_lost(&metrics_url).await, 0);

    // Each request is refused and logs two lines: together more than the pipe and the queue hold.
    let requests = "GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let mut wire = Wire::to(&served.url).await;
    for hundreds in 0..60 {
        wire.send(&requests).await;
        for _ in 0..100 {
            let reply = timeout(Duration::from_secs(2), wire.reply()).await;
            assert_eq!(reply.map(|reply| reply.status), Ok(404), "after {hundreds} hundreds");
        }
    }
    let lost = lines_lost(&metrics_url).await;
    assert!((1_000..12_000).contains(&lost), "{lost} of 12,000 lines");

    let told = Instant::now();
    let (exit, log) = served.stop().await;
    assert_eq!(exit, Some(0));
    assert!(told.elapsed() < Duration::from_secs(10), "{:?}", told.elapsed());
    // The last may have been cut off in its middle.
    let (whole, _) = log.rsplit_once('\n').unwrap();
    assert!(whole.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

/// Under systemd stdout and stderr go to one socket. Elsewhere the program that waited for the first line of stdout may have exited.
#[tokio::test]
async fn a_reader_that_stalls_or_has_left_keeps_no_server_from_its_end() {
    for is_one_pipe in [true, false] {
        let dingtalk = Simulator::start().await.unwrap();
        let (log, to_log) = std::io::pipe().unwrap();
        let (said, to_say) =
            if is_one_pipe { (log.try_clone().unwrap(), to_log.try_clone().unwrap()) } else { std::io::pipe().unwrap() };
        let mut command = program(&complete(&dingtalk));
        let mut child = command.stdout(to_say).stderr(to_log).spawn().unwrap();
        drop(command);
        let url = tokio::task::spawn_blocking(move || {
            let mut lines = std::io::BufReader::new(said).lines().map_while(Result::ok);
            let line = lines.find(|line| line.starts_with("listening on ")).unwrap();
            line.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned()
        });
        let url = url.await.unwrap();
        let requests = "GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
        let mut wire = Wire::to(&url).await;
        for _ in 0..60 {
            wire.send(&requests).await;
            for _ in 0..100 {
                assert_eq!(wire.reply().await.status, 404);
            }
        }
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let ended = timeout(Duration::from_secs(10), child.wait()).await;
        assert_eq!(ended.expect("it ends").unwrap().code(), Some(0), "one pipe: {is_one_pipe}");
        drop(log);
    }
}

#[tokio::test]
async fn a_panic_is_a_line_of_the_log_like_any_other() {
    let this = std::env::current_exe().unwrap();
    let mut panics = Command::new(this);
    panics
        .args(["--exact", "process::log::panics", "--ignored", "--nocapture"])
        .env("RUST_LOG", "error")
        .env("RUST_BACKTRACE", "1");
    let ended = panics.stdin(Stdio::null()).output().await.unwrap();
    let log = String::from_utf8(ended.stderr).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).expect(&log)).collect();
    let place = |line: &serde_json::Value| line["at"].as_str().is_some_and(|at| at.starts_with(file!()));
    let way = |line: &serde_json::Value| line["backtrace"].as_str().is_some_and(|way| way.contains("panics"));
    assert!(lines.iter().any(|line| line["message"] == "a panic: one\nand two" && place(line) && way(line)), "{log}");
}

#[test]
#[ignore = "another test starts it in a process of its own"]
fn panics() {
    let _log = dingtalk_h5::telemetry::start();
    let panicked = std::thread::spawn(|| panic!("one\nand {}", "two")).join();
    assert!(panicked.is_err());
}

async fn lines_lost(metrics_url: &str) -> u64 {
    let text = http_client().get(metrics_url).send().await.unwrap().text().await.unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix("log_lines_lost_total "));
    count.unwrap().parse().unwrap()
}
