//! Makes findings of the outcome of a call to DingTalk, for the check that is to blame.

use std::future::Future;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::report::{Check, Finding, Findings, Verdict};
use super::words::advice;
use crate::dingtalk::{Error, Kind, NoConnection, Told, told};

/// The result of a call, or `Elapsed` if it took longer than anybody would wait.
pub type Outcome<T> = Result<Result<T, Error>, Elapsed>;

/// Waits for a call, for longer than it takes with its retries.
pub async fn of<T>(call: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
    timeout(Duration::from_secs(9), call).await
}

/// Adds the outcome of a call to the findings. A failure of the connection becomes a finding of `reach` or `proxy` instead of `id`, wrong
/// credentials one of `token`, a refused address one of `address`. Returns what the call brought, if it succeeded.
#[rustfmt::skip] // A finding a paragraph.
pub fn judge<T>(id: Check, reach: Check, outcome: Outcome<T>, findings: &mut Findings, seen: impl FnOnce(&T) -> Told) -> Option<T> {
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
            // No call was made, because one of the two hosts has banned this address: that host's finding says so.
            let is_this = findings.verdict(reach) == Some(Verdict::Fail);
            let other = if reach == "api" { "oapi" } else { "api" };
            findings.not_done(&[id], if is_this { reach } else { other });
            return None;
        }
        Kind::Interrupted => {
            // Doctor has made as many calls as it may. That is nobody's fault, but the check was not made.
            findings.put(Finding::warn(id,
                told!("not asked: doctor's calls are used up, since most of those before had to be repeated",
                    "未检查：doctor 的调用次数已用完，因为此前的调用大多经过重试"),
                told!("mend what fails besides, and run doctor again in a minute", "请先处理其他失败项，一分钟后再次运行 doctor")));
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
    // This changes nothing if `id` itself has failed.
    findings.not_done(&[id], root);
    None
}

fn answers(reach: Check) -> Finding {
    Finding::pass(reach, told!("it answers", "有应答"))
}
