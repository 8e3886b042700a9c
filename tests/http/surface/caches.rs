//! A cache that goes by what an address looks like must not be tricked into storing a person's answer.

use super::Scene;

#[tokio::test]
async fn an_address_that_only_looks_like_a_file_is_not_a_page() {
    let scene = Scene::start().await;
    let lookalikes = [
        "/profile/x.css",
        "/profile/",
        "/profile//",
        "/profile.css",
        "/profile;x.css",
        "/profile;/x.css",
        "/profile%2fx.css",
        "/profile%2Fx.css",
        "/profile%3bx.css",
        "/profile%3fx.css",
        "/profile%23x.css",
        "/profile%00x.css",
        "/profile%0ax.css",
        "/profile/..%2fx.css",
        "/profile/%2e%2e/static/x.css",
        "/static/../profile",
        "/static/..%2fprofile",
        "/static/%2e%2e/profile",
        "/static/..%5cprofile",
        "/./profile",
        "//profile",
        "/x/../profile",
        "/%70rofile/x.js",
        "/PROFILE",
        "/jsapi/.js",
        "/jsapi/x.svg",
        "/jsapi.js",
        "/api/me/x.png",
        "/api/me/",
        "/api/me.json",
        "/api/me;x.png",
        "/api/me%2fx.png",
        "/api/../api/me",
        "/api/jsapi/config/x.js?url=http%3A%2F%2Fx%2F",
        "/index.html",
        "/;x.css",
        "/robots.txt",
        "/favicon.ico",
    ];
    for target in lookalikes {
        for somebody in [false, true] {
            let reply = scene.ask_for("GET", target, somebody, &[], "").await;
            assert_eq!(reply.status, 404, "{target}");
            assert_eq!(reply.header("cache-control"), "no-store", "{target}");
            for personal in ["alice", "Alice", "data-state", "signature"] {
                assert!(!reply.body.contains(personal), "{target} says {personal}");
            }
        }
    }
}

#[tokio::test]
async fn a_query_that_looks_like_a_file_changes_nothing_about_who_may_keep_the_page() {
    let scene = Scene::start().await;
    for target in ["/profile?x.css", "/profile?/static/x.js", "/?x=.png", "/api/me?x.css"] {
        let reply = scene.ask_for("GET", target, true, &[], "").await;
        assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{target}");
    }
}
