//! What a browser meets that opens the app: PUBLIC_URL, the processes that answer there, and DingTalk's library for pages.

use std::collections::BTreeSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use reqwest::Client;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, ClientConfig};
use rustls_platform_verifier::ConfigVerifierExt;
use url::Url;

use super::Asked;
use super::asking::{self, Answer, CLAIMED, who_is};
use super::machine::Server;
use super::report::{Finding, Findings, Verdict};
use crate::dingtalk::{Clock, Origin, Told, causes, root, told};
use crate::settings::Settings;
use crate::web::introduction::Introduction;
use crate::web::origin::address_of;

/// Everything about PUBLIC_URL.
pub async fn examine(client: &Client, settings: &Settings, clock: &Clock, server: &Server, asked: &Asked) -> Findings {
    let mut findings = Findings::default();
    if asked.no_public {
        return findings;
    }
    let public_url = &settings.web.public_url;
    let answer = match who_is(client, public_url.as_str(), &settings.web.session_keys, clock).await {
        Ok(answer) => answer,
        Err(error) => {
            let finding = certificate_failure(&error).unwrap_or_else(|| unanswered(&error, public_url));
            let because = finding.id;
            findings.put(finding);
            findings.not_done(&["public", "certificate", "identity", "passage", "processes"], because);
            return findings;
        }
    };
    findings.put(certificate_expiry(public_url).await);
    findings.put(Finding::pass("public", told!("it answers", "有应答")));
    if let Some(introduction) = answer.introduction {
        findings.put(Finding::pass("identity", told!("this very server answers", "应答的正是本服务器")));
        findings.put(processes(client, introduction, server, settings, clock).await);
        findings.put(passage(client, settings, clock, &findings).await);
    } else {
        findings.put(stranger(answer.status, answer.location.as_deref(), public_url));
        // This changes nothing if `identity` itself has failed.
        findings.not_done(&["identity"], "public");
        findings.not_done(&["passage", "processes"], "identity");
    }
    findings
}

#[rustfmt::skip] // A finding a paragraph, here and below.
fn unanswered(error: &reqwest::Error, public_url: &Origin) -> Finding {
    let why = root(error);
    let (seen, fix) = if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        (told!("whoever answers does not shake hands for TLS: {why}", "对方未能完成 TLS 握手：{why}"),
            told!("see that PUBLIC_URL leads to what speaks TLS: the proxy with a certificate for that host and its key, or this server with TLS_CERT",
                "请检查 PUBLIC_URL 是否指向使用 TLS 的一方：持有该主机名证书及其私钥的代理，或设置了 TLS_CERT 的本服务器"))
    } else if error.is_dns() {
        (told!("the host of {public_url} is not found: {why}", "找不到 {public_url} 的主机：{why}"),
            told!("check PUBLIC_URL, the name's record at whoever manages the domain, and this machine's name resolution; if phones reach it and only this machine does not, use --no-public",
                "请检查 PUBLIC_URL、该域名的解析记录以及本机的域名解析；如仅本机无法访问而手机可以，请使用 --no-public"))
    } else {
        (told!("no answer: {why}", "无应答：{why}"),
            told!("check that the server, or the proxy in front of it, listens there, and that firewalls let browsers through; if phones reach it and only this machine does not, use --no-public",
                "请检查服务器或其前置代理是否在此监听，以及防火墙是否放行；如仅本机无法访问而手机可以，请使用 --no-public"))
    };
    Finding::fail("public", seen, fix)
}

/// A finding, if the request failed because of the certificate.
#[rustfmt::skip]
fn certificate_failure(error: &reqwest::Error) -> Option<Finding> {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext};
    let (seen, fix) = match refused(error)? {
        Expired | ExpiredContext { .. } => (told!("it has expired", "已过期"), renew()),
        NotValidYet | NotValidYetContext { .. } => (told!("it is not valid yet", "尚未生效"),
            told!("check the clocks of this machine and of whoever made it", "请检查本机与签发方的时钟")),
        NotValidForName | NotValidForNameContext { .. } => (told!("it is for another name", "不适用于此域名"),
            told!("get one that covers the host of PUBLIC_URL", "请申请覆盖 PUBLIC_URL 主机名的证书")),
        _ => (told!("nobody who is trusted here has signed it, or its chain is not complete", "签发者不受信任，或证书链不完整"),
            told!("get one from an authority that phones trust, and have the whole chain sent", "请使用手机信任的机构签发的证书，并发送完整证书链")),
    };
    Some(Finding::fail("certificate", seen, fix))
}

