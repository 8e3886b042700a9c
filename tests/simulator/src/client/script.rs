//! The client library, told where it came from and how the client behaves.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::server::origin;
use crate::world::Shared;

const LIBRARY: &str = include_str!("../../assets/dd.js");
const BLANK: &str = "var SIMULATOR = null; // filled in by the server";

/// `GET /dd.js`
pub async fn dd_js(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let world = shared.world();
    let simulator =
        json!({"url": origin(&request), "client": world.client, "avatars": format!("/avatar/{}", world.first_corp_id())});
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(LIBRARY.replace(BLANK, &format!("var SIMULATOR = {simulator};")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_has_one_blank_to_fill_in() {
        assert_eq!(LIBRARY.matches(BLANK).count(), 1);
    }
}
