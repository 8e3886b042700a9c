//! The pages. To add one: a file here with a template and a handler, a template in `templates/`, and a line in [`routes`].

mod clinic;
mod home;
mod jsapi;
mod profile;
mod signed_out;
mod words;

use actix_web::web::ServiceConfig;

use crate::web::{Both, NavEntry, route};

/// What the app is called, in every language.
pub const NAME: &str = "Demo H5 app";

/// The pages that every page leads to.
pub const NAV: &[NavEntry] = &[
    NavEntry::new("/", Both("Home", "首页")),
    NavEntry::new("/profile", Both("Profile", "我的资料")),
    NavEntry::new("/jsapi", Both("JSAPI", "JSAPI")),
];

/// The gated JSAPIs that pages of this app call; `dd.config` asks the client for them.
pub const JSAPI_LIST: &[&str] = &["biz.contact.choose", "device.geolocation.get"];

/// Where the pages are.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/", home::show))
        .service(route::get("/profile", profile::show))
        .service(route::get("/jsapi", jsapi::show))
        .service(route::get("/signed-out", signed_out::show))
        .service(route::get("/clinic", clinic::show));
}
