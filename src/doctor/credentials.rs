//! DingTalk: whether its hosts are reached, which credentials the app is granted, and which data of people it may read.

use std::sync::Arc;

use serde_json::Value;
use tokio::time::error::Elapsed;
use tokio::time::{Duration, Instant, timeout};

use super::Asked;
use super::machine::Server;
use super::report::{Check, Finding, Findings, Verdict};
use super::words::advice;
use crate::dingtalk::{
    AccessToken, AppKind, Call, DingTalk, Error, Kind, Network, NoConnection, Organisation, Standing, Told, told,
};
use crate::settings::Settings;
use crate::state::Location;

/// The checks that need an access_token.
const NEED_TOKEN: [Check; 6] = ["address", "ticket", "login", "ids", "user", "code"];

/// All checks that need calls to DingTalk. `server` is what listens at APP_ADDR: it may hold the app's credentials already.
pub async fn examine(dingtalk: &DingTalk, settings: &Settings, server: &Server, asked: &Asked) -> Findings {
    let mut findings = Findings::default();
    if asked.no_dingtalk {
        return findings;
    }
    if dingtalk.home().is_none() {
        pair(dingtalk, &mut findings).await;
    }
    match (dingtalk.home(), server) {
        (Some(home), _) if may_ask(settings, server) => {
            if let Some(token) = granted(home, &mut findings).await {
                with_token(dingtalk, home, &token, asked, &mut findings).await;
                findings.put(ids(&settings.dingtalk.kind, &findings));
            }
        }
        (_, Server::Ours(_, readiness)) => as_the_server_says(readiness, &mut findings),
        _ => {
            findings.not_done(&["token"], "server");
            findings.not_done(&NEED_TOKEN, "token");
        }
    }
    // A host about which the calls so far say nothing is sent an empty call.
    let hosts = [("api", Call::NEW_PROBE), ("oapi", Call::OLD_PROBE)];
    for (id, probe) in hosts {
        if findings.verdict(id).is_none() {
            judge(id, id, outcome(dingtalk.answers(probe, None)).await, &mut findings, |()| told!("it answers", "有应答"));
        }
    }
    let is_reached = hosts.iter().any(|(id, _)| findings.verdict(id) == Some(Verdict::Pass));
    match settings.dingtalk.proxy {
        None => findings.put(Finding::unknown("proxy", told!("none is set", "未设置代理"))),
        Some(_) if is_reached => findings.put(Finding::pass("proxy", told!("DingTalk answers through it", "可经由代理到达钉钉"))),
        Some(_) => findings.put(Finding::not_done("proxy", "api")),
    }
    findings.put(clock(dingtalk));
    findings
}

/// Whether the doctor may fetch an access_token without ending somebody else's. Unless the app is internal, each call brings a new token,
/// and it is not documented that the one before stays valid. A stranger at APP_ADDR may be the server, only busy; with Redis, processes
/// elsewhere may share a token.
fn may_ask(settings: &Settings, server: &Server) -> bool {
    match settings.dingtalk.kind {
        AppKind::Internal(_) => true,
        AppKind::Custom(_) => matches!(server, Server::Nobody) && !matches!(settings.state, Location::Redis(_)),
        AppKind::ThirdParty => false,
    }
}

/// Whether DingTalk knows Client ID and secret of a third-party app, which fetches a token only when an organisation's people come. The
/// call asks where Stream would be opened, however events come: it ends nobody's token and takes no events.
pub async fn pair(dingtalk: &DingTalk, findings: &mut Findings) {
    match outcome(dingtalk.stream_host()).await {
        known @ (Ok(Ok(_)) | Ok(Err(Error { kind: Kind::Credentials, .. }))) => {
            judge("token", "api", known, findings, |_| told!("DingTalk knows Client ID and secret", "钉钉认可 Client ID 与密钥"));
        }
        _ => findings.put(Finding::unknown(
            "token",
            told!("no call tells whether Client ID and secret are a pair", "没有接口可核对 Client ID 与密钥是否匹配"),
        )),
    }
}

