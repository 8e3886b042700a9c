//! Signs pages for `dd.config`. The ticket stays here.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::{Deserialize, Serialize};

use super::error::Problem;
use super::session::SessionUser;
use super::state::Web;
use crate::dingtalk::{AgentId, CorpId, NonceStr, PageUrl, Recipe, SignedPage};

/// What `dd.config` takes (contract 4.5). A page's handler that takes one gets it signed for the address that was asked for, under
/// PUBLIC_URL: nothing that the request says about the host counts.
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
    /// Signs the page that `request` asked for by `recipe`, or else by the settings.
    pub async fn of(request: &HttpRequest, recipe: Option<Recipe>) -> Result<Self, Problem> {
        let web = Web::of(request)?;
        let path_and_query = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let url = PageUrl::of_request(&web.public_url, path_and_query)?;
        Self::sign(web, recipe.unwrap_or(web.jsapi_recipe()), url).await
    }

    async fn sign(web: &Web, recipe: Recipe, url: PageUrl) -> Result<Self, Problem> {
        let ticket = web.dingtalk.jsapi_ticket().await?;
        let page = SignedPage::new(url, recipe, ticket, web.clock.unix_seconds());
        let config = Self {
            agent_id: web.agent_id.clone(),
            corp_id: web.corp_id.clone(),
            time_stamp: page.timestamp.to_string(),
            signature: page.signature(),
            nonce_str: page.nonce_str.clone(),
            r#type: 0,
            js_api_list: web.jsapi_list,
        };
        web.signed_pages.remember(page);
        Ok(config)
    }

    /// As JSON, to be put into a page.
    pub fn to_json(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| Problem::Internal(error.into()))
    }
}

impl FromRequest for JsapiConfig {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request, None).await })
    }
}

/// The query of `GET /api/jsapi/config`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigQuery {
    url: String,
}

/// `GET /api/jsapi/config?url=`: signs the page whose `location.href` is `url`.
pub async fn config(
    _user: SessionUser,
    query: Result<web::Query<ConfigQuery>, actix_web::Error>,
    web: web::Data<Web>,
) -> Result<web::Json<JsapiConfig>, Problem> {
    let query = query.map_err(|_| Problem::BadRequest("the query is url=, once"))?;
    let url = PageUrl::parse(&web.public_url, &query.url)?;
    Ok(web::Json(JsapiConfig::sign(&web, web.jsapi_recipe(), url).await?))
}
