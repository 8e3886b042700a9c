//! What an app brings to the plumbing.

use std::sync::Arc;

use actix_web::web::ServiceConfig;

use super::page::NavEntry;

/// An app, built once and shared by all workers.
#[derive(Clone)]
pub struct App {
    /// What it is called: one name for all languages.
    pub name: &'static str,
    /// The pages that every page leads to.
    pub nav: &'static [NavEntry],
    /// The gated JSAPIs that its pages call; `dd.config` asks the client for them.
    pub jsapi_list: &'static [&'static str],
    /// Adds its routes and its state to a worker. What it keeps while it runs is made before this, once: see `app::build`.
    pub routes: Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>,
}
