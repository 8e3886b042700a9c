//! What a browser meets that opens the app: PUBLIC_URL, the processes that answer there, and DingTalk's library for pages.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Client;
use url::Url;

use super::asking::{Answer, who_is};
use super::machine::Server;
use super::report::{Check, Finding, Findings};
use super::{Asked, certificate, passage};
use crate::dingtalk::{Clock, Origin, Told, causes, root, told};
use crate::settings::Settings;
use crate::web::introduction::Introduction;

/// The checks that need an answer from PUBLIC_URL.
const NEED_ANSWER: [Check; 5] = ["public", "certificate", "identity", "passage", "processes"];

/// Everything about PUBLIC_URL.
pub async fn examine(client: &Client, settings: &Settings, clock: &Clock, server: &Server, asked: &Asked) -> Findings {
    let (mut findings, public_url) = (Findings::default(), &settings.web.public_url);
    if asked.no_public {
        return findings;
    }
    let answer = match who_is(client, public_url.as_str(), &settings.web.session_keys, clock).await {
        Ok(answer) => answer,
        Err(error) => {
            let finding = certificate::failure(&error).unwrap_or_else(|| unanswered(&error, public_url));
            let because = finding.id;
            findings.put(finding);
            findings.not_done(&NEED_ANSWER, because);
            return findings;
        }
    };
    findings.put(certificate::check_expiry(public_url.as_str()).await);
    identity(&answer, public_url, &mut findings);
    if let Some(introduction) = answer.introduction {
        findings.put(processes(client, introduction, server, settings, clock).await);
        findings.put(passage::examine(client, settings, clock, &findings).await);
    }
    findings
}

#[rustfmt::skip] // A fault a paragraph, here and below.
fn unanswered(error: &reqwest::Error, public_url: &Origin) -> Finding {
    let why = root(error);
    let (seen, fix) = if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        (told!("whoever answers does not shake hands for TLS: {why}", "对方未能完成 TLS 握手：{why}"),
            told!("see that PUBLIC_URL leads to what speaks TLS: the proxy with a certificate for that host and its key, or this server with TLS_CERT",
                "请检查 PUBLIC_URL 是否指向使用 TLS 的一方：持有该主机名证书及其私钥的代理，或设置了 TLS_CERT 的本服务器"))
    // The resolver's errors have no type of their own, so their text has to do.
    } else if causes(error).any(|cause| cause.to_string().starts_with("dns error")) {
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

#[rustfmt::skip]
fn identity(answer: &Answer, public_url: &Origin, findings: &mut Findings) {
    findings.put(Finding::pass("public", told!("it answers", "有应答")));
    if answer.introduction.is_some() {
        findings.put(Finding::pass("identity", told!("this very server answers", "应答的正是本服务器")));
        return;
    }
    let status = answer.status;
    if status >= 500 {
        findings.put(Finding::fail("public", told!("status {status}: a proxy answers, and does not reach the app", "状态 {status}：代理有应答，但无法到达应用"),
            told!("check that the server runs, and that the proxy passes requests on to APP_ADDR", "请检查服务器是否运行，以及代理是否转发到 APP_ADDR")));
        findings.not_done(&["identity"], "public");
    } else {
        let to = answer.location.as_deref().filter(|_| (300..400).contains(&status));
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
        findings.put(Finding::fail("identity", seen, fix));
    }
    findings.not_done(&["passage", "processes"], "identity");
}

/// Whether each process that answers has our SESSION_KEY and, if there are several, whether they share their state. `first` has answered
/// already. Eight connections may all reach the same process, so they do not prove that there is only one.
#[rustfmt::skip]
async fn processes(client: &Client, first: Introduction, server: &Server, settings: &Settings, clock: &Clock) -> Finding {
    const MORE: usize = 7;
    let (url, keys) = (settings.web.public_url.as_str(), &settings.web.session_keys);
    let again = async || who_is(client, url, keys, clock).await.ok()?.introduction;
    let answers = join_all((0..MORE).map(|_| again())).await;
    let (asked, ours) = (1 + MORE, answers.into_iter().flatten().chain([first]));
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
