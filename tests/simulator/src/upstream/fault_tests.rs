//! Faults as a caller meets them: through a socket, byte for byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::Simulator;

const EXCHANGE: &str = "/topapi/v2/user/getuserinfo";

/// Everything that came until the connection was closed.
struct Heard(String);

impl Heard {
    fn head(&self) -> &str {
        self.0.split_once("\r\n\r\n").expect("a head").0
    }

    fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").expect("a head").1
    }

    fn json(&self) -> Value {
        serde_json::from_str(self.body()).expect("JSON")
    }

    fn promised(&self) -> usize {
        let length = self.head().lines().find_map(|line| line.strip_prefix("content-length: "));
        length.and_then(|length| length.parse().ok()).expect("a length")
    }
}

fn send(simulator: &Simulator, method: &str, path: &str, body: &str) -> TcpStream {
    let address = simulator.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json");
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("a request");
    stream
}

fn call(simulator: &Simulator, method: &str, path: &str, body: &str) -> Heard {
    let mut heard = Vec::new();
    send(simulator, method, path, body).read_to_end(&mut heard).expect("an end");
    Heard(String::from_utf8(heard).expect("text"))
}

/// The path at which an authCode is exchanged, with a valid access_token in the query.
fn exchange_path(simulator: &Simulator) -> String {
    let app = simulator.app();
    let path = format!("/gettoken?appkey={}&appsecret={}", app.client_id, app.client_secret);
    let token = call(simulator, "GET", &path, "").json()["access_token"].clone();
    format!("{EXCHANGE}?access_token={}", token.as_str().expect("a token"))
}

/// The ledger's entry of the last of so many calls, once it has ended.
fn last_entry(simulator: &Simulator, calls: usize) -> Value {
    let gives_up = Instant::now() + Duration::from_secs(10);
    loop {
        let mut ledger = call(simulator, "GET", "/control/requests", "").json();
        if let Some(entry) = ledger["entries"].get_mut(calls - 1) {
            return entry.take();
        }
        assert!(Instant::now() < gives_up, "{ledger}");
        std::thread::yield_now();
    }
}

/// One exchange that meets `fault`, and the errcode of a second one with the same code.
async fn exchange_twice(fault: Fault) -> (Simulator, Heard, Value) {
    let simulator = Simulator::start().await.expect("a simulator");
    let path = exchange_path(&simulator);
    let body = json!({"code": simulator.issue_code("alice")}).to_string();
    simulator.fault(EXCHANGE, 1, fault);
    let first = call(&simulator, "POST", &path, &body);
    let second = call(&simulator, "POST", &path, &body).json()["errcode"].clone();
    (simulator, first, second)
}

