//! Login, logout, and who am I.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::error::Problem;
use super::guard::{ClientAddress, SameOrigin, StrictJson};
use super::once::{Claim, Once, Taken};
use super::session::{SessionUser, TypedSession};
use super::state::Web;
use crate::dingtalk::{AuthCode, Clock, User};

/// What the entry page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    auth_code: String,
    state: String,
}

/// The authCodes that were brought here, for as long as DingTalk would know them. A code is sent to DingTalk once.
pub struct SpentCodes {
    codes: Once<[u8; 32]>,
    clock: Clock,
}

impl SpentCodes {
    /// DingTalk forgets a code after five minutes (contract 5.1).
    const GOOD_FOR: Duration = Duration::from_secs(300);

    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            codes: Once::new(Self::GOOD_FOR),
            clock,
        }
    }

    /// Takes a code for one exchange, and for ever: what is done with the claim does not matter.
    fn claim(&self, code: &AuthCode) -> Result<Exchange<'_>, Problem> {
        let (fingerprint, now) = (code.fingerprint(), self.clock.now());
        let claim = self.codes.claim(fingerprint, now).map_err(|taken| match taken {
            Taken::UnderWay => Problem::CodeInUse,
            Taken::Spent => Problem::CodeRejected(None),
        })?;
        Ok(Exchange {
            codes: self,
            fingerprint,
            _claim: claim,
        })
    }
}

/// One code on its way. However it ends, even if the browser goes away in the middle, the code is spent.
struct Exchange<'a> {
    codes: &'a SpentCodes,
    fingerprint: [u8; 32],
    _claim: Claim<'a, [u8; 32]>,
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.codes.codes.spend(self.fingerprint, self.codes.clock.now());
    }
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
    let code = AuthCode::parse(auth_code).map_err(|_| Problem::BadRequest("authCode is not a code"))?;
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
    web.login_states.remove_presession(&mut response);
    Ok(response)
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