/// Whether the certificate is valid for two more weeks: makes a TLS handshake with a clock that is two weeks ahead.
#[rustfmt::skip]
async fn certificate_expiry(public_url: &Origin) -> Finding {
    const AHEAD: Duration = Duration::from_secs(14 * 24 * 60 * 60);
    #[derive(Debug)]
    struct Later;
    impl TimeProvider for Later {
        fn current_time(&self) -> Option<UnixTime> {
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|now| UnixTime::since_unix_epoch(now + AHEAD))
        }
    }
    if !public_url.is_https() {
        return Finding::unknown("certificate", told!("PUBLIC_URL is plain http", "PUBLIC_URL 是明文 http"));
    }
    let answer = async {
        let mut config = ClientConfig::with_platform_verifier().ok()?;
        config.time_provider = Arc::new(Later);
        let client = asking::client().tls_backend_preconfigured(config).build().ok()?;
        Some(client.get(format!("{public_url}/healthz")).send().await)
    };
    match answer.await {
        Some(Ok(_)) => Finding::pass("certificate",
            told!("it is for PUBLIC_URL, and good for 14 days at least", "适用于 PUBLIC_URL，且至少 14 天内有效")),
        Some(Err(error)) if refused(&error).is_some() =>
            Finding::warn("certificate", told!("it expires within 14 days", "将在 14 天内过期"), renew()),
        _ => Finding::unknown("certificate",
            told!("it is for PUBLIC_URL; for how long was not seen", "适用于 PUBLIC_URL；未能得知有效期")),
    }
}

fn refused(error: &reqwest::Error) -> Option<CertificateError> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(why) => Some(why.clone()),
        _ => None,
    })
}

fn renew() -> Told {
    told!("renew it, and see why that does not happen by itself", "请更新证书，并检查为何没有自动更新")
}

/// The finding about somebody who answers at PUBLIC_URL and does not prove to be this server.
#[rustfmt::skip]
fn stranger(status: u16, location: Option<&str>, public_url: &Origin) -> Finding {
    if status >= 500 {
        return Finding::fail("public", told!("status {status}: a proxy answers, and does not reach the app", "状态 {status}：代理有应答，但无法到达应用"),
            told!("check that the server runs, and that the proxy passes requests on to APP_ADDR", "请检查服务器是否运行，以及代理是否转发到 APP_ADDR"));
    }
    let to = location.filter(|_| (300..400).contains(&status));
    let to = to.and_then(|to| Some(Url::parse(public_url.as_str()).ok()?.join(to).ok()?.origin().ascii_serialization()));
    let (seen, fix) = match to {
        Some(to) if to == public_url.as_str() => (
            told!("it redirects to another page of its own, which this app never does", "重定向到自身的其他页面，而本应用从不如此"),
            told!("have whatever stands in front of the app pass requests on as they are, without a sign-in page or a redirect of its own",
                "请让应用之前的设备原样转发请求，不插入自己的登录页或重定向")),
        Some(to) => (told!("it redirects to {to}", "重定向到 {to}"),
            told!("if users end there, set PUBLIC_URL to it: {to}; if not, have whatever redirects pass requests on to the app",
                "如用户最终在此打开，请将 PUBLIC_URL 设为 {to}；否则请让重定向的设备把请求转发给应用")),
        None => (told!("status {status}, from somebody who does not have this SESSION_KEY, or whose clock is wrong", "状态 {status}，应答者没有此 SESSION_KEY，或其时钟不准"),
            told!("check that PUBLIC_URL leads to this server, that all its processes have this SESSION_KEY, and that no header is taken away on the way",
                "请检查 PUBLIC_URL 是否指向本服务器、其所有进程是否使用此 SESSION_KEY，以及途中是否删除了请求头")),
    };
    Finding::fail("identity", seen, fix)
}

