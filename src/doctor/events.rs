//! Whether DingTalk's events can reach the app.

use reqwest::Client;
use serde_json::json;

use super::Asked;
use super::asking;
use super::credentials::{judge, outcome};
use super::report::{Finding, Findings, Verdict};
use crate::dingtalk::events::Callback;
use crate::dingtalk::{Clock, DingTalk, Events, Told, root, told};
use crate::settings::Settings;

/// Comes after all other checks: their findings may be the cause of a failure here.
pub async fn examine(
    dingtalk: &DingTalk,
    client: &Client,
    settings: &Settings,
    clock: &Clock,
    asked: &Asked,
    findings: &mut Findings,
) {
    let fails = |id: &str| findings.of(id).is_some_and(|finding| finding.verdict == Verdict::Fail || finding.because.is_some());
    match &settings.dingtalk.events {
        Events::Off => findings.put(Finding::unknown("events", told!("DINGTALK_EVENTS is off", "DINGTALK_EVENTS 为 off"))),
        Events::Stream(_) if asked.no_dingtalk => {}
        // Not of a third-party app: there Stream brings the suite ticket that a token needs, and so is examined without a token.
        Events::Stream(_) if dingtalk.home().is_some() && fails("token") => findings.not_done(&["events"], "token"),
        Events::Stream(_) => {
            let host = outcome(dingtalk.stream_host()).await;
            let opens = told!("Stream would be opened", "可以打开 Stream");
            if let Some(host) = judge("events", "api", host, findings, |_| opens.clone()) {
                // A firewall or a proxy may let calls to DingTalk's API through, but not connections to the Stream host.
                judge("events", "events", outcome(dingtalk.reaches(host)).await, findings, |()| opens);
            }
        }
        Events::Http(_) if asked.no_public => {}
        Events::Http(_) if fails("public") => findings.not_done(&["events"], "public"),
        Events::Http(_) if fails("identity") => findings.not_done(&["events"], "identity"),
        Events::Http(_) => {
            if let Some(callback) = Callback::of(&settings.dingtalk, clock.clone()) {
                findings.put(round_trip(&callback, client, settings).await);
            }
        }
    }
}

/// Calls the server as DingTalk's console does when it checks the address.
#[rustfmt::skip] // A finding a paragraph.
async fn round_trip(callback: &Callback, client: &Client, settings: &Settings) -> Finding {
    let call = callback.url_check();
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    let asked = async {
        let url = format!("{}/dingtalk/events", settings.web.public_url);
        let signed = [("msg_signature", text("msg_signature")), ("timestamp", text("timeStamp")), ("nonce", text("nonce"))];
        let response = client.post(url).query(&signed).json(&json!({"encrypt": call["encrypt"]})).send().await?;
        Ok::<_, reqwest::Error>((response.status().as_u16(), asking::body(response).await?))
    };
    let seen = match asked.await {
        Ok((200, body)) if callback.acknowledges(&body) => return Finding::pass("events", told!(
            "a signed message is acknowledged; whether DingTalk sends any is seen in Developer Console", "签名消息得到确认；钉钉是否推送请在开发者后台查看")),
        Ok((status, _)) => told!("status {status}: the server does not understand a message signed with these settings", "状态 {status}：服务器无法识别以当前设置签名的消息"),
        Err(error) => {
            let why = root(&error);
            told!("no answer from /dingtalk/events: {why}", "/dingtalk/events 无应答：{why}")
        }
    };
    Finding::fail("events", seen, told!(
        "start the server with DINGTALK_EVENTS=http and the token and key that Developer Console > the app > Event Subscriptions shows, and have the proxy pass POST /dingtalk/events on",
        "请以 DINGTALK_EVENTS=http 及开发者后台 > 应用 > 事件订阅 中的 token 与密钥启动服务器，并让代理转发 POST /dingtalk/events"))
}