/// Checks access_token and jsapi_ticket. Returns the token, if it was granted.
pub async fn granted(home: &Organisation, findings: &mut Findings) -> Option<Arc<AccessToken>> {
    let token = outcome(home.access_token()).await;
    let token = judge("token", "api", token, findings, |_| told!("an access_token was granted", "已取得 access_token"));
    if token.is_none() {
        findings.not_done(&NEED_TOKEN, "token");
        return None;
    }
    let ticket = outcome(home.jsapi_ticket()).await;
    judge("ticket", "api", ticket, findings, |_| told!("a jsapi_ticket was granted", "已取得 jsapi_ticket"));
    token
}

/// The checks that call DingTalk with a token.
#[rustfmt::skip] // A finding a paragraph, here and below.
async fn with_token(dingtalk: &DingTalk, home: &Organisation, token: &AccessToken, asked: &Asked, findings: &mut Findings) {
    let standing = Standing { network: Network::OURS, since: 0, until: Instant::now() + Duration::from_secs(3) };
    let (login, user, code) = tokio::join!(
        outcome(dingtalk.answers(Call::LOGIN_PROBE, Some(token))),
        async { Some(outcome(home.user_details(asked.user.as_ref()?)).await) },
        async { Some(outcome(home.user_by_code(asked.code.as_ref()?, standing, || {})).await) },
    );
    judge("login", "oapi", login, findings, |()| told!("DingTalk takes the call that exchanges authCodes", "钉钉接受以授权码换取用户身份的调用"));
    if let Some(user) = user {
        judge("user", "oapi", user, findings, |details| {
            let told_or = |what: &Option<String>| if what.is_some() { ["told", "有"] } else { ["not told", "无"] };
            let ([mobile, mobile_zh], [email, email_zh]) = (told_or(&details.mobile), told_or(&details.email));
            told!("errcode 0; mobile {mobile}, email {email}: each needs a permission of its own, and is empty for people who have none",
                "errcode 0；手机号{mobile_zh}，邮箱{email_zh}：两者各需单独的权限，用户未填写时也为空")
        });
    }
    if let Some(code) = code {
        judge("code", "oapi", code, findings, |person| {
            let id = &person.user_id;
            told!("it is a code of {id}", "属于 {id}")
        });
    }
    // DingTalk has looked at a call with a token, so it allows this address.
    match findings.of("login").map(|login| (login.verdict, login.because)) {
        Some((Verdict::Pass | Verdict::Fail, _)) => {
            findings.put(Finding::pass("address", told!("DingTalk takes calls from here", "钉钉接受来自本机的调用")))
        }
        Some((_, Some(because))) => findings.not_done(&["address"], because),
        _ => {}
    }
}

/// Whether CorpId, AgentId and Client ID belong to one app, as far as calls can tell. Comes after the check of a code.
#[rustfmt::skip]
fn ids(kind: &AppKind, so_far: &Findings) -> Finding {
    match kind {
        AppKind::Custom(_) => Finding::pass("ids",
            told!("the token is this organisation's; no call tells the AgentId", "该 token 属于此组织；没有接口可核对 AgentId")),
        _ if so_far.verdict("code") == Some(Verdict::Pass) => Finding::pass("ids",
            told!("the code is of this app; whether CorpId and AgentId are right, no call tells: open the app",
                "该授权码属于此应用；没有接口可核对 CorpId 与 AgentId 是否正确：请打开应用")),
        _ => Finding::unknown("ids",
            told!("no call tells: open the app. A wrong CorpId gets no code, a pair of another app gets every code refused, a wrong AgentId gets dd.config refused, which the log names; or use --code",
                "没有接口可核对：请打开应用。CorpId 错误则取不到授权码，凭证属于另一个应用则授权码都被拒绝，AgentId 错误则 dd.config 被拒绝（日志会指明）；也可使用 --code")),
    }
}

