//! Every header of every answer: snapshots, to be reviewed when they change, and the rules that the headers must keep.

use std::collections::{BTreeSet, HashSet};

use dingtalk_h5::web::{App, Headers};

use super::{ROUTES, Scene, masked};
use crate::support::{TestApp, between, pages};
use crate::wire::Reply;

/// Where the app runs, which decides about some headers.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// As `cargo dev` starts it: plain http, beside a DingTalk of its own, whose console shows the pages in frames.
    Development,
    Https,
    /// In DingTalk's PC client, which shows the pages in frames.
    Embedded,
}

const PLACES: [Place; 3] = [Place::Development, Place::Https, Place::Embedded];

/// Requests besides those for the routes: method, target, body.
const PROBLEMS: [(&str, &str, &str); 9] = [
    ("GET", "/nothing", ""),
    ("GET", "/api/nothing", ""),
    ("GET", "/static/nothing.js", ""),
    ("POST", "/", ""),
    ("POST", "/api/me", ""),
    ("GET", "/?corpid=another", ""),
    ("GET", "/?corpid=$CORPID$", ""),
    ("GET", "/api/jsapi/config?url=https%3A%2F%2Fevil.example%2F", ""),
    ("POST", "/api/login", "[]"),
];

async fn scene(place: Place) -> Scene {
    if place == Place::Development {
        return Scene::start().await;
    }
    Scene::start_with(Some("https://app.example.com"), |settings| {
        // An address of this machine that does not count as loopback: the app takes it for a remote DingTalk.
        settings.dingtalk.oapi_url.set_host(Some("0.0.0.0")).unwrap();
        settings.web.jsapi_script_url = "https://cdn.example.com/dingtalk.js".parse().unwrap();
        settings.web.embedded = place == Place::Embedded;
    })
    .await
}

/// Each request with its answer.
async fn answers(scene: &Scene) -> Vec<(String, Reply)> {
    let mut answers = Vec::new();
    for (somebody, whom) in [(false, "nobody"), (true, "somebody")] {
        for (method, target, body) in PROBLEMS {
            let reply = scene.ask_for(method, target, somebody, &[], body).await;
            answers.push((format!("{method} {target} {body} to {whom}"), reply));
        }
        for route in &ROUTES {
            let reply = scene.ask(route, route.method, somebody, &[]).await;
            answers.push((format!("{} {} to {whom}", route.method, route.pattern), reply));
        }
    }
    answers
}

/// The headers that all answers have, and then each answer with its other headers.
fn shown(scene: &Scene, answers: &[(String, Reply)]) -> String {
    let headers = |reply: &Reply| -> BTreeSet<String> {
        let lines = masked(reply).headers.into_iter().map(|(name, value)| format!("  {name}: {value}\n"));
        lines.map(|line| line.replace(&scene.app.dingtalk.url(), "http://SIMULATOR")).collect()
    };
    let all: Vec<_> = answers.iter().map(|(_, reply)| headers(reply)).collect();
    let common = all.iter().skip(1).fold(all[0].clone(), |common, one| &common & one);
    let mut text = format!("every answer\n{}", String::from_iter(common.clone()));
    for ((asked, reply), own) in answers.iter().zip(&all) {
        text += &format!("\n{asked}: {}\n{}", reply.status, String::from_iter(own - &common));
    }
    text
}

#[tokio::test]
async fn the_headers_of_every_answer_in_development() {
    let scene = scene(Place::Development).await;
    insta::assert_snapshot!(shown(&scene, &answers(&scene).await));
}

#[tokio::test]
async fn the_headers_of_every_answer_under_https() {
    let scene = scene(Place::Https).await;
    insta::assert_snapshot!(shown(&scene, &answers(&scene).await));
}

#[tokio::test]
async fn the_headers_of_every_answer_in_dingtalks_pc_client() {
    let scene = scene(Place::Embedded).await;
    insta::assert_snapshot!(shown(&scene, &answers(&scene).await));
}

