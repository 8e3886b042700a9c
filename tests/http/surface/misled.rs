//! Headers that mislead other servers: about which host was meant, which address, which method, and who may read the answer.

use super::{ROUTES, Route, Scene, covered, masked};
use crate::support::between;
use crate::wire::Reply;

/// Each alone would change what some framework, proxy or cache does.
const MISLEADING: [&[(&str, &str)]; 16] = [
    &[("Host", "evil.example")],
    &[("Host", "")],
    &[("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https")],
    &[("X-Forwarded-Port", "443"), ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Server", "evil.example")],
    &[("Forwarded", "for=192.0.2.1;host=evil.example;proto=https")],
    &[("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("True-Client-IP", "127.0.0.1")],
    &[("X-Original-URL", "/profile"), ("X-Rewrite-URL", "/profile")],
    &[("X-Original-Host", "evil.example"), ("X-Host", "evil.example"), ("X-Forwarded-Scheme", "https")],
    &[("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "PUT"), ("X-Method-Override", "POST")],
    &[("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "x-anything")],
    &[("Access-Control-Request-Private-Network", "true")],
    &[("Range", "bytes=0-3"), ("If-Range", "x")],
    &[("If-None-Match", "*"), ("If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT")],
    &[("Accept", "application/xml"), ("Accept-Encoding", "gzip, br, deflate, zstd")],
    &[("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABkAAQAAP__")],
    &[("X-Request-Id", "chosen"), ("Referer", "http://evil.example/"), ("Via", "1.1 evil.example")],
];

/// The `Origin` that browsers send for other sites, for documents without an origin, and for sites that look like ours.
const ORIGINS: [&str; 4] = ["https://evil.example", "null", "http://127.0.0.1", "*"];

fn leads_nowhere_and_says_nothing_of_the_server(reply: &Reply, asked: &str) {
    for (name, _) in &reply.headers {
        let forbidden = ["location", "refresh", "content-location", "link", "server", "x-powered-by", "via", "alt-svc"];
        assert!(!forbidden.contains(&name.as_str()) && !name.starts_with("access-control-"), "{name} in the answer to {asked}");
    }
    assert!(!(300..400).contains(&reply.status), "{asked}");
}

/// The body without what differs in each answer: CSP nonces, login states, request ids and signatures.
fn body(reply: &Reply) -> String {
    let body = reply.body.replace(reply.header("x-request-id"), "…");
    // The CSP nonce stands in several places.
    let nonce = between(&body, " nonce=\"", "\"").unwrap_or(" nonce=").to_owned();
    [("data-state=\"", "\""), ("data-jsapi=\"", "\""), ("\"timeStamp\":", "\"type\"")]
        .iter()
        .fold(body.replace(&nonce, "…"), |body, (before, after)| covered(&body, before, after))
}

#[tokio::test]
async fn no_header_of_a_request_changes_what_is_answered_or_makes_it_lead_elsewhere() {
    let scene = Scene::start().await;
    for route in &ROUTES {
        for method in [route.method, "OPTIONS"] {
            for somebody in [false, true] {
                let plain = scene.ask(route, method, somebody, &[]).await;
                for headers in MISLEADING {
                    let asked = format!("{method} {} {headers:?}", route.pattern);
                    let reply = scene.ask(route, method, somebody, headers).await;
                    leads_nowhere_and_says_nothing_of_the_server(&reply, &asked);
                    assert_eq!(masked(&reply), masked(&plain), "{asked}");
                    assert_eq!(body(&reply), body(&plain), "{asked}");
                    assert!(!reply.body.contains("evil"), "{asked}");
                }
            }
        }
    }
}

#[tokio::test]
async fn no_other_origin_may_read_an_answer_or_write() {
    let scene = Scene::start().await;
    for route in &ROUTES {
        for origin in ORIGINS {
            for method in [route.method, "OPTIONS", "HEAD"] {
                let headers = [("Origin", origin), ("Access-Control-Request-Method", route.method)];
                let reply = scene.ask(route, method, true, &headers).await;
                let asked = format!("{method} {} from {origin}", route.pattern);
                leads_nowhere_and_says_nothing_of_the_server(&reply, &asked);
                assert!(!reply.header("vary").contains("rigin"), "{asked}");
                if method == route.method && method != "GET" {
                    assert_eq!((reply.status, reply.code().as_str()), (403, "origin_rejected"), "{asked}");
                    assert_eq!(reply.header("set-cookie"), "", "{asked}");
                }
            }
        }
    }
}

/// No other origin may write. A page that needs a login shows nobody when it is opened from outside: whoever opens it may not be the person
/// of the session. A write that is answered alike with and without a session comes from other servers, and may have any origin.
pub async fn strangers_are_kept_out(scene: &Scene, routes: &[Route]) {
    for route in routes {
        let asked = format!("{} {}", route.method, route.pattern);
        let makes_a_difference = route.status[0] != route.status[1];
        if route.method != "GET" && makes_a_difference {
            let reply = scene.ask(route, route.method, true, &[("Origin", ORIGINS[0])]).await;
            // Outside `/api/` the refusal is a page.
            let code = if route.pattern.starts_with("/api/") { "origin_rejected" } else { "" };
            assert_eq!((reply.status, reply.code().as_str()), (403, code), "{asked} takes no SameOrigin: {reply:?}");
        }
        if route.method == "GET" && !route.pattern.starts_with("/api/") {
            let to_nobody = scene.ask(route, "GET", false, &[]).await;
            let from_outside = scene.ask(route, "GET", true, &[("Sec-Fetch-Site", "none")]).await;
            let is_entry = |reply: &Reply| reply.body.contains("id=\"entry\"");
            assert_eq!(is_entry(&from_outside), is_entry(&to_nobody), "{asked} takes no Visitor");
            assert!(!from_outside.body.contains("data-user-id"), "{asked} shows somebody to whoever comes from outside");
        }
    }
}

#[tokio::test]
async fn strangers_post_nothing_and_see_nobodys_page() {
    strangers_are_kept_out(&Scene::start().await, &ROUTES).await;
}
