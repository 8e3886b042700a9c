//! A path that an app changes and deletes things at.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Path, ServiceConfig};
use dingtalk_h5::web::{App, Problem, SameOrigin, SessionUser, StrictJson, route};
use reqwest::Method;
use serde_json::Value;

use super::methods::methods_are_answered;
use super::misled::strangers_are_kept_out;
use super::{Route, Scene, at, delete, get, patch, put};
use crate::support::{TestApp, pages};

async fn show(_: SessionUser, id: Path<u64>) -> String {
    id.to_string()
}

async fn change(_: SameOrigin, _: SessionUser, _: StrictJson<Value>) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

async fn remove(_: SameOrigin, _: SessionUser, id: Path<u64>) -> Result<HttpResponse, Problem> {
    if *id == 7 { Ok(HttpResponse::NoContent().finish()) } else { Err(Problem::NotFound) }
}

async fn remove_for_anybody(_: SessionUser) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

async fn app() -> TestApp {
    let own = pages::app();
    let routes = move |routes: &mut ServiceConfig| {
        let orders = route::at("/api/orders/{id}").get(show).put(change).patch(change).delete(remove);
        let marked = route::at("/api/marked").put(change).resource().wrap(DefaultHeaders::new().add(("X-Kitchen", "open")));
        let careless = route::at("/api/careless").delete(remove_for_anybody);
        (own.routes)(routes.service(orders).service(marked).service(careless));
    };
    TestApp::of(App { routes: Arc::new(routes), ..pages::app() }).await
}

const TARGET: &str = "/api/orders/7";

const ORDERS: [Route; 5] = [
    at(get("/api/orders/{id}", [401, 200]), TARGET),
    at(put("/api/orders/{id}", "{}", [401, 204]), TARGET),
    at(patch("/api/orders/{id}", "{}", [401, 204]), TARGET),
    at(delete("/api/orders/{id}", [401, 204]), TARGET),
    put("/api/marked", "{}", [401, 204]),
];

#[tokio::test]
async fn each_method_has_its_handler_and_the_others_are_405_with_all_that_are_allowed() {
    let scene = Scene::of(app().await, None).await;
    methods_are_answered(&scene, &ORDERS).await;
    let refused = scene.ask(&ORDERS[0], "POST", true, &[]).await;
    assert_eq!((refused.status, refused.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(refused.header("allow"), "DELETE, GET, HEAD, PATCH, PUT");
    for (method, somebody) in [("PUT", true), ("PUT", false), ("GET", true)] {
        assert_eq!(scene.ask(&ORDERS[4], method, somebody, &[]).await.header("x-kitchen"), "open", "refusals have it, too");
    }
}

#[tokio::test]
async fn no_other_origin_changes_or_deletes_anything() {
    strangers_are_kept_out(&Scene::of(app().await, None).await, &ORDERS).await;
}

#[tokio::test]
#[should_panic = "takes no SameOrigin"]
async fn a_route_that_any_origin_may_delete_at_is_noticed() {
    let careless = delete("/api/careless", [401, 204]);
    strangers_are_kept_out(&Scene::of(app().await, None).await, &[careless]).await;
}

#[tokio::test]
async fn a_page_that_shows_somebody_else_changes_and_deletes_nothing() {
    let app = app().await;
    let mut alice = app.browser_of("alice").await;
    let shown = format!("{} bob", app.dingtalk.app().corp_id);
    let headers = [("sec-fetch-site", "same-origin"), ("content-type", "application/json"), ("x-page-user", &*shown)];
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = alice.send(method, TARGET, &headers, Some("{}".into())).await;
        assert_eq!(answer.problem(), (409, "user_changed".to_owned()));
    }
}

#[tokio::test]
async fn a_body_is_bounded_whatever_the_method() {
    let app = app().await;
    let mut alice = app.browser_of("alice").await;
    for method in [Method::PUT, Method::PATCH] {
        let mut send = async |kind, body| {
            let headers = [("sec-fetch-site", "same-origin"), ("content-type", kind)];
            alice.send(method.clone(), TARGET, &headers, Some(body)).await.problem()
        };
        assert_eq!(send("application/json", vec![b' '; 4097]).await, (413, "payload_too_large".to_owned()));
        assert_eq!(send("text/plain", b"{}".to_vec()).await, (415, "unsupported_media_type".to_owned()));
    }
}
