//! The signature clinic: tries every recipe that some official source signs by, and shows which the client accepts.
//!
//! `dd.config` counts once in a document, so each recipe takes a page of its own. Closed unless SIGNATURE_CLINIC opens it.

use actix_web::HttpRequest;
use actix_web::web::{Data, Query};
use askama::Template;
use askama_web::WebTemplate;
use serde::Deserialize;

use super::JsapiConfig;
use crate::dingtalk::Recipe;
use crate::web::page::words;
use crate::web::{Head, Problem, SessionUser, Site, Visitor};

/// A query in which the recipes differ: an encoded character, a space, an encoded plus, a plain one.
const PROBE: &str = "%E4%B8%AD%20%2B+x";

/// `templates/clinic.html`
#[derive(Template, WebTemplate)]
#[template(path = "clinic.html")]
pub struct Clinic {
    head: Head,
    words: &'static words::Clinic,
    user: SessionUser,
    /// The recipe that this page is signed by, with the values of `dd.config` as JSON. None before the first.
    trial: Option<(String, String)>,
    /// Where the next recipe is tried. None after the last.
    next: Option<String>,
}

/// Which recipe a page tries.
#[derive(Deserialize)]
pub struct Step {
    recipe: Option<String>,
}

/// `GET /clinic`
pub async fn show(
    site: Data<Site>,
    Visitor(user): Visitor,
    head: Head,
    Query(step): Query<Step>,
    request: HttpRequest,
) -> Result<Clinic, Problem> {
    if !site.settings.signature_clinic {
        return Err(Problem::NotFound);
    }
    let mut recipes = Recipe::all();
    let trial = match step.recipe {
        None => None,
        Some(asked) => {
            let (name, recipe) = recipes.find(|(name, _)| *name == asked).ok_or(Problem::NotFound)?;
            Some((name, JsapiConfig::of(&request, Some(recipe)).await?.to_json()?))
        }
    };
    let next = recipes.next().map(|(name, _)| format!("/clinic?recipe={name}&probe={PROBE}"));
    Ok(Clinic { words: words::Clinic::of(head.language), head, user, trial, next })
}