/// Whether each process that answers has our SESSION_KEY and, if there are several, whether they share their state. `first` has answered
/// already. Eight connections may all reach the same process, so they do not prove that there is only one.
#[rustfmt::skip]
async fn processes(client: &Client, first: Introduction, server: &Server, settings: &Settings, clock: &Clock) -> Finding {
    let asked = 8;
    let (url, keys) = (settings.web.public_url.as_str(), &settings.web.session_keys);
    let again = async || who_is(client, url, keys, clock).await.ok()?.introduction;
    let answers = join_all((1..asked).map(|_| again())).await;
    let ours = answers.into_iter().flatten().chain([first]);
    let (processes, shared): (Vec<_>, BTreeSet<_>) = ours.map(|one| (one.process, one.shared)).unzip();
    let others = asked - processes.len();
    let is_met = |here: &Introduction| processes.contains(&here.process) || here.shared.is_some() && shared.contains(&here.shared);
    let misses_ours = matches!(server, Server::Ours(here, _) if !is_met(here));
    let found = processes.into_iter().collect::<BTreeSet<_>>().len();
    if others > 0 {
        Finding::fail("processes",
            told!("{others} of {asked} connections were not answered by a process with this SESSION_KEY", "{asked} 个连接中有 {others} 个不是由持有此 SESSION_KEY 的进程应答"),
            told!("give all processes behind PUBLIC_URL the same SESSION_KEY, and see that each can be reached and has the right time",
                "请为 PUBLIC_URL 之后的所有进程设置相同的 SESSION_KEY，并确认每个进程均可到达且时钟准确"))
    } else if found > 1 && (shared.len() > 1 || shared.contains(&None)) {
        Finding::fail("processes",
            told!("{found} processes answer, and not all know of the others' used codes and ended sessions", "有 {found} 个进程应答，并非都知道彼此已使用的授权码与已结束的会话"),
            told!("run one process, or give all the same STATE_URL=redis://…, which all must reach", "请只运行一个进程，或为所有进程设置相同且可到达的 STATE_URL=redis://…"))
    } else if misses_ours {
        Finding::warn("processes",
            told!("{found} with this SESSION_KEY seen on {asked} connections, and not the one at APP_ADDR", "{asked} 个连接中发现 {found} 个持有此 SESSION_KEY 的进程，但没有 APP_ADDR 上的进程"),
            told!("see that the name's record and the proxy lead to this machine, or run doctor where they lead", "请检查域名解析与代理是否指向本机，或在其指向的机器上运行 doctor"))
    } else {
        Finding::pass("processes", told!("{found} seen on {asked} connections; that there are no others is not proven", "{asked} 个连接中发现 {found} 个；不能证明没有其他进程"))
    }
}

/// An odd path and query, but a valid one: the server signs the URL that arrives, so nothing may change it on the way.
const TARGET: &str = "/a%2Fb+c//%E4%B8%AD?x=%2F+y&z=%E6%96%87";

/// Requests the odd `TARGET`. Comes after the check of which processes answer.
#[rustfmt::skip]
async fn passage(client: &Client, settings: &Settings, clock: &Clock, so_far: &Findings) -> Finding {
    let url = format!("{}{TARGET}", settings.web.public_url);
    let seen = match who_is(client, &url, &settings.web.session_keys, clock).await {
        Ok(Answer { introduction: Some(introduction), .. }) => return arrival(&introduction, settings.web.public_url.is_https() && settings.server.tls.is_none()),
        // The check of the processes has failed: one that is not ours may have answered this request.
        _ if so_far.verdict("processes") == Some(Verdict::Fail) => return Finding::not_done("passage", "processes"),
        Ok(Answer { status, .. }) => told!("{TARGET} does not arrive: something on the way answers it with status {status}",
            "{TARGET} 未能到达：途中有设备以状态 {status} 应答"),
        Err(error) => {
            let why = root(&error);
            told!("{TARGET} does not arrive: {why}", "{TARGET} 未能到达：{why}")
        }
    };
    Finding::fail("passage", seen, pass_on_unchanged())
}

#[rustfmt::skip]
fn pass_on_unchanged() -> Told {
    told!("have the proxy pass path and query on as they are: nginx `proxy_pass http://127.0.0.1:8080;` without a path; Caddy `reverse_proxy` without rewriting; Apache `AllowEncodedSlashes NoDecode` and `ProxyPass … nocanon`",
        "请让代理原样转发路径与查询参数：nginx 使用不带路径的 `proxy_pass http://127.0.0.1:8080;`；Caddy 使用不改写的 `reverse_proxy`；Apache 使用 `AllowEncodedSlashes NoDecode` 与 `ProxyPass … nocanon`")
}

