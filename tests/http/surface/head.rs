//! HEAD.

use super::{ROUTES, Scene, masked};
use crate::wire::Wire;

#[tokio::test]
async fn head_has_the_status_and_the_headers_of_get() {
    let scene = Scene::start().await;
    let plain = ["/nothing", "/api/nothing", "/static/nothing", "/?corpid=another", "/clinic?recipe=x"];
    let targets = plain.map(|target| (target, None));
    let routes = ROUTES.iter().filter(|route| route.method == "GET");
    for (target, route) in routes.map(|route| (route.pattern, Some(route))).chain(targets) {
        for somebody in [false, true] {
            let ask = async |method| match route {
                Some(route) => scene.ask(route, method, somebody, &[]).await,
                None => scene.ask_for(method, target, somebody, &[], "").await,
            };
            let (get, head) = (ask("GET").await, ask("HEAD").await);
            assert_eq!(head.body, "");
            assert_eq!(masked(&head), masked(&get), "{target}");
            assert_eq!(head.header("content-length"), get.header("content-length"), "{target}");
        }
    }
}

#[tokio::test]
async fn nothing_follows_the_head_of_an_answer_to_head() {
    let scene = Scene::start().await;
    let targets = ["/", "/nothing", "/api/me", "/api/nothing", "/healthz", "/api/login", &scene.hashed];
    let mut wire = Wire::to(&scene.app.url).await;
    for target in targets {
        wire.send(format!("HEAD {target} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    }
    wire.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    // If a body came, it would stand where the next answer must begin.
    let closed = wire.closed_after(true).await;
    assert_eq!(closed.replies.len(), targets.len() + 1);
}
