//! DingTalk: the way there, what the app is granted, and what it may know of people.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::Asked;
use super::check::{Finding, Findings, Verdict};
use super::server::Server;
use crate::dingtalk::{AccessToken, AppKind, DingTalk, Error, Kind, Network, NoConnection, Organisation, Standing, Told, told};
use crate::settings::Settings;
use crate::state::Location;

/// What needs an access_token.
const NEED_TOKEN: [&str; 6] = ["address", "ticket", "login", "ids", "user", "code"];

/// Longer than any call with its repetitions takes.
const PATIENCE: Duration = Duration::from_secs(9);

/// Everything that calls can tell. `server` is whoever holds the app's credentials already.
pub async fn examine(dingtalk: &DingTalk, settings: &Settings, server: &Server, asked: &Asked) -> Findings {
    let mut findings = Findings::default();
    match (dingtalk.home(), server) {
        (Some(home), _) if may_ask(settings, server) => {
            if let Some(token) = granted(dingtalk, home, &mut findings).await {
                with_token(dingtalk, home, &token, settings, asked, &mut findings).await;
            }
        }
        (_, Server::Ours(readiness)) => as_the_server_says(readiness, &mut findings),
        _ => {
            findings.not_done(&["token"], "server");
            findings.not_done(&NEED_TOKEN, "token");
        }
    }
    if findings.of("login").is_none_or(|login| login.verdict == Verdict::NotDone) {
        judge("oapi", "oapi", dingtalk.answers_old().await, &mut findings, |()| answers(settings));
    }
    the_way(settings, &mut findings);
    findings.put(clock(dingtalk));
    findings
}

/// Whether a token of the doctor's own ends nobody's: of apps that are not internal each call for one brings another, and nobody has said
/// that the one before goes on. Processes elsewhere may share one.
fn may_ask(settings: &Settings, server: &Server) -> bool {
    match settings.dingtalk.kind {
        AppKind::Internal(_) => true,
        AppKind::Custom(_) => !matches!(server, Server::Ours(_)) && !matches!(settings.state, Location::Redis(_)),
        AppKind::ThirdParty => false,
    }
}

/// The token and the ticket; the token, if there is one.
pub async fn granted(dingtalk: &DingTalk, home: &Organisation, findings: &mut Findings) -> Option<Arc<AccessToken>> {
    let token = bounded(home.access_token(), findings, "token").await?;
    let good = token.as_ref().ok().cloned();
    judge("token", "api", token, findings, |_| told!("an access_token was granted", "已取得 access_token"));
    let Some(token) = good else {
        findings.not_done(&NEED_TOKEN, "token");
        return None;
    };
    if let Some(ticket) = bounded(home.jsapi_ticket(), findings, "ticket").await {
        judge("ticket", "api", ticket, findings, |_| told!("a jsapi_ticket was granted", "已取得 jsapi_ticket"));
    }
    let clock = clock(dingtalk);
    if clock.verdict == Verdict::Fail {
        findings.put(clock);
    }
    Some(token)
}

async fn with_token(
    dingtalk: &DingTalk,
    home: &Organisation,
    token: &AccessToken,
    settings: &Settings,
    asked: &Asked,
    findings: &mut Findings,
) {
    let logins = dingtalk.takes_logins(token);
    let (logins, of_people) = tokio::join!(timeout(PATIENCE, logins), timeout(PATIENCE, people(home, asked)));
    if let Ok(logins) = logins {
        judge("login", "oapi", logins, findings, |()| told!("DingTalk would look at one", "钉钉接受此调用"));
    }
    if let Ok(of_people) = of_people {
        findings.add(of_people);
    }
    let is_told = asked.code.is_some() && findings.of("code").is_some_and(|code| code.verdict == Verdict::Pass);
    findings.put(match settings.dingtalk.kind {
        AppKind::Custom(_) => Finding::pass("ids", told!("the token is this organisation's; no call tells the AgentId", "该 token 属于此组织；没有接口可核对 AgentId")),
        _ if is_told => Finding::pass("ids", told!("the code is of this app; whether CorpId and AgentId are right, no call tells: open the app", "该授权码属于此应用；没有接口可核对 CorpId 与 AgentId 是否正确：请打开应用")),
        _ => Finding::unknown("ids", told!(
            "no call tells: open the app. A wrong CorpId gets no code, a wrong AgentId gets dd.config refused, which the log names; or use --code",
            "没有接口可核对：请打开应用。CorpId 错误则取不到授权码，AgentId 错误则 dd.config 被拒绝（日志会指明）；也可使用 --code"
        )),
    });
    // Whoever was let through with a token is allowed.
    match findings.of("login") {
        Some(login) if login.because.is_none() => {
            findings.put(Finding::pass("address", told!("DingTalk takes calls from here", "钉钉接受来自本机的调用")))
        }
        _ => findings.not_done(&["address"], "oapi"),
    }
}