/// Whether path, query and the client's address are those that were sent. `needs_proxy`: the server itself does not speak the TLS of
/// PUBLIC_URL.
#[rustfmt::skip]
fn arrival(introduction: &Introduction, needs_proxy: bool) -> Finding {
    let Introduction { target, peer, forwarded, client, trusts_peer, .. } = introduction;
    // The first address that is not the one we claimed: a proxy appended it, and it is this machine's as that proxy saw it.
    let first = forwarded.as_deref().unwrap_or_default().split(',').map(str::trim).find(|hop| !hop.is_empty() && *hop != CLAIMED);
    let is_appended = first.is_some();
    // A proxy on this machine sees the address that it has itself.
    let is_client = |hop: &str| address_of(hop).is_some_and(|address| address.to_canonical().to_string() == *client);
    let says_for_whom = first.is_some_and(|first| client != peer || is_client(first));
    let has_proxy = is_appended || needs_proxy;
    // Only addresses of this machine, which sent the request, can be bound.
    let is_from_here = || peer.parse::<IpAddr>().is_ok_and(|peer| UdpSocket::bind((peer, 0)).is_ok());
    if target != TARGET {
        Finding::fail("passage",
            told!("{TARGET} arrives as {target}: signatures of such pages are wrong", "{TARGET} 到达时变为 {target}：此类页面的签名会出错"),
            pass_on_unchanged())
    } else if has_proxy && !trusts_peer {
        Finding::fail("passage",
            told!("the proxy {peer} is not believed: everybody behind it counts as one address", "代理 {peer} 不受信任：其后的所有用户被视为同一地址"),
            told!("add {peer} to TRUSTED_PROXIES, or the network of a balancer that has several addresses, and start the server again",
                "请将 {peer} 加入 TRUSTED_PROXIES（如负载均衡有多个地址，请填写其网段）并重启服务器"))
    } else if client != CLAIMED && client != peer && first.is_some_and(|first| !is_client(first)) {
        Finding::fail("passage",
            told!("{client} is a proxy, too, and not believed: everybody behind it counts as one address", "{client} 也是代理，但不受信任：其后的所有用户被视为同一地址"),
            told!("add {client} to TRUSTED_PROXIES, or the network that it belongs to, and start the server again",
                "请将 {client} 或其所在网段加入 TRUSTED_PROXIES 并重启服务器"))
    } else if has_proxy && !says_for_whom {
        Finding::fail("passage",
            told!("the proxy {peer} does not say for whom it asks", "代理 {peer} 未说明客户端地址"),
            told!("have the proxy add the client's address to X-Forwarded-For: nginx `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`",
                "请让代理将客户端地址写入 X-Forwarded-For：nginx `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`"))
    } else if client == CLAIMED && !is_appended && !is_from_here() {
        Finding::fail("passage",
            told!("{peer} is believed whatever it writes into X-Forwarded-For, and is no proxy", "{peer} 并非代理，却可任意伪造 X-Forwarded-For"),
            told!("name only proxies in TRUSTED_PROXIES", "TRUSTED_PROXIES 中只应包含代理"))
    } else if client == CLAIMED {
        Finding::pass("passage",
            told!("path and query arrive as they are; this machine is one of TRUSTED_PROXIES, and believed whoever it claims to be",
                "路径与查询参数原样到达；本机属于 TRUSTED_PROXIES，其声称的客户端地址会被采信"))
    } else {
        Finding::pass("passage", told!("path and query arrive as they are; the client is {client}", "路径与查询参数原样到达；客户端为 {client}"))
    }
}

