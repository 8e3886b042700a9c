//! Logging in: the page that begins it, the proof that the same browser ends it, and the exchange.

mod entry;
mod organisation;
mod rate;
mod signed_out;
mod state;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::CLEAR_SITE_DATA;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

/// Who gets a page, and who gets the entry page instead.
pub use self::entry::{EntryPage, Visitor};
/// How often people may log in.
pub use self::rate::{LoginLimiter, LoginRate, LoginRates};
/// Proof that the browser which ends a login is the one that began it.
pub use self::state::{Challenge, LoginStates};

use super::guard::{ClientAddress, SameOrigin, StrictJson};
use super::session::{CookiePolicy, RequestSession, SessionUser};
use super::{Metrics, Problem, Settings, route, shared};
use crate::dingtalk::{AuthCode, Clock, Organisation};
use crate::state::{Once, Unavailable};

/// Where logins begin and end.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::post("/api/login", log_in).wrap(from_fn(count)))
        .service(route::post("/api/logout", log_out))
        .service(route::get("/api/me", me))
        .service(route::get("/signed-out", signed_out::show));
}

/// What logins are checked against, and what none of them may use again.
pub struct Logins {
    /// The states that pages were given.
    pub states: LoginStates,
    codes: Once<[u8; 32]>,
    limiter: LoginLimiter,
    clock: Clock,
}

impl Logins {
    /// DingTalk forgets an authCode after five minutes ("Obtain the userid of a user by using the authorization code").
    const CODE_LIVES: std::time::Duration = std::time::Duration::from_secs(300);

    /// Nobody has logged in yet.
    pub fn new(settings: &Settings, cookies: CookiePolicy, clock: Clock) -> Self {
        Self {
            states: LoginStates::new(&settings.session_keys, cookies, clock.clone()),
            codes: Once::new(Self::CODE_LIVES),
            limiter: LoginLimiter::new(settings.login_rates),
            clock,
        }
    }
}

/// What the entry page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    auth_code: String,
    state: String,
}

/// `POST /api/login`: exchanges the authCode for a session.
async fn log_in(
    _: SameOrigin,
    ClientAddress(address): ClientAddress,
    session: RequestSession,
    StrictJson(LoginRequest { auth_code, state }): StrictJson<LoginRequest>,
    request: HttpRequest,
    logins: Data<Logins>,
    organisation: Organisation,
) -> Result<HttpResponse, Problem> {
    let code = AuthCode::parse(auth_code).map_err(|_| Problem::BadRequest("authCode is not a code".into()))?;
    let state = logins.states.check(&request, &state)?;
    let refused = logins.limiter.check(address);
    refused.map_err(|retry_after| Problem::RateLimited { retry_after })?;

    let now = logins.clock.now();
    let exchange = logins.codes.take(code.fingerprint(), now).map_err(|taken| match taken {
        Unavailable::UnderWay => Problem::CodeInUse,
        Unavailable::Used => Problem::CodeRejected(None),
    })?;
    // Before it is sent, and whatever comes back, even if the browser goes away in the middle.
    exchange.mark_used(now);
    let state = logins.states.take(state).map_err(|taken| match taken {
        Unavailable::UnderWay => Problem::CodeInUse,
        Unavailable::Used => Problem::StateRejected,
    })?;
    let user = organisation.user_by_code(code).await?;
    state.mark_used(logins.clock.now());

    let user = session.begin(user)?;
    let mut response = HttpResponse::Ok().json(user);
    logins.states.remove_presession(response.headers_mut());
    Ok(response)
}

/// Counts how each login ended, whichever extractor turned it away.
async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let metrics = shared::<Metrics>(request.request())?.clone();
    let answer = next.call(request).await?;
    let problem = answer.response().error().map(|error| error.as_error::<Problem>());
    metrics.login_ended(problem.map(|known| known.map_or("bad_request", Problem::code)));
    Ok(answer)
}

/// `POST /api/logout`: the session is dead, not only the cookie, and what pages have stored goes too. Cookies are left alone: others of
/// this host may have some.
async fn log_out(_: SameOrigin, session: RequestSession) -> HttpResponse {
    session.end();
    HttpResponse::NoContent().insert_header((CLEAR_SITE_DATA, r#""storage""#)).finish()
}

/// `GET /api/me`: who is logged in.
async fn me(user: SessionUser) -> Json<SessionUser> {
    Json(user)
}