/// What the app may know of those who were asked for.
async fn people(home: &Organisation, asked: &Asked) -> Findings {
    let mut findings = Findings::default();
    let (user, code) = tokio::join!(async { Some(home.user_details(asked.user.as_ref()?).await) }, async {
        let now = Instant::now();
        let standing = Standing { network: Network::OURS, since: 0, until: now + Duration::from_secs(3) };
        Some(home.user_by_code(asked.code.as_ref()?, standing, || {}).await)
    });
    if let Some(user) = user {
        judge("user", "oapi", user, &mut findings, |details| {
            let told_or = |what: &Option<String>| if what.is_some() { ["told", "有"] } else { ["not told", "无"] };
            let ([mobile, mobile_zh], [email, email_zh]) = (told_or(&details.mobile), told_or(&details.email));
            told!(
                "errcode 0; mobile {mobile}, email {email}: each is a permission of its own, and empty for people who have none",
                "errcode 0；手机号{mobile_zh}，邮箱{email_zh}：两者各需单独的权限，用户未填写时也为空"
            )
        });
    }
    if let Some(person) = code {
        judge("code", "oapi", person, &mut findings, |person| {
            let id = person.user_id;
            told!("of {id}", "属于 {id}")
        });
    }
    findings
}

fn as_the_server_says(readiness: &Value, findings: &mut Findings) {
    let is_ready = readiness["ready"] == true;
    let seen = told!("the running server has what it needs", "运行中的服务器已具备所需凭证");
    findings.put(match is_ready {
        true => Finding::pass("token", seen),
        false => Finding::fail(
            "token",
            told!("the running server cannot log people in", "运行中的服务器无法登录用户"),
            told!("see its log, which says what to change and where", "请查看其日志，其中说明了需要修改的内容"),
        ),
    });
    let seen = told!(
        "left to the running server: another token might end the one it has",
        "交由运行中的服务器：再取 token 可能使其现有 token 失效"
    );
    NEED_TOKEN.iter().for_each(|id| findings.put(Finding::unknown(id, seen.clone())));
}

fn answers(settings: &Settings) -> Told {
    match settings.dingtalk.is_real() {
        true => told!("it answers", "有应答"),
        false => told!("it answers, and is not DingTalk: the settings name another host", "有应答，但并非钉钉：设置指向其他主机"),
    }
}

/// What no failure was found of is as it should be, if anything came through.
fn the_way(settings: &Settings, findings: &mut Findings) {
    let is_answered = |id: &&str| {
        findings.of(id).is_some_and(|finding| match finding.verdict {
            Verdict::Pass | Verdict::Warn | Verdict::Fail => true,
            Verdict::NotDone => finding.because == Some("address"),
        })
    };
    let (api, oapi) = (["token", "ticket"].iter().any(is_answered), ["login", "user", "code"].iter().any(is_answered));
    for (id, has_come) in [("api", api), ("oapi", oapi)] {
        if has_come && findings.of(id).is_none() {
            findings.put(Finding::pass(id, answers(settings)));
        }
    }
    if settings.dingtalk.proxy.is_some() && findings.of("proxy").is_none() && (api || oapi) {
        findings.put(Finding::pass("proxy", told!("it does", "可以")));
    }
    if settings.dingtalk.proxy.is_none() {
        findings.put(Finding::unknown("proxy", told!("none is set", "未设置代理")));
    }
}

