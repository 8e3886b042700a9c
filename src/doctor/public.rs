//! PUBLIC_URL, as whoever opens the app meets it; and DingTalk's library.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::net::lookup_host;
use tokio::time::timeout;
use url::Url;

use super::asking::{self, Answer, who_is};
use super::check::{Finding, Findings};
use super::passage;
use crate::dingtalk::{Clock, Told, causes, told};
use crate::settings::Settings;

/// What needs somebody to answer.
const NEED_ANSWER: [&str; 4] = ["certificate", "identity", "passage", "processes"];

/// Everything about PUBLIC_URL; and whether a server with our keys answers there.
pub async fn examine(client: &Client, settings: &Settings, clock: &Clock) -> (Findings, bool) {
    let mut findings = Findings::default();
    let public_url = settings.web.public_url.as_str();
    let asked = async {
        let url = Url::parse(&format!("{public_url}{}", passage::TARGET)).map_err(|_| not_found("no address"))?;
        is_found(&url).await?;
        match who_is(client, url.as_str(), &settings.web.session_keys, clock).await {
            Ok(answer) => Ok(answer),
            Err(error) => Err(why_certificate(&error).map_or_else(|| unanswered(&error), bad_certificate)),
        }
    };
    let answer = match asked.await {
        Ok(answered) => answered,
        Err(finding) => {
            let because = finding.id;
            findings.put(finding);
            findings.not_done(&NEED_ANSWER, because);
            findings.not_done(&["public"], because);
            return (findings, false);
        }
    };
    findings.put(certificate(public_url).await);
    findings.add(identity(&answer));
    let Some(introduction) = answer.introduction else { return (findings, false) };
    findings.put(passage::arrival(&introduction, settings));
    findings.put(passage::processes(client, introduction, settings, clock).await);
    (findings, true)
}

/// DingTalk's library, which every page loads.
pub async fn library(client: &Client, settings: &Settings) -> Findings {
    let mut findings = Findings::default();
    let asked = async {
        let response = client.get(settings.web.jsapi_script_url.clone()).send().await?;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("no type").to_owned();
        Ok::<_, reqwest::Error>((response.status().as_u16(), kind))
    };
    let fix = || {
        told!(
            "set JSAPI_SCRIPT_URL to DingTalk's library, or to a copy of your own; if only this machine cannot reach it, leave it: browsers load it",
            "请将 JSAPI_SCRIPT_URL 设为钉钉的 JSAPI 库或自己的副本；如仅本机无法访问则可忽略：由浏览器加载"
        )
    };
    findings.put(match asked.await {
        Ok((200, kind)) if kind.contains("javascript") => Finding::pass("library", told!("{kind}", "{kind}")),
        Ok((status, kind)) => Finding::fail("library", told!("status {status}, {kind}", "状态 {status}，{kind}"), fix()),
        Err(error) => {
            let why = root(&error);
            Finding::warn("library", told!("no answer: {why}", "无应答：{why}"), fix())
        }
    });
    findings
}

async fn is_found(url: &Url) -> Result<(), Finding> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let found = timeout(Duration::from_secs(3), lookup_host((host, 443))).await;
    let is_there = found.is_ok_and(|found| found.is_ok_and(|mut addresses| addresses.next().is_some()));
    if is_there { Ok(()) } else { Err(not_found(host)) }
}

fn not_found(host: &str) -> Finding {
    Finding::fail(
        "public",
        told!("the name {host} has no address", "域名 {host} 没有解析记录"),
        told!("check PUBLIC_URL, and the name's record at whoever manages the domain", "请检查 PUBLIC_URL 及该域名的解析记录"),
    )
}

fn unanswered(error: &reqwest::Error) -> Finding {
    let why = root(error);
    if causes(error).any(|cause| matches!(cause.downcast_ref(), Some(rustls::Error::AlertReceived(_)))) {
        return Finding::fail(
            "public",
            told!("whoever answers ends the TLS handshake: {why}", "对方中断了 TLS 握手：{why}"),
            told!(
                "see that the proxy has a certificate for the host of PUBLIC_URL, and the key of it",
                "请检查代理是否有 PUBLIC_URL 主机名的证书及其私钥"
            ),
        );
    }
    Finding::fail(
        "public",
        told!("no answer: {why}", "无应答：{why}"),
        told!(
            "check that the server, or the proxy in front of it, listens there, and that firewalls let browsers through; if phones reach it and only this machine does not, use --no-public",
            "请检查服务器或其前置代理是否在此监听，以及防火墙是否放行；如仅本机无法访问而手机可以，请使用 --no-public"
        ),
    )
}