/// For an app whose credentials are left to the running server: what its `/readyz` says of them.
#[rustfmt::skip]
fn as_the_server_says(readiness: &Value, findings: &mut Findings) {
    findings.put(match readiness["ready"] == true {
        true => Finding::pass("token", told!("the running server has what it needs", "运行中的服务器已具备所需凭证")),
        false => Finding::fail("token", told!("the running server cannot log people in", "用户目前无法通过运行中的服务器登录"),
            told!("see its log, which says what to change and where", "请查看其日志，其中说明了需要修改的内容")),
    });
    let seen = told!("left to the running server: another token might end the one it has", "交由运行中的服务器：再取 token 可能使其现有 token 失效");
    NEED_TOKEN.iter().for_each(|id| findings.put(Finding::unknown(id, seen.clone())));
}

/// Compares this machine's clock with the time in DingTalk's responses.
#[rustfmt::skip]
pub fn clock(dingtalk: &DingTalk) -> Finding {
    /// In seconds: from here on signatures and sessions suffer.
    const FURTHEST: i64 = 60;
    let Some(ahead) = dingtalk.clock_ahead() else { return Finding::not_done("clock", "api") };
    let seconds = ahead.abs();
    let [than, than_zh] = if ahead > 0 { ["behind", "慢"] } else { ["ahead of", "快"] };
    let seen = told!("this machine's clock is {seconds} s {than} DingTalk's", "本机时钟比钉钉{than_zh} {seconds} 秒");
    match seconds >= FURTHEST {
        true => Finding::fail("clock", seen,
            told!("set this machine's clock, such as by: timedatectl set-ntp true", "请校准本机时钟，例如：timedatectl set-ntp true")),
        false => Finding::pass("clock", seen),
    }
}

/// The result of a call, or `Elapsed` if it took longer than anybody would wait.
pub type Outcome<T> = Result<Result<T, Error>, Elapsed>;

/// Waits for a call, for longer than it takes with its retries.
pub async fn outcome<T>(call: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
    timeout(Duration::from_secs(9), call).await
}

/// Adds the outcome of a call to the findings. A failure of the connection becomes a finding of `reach` or `proxy` instead of `id`, wrong
/// credentials one of `token`, a refused address one of `address`. Returns what the call brought, if it succeeded.
#[rustfmt::skip]
pub fn judge<T>(id: Check, reach: Check, outcome: Outcome<T>, findings: &mut Findings, seen: impl FnOnce(&T) -> Told) -> Option<T> {
    let finding = match outcome {
        Ok(Ok(good)) => {
            findings.put(Finding::pass(id, seen(&good)));
            findings.put(answers(reach));
            return Some(good);
        }
        Err(_) => Finding::fail(id, told!("nobody answers in time", "超时无应答"), told!("try again", "请重试")),
        // No call was made, because one of the two hosts has banned this address: that host's finding says so.
        Ok(Err(Error { kind: Kind::NotAsked(_), .. })) => {
            let is_this = findings.verdict(reach) == Some(Verdict::Fail);
            let other = if reach == "api" { "oapi" } else { "api" };
            Finding::not_done(id, if is_this { reach } else { other })
        }
        // Doctor has made as many calls as it may. That is nobody's fault, but the check was not made.
        Ok(Err(Error { kind: Kind::Interrupted, .. })) => Finding::warn(id,
            told!("not asked: doctor's calls are used up, since most of those before had to be repeated",
                "未检查：doctor 的调用次数已用完，因为此前的调用大多经过重试"),
            told!("mend what fails besides, and run doctor again in a minute", "请先处理其他失败项，一分钟后再次运行 doctor")),
        Ok(Err(error)) => {
            let root = match error.kind {
                Kind::NotSent(NoConnection::Proxy | NoConnection::ProxyLogin) => "proxy",
                Kind::NotSent(_) | Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Banned(_) | Kind::NoSuchCall => reach,
                Kind::IpNotAllowed(_) => "address",
                Kind::Credentials => "token",
                _ => id,
            };
            findings.put(Finding::fail(root, told!("{error}", "{error}"), advice(&error)));
            findings.put(if root == "proxy" { Finding::not_done(reach, root) } else { answers(reach) });
            // This changes nothing if `id` itself has failed.
            Finding::not_done(id, root)
        }
    };
    findings.put(finding);
    None
}

fn answers(reach: Check) -> Finding {
    Finding::pass(reach, told!("it answers", "有应答"))
}
