//! Signs pages for `dd.config`, tries out which signatures a client accepts, and explains why one was refused. Pages never get the
//! jsapi_ticket.

mod report; // Explains why a client refused.

use actix_web::web::{Data, Json, Query, ServiceConfig};
use actix_web::{FromRequest, HttpRequest};
use askama::Template;
use askama_web::WebTemplate;
use serde::{Deserialize, Serialize};

pub use self::report::Reports;
use super::page::words;
use super::{Head, Problem, SessionUser, Site, Visitor, extracted, route, shared};
use crate::dingtalk::{AgentId, CorpId, NonceStr, Organisation, PageUrl, Recipe, SignedPage};

/// The routes for signatures, reports of refusals and the clinic.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::get("/api/jsapi/config", config))
        .service(route::post("/api/jsapi/report", report::report))
        .service(route::get("/clinic", show_clinic));
}

/// The values that `dd.config` takes ("JSAPI authentication"). A page's handler that takes one gets them signed for the requested path and
/// query under PUBLIC_URL: what the request says about the host is ignored.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsapiConfig {
    agent_id: AgentId,
    corp_id: CorpId,
    /// As text, so that it reaches the client in the digits that were signed.
    time_stamp: String,
    nonce_str: NonceStr,
    signature: String,
    /// 0: a micro-app.
    r#type: u8,
    js_api_list: &'static [&'static str],
}

impl JsapiConfig {
    /// Signs the page that `request` asked for by `recipe`.
    pub async fn of(request: &HttpRequest, recipe: Recipe) -> Result<Self, Problem> {
        let site = shared::<Site>(request)?;
        let organisation = Organisation::extract(request).await?;
        let path_and_query = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let url = PageUrl::of_request(&site.settings.public_url, path_and_query)?;
        Self::sign(site, &organisation, recipe, url).await
    }

    async fn sign(site: &Site, organisation: &Organisation, recipe: Recipe, url: PageUrl) -> Result<Self, Problem> {
        recipe.check(&url)?;
        let ticket = organisation.jsapi_ticket().await?;
        let page = SignedPage { url, recipe, ticket, nonce_str: NonceStr::random(), timestamp: site.clock.unix_seconds() };
        Ok(Self {
            agent_id: organisation.agent_id().await?,
            corp_id: organisation.corp_id().clone(),
            time_stamp: page.timestamp.to_string(),
            signature: page.signature(),
            nonce_str: page.nonce_str,
            r#type: 0,
            js_api_list: site.app.jsapi_list,
        })
    }

    /// As JSON, to be put into a page.
    pub fn to_json(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| Problem::Internal(error.into()))
    }
}

extracted!(JsapiConfig, async |request| JsapiConfig::of(request, shared::<Site>(request)?.recipe()).await);

/// The query of `GET /api/jsapi/config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigQuery {
    url: String,
}

/// `GET /api/jsapi/config?url=`: signs the page whose `location.href` is `url`.
async fn config(
    _user: SessionUser,
    query: Result<Query<ConfigQuery>, actix_web::Error>,
    site: Data<Site>,
    organisation: Organisation,
) -> Result<Json<JsapiConfig>, Problem> {
    let query = query.map_err(|_| Problem::BadRequest("the query is url=, once".into()))?;
    let url = PageUrl::parse(&site.settings.public_url, &query.url)?;
    Ok(Json(JsapiConfig::sign(&site, &organisation, site.recipe(), url).await?))
}

/// A query that the recipes sign differently: an encoded character, an encoded space, an encoded plus, a plain plus.
const PROBE: &str = "%E4%B8%AD%20%2B+x";

/// The signature clinic: tries every recipe that some official source signs by, and shows which the client accepts. `dd.config` works once
/// in a document, so each recipe takes a page of its own. It is 404 unless SIGNATURE_CLINIC is set.
#[derive(Template, WebTemplate)]
#[template(path = "clinic.html")]
struct Clinic {
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
struct Step {
    recipe: Option<String>,
}

/// `GET /clinic`
async fn show_clinic(
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
            Some((name, JsapiConfig::of(&request, recipe).await?.to_json()?))
        }
    };
    let next = recipes.next().map(|(name, _)| format!("/clinic?recipe={name}&probe={PROBE}"));
    Ok(Clinic { words: words::Clinic::of(head.language), head, user, trial, next })
}
