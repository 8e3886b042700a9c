//! Cookies of the app's own, written and read in the way of the plumbing.

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use dingtalk_h5::web::{App, OurCookie, SameOrigin, SessionUser, Site, StrictJson, route};
use serde_json::json;

use crate::support::{TestApp, pages};

/// Remembers a text in a cookie: the body of a POST, a string.
fn remembering() -> App {
    let cookie = |site: &Site| OurCookie::new("room", &site.settings);
    let read = move |request: HttpRequest, site: Data<Site>| {
        let value = cookie(&site).text_in(request.headers()).map(String::from);
        async { HttpResponse::Ok().json(value) }
    };
    let set = move |_: SameOrigin, _: SessionUser, text: StrictJson<Text>, site: Data<Site>| {
        let mut response = HttpResponse::NoContent().finish();
        cookie(&site).set(response.headers_mut(), &text.0.text, None);
        async { response }
    };
    let own = pages::app();
    let routes = move |routes: &mut ServiceConfig| {
        (own.routes)(routes.service(route::get_and_post("/api/room", read, set)));
    };
    App { routes: Arc::new(routes), ..pages::app() }
}

#[derive(serde::Deserialize)]
struct Text {
    text: String,
}

#[tokio::test]
async fn an_app_keeps_any_text_in_a_cookie_of_its_own() {
    let app = TestApp::of(remembering()).await;
    let mut browser = app.browser_of("alice").await;
    assert_eq!(browser.read("/api/room").await.json(), json!(null));
    for text in ["12", "会议室 3", "a; Domain=example.com, \"b\"", "100%", "%41+/=", "\\\r\n\t\u{7F}", ""] {
        let set = browser.post("/api/room", &json!({"text": text})).await;
        let header = set.headers.get_all("set-cookie").iter().find(|header| header.as_bytes().starts_with(b"room=")).unwrap();
        let header = header.to_str().unwrap().to_owned();
        assert_eq!(header.matches(';').count(), "; HttpOnly; SameSite=Lax; Path=/".matches(';').count(), "{header}");
        assert_eq!(browser.read("/api/room").await.json(), json!(text), "{header}");
    }
}
