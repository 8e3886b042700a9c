//! Secrets as canaries: whatever goes wrong, none of them is in a log line, a response, a metric or the command line, in any spelling.

use reqwest::Method;

use super::{Served, complete, with};
use crate::broken::rogue::{Call, EXCHANGE, Rogue, Step, TICKET, TOKEN, http, json};
use crate::support::{Answer, Browser, http_client, session_key};

const SECRET: &str = "Canary-Secret-0f1e2d3c4b5a";
const ACCESS_TOKEN: &str = "Canary-Token-a1b2c3d4e5f6";
const JSAPI_TICKET: &str = "Canary-Ticket-9a8b7c6d5e4f";
const CODE: &str = "Canary-Code-1029384756";

/// A DingTalk that gives secrets away: every refusal quotes them all, and the calls of an endpoint fail in one way after the other.
fn talkative(call: &Call) -> Vec<Step> {
    let quoted = format!("appSecret={SECRET}, token {ACCESS_TOKEN}, ticketList:[{JSAPI_TICKET}], code {CODE}");
    let refused = |code: &str| json(&format!(r#"{{"errcode":{code},"errmsg":"{quoted}"}}"#));
    let failures = [
        refused("-1"),
        refused("40014"),
        refused("40078"),
        refused("60020"),
        refused("88888"),
        json(&format!(r#"{{"errcode":88,"sub_code":"60011","sub_msg":"{quoted}"}}"#)),
        http("403 Forbidden", "application/json", &format!(r#"{{"code":"Forbidden.{ACCESS_TOKEN}","message":"{quoted}"}}"#)),
        http("500 Oops", "application/json", &format!(r#"{{"code":"{SECRET}","message":"{quoted}"}}"#)),
        http("502 Bad Gateway", "text/html", &format!("<html>{quoted}")),
        http("200 OK", "text/plain", &quoted),
        json(&format!(r#"{{"errcode":0,"result":{{"userid":["{quoted}"]}}}}"#)),
        json(&format!(r#"{{"errcode":0,"result":"{quoted}""#)),
        Step::Send(
            format!(
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/?{quoted}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .into(),
        ),
        Step::Reset,
    ];
    let good = match call.path.as_str() {
        TOKEN => json(&format!(r#"{{"accessToken":"{ACCESS_TOKEN}","expireIn":7200}}"#)),
        TICKET => json(&format!(r#"{{"jsapiTicket":"{JSAPI_TICKET}","expireIn":7200}}"#)),
        EXCHANGE => json(r#"{"errcode":0,"result":{"userid":"alice","name":"Alice\r\n{\"level\":\"FORGED\"}"}}"#),
        _ => json(r#"{"errcode":0,"result":{}}"#),
    };
    // The app pauses after a failed fetch of a credential. So token and ticket fail once only, in a way that the app retries at once.
    let turn = match call.path.as_str() {
        TOKEN if call.nth > 1 => failures.len(),
        TOKEN => call.nth.wrapping_sub(1),
        TICKET if call.nth > 0 => failures.len(),
        _ => call.nth,
    };
    vec![failures.get(turn).cloned().unwrap_or(good)]
}

/// The same in every form that it might be written in.
fn spellings(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let percent = |upper: bool| -> String {
        let byte = |b: &u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
        bytes.iter().map(byte).collect()
    };
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let mut all = vec![secret.to_owned(), secret.to_lowercase(), form, percent(true), percent(false)];
    all.push(bytes.iter().map(|b| format!("{b:02x}")).collect());
    // Of base64 the middle, which is the same wherever in a longer text the secret began, for each of the three alignments.
    all.extend((0..3).map(|skip| base64_middle(&bytes[skip..])));
    all
}

fn base64_middle(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = bytes.chunks_exact(3).take(6);
    let sextets = whole.flat_map(|three| {
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        [18, 12, 6, 0].map(|shift| (bits >> shift) & 63)
    });
    sextets.map(|sextet| char::from(ALPHABET[sextet as usize])).collect()
}

/// Does everything that can be done, well and badly.
async fn walk(served: &Served, heard: &mut Vec<Answer>) -> Browser {
    for _ in 0..20 {
        let mut browser = served.browser();
        heard.push(browser.enter_and_log_in(&format!("{CODE}-{}", heard.len())).await);
        heard.push(browser.log_in(CODE, "no state").await);
    }
    let mut browser = served.browser();
    heard.push(browser.enter_and_log_in(&format!("{CODE}-last")).await);
    assert_eq!(heard.last().unwrap().status, 200, "{}", heard.last().unwrap().body);
    for _ in 0..20 {
        heard.push(browser.go("/jsapi").await);
        heard.push(browser.go("/profile").await);
        heard.push(browser.jsapi_config("http://127.0.0.1:9/jsapi?q=1").await);
    }
    let report = serde_json::json!({"code": "52013", "text": format!("ticketList:[{JSAPI_TICKET}] {CODE}"),
        "url": format!("http://127.0.0.1:9/jsapi?code={CODE}"), "nonceStr": JSAPI_TICKET});
    heard.push(browser.post("/api/jsapi/report", &report).await);
    let query = format!("/api/me?access_token={ACCESS_TOKEN}&code={CODE}");
    let forged = format!("{CODE}\\n{{\"level\":\"FORGED\"}}");
    let headers = [("x-request-id", forged.as_str()), ("user-agent", &forged), ("authorization", SECRET)];
    heard.push(browser.send(Method::GET, &query, &headers, None).await);
    heard.push(browser.send(Method::GET, &format!("/{CODE}"), &headers, None).await);
    heard.push(browser.send(Method::POST, "/api/login", &headers, Some(CODE.into())).await);
    browser
}

#[tokio::test]
async fn no_secret_is_in_a_log_an_answer_a_metric_or_the_command_line_whatever_goes_wrong() {
    let dingtalk = dingtalk_simulator::Simulator::start().await.unwrap();
    let rogue = Rogue::start(talkative).await;
    let keys = format!("{},{}", session_key(), session_key());
    let mut variables = complete(&dingtalk);
    for (name, value) in [
        ("DINGTALK_CLIENT_SECRET", SECRET),
        ("DINGTALK_API_URL", &rogue.url),
        ("DINGTALK_OAPI_URL", &rogue.url),
        ("SESSION_KEY", &keys),
        ("METRICS_ADDR", "127.0.0.1:0"),
        ("RUST_LOG", "trace"),
        ("RUST_BACKTRACE", "1"),
    ] {
        variables = with(variables, name, value);
    }
    let mut served = Served::start(&variables).await;
    let mut heard = Vec::new();
    let browser = walk(&served, &mut heard).await;
    let metrics = http_client().get(served.metrics_url().await).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let command_line = std::fs::read_to_string(format!("/proc/{}/cmdline", served.child.id().unwrap())).unwrap();
    let (exit, log) = served.stop().await;
    assert_eq!(exit, Some(0));

    let answers: String = heard
        .iter()
        .map(|answer| {
            let mut headers = answer.headers.clone();
            // The one header in which the session cookie may be.
            headers.remove("set-cookie");
            format!("{headers:?}{}", answer.body)
        })
        .collect();
    let cookie = browser.cookie("session").unwrap();
    let (newest, oldest) = keys.split_once(',').unwrap();
    for secret in [SECRET, ACCESS_TOKEN, JSAPI_TICKET, CODE, cookie, newest, oldest] {
        for spelling in spellings(secret) {
            assert!(spelling.len() >= 16, "{spelling} may be found by chance");
            for (place, text) in [("log", &log), ("answers", &answers), ("metrics", &metrics), ("cmdline", &command_line)] {
                assert!(!text.contains(&spelling), "{spelling} is in the {place}");
            }
        }
    }
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect(line);
        assert_ne!(line["level"], "FORGED");
    }
    assert!(log.lines().filter(|line| line.contains("\"request\"")).count() >= heard.len());
}
