//! A playground: JSAPIs that need `dd.config`, and some that do not.

use askama::Template;
use askama_web::WebTemplate;

use crate::app::words;
use crate::web::{Head, JsapiConfig, Problem, SessionUser, Visitor};

/// `templates/jsapi.html`
#[derive(Template, WebTemplate)]
#[template(path = "jsapi.html")]
pub struct Playground {
    head: Head,
    words: &'static words::Jsapi,
    user: SessionUser,
    /// The values of `dd.config` as JSON, signed for this very page.
    jsapi: String,
}

/// `GET /jsapi`
pub async fn show(Visitor(user): Visitor, head: Head, jsapi: JsapiConfig) -> Result<Playground, Problem> {
    Ok(Playground { words: words::Jsapi::of(head.language), head, user, jsapi: jsapi.to_json()? })
}
