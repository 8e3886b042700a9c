//! Every route with every method.

use super::{ROUTES, Route, Scene, paths};
use crate::structure::after_arguments;
use crate::wire::Wire;

pub const METHODS: [&str; 12] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "NONSENSE"];

/// The methods that `route::at` knows.
const CHAINED: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The routes that a source of the product names, with their methods.
pub fn routes_in(source: &str) -> Vec<(&'static str, &str)> {
    let named = source.match_indices("route::").filter_map(|(at, prefix)| {
        let (constructor, rest) = source[at + prefix.len()..].split_once('(')?;
        let (pattern, rest) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        let methods = match constructor {
            "get" => vec!["get"],
            "post" => vec!["post"],
            "get_and_post" => vec!["get", "post"],
            "at" => chained(rest.trim_start().strip_prefix(')')?),
            _ => return None,
        };
        Some(methods.into_iter().map(move |method| (method, pattern)))
    });
    named.flatten().collect()
}

/// The methods at the beginning of `.get(show).put(change)`.
fn chained(code: &str) -> Vec<&'static str> {
    let call = code.trim_start().strip_prefix('.').and_then(|rest| rest.split_once('('));
    let known = call.and_then(|(name, rest)| Some((CHAINED.into_iter().find(|method| *method == name)?, rest)));
    let Some((method, arguments)) = known else { return Vec::new() };
    [vec![method], chained(after_arguments(arguments))].concat()
}

#[test]
fn a_route_is_found_on_a_line_of_its_own_too() {
    let source =
        "route::get(\"/a\", x); route::get_and_post(\n    \"/api/b\",\n    x,\n    y,\n); use crate::web::route::{get, post};";
    assert_eq!(routes_in(source), [("get", "/a"), ("get", "/api/b"), ("post", "/api/b")]);
}

#[test]
fn every_method_of_a_path_is_found() {
    let source =
        "a(route::at(\"/a\").put(x).delete(|| y(1)).resource().wrap(z)).b(route::at(\"/b\")\n    .get(x)\n    .patch(y)).post(1)";
    assert_eq!(routes_in(source), [("put", "/a"), ("delete", "/a"), ("get", "/b"), ("patch", "/b")]);
}

/// What of actix-web makes a route whose other methods are not answered with 405.
const BARE: [&str; 10] = ["resource", "route", "scope", "method", "get", "head", "post", "put", "patch", "delete"];

/// The first piece of `source` that makes a route in another way than `route.rs`.
fn bare_route_in(source: &str) -> Option<String> {
    let lines = source.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    let code: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let called = BARE.iter().map(|name| format!("web::{name}("));
    let imported = code.split("actix_web::web::{").skip(1).flat_map(|group| group.split('}').next().unwrap().split(','));
    let mut imported = imported.filter(|name| BARE.contains(name)).map(|name| format!("actix_web::web::{name}"));
    let alone = BARE.iter().map(|name| format!("actix_web::web::{name};"));
    let found = |piece: &String| code.contains(piece.as_str());
    called.chain(alone).chain([".route(\"".to_owned()]).find(found).or_else(|| imported.next())
}

#[test]
fn the_app_makes_its_routes_so_that_every_method_is_answered() {
    for (path, text) in crate::structure::sources("src/app") {
        let found = bare_route_in(&text);
        assert!(
            found.is_none(),
            "{}: {found:?} makes a route that these tests do not see: use route::get, route::post, route::get_and_post or route::at",
            path.display()
        );
    }
}

#[test]
fn a_route_that_other_methods_pass_is_noticed() {
    for source in [
        "use actix_web::web;\nroutes.service(web::resource(\"/a\").route(web::put().to(change)))",
        "use actix_web::web::{Data, resource};",
        "use actix_web::web::{\n    Data,\n    put,\n};",
        "use actix_web::web::delete;",
        "routes.route(\"/a\", x())",
        "routes.service(actix_web::web::scope(\"/a\"))",
    ] {
        assert!(bare_route_in(source).is_some(), "{source}");
    }
    for source in ["// web::put()\nroutes.service(route::at(\"/a\").put(x))", "use actix_web::web::{Data, Json, block};"] {
        assert_eq!(bare_route_in(source), None);
    }
}

#[test]
fn the_table_has_every_route_of_the_plumbing_and_none_that_is_not_there() {
    let files = crate::structure::sources("src/web");
    let plumbing: Vec<_> = files.iter().flat_map(|(_, text)| routes_in(text)).collect();
    let pages = routes_in(include_str!("../../support/pages.rs"));
    let table: Vec<_> = ROUTES.iter().map(|route| (route.method.to_lowercase(), route.pattern)).collect();
    let is_in_table = |(method, pattern): &(&str, &str)| table.contains(&((*method).to_owned(), *pattern));
    // One exists only with DINGTALK_EVENTS=http: see `http::callbacks`; one on a listener of its own: see a test below.
    let left_out: Vec<_> = plumbing.iter().filter(|route| !is_in_table(route)).collect();
    assert_eq!(left_out, [&("post", "/dingtalk/events"), &("get", "/metrics")]);
    for (method, pattern) in &table {
        let route = (method.as_str(), *pattern);
        assert!(plumbing.contains(&route) || pages.contains(&route), "{route:?}");
    }
}

#[tokio::test]
async fn every_route_answers_every_method_with_what_it_is_for_or_405_and_what_is_allowed() {
    methods_are_answered(&Scene::start().await, &ROUTES).await;
}

pub async fn methods_are_answered(scene: &Scene, routes: &[Route]) {
    for route in paths(routes) {
        for method in METHODS {
            let answering = route.answering(method, routes);
            for somebody in [false, true] {
                let reply = scene.ask(&answering.unwrap_or(*route), method, somebody, &[]).await;
                let asked = format!("{method} {} by somebody: {somebody}: {reply:?}", route.pattern);
                assert_eq!(reply.status, answering.map_or(405, |route| route.status[usize::from(somebody)]), "{asked}");
                if reply.status == 405 {
                    assert_eq!(reply.header("allow"), route.allowed_there(routes), "{asked}");
                } else {
                    assert_eq!(reply.header("allow"), "", "{asked}");
                }
                if reply.status >= 400 && method != "HEAD" && (route.pattern.starts_with("/api/")) {
                    assert_eq!(reply.header("content-type"), "application/problem+json", "{asked}");
                    assert!(!reply.code().is_empty(), "{asked}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_listener_of_the_metrics_answers_get_and_head_there_and_nothing_else_anywhere() {
    let scene = Scene::start_with(None, |settings| settings.server.metrics_addr = Some("127.0.0.1:0".parse().unwrap())).await;
    let url = scene.app.metrics_url.clone().unwrap();
    let url = url.strip_suffix("/metrics").unwrap();
    for method in METHODS {
        let reply = crate::wire::ask(url, method, "/metrics", &[], "").await;
        let status = if ["GET", "HEAD"].contains(&method) { 200 } else { 405 };
        assert_eq!(reply.status, status, "{method}");
        for route in &ROUTES {
            assert_eq!(crate::wire::ask(url, method, route.pattern, &[], "").await.status, 404);
        }
        assert_eq!(scene.ask_for(method, "/metrics", true, &[], "").await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn connect_opens_no_tunnel() {
    let scene = Scene::start().await;
    let mut wire = Wire::to(&scene.app.url).await;
    wire.send("CONNECT / HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let closed = wire.closed().await;
    let statuses: Vec<_> = closed.replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [405], "what follows is no request");
}