#[tokio::test]
async fn only_scripts_with_the_word_of_this_very_answer_run_and_only_dingtalk_may_frame() {
    for place in PLACES {
        let scene = scene(place).await;
        let simulator = scene.app.dingtalk.url();
        let ancestors = match place {
            Place::Development => format!("frame-ancestors 'self' {simulator}"),
            Place::Https => "frame-ancestors 'none'".to_owned(),
            Place::Embedded => "frame-ancestors 'self' https://*.dingtalk.com".to_owned(),
        };
        let mut words = HashSet::new();
        for (asked, reply) in answers(&scene).await {
            let policy = reply.header("content-security-policy");
            if !reply.header("content-type").starts_with("text/html") {
                assert_eq!(policy, "default-src 'none'; frame-ancestors 'none'", "{asked}");
                continue;
            }
            assert!(policy.ends_with(&ancestors), "{asked}: {policy}");
            for needed in ["default-src 'none'; ", "; style-src 'self'; ", "; base-uri 'none'; ", "; form-action 'self'; "] {
                assert!(policy.contains(needed), "{asked}: {policy}");
            }
            assert!(!policy.contains("unsafe") && !policy.contains("script-src *"), "{asked}: {policy}");
            let word = between(policy, "; script-src 'nonce-", "'; ").unwrap().to_owned();
            assert!(word.len() == 32 && reply.body.contains(&format!("nonce=\"{word}\"")), "{asked}: {word}");
            assert!(words.insert(word), "{asked}: a word is used once");
        }
    }
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_guessing_sharing_and_telling() {
    for place in PLACES {
        for (asked, reply) in answers(&scene(place).await).await {
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{asked}");
            assert_eq!(reply.header("referrer-policy"), "same-origin", "{asked}");
            assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{asked}");
            for feature in ["camera=()", "geolocation=()", "microphone=()", "payment=()", "usb=()"] {
                assert!(reply.header("permissions-policy").contains(feature), "{asked}: {feature}");
            }
            let opener = if place == Place::Embedded { "" } else { "same-origin" };
            assert_eq!(reply.header("cross-origin-opener-policy"), opener, "{asked}");
            let transport = if place == Place::Development { "" } else { "max-age=31536000" };
            assert_eq!(reply.header("strict-transport-security"), transport, "{asked}");
        }
    }
}

#[tokio::test]
async fn nothing_is_kept_but_files_under_their_hashed_names() {
    for place in PLACES {
        for (asked, reply) in answers(&scene(place).await).await {
            let kept = asked.contains("/static/{path") && reply.status == 200;
            let expected = if kept { "public, max-age=31536000, immutable" } else { "no-store" };
            assert_eq!(reply.header("cache-control"), expected, "{asked}");
            assert!(!kept || reply.header("set-cookie").is_empty(), "{asked}");
            assert_eq!(reply.header("etag"), "", "{asked}: what is kept is never asked about again");
        }
    }
}

#[tokio::test]
async fn a_source_may_come_from_a_setting() {
    let images: &str = String::from("https://images.example.com").leak();
    let app = TestApp::of(App { sources: vec![("img-src", images)].leak(), ..pages::app() }).await;
    let page = app.browser_of("alice").await.go("/").await;
    let policy = page.header("content-security-policy");
    assert!(policy.contains("; img-src https://images.example.com 'self' "), "{policy}");
}

#[tokio::test]
async fn an_app_says_what_else_its_pages_may_load_and_use() {
    let sources: &[_] = &[("font-src", "'self'"), ("img-src", "blob:"), ("script-src", "https://maps.example.com")];
    let app = TestApp::of(App { sources, features: &["camera", "geolocation"], ..pages::app() }).await;
    let page = app.browser_of("alice").await.go("/").await;
    let policy = page.header("content-security-policy");
    let word = between(&page.body, "nonce=\"", "\"").unwrap();
    for needed in
        [&format!("script-src https://maps.example.com 'nonce-{word}';"), "img-src blob: 'self' https:", "; font-src 'self'"]
    {
        assert!(policy.contains(needed), "{policy}");
    }
    assert_eq!(page.header("permissions-policy"), "microphone=(), payment=(), usb=(), browsing-topics=()");
    for (sources, features) in [
        (&[("font-src", "'self'; script-src *")][..], &[][..]),
        (&[("font-src", "'self', x")], &[]),
        (&[("font-src\n", "'self'")], &[]),
        (&[("Img-Src", "blob:")], &[]),
        (&[("", "blob:")], &[]),
        (&[("img-src", "")], &[]),
        (&[("default-src", "'self'")], &[]),
        (&[], &["geolocatoin"]),
    ] {
        let asked = App { sources, features, ..App::default() };
        assert!(Headers::new(&app.settings.web, None, &asked).is_err(), "{sources:?} {features:?}");
    }
}
