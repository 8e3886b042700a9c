//! What the page's client library calls: the two questions a real client answers itself, and the trace of what the page did.

mod authcode;
mod config;
mod cors;
mod difference;
mod page_url;
mod script;
mod signature;
mod trace;
mod variants;

use actix_web::http::StatusCode;
use actix_web::middleware::{ErrorHandlers, from_fn};
use actix_web::web::{PayloadConfig, ServiceConfig, get, post, resource, scope, to};

use crate::ledger::Window;
use crate::server::{LARGEST_BODY, nothing_here, too_large};

/// Mounts `/dd.js` and `/client`.
pub fn mount(service: &mut ServiceConfig) {
    service.service(resource("/dd.js").wrap(from_fn(cors::open)).route(get().to(script::dd_js))).service(
        scope("/client")
            .app_data(PayloadConfig::new(LARGEST_BODY))
            .wrap(ErrorHandlers::new().handler(StatusCode::PAYLOAD_TOO_LARGE, too_large))
            .wrap(from_fn(cors::open))
            .route("/authcode", post().to(authcode::issue))
            .route("/config", post().to(config::verify))
            .route("/trace", post().to(trace::receive))
            .default_service(to(nothing_here)),
    );
}

/// The window of the client that a platform of `dd.env` means.
fn window(platform: Option<&str>) -> Option<Window> {
    match platform? {
        "android" | "ios" | "harmony" | "phone" => Some(Window::Phone),
        "pc" => Some(Window::Pc),
        "browser" | "notInDingTalk" => Some(Window::Browser),
        _ => None,
    }
}
