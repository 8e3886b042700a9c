//! The pages. To add one: a file here with a template and a handler, a template in `templates/`, and a line in [`routes`].

mod clinic;
mod home;
mod jsapi;
mod profile;
mod signed_out;
pub(crate) mod words;

use actix_web::web::ServiceConfig;

use crate::environment::Environment;
use crate::web::route;

/// What the app is called, in every language.
pub const NAME: &str = "Demo H5 app";

/// The gated JSAPIs that pages of this app call; `dd.config` asks the client for them.
pub const JSAPI_LIST: &[&str] = &["biz.contact.choose", "device.geolocation.get"];

/// Settings of this app's own. `.env`, the command line, `--help` and the report of all that is wrong know those that are read here.
#[derive(Debug, Clone)]
pub struct Settings {}

impl Settings {
    /// Read all before you use any: `let kitchen = env.required("KITCHEN_URL", kitchen_url, "Where orders go: ask the cook.");`,
    /// where `kitchen_url` parses a `String` or says what is wrong with it, and at the end `Some(Self { kitchen: kitchen? })`.
    pub fn read(_env: &mut Environment) -> Option<Self> {
        Some(Self {})
    }
}

/// Where the pages are.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/", home::show))
        .service(route::get("/profile", profile::show))
        .service(route::get("/jsapi", jsapi::show))
        .service(route::get("/signed-out", signed_out::show))
        .service(route::get("/clinic", clinic::show));
}
