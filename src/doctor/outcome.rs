//! What the outcome of a call to DingTalk tells, and of which check.

use std::future::Future;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::check::{Finding, Findings, Verdict};
use crate::dingtalk::{Error, Kind, NoConnection, Told, told};

/// A call's, in so much time as anybody would wait.
pub type Outcome<T> = Result<Result<T, Error>, Elapsed>;

/// Waits for a call, for longer than it takes with its repetitions.
pub async fn of<T>(call: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
    timeout(Duration::from_secs(9), call).await
}

/// Puts a call's outcome where it belongs: what the way there is to blame for is told of the way, by `reach` or the proxy. What it brought,
/// if all is well.
pub fn judge<T>(
    id: &'static str,
    reach: &'static str,
    outcome: Outcome<T>,
    findings: &mut Findings,
    seen: impl FnOnce(&T) -> Told,
) -> Option<T> {
    let error = match outcome {
        Ok(Ok(good)) => {
            findings.put(Finding::pass(id, seen(&good)));
            findings.put(answers(reach));
            return Some(good);
        }
        Ok(Err(error)) => error,
        Err(_) => {
            findings.put(Finding::fail(id, told!("nobody answers in time", "超时无应答"), told!("try again", "请重试")));
            return None;
        }
    };
    let root = match error.kind {
        Kind::NotAsked(_) => {
            // One of the two hosts has shut this address out, which is told there.
            let is_this = findings.of(reach).is_some_and(|finding| finding.verdict == Verdict::Fail);
            let other = if reach == "api" { "oapi" } else { "api" };
            findings.not_done(&[id], if is_this { reach } else { other });
            return None;
        }
        Kind::Interrupted => {
            findings.put(not_asked(id));
            return None;
        }
        Kind::NotSent(NoConnection::Proxy | NoConnection::ProxyLogin) => "proxy",
        Kind::NotSent(_) | Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Banned(_) | Kind::NoSuchCall => reach,
        Kind::IpNotAllowed(_) => "address",
        Kind::Credentials => "token",
        _ => id,
    };
    findings.put(Finding::fail(root, told!("{error}", "{error}"), advice(&error)));
    match root {
        "proxy" => findings.not_done(&[reach], root),
        _ => findings.put(answers(reach)),
    }
    // What has failed itself stays so.
    findings.not_done(&[id], root);
    None
}

fn answers(reach: &'static str) -> Finding {
    Finding::pass(reach, told!("it answers", "有应答"))
}

/// No call was left for it. That is nobody's fault, and yet not as it should be.
fn not_asked(id: &'static str) -> Finding {
    Finding::warn(
        id,
        told!(
            "not asked: doctor makes no more calls, and most of those before had to be repeated",
            "未检查：doctor 的调用次数已用完，之前的调用大多需要重复"
        ),
        told!("mend what fails besides, and run doctor again in a minute", "请先处理其他失败项，一分钟后再次运行 doctor"),
    )
}

/// What to change, and where: as the log has it, or what only somebody at the keyboard can do.
#[rustfmt::skip] // A row a kind.
fn advice(error: &Error) -> Told {
    error.advice().unwrap_or_else(|| match error.kind {
        Kind::TokenRejected => told!(
            "the access_token was granted a moment ago: DINGTALK_API_URL and DINGTALK_OAPI_URL must be of the same DingTalk, so better set only DINGTALK_SITE; or another program with this Client ID fetches tokens that end this one",
            "该 access_token 刚刚取得：DINGTALK_API_URL 与 DINGTALK_OAPI_URL 必须属于同一钉钉站点，建议只设置 DINGTALK_SITE；也可能有其他程序以此 Client ID 取得新 token 而使其失效"),
        Kind::Banned(wait) => {
            let minutes = wait.as_secs().div_ceil(60);
            told!("wait {minutes} minutes; if it stays, something between here and DingTalk answers in its place",
                "请等待 {minutes} 分钟；如仍然如此，则有中间设备代替钉钉应答")
        }
        Kind::Unintelligible(_) | Kind::AnswerLost => told!(
            "try again in a minute; if it stays, check DINGTALK_SITE (or DINGTALK_API_URL and DINGTALK_OAPI_URL), and what stands between here and DingTalk: it may cut calls off, or answer in its place",
            "请稍后重试；如仍然如此，请检查 DINGTALK_SITE（或 DINGTALK_API_URL 与 DINGTALK_OAPI_URL），以及到钉钉之间的设备：可能中断了调用，或代替钉钉应答"),
        Kind::CodeRejected => told!(
            "take a fresh code, of this app and organisation: it is good for five minutes and once",
            "请使用此应用与组织的新授权码：五分钟内有效且只能使用一次"),
        Kind::UserUnknown => told!(
            "take the userid from Admin Console > Contacts > User Management of this very organisation",
            "请从该组织的管理后台 > 通讯录 > 成员管理 获取 userid"),
        Kind::QuotaSpent => told!(
            "the organisation's calls of this month are used up: its administrator buys more, or they begin anew next month",
            "该组织本月的调用次数已用完：请由其管理员购买，或等待下月重新计数"),
        Kind::NoTurn(_) | Kind::Crowded(_) | Kind::RateLimited => told!(
            "more calls are made than DingTalk allows in a second: set DINGTALK_CALLS_PER_SECOND to what it allows this app, and see what else calls with this Client ID",
            "每秒调用次数超过钉钉的限制：请将 DINGTALK_CALLS_PER_SECOND 设为钉钉允许的次数，并检查还有哪些程序使用此 Client ID"),
        _ => told!(
            "try again in a minute; if it stays, this is what to search DingTalk's documentation for",
            "请稍后重试；如仍然如此，请据此查阅钉钉文档"),
    })
}