#[tokio::test]
async fn an_answer_from_in_front_of_dingtalk_has_no_errcode_and_leaves_the_code_good() {
    let json_ban = Fault::Ban { form: BanForm::Json };
    let html_ban = Fault::Ban { form: BanForm::Html };
    for (fault, status, kind, says) in [
        (Fault::Status { status: 502 }, "502 Bad Gateway", "text/html", "<h1>502 Bad Gateway</h1>"),
        (Fault::Status { status: 302 }, "302 Found", "text/html", "302 Found"),
        (Fault::Status { status: 599 }, "599", "text/html", "<h1>599</h1>"),
        (Fault::Html, "200 OK", "text/html", "<html>"),
        (json_ban, "200 OK", "application/json", r#"{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":""#),
        (html_ban, "200 OK", "text/html", "punish"),
    ] {
        let (simulator, first, second) = exchange_twice(fault.clone()).await;
        assert!(first.head().starts_with(&format!("HTTP/1.1 {status}")), "{}", first.0);
        assert!(first.head().contains(&format!("content-type: {kind}")), "{}", first.0);
        assert!(first.body().contains(says) && !first.body().contains("errcode"), "{}", first.0);
        assert_eq!(second, 0, "{fault:?}");
        let note = last_entry(&simulator, 2)["note"].clone();
        assert_eq!(note, format!("fault: {}", fault.kind()));
        assert_eq!(last_entry(&simulator, 3)["note"], "alice; this code was here before");
        assert_eq!(simulator.codes_sent_again(), 1);
    }
}

#[tokio::test]
async fn a_status_that_has_no_body_has_none() {
    let (_, first, _) = exchange_twice(Fault::Status { status: 204 }).await;
    assert_eq!((&first.head()[..12], first.body()), ("HTTP/1.1 204", ""));
}

#[tokio::test]
async fn a_cut_answer_is_half_of_what_was_promised_and_the_code_is_spent() {
    let (simulator, first, second) = exchange_twice(Fault::Cut).await;
    assert_eq!(first.body().len(), first.promised() / 2);
    assert!(first.body().starts_with(r#"{"errcode":0,"#), "{}", first.0);
    assert_eq!(second, 40078);
    let entry = last_entry(&simulator, 2);
    assert_eq!((&entry["status"], &entry["code"]), (&json!(200), &Value::Null));
    assert_eq!(entry["note"], "alice; fault: cut");
}

#[tokio::test]
async fn of_a_lost_answer_not_a_byte_arrives_and_the_code_is_spent() {
    let (simulator, first, second) = exchange_twice(Fault::Lost).await;
    assert_eq!(first.0, "");
    assert_eq!(second, 40078);
    let entry = last_entry(&simulator, 2);
    assert_eq!((&entry["status"], &entry["code"]), (&Value::Null, &Value::Null));
    assert_eq!(entry["note"], "alice; fault: lost");
}

#[tokio::test]
async fn a_dripping_answer_comes_byte_by_byte_and_is_whole_in_the_end() {
    let simulator = Simulator::start().await.expect("a simulator");
    let path = exchange_path(&simulator);
    let body = json!({"code": simulator.issue_code("alice")}).to_string();
    simulator.fault(EXCHANGE, 1, Fault::Drip { milliseconds: 4 });
    let began = Instant::now();
    let answer = call(&simulator, "POST", &path, &body);
    let at_least = Duration::from_millis(4 * (answer.promised() as u64 - 1));
    assert_eq!(answer.json()["result"]["userid"], "alice");
    assert!(began.elapsed() >= at_least, "{:?} for {} bytes", began.elapsed(), answer.promised());
    let entry = last_entry(&simulator, 2);
    assert_eq!((&entry["status"], &entry["code"]), (&json!(200), &json!("0")));
    assert!(entry["durationMs"].as_u64() >= Some(500), "{entry}");
}

#[tokio::test]
async fn who_does_not_wait_for_a_dripping_answer_has_hung_up() {
    let simulator = Simulator::start().await.expect("a simulator");
    let path = exchange_path(&simulator);
    simulator.fault(EXCHANGE, 1, Fault::Drip { milliseconds: 20 });
    let mut impatient = send(&simulator, "POST", &path, "{}");
    impatient.read_exact(&mut [0; 12]).expect("a beginning");
    drop(impatient);
    assert_eq!(last_entry(&simulator, 2)["note"], "the caller hung up");
}

#[tokio::test]
async fn a_code_may_come_again_after_its_token_was_refused() {
    let (simulator, first, _) = exchange_twice(Fault::RevokedToken).await;
    assert_eq!(first.json()["sub_code"], "40014");
    let path = exchange_path(&simulator);
    let body = json!({"code": simulator.issue_code("alice")}).to_string();
    simulator.fault(EXCHANGE, 1, Fault::Status { status: 401 });
    for _ in 0..2 {
        call(&simulator, "POST", &path, &body);
    }
    assert_eq!(simulator.codes_sent_again(), 0);
    call(&simulator, "POST", &path, &body);
    assert_eq!(simulator.codes_sent_again(), 1);
}

#[tokio::test]
async fn faults_that_were_taken_back_meet_nobody() {
    let simulator = Simulator::start().await.expect("a simulator");
    simulator.fault(EXCHANGE, 9, Fault::Lost);
    simulator.clear_faults();
    let answer = call(&simulator, "POST", &exchange_path(&simulator), "{}");
    assert_eq!(answer.json()["errcode"], 40078);
}

#[tokio::test]
async fn faults_are_asked_for_by_their_names() {
    let simulator = Simulator::start().await.expect("a simulator");
    for (asked, understood) in [
        (json!({"kind": "status", "status": 503}), Fault::Status { status: 503 }),
        (json!({"kind": "html"}), Fault::Html),
        (json!({"kind": "ban"}), Fault::Ban { form: BanForm::Json }),
        (json!({"kind": "ban", "form": "html"}), Fault::Ban { form: BanForm::Html }),
        (json!({"kind": "cut"}), Fault::Cut),
        (json!({"kind": "drip"}), Fault::Drip { milliseconds: 500 }),
        (json!({"kind": "drip", "milliseconds": 20}), Fault::Drip { milliseconds: 20 }),
        (json!({"kind": "lost"}), Fault::Lost),
    ] {
        let body = json!({"endpoint": EXCHANGE, "fault": asked}).to_string();
        let state = call(&simulator, "POST", "/control/faults", &body).json();
        assert_eq!(state["faults"][0]["fault"], serde_json::to_value(understood).expect("JSON"));
        call(&simulator, "POST", "/control/reset", "");
    }
}

#[tokio::test]
async fn what_no_fault_is_called_is_refused_by_name() {
    let simulator = Simulator::start().await.expect("a simulator");
    for (asked, named) in [
        (json!({"kind": "explosion"}), "explosion"),
        (json!({}), "kind"),
        (json!("cut"), "cut"),
        (json!({"kind": "status"}), "status"),
        (json!({"kind": "status", "status": 199}), "between 200 and 599"),
        (json!({"kind": "status", "status": 600}), "between 200 and 599"),
        (json!({"kind": "drip", "milliseconds": 0}), "1 to 600000"),
        (json!({"kind": "drip", "seconds": 1}), "seconds"),
        (json!({"kind": "ban", "form": "xml"}), "xml"),
        (json!({"kind": "cut", "milliseconds": 1}), "milliseconds"),
        (json!({"kind": "busy", "status": 500}), "status"),
    ] {
        let body = json!({"endpoint": EXCHANGE, "fault": asked}).to_string();
        let refusal = call(&simulator, "POST", "/control/faults", &body);
        assert!(refusal.head().starts_with("HTTP/1.1 400"), "{asked}: {}", refusal.0);
        let error = refusal.json()["error"].clone();
        assert!(error.as_str().is_some_and(|error| error.contains(named)), "{asked}: {error}");
    }
    assert_eq!(call(&simulator, "GET", "/control/state", "").json()["faults"], json!([]));
}