fn clock(dingtalk: &DingTalk) -> Finding {
    /// From here on signatures and sessions suffer.
    const FURTHEST: i64 = 60;
    match dingtalk.clock_ahead() {
        None => Finding::not_done("clock", "api"),
        Some(ahead) if ahead.abs() >= FURTHEST => Finding::fail(
            "clock",
            told!("DingTalk's clock is {ahead} s ahead of this one", "钉钉的时钟比本机快 {ahead} 秒"),
            told!(
                "set this machine's clock, such as by: timedatectl set-ntp true",
                "请校准本机时钟，例如：timedatectl set-ntp true"
            ),
        ),
        Some(ahead) => Finding::pass("clock", told!("it differs from DingTalk's by {ahead} s", "与钉钉相差 {ahead} 秒")),
    }
}

/// None when it took too long, which is a finding.
async fn bounded<T>(
    call: impl Future<Output = Result<T, Error>>,
    findings: &mut Findings,
    id: &'static str,
) -> Option<Result<T, Error>> {
    let answer = timeout(PATIENCE, call).await.ok();
    if answer.is_none() {
        findings.put(Finding::fail(id, told!("nobody answers in time", "超时无应答"), told!("try again", "请重试")));
    }
    answer
}

/// Puts a call's outcome where it belongs: what the way there is to blame for is told of the way, by `reach` or the proxy.
pub fn judge<T>(
    id: &'static str,
    reach: &'static str,
    outcome: Result<T, Error>,
    findings: &mut Findings,
    seen: impl FnOnce(T) -> Told,
) {
    let error = match outcome {
        Ok(good) => return findings.put(Finding::pass(id, seen(good))),
        Err(error) => error,
    };
    if let Kind::NotAsked(_) = error.kind {
        // The other host has shut this address out, which is told there.
        let ban = if reach == "api" { "oapi" } else { "api" };
        return findings.not_done(&[id, reach], ban);
    }
    let root = match error.kind {
        Kind::NotSent(NoConnection::Proxy | NoConnection::ProxyLogin) => "proxy",
        Kind::NotSent(_) | Kind::AnswerLost | Kind::Unintelligible(_) | Kind::Banned(_) | Kind::NoSuchCall => reach,
        Kind::IpNotAllowed(_) => "address",
        _ => id,
    };
    let otherwise = || match error.kind {
        Kind::TokenRejected => told!(
            "DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET may be of another app: copy both from Developer Console > the app > Credentials and Basic Information",
            "DINGTALK_CLIENT_ID 与 DINGTALK_CLIENT_SECRET 可能属于其他应用：请从开发者后台 > 应用 > 凭证与基础信息 复制两者"
        ),
        Kind::Banned(_) => told!(
            "wait five minutes; if it stays, something between here and DingTalk answers in its place",
            "请等待五分钟；如仍然如此，则有中间设备代替钉钉应答"
        ),
        Kind::Unintelligible(_) => told!(
            "check DINGTALK_API_URL and DINGTALK_OAPI_URL, and what stands between here and DingTalk: it answers in its place",
            "请检查 DINGTALK_API_URL 与 DINGTALK_OAPI_URL，以及到钉钉之间的设备：有设备代替钉钉应答"
        ),
        Kind::CodeRejected => told!(
            "take a fresh code, of this app and organisation: it is good for five minutes and once",
            "请使用此应用与组织的新授权码：五分钟内有效且只能使用一次"
        ),
        Kind::UserUnknown => told!(
            "take the userid from Admin Console > Contacts of this very organisation",
            "请从该组织的管理后台 > 通讯录 获取 userid"
        ),
        _ => told!(
            "try again in a minute; if it stays, this is what to search DingTalk's documentation for",
            "请稍后重试；如仍然如此，请据此查阅钉钉文档"
        ),
    };
    let fix = error.advice().unwrap_or_else(otherwise);
    findings.put(Finding::fail(root, told!("{error}", "{error}"), fix));
    if root == "proxy" {
        findings.not_done(&[reach], root);
    }
    if root != id && reach != id {
        findings.not_done(&[id], root);
    }
}
