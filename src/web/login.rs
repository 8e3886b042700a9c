//! Login, logout, and who am I.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::error::Problem;
use super::guard::{ClientAddress, SameOrigin, StrictJson};
use super::once::Taken;
use super::session::{SessionUser, TypedSession};
use super::state::Web;
use crate::dingtalk::{AuthCode, User};

/// What the entry page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    pub(super) auth_code: String,
    pub(super) state: String,
}

/// `POST /api/login`: exchanges the authCode for a session.
pub async fn log_in(
    _: SameOrigin,
    ClientAddress(address): ClientAddress,
    session: TypedSession,
    StrictJson(LoginRequest { auth_code, state }): StrictJson<LoginRequest>,
    request: HttpRequest,
    web: web::Data<Web>,
) -> Result<HttpResponse, Problem> {
    let code = AuthCode::parse(auth_code).map_err(|_| Problem::BadRequest("authCode is not a code".into()))?;
    let nonce = web.login_states.check(&request, &state).map_err(|_| Problem::StateRejected)?;
    web.login_limiter
        .check(address)
        .map_err(|retry_after| Problem::RateLimited { retry_after })?;

    let user = {
        let _exchange = web.codes.claim(&code)?;
        let _login = web.login_states.claim(nonce).map_err(|taken| match taken {
            Taken::UnderWay => Problem::CodeInUse,
            Taken::Spent => Problem::StateRejected,
        })?;
        let user: User = web.dingtalk.user_by_code(code).await?;
        web.login_states.spend(nonce);
        user
    };

    let user = session.begin(user)?;
    let mut response = HttpResponse::Ok().json(user);
    web.login_states.remove_presession(response.headers_mut());
    Ok(response)
}

/// Counts how each login ended, whichever extractor turned it away.
pub async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let metrics = Arc::clone(&Web::of(request.request())?.metrics);
    let answer = next.call(request).await?;
    let problem = answer.response().error().map(|error| error.as_error::<Problem>());
    metrics.login_ended(problem.map(|known| known.map_or("bad_request", Problem::code)));
    Ok(answer)
}

/// `POST /api/logout`: the session is dead, not only the cookie.
pub async fn log_out(_: SameOrigin, session: TypedSession) -> HttpResponse {
    session.end();
    HttpResponse::NoContent().finish()
}

/// `GET /api/me`: who is logged in.
pub async fn me(user: SessionUser) -> web::Json<SessionUser> {
    web::Json(user)
}
