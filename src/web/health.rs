//! For whoever watches the server.

use actix_web::{HttpResponse, web};

use super::error::Problem;
use super::state::Web;

/// `GET /healthz`: the process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

/// `GET /readyz`: people can be logged in, since an access_token is at hand.
pub async fn ready(web: web::Data<Web>) -> Result<HttpResponse, Problem> {
    web.dingtalk.access_token().await?;
    Ok(HttpResponse::Ok().content_type("text/plain").body("ready\n"))
}
