//! Every route of the product, with the demo's pages.

use crate::http::surface::methods::methods_are_answered;
use crate::http::surface::openapi::{answers_are_described, routes_described, to_describe};
use crate::http::surface::{ROUTES, Scene};
use crate::support::TestApp;

async fn scene() -> Scene {
    Scene::of(TestApp::demo().await, None).await
}

#[tokio::test]
async fn every_route_answers_every_method_with_what_it_is_for_or_405_and_what_is_allowed() {
    methods_are_answered(&scene().await).await;
}

#[test]
fn the_description_has_every_route_and_no_other() {
    assert_eq!(routes_described(), to_describe(&ROUTES));
}

#[tokio::test]
async fn the_description_has_every_status_that_is_seen_with_its_type_and_its_headers() {
    answers_are_described(&scene().await, &ROUTES).await;
}