/// Requests DingTalk's library, which every page loads, and looks at status and content type only.
#[rustfmt::skip]
pub async fn library(client: &Client, settings: &Settings) -> Finding {
    let fix = || told!(
        "set JSAPI_SCRIPT_URL to DingTalk's library, or to a copy of your own; if only this machine cannot reach it, leave it: browsers load it",
        "请将 JSAPI_SCRIPT_URL 设为钉钉的 JSAPI 库或自己的副本；如仅本机无法访问则可忽略：由浏览器加载");
    let response = match client.get(settings.web.jsapi_script_url.clone()).send().await {
        Ok(response) => response,
        Err(error) => {
            let why = root(&error);
            return Finding::warn("library", told!("no answer: {why}", "无应答：{why}"), fix());
        }
    };
    let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("no type");
    match response.status().as_u16() {
        200 if kind.contains("javascript") => Finding::pass("library", told!("{kind}", "{kind}")),
        status => Finding::fail("library", told!("status {status}, {kind}", "状态 {status}，{kind}"), fix()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_not_believed_or_does_not_say_for_whom_it_asks_is_told_from_one_that_does() {
        let (proxied, direct) = (true, false);
        for (needs_proxy, target, peer, forwarded, client, word) in [
            (proxied, TARGET, "10.1.2.3", Some("192.0.2.66, 203.0.113.9"), "203.0.113.9", "203.0.113.9"),
            (proxied, TARGET, "10.1.2.3", Some("203.0.113.9"), "203.0.113.9", "203.0.113.9"),
            (proxied, TARGET, "10.1.2.3", Some("192.0.2.66, 10.1.2.9"), CLAIMED, "this machine is one of TRUSTED_PROXIES"),
            (proxied, TARGET, "10.2.2.3", Some("192.0.2.66, 203.0.113.9"), "10.2.2.3", "add 10.2.2.3 to TRUSTED_PROXIES"),
            (
                proxied,
                TARGET,
                "10.1.2.3",
                Some("192.0.2.66, 203.0.113.9, 10.2.2.3"),
                "10.2.2.3",
                "add 10.2.2.3 to TRUSTED_PROXIES",
            ),
            (
                proxied,
                TARGET,
                "10.1.2.3",
                Some("192.0.2.66, 203.0.113.9:4711, 10.1.2.9"),
                "203.0.113.9",
                "the client is 203.0.113.9",
            ),
            (proxied, TARGET, "10.1.2.3", Some("192.0.2.66, 10.2.2.34, 10.2.2.3"), "10.2.2.3", "add 10.2.2.3 to TRUSTED_PROXIES"),
            (proxied, TARGET, "10.1.2.3", Some(CLAIMED), CLAIMED, "X-Forwarded-For"),
            (proxied, TARGET, "10.1.2.3", None, "10.1.2.3", "X-Forwarded-For"),
            (proxied, TARGET, "10.1.2.3", Some("192.0.2.66, unknown"), "10.1.2.3", "X-Forwarded-For"),
            (proxied, TARGET, "10.1.2.3", Some("10.1.2.3"), "10.1.2.3", "the client is 10.1.2.3"),
            (proxied, "/a/b+c", "10.1.2.3", Some("203.0.113.9"), "203.0.113.9", "proxy_pass"),
            (direct, TARGET, "10.1.2.3", Some("192.0.2.66, 203.0.113.9"), "203.0.113.9", "203.0.113.9"),
            (direct, TARGET, "10.2.2.3", Some("192.0.2.66, 203.0.113.9"), "10.2.2.3", "add 10.2.2.3 to TRUSTED_PROXIES"),
            (direct, TARGET, "203.0.113.9", Some(CLAIMED), "203.0.113.9", "the client is 203.0.113.9"),
            (direct, TARGET, "127.0.0.1", Some(CLAIMED), "127.0.0.1", "the client is 127.0.0.1"),
            (direct, TARGET, "203.0.113.9", Some(CLAIMED), CLAIMED, "name only proxies"),
        ] {
            let text = |text: &str| text.to_owned();
            let (forwarded, process) = (forwarded.map(text), text("one"));
            let trusts_peer = peer.starts_with("10.1.");
            let introduction = Introduction {
                target: text(target),
                peer: text(peer),
                forwarded,
                client: text(client),
                trusts_peer,
                process,
                shared: None,
            };
            let found = arrival(&introduction, needs_proxy);
            let said = found.fix.as_ref().unwrap_or(&found.seen);
            assert_eq!(found.verdict == Verdict::Pass, found.fix.is_none());
            assert!(said.english.contains(word), "{word}: {}", said.english);
        }
    }
}