fn identity(answer: &Answer) -> Findings {
    let mut findings = Findings::default();
    let status = answer.status;
    if answer.introduction.is_some() {
        findings.put(Finding::pass("public", told!("it answers", "有应答")));
        findings.put(Finding::pass("identity", told!("this very server answers", "应答的正是本服务器")));
        return findings;
    }
    if status >= 500 {
        findings.put(Finding::fail(
            "public",
            told!("status {status}: a proxy answers, and does not reach the app", "状态 {status}：代理有应答，但无法到达应用"),
            told!(
                "check that the server runs, and that the proxy passes requests on to APP_ADDR",
                "请检查服务器是否运行，以及代理是否转发到 APP_ADDR"
            ),
        ));
        findings.not_done(&["identity"], "public");
    } else {
        findings.put(Finding::pass("public", told!("it answers", "有应答")));
        let to = answer.location.as_deref().and_then(|location| Url::parse(location).ok());
        let to = to.map(|to| to.origin().ascii_serialization());
        let (seen, fix) = match to.filter(|_| (300..400).contains(&status)) {
            Some(to) => (
                told!("it redirects to {to}", "重定向到 {to}"),
                told!("set PUBLIC_URL to what users end at: {to}", "请将 PUBLIC_URL 设为用户最终打开的地址：{to}"),
            ),
            None => (
                told!(
                    "status {status}, from somebody who does not have this SESSION_KEY, or whose clock is wrong",
                    "状态 {status}，应答者没有此 SESSION_KEY，或其时钟不准"
                ),
                told!(
                    "check that PUBLIC_URL leads to this server, that all its processes have this SESSION_KEY, and that no header is taken away on the way",
                    "请检查 PUBLIC_URL 是否指向本服务器、其所有进程是否使用此 SESSION_KEY，以及途中是否删除了请求头"
                ),
            ),
        };
        findings.put(Finding::fail("identity", seen, fix));
    }
    findings.not_done(&["passage", "processes"], "identity");
    findings
}

/// Shakes hands as if it were two weeks later: what is refused then will be.
async fn certificate(public_url: &str) -> Finding {
    const AHEAD: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    #[derive(Debug)]
    struct Later;
    impl TimeProvider for Later {
        fn current_time(&self) -> Option<UnixTime> {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|now| UnixTime::since_unix_epoch(now + AHEAD))
        }
    }
    if !public_url.starts_with("https:") {
        return Finding::unknown("certificate", told!("PUBLIC_URL is plain http", "PUBLIC_URL 是明文 http"));
    }
    let client = ClientConfig::with_platform_verifier().map_err(|_| ()).and_then(|mut config| {
        config.time_provider = Arc::new(Later);
        asking::client().tls_backend_preconfigured(config).build().map_err(|_| ())
    });
    let answer = async { client.ok()?.get(format!("{public_url}/healthz")).send().await.err() };
    match answer.await.as_ref().and_then(why_certificate) {
        Some(_) => Finding::warn(
            "certificate",
            told!("it expires within 14 days", "将在 14 天内过期"),
            told!("renew it, and see why that does not happen by itself", "请更新证书，并检查为何没有自动更新"),
        ),
        None => Finding::pass(
            "certificate",
            told!("it is for PUBLIC_URL, and good for 14 days at least", "适用于 PUBLIC_URL，且至少 14 天内有效"),
        ),
    }
}

fn why_certificate(error: &reqwest::Error) -> Option<CertificateError> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(why) => Some(why.clone()),
        _ => None,
    })
}

fn bad_certificate(why: CertificateError) -> Finding {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext};
    let (seen, fix) = match why {
        Expired | ExpiredContext { .. } => (
            told!("it has expired", "已过期"),
            told!("renew it, and see why that does not happen by itself", "请更新证书，并检查为何没有自动更新"),
        ),
        NotValidYet | NotValidYetContext { .. } => (
            told!("it is not valid yet", "尚未生效"),
            told!("check the clocks of this machine and of whoever made it", "请检查本机与签发方的时钟"),
        ),
        NotValidForName | NotValidForNameContext { .. } => (
            told!("it is for another name", "不适用于此域名"),
            told!("get one that covers the host of PUBLIC_URL", "请申请覆盖 PUBLIC_URL 主机名的证书"),
        ),
        _ => (
            told!("nobody who is trusted here has signed it, or its chain is not complete", "签发者不受信任，或证书链不完整"),
            told!(
                "get one from an authority that phones trust, and have the whole chain sent",
                "请使用手机信任的机构签发的证书，并发送完整证书链"
            ),
        ),
    };
    Finding::fail("certificate", seen, fix)
}

/// Without the address, which would have been in front.
fn root(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "nobody answers in time".to_owned();
    }
    causes(error)
        .last()
        .map_or_else(|| "it failed".to_owned(), <dyn StdError>::to_string)
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}
