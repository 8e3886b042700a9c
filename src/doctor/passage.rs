//! What becomes of a request on its way from PUBLIC_URL to the server.

use std::net::{IpAddr, UdpSocket};

use reqwest::Client;

use super::asking::{Answer, CLAIMED, who_is};
use super::report::{Finding, Findings, Verdict};
use crate::dingtalk::{Clock, Told, root, told};
use crate::settings::Settings;
use crate::web::introduction::Introduction;
use crate::web::origin::address_of;

/// An odd path and query, but a valid one: the server signs the URL that arrives, so nothing may change it on the way.
const TARGET: &str = "/a%2Fb+c//%E4%B8%AD?x=%2F+y&z=%E6%96%87";

/// Requests the odd `TARGET`. Comes after the check of which processes answer.
#[rustfmt::skip] // A finding a paragraph, here and below.
pub async fn examine(client: &Client, settings: &Settings, clock: &Clock, so_far: &Findings) -> Finding {
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
    } else if client == CLAIMED && !is_appended && !is_here(peer) {
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

/// Whether the address belongs to this machine, which sent the request.
fn is_here(address: &str) -> bool {
    address.parse::<IpAddr>().is_ok_and(|address| UdpSocket::bind((address, 0)).is_ok())
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
