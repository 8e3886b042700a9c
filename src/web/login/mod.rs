//! Logging in: the page that begins it, the proof that the same browser ends it, and the exchange.

mod entry; // Who gets a page, and who gets the entry page instead.
mod organisation; // Which organisation a request is about.
mod presession; // Proof that the browser which ends a login is the one that began it.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::CLEAR_SITE_DATA;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, Json, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use tokio::time::Instant;

pub use self::entry::{EntryPage, Visitor};
pub use self::organisation::organisation_of;
use self::presession::presession_kept;
pub use self::presession::{Attempt, Challenge, presession_of};

use super::{ClientAddress, Metrics, Problem, RequestSession, SameOrigin, SessionUser, Site, StrictJson, route, shared};
use crate::dingtalk::{AuthCode, Call, DingTalk, Error, Kind, Network, Standing};
use crate::state::{State, Unavailable};

/// Where logins begin and end.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::post("/api/login", log_in).wrap(from_fn(count)))
        .service(route::post("/api/logout", log_out))
        .service(route::get("/api/me", me))
        .service(route::get("/signed-out", entry::show_signed_out));
}

/// Whether the authCode can be sent again: it was not sent, or DingTalk's gateway refused the call before anything looked at the code.
fn is_code_untouched(why: &Kind) -> bool {
    matches!(why, Kind::NoTurn(_) | Kind::Crowded(_) | Kind::NotAsked(_) | Kind::NotSent(_))
}

/// The answer to a login whose exchange failed. If it may post again, it gets a place in the line.
fn refusal(site: &Site, attempt: &Attempt, error: Error) -> Problem {
    match error.kind {
        // Only if the exchange itself got no turn. A login that waited for a credential is not in the line, and would be back at once.
        Kind::NoTurn(wait) if error.call == Call::USER_BY_CODE => {
            let presession = presession_kept(site, &attempt.presession);
            Problem::LoginQueued { place: attempt.place(site, wait), wait, presession }
        }
        Kind::CodeRejected => {
            Problem::CodeRejected { place: Some(Box::new(attempt.place(site, Duration::ZERO))), cause: Some(error) }
        }
        _ => error.into(),
    }
}

impl From<Unavailable> for Problem {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::UnderWay => Self::CodeInUse,
            Unavailable::CodeUsed => Self::CodeRejected { place: None, cause: None },
            Unavailable::StateUsed => Self::StateRejected,
        }
    }
}

/// What the entry page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    auth_code: AuthCode,
    state: String,
    place: Option<String>,
}

/// `POST /api/login`: exchanges the authCode for a session, when its turn comes.
async fn log_in(
    _: SameOrigin,
    ClientAddress(address): ClientAddress,
    session: RequestSession,
    StrictJson(LoginRequest { auth_code: code, state, place }): StrictJson<LoginRequest>,
    request: HttpRequest,
    store: Data<State>,
    dingtalk: Data<DingTalk>,
) -> Result<HttpResponse, Problem> {
    let site = shared::<Site>(&request)?;
    let mut attempt = Attempt::of(&request, &state, place.as_deref())?;
    let organisation = dingtalk.organisation(&attempt.corp_id)?;

    let asked = site.clock.moment();
    let claim = store.claim(code.fingerprint(), attempt.state).await?;
    if !claim.keeps_place() {
        attempt.since = site.clock.unix_millis();
    }

    let standing =
        Standing { network: Network::of(address), since: attempt.since, until: Instant::now() + site.settings.login_patience };
    let user = match organisation.user_by_code(&code, standing, || claim.code_sent()).await {
        Ok(user) => user,
        Err(error) => {
            if is_code_untouched(&error.kind) {
                claim.code_unused();
            }
            let problem = refusal(site, &attempt, error);
            claim.conclude().await;
            return Err(problem);
        }
    };

    // Meanwhile the organisation may have removed the app, or the person may have left. A login with a fresh code tells if they are back.
    dingtalk.admits(&attempt.corp_id)?;
    if store.is_over(&attempt.corp_id, &user.user_id, asked) {
        return Err(Problem::CodeRejected { place: None, cause: None });
    }
    claim.succeeded();
    let user = session.begin(user, attempt.corp_id, attempt.presession);
    // Waits until the changes are stored, so that this answer is true after a restart, too. If they cannot be stored, the log says so.
    let (_, _) = tokio::join!(claim.conclude(), store.kept());
    let mut response = HttpResponse::Ok().json(user);
    site.presession_cookie.remove(response.headers_mut());
    Ok(response)
}

/// Counts how each login ended, whichever extractor turned it away.
async fn count<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, actix_web::Error> {
    let mut ending = Ending { metrics: shared::<Metrics>(request.request())?.clone(), result: "gone" };
    let answer = next.call(request).await.inspect_err(|_| ending.result = "internal")?;
    let problem = answer.response().error().map(|error| error.as_error::<Problem>());
    ending.result = problem.map_or("ok", |known| known.map_or("bad_request", Problem::code));
    Ok(answer)
}

/// Counts how a login ended when it is dropped, also if the browser has disconnected.
struct Ending {
    metrics: Data<Metrics>,
    result: &'static str,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.metrics.login_ended(if std::thread::panicking() { "internal" } else { self.result });
    }
}

/// `POST /api/logout`: ends the session itself, not only its cookie, and clears what pages have stored in the browser. `Clear-Site-Data`
/// does not name cookies: other apps on this host may have some.
async fn log_out(_: SameOrigin, session: RequestSession, store: Data<State>) -> HttpResponse {
    session.end();
    let _ = store.kept().await;
    HttpResponse::NoContent().insert_header((CLEAR_SITE_DATA, r#""storage""#)).finish()
}

/// `GET /api/me`: who is logged in.
async fn me(user: SessionUser) -> Json<SessionUser> {
    Json(user)
}
