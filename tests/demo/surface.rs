//! Every route of the demo.

use crate::http::surface::get;
use crate::http::surface::openapi::app_is_described;

#[tokio::test]
async fn every_route_answers_every_method_and_the_description_has_each_route_and_answer_and_no_other() {
    app_is_described(&[get("/", [200, 200]), get("/profile", [200, 200]), get("/jsapi", [200, 200])]).await;
}
