//! The pages. To add one: a file here with a template and a handler, a template in `templates/`, and a line among the routes.

mod home;
mod jsapi;
mod profile;
mod words;

use std::sync::Arc;

use actix_web::web::ServiceConfig;

use crate::dingtalk::{Clock, DingTalk};
use crate::environment::Environment;
use crate::web::{App, Both, NavEntry, route};

/// What the app is called: one name for all languages.
pub const NAME: &str = "Demo H5 app";

/// The pages that every page leads to.
const NAV: &[NavEntry] = &[
    NavEntry::new("/", Both("Home", "首页")),
    NavEntry::new("/profile", Both("Profile", "我的资料")),
    NavEntry::new("/jsapi", Both("JSAPI", "JSAPI")),
];

/// The gated JSAPIs that pages of this app call; `dd.config` asks the client for them.
const JSAPI_LIST: &[&str] = &["biz.contact.choose", "device.geolocation.get"];

/// Settings of this app's own, read from the environment with all others.
#[derive(Debug, Clone)]
pub struct Settings {}

impl Settings {
    /// Reads all settings before it uses any, so that all faults are reported at once. One is read by
    /// `let kitchen = env.required("KITCHEN_URL", kitchen_url, "Where orders go: ask the cook.");`, where `kitchen_url` parses a `String`
    /// or says what is wrong with it. The last line is `Some(Self { kitchen: kitchen? })`.
    pub fn read(_env: &mut Environment) -> Option<Self> {
        Some(Self {})
    }
}

/// Builds the app, once, before the first request. State that lives as long as the app, such as a database pool, is made here and given to
/// every worker with its routes: `let pool = Data::new(connect(..).await?);` and `routes.app_data(pool.clone())`. `clock` is the clock
/// that all code goes by; tests move it. `dingtalk` is for the app's background tasks.
pub async fn build(_settings: Settings, _clock: Clock, _dingtalk: DingTalk) -> anyhow::Result<App> {
    Ok(App { name: NAME, nav: NAV, jsapi_list: JSAPI_LIST, routes: Arc::new(routes), ..App::default() })
}

/// The routes of the pages.
fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/", home::show))
        .service(route::get("/profile", profile::show))
        .service(route::get("/jsapi", jsapi::show));
}
