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
pub use self::presession::Challenge;
use self::presession::{Attempt, StateId};

use super::problem::Queued;
use super::{
    ClientAddress, Metrics, OurCookie, Problem, RequestSession, SameOrigin, SessionUser, Site, StrictJson, route, shared,
};
use crate::dingtalk::{AuthCode, Call, DingTalk, Error, Kind, Network, Standing};
use crate::state::{Once, Reservation, State, Table, Taken, Unavailable};

/// Where logins begin and end.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(route::post("/api/login", log_in).wrap(from_fn(count)))
        .service(route::post("/api/logout", log_out))
        .service(route::get("/api/me", me))
        .service(route::get("/signed-out", entry::show_signed_out));
}

/// Checks logins, and remembers the states and authCodes that were used.
pub struct Logins {
    site: Data<Site>,
    presession: OurCookie,
    states: Once<StateId>,
    codes: Once<[u8; 32]>,
    /// The exchanges in which a login kept its place in the line: two for each state.
    exchanges: Once<(StateId, u8)>,
}

impl Logins {
    /// DingTalk forgets an authCode after five minutes ("Obtain the userid of a user by using the authorization code").
    const CODE_LIVES: Duration = Duration::from_secs(300);

    /// Takes what `store` knows of used states and authCodes.
    pub fn new(site: Data<Site>, store: &State) -> Self {
        Self {
            presession: OurCookie::new("presession", &site.settings),
            states: store.once(Table::LoginStates, Self::STATES_USED_FOR),
            codes: store.once(Table::Codes, Self::CODE_LIVES),
            exchanges: store.once(Table::Exchanges, Self::STATES_USED_FOR),
            site,
        }
    }

    /// The answer to a login whose exchange failed. If it may post again, it gets a place in the line.
    fn refuse(&self, claim: &Claim, attempt: &Attempt, error: Error) -> Problem {
        // The authCode was not sent, or DingTalk's gateway refused the call before anything looked at the code: it can be sent again.
        if matches!(error.kind, Kind::NoTurn(_) | Kind::Crowded(_) | Kind::NotAsked(_)) {
            claim.code_unused();
        }
        match error.kind {
            // Only if the exchange itself got no turn. A login that waited for a credential is not in the line, and would be back at once.
            Kind::NoTurn(wait) if error.call == Call::USER_BY_CODE => {
                let presession = self.presession_kept(&attempt.presession);
                Problem::LoginQueued(Box::new(Queued { place: self.place(attempt, wait), wait, presession }))
            }
            Kind::CodeRejected => {
                Problem::CodeRejected { place: Some(Box::new(self.place(attempt, Duration::ZERO))), cause: Some(error) }
            }
            _ => error.into(),
        }
    }
}

/// What a login reserves before it calls DingTalk: the authCode, its state, and one of the exchanges in which it keeps its place in the
/// line. It reserves them in this process first, then in all processes. When this is dropped, what was not used is free again.
struct Claim<'a> {
    code: Taken<'a, [u8; 32]>,
    state: Taken<'a, StateId>,
    /// Without one the login goes to the end of the line.
    exchange: Option<Taken<'a, (StateId, u8)>>,
    reservation: Reservation<'a>,
}

/// The numbers of the three in `reservation`, in the order in which `Claim::take` asks for them.
const CODE: usize = 0;
const STATE: usize = 1;
const EXCHANGE: usize = 2;

impl<'a> Claim<'a> {
    /// A login keeps its place in the line for one exchange, and for one more with a fresh authCode.
    const EXCHANGES: [u8; 2] = [0, 1];
    /// How long a login can take: it waits for its turn, and then five seconds for DingTalk, twice at most. If its process hangs, the state
    /// is free again after this time.
    const LOGIN: Duration = Duration::from_secs(40);

    async fn take(logins: &'a Logins, store: &'a State, code: [u8; 32], state: StateId) -> Result<Self, Problem> {
        let refused = |nth, why| match (nth, why) {
            (_, Unavailable::UnderWay) => Problem::CodeInUse,
            (CODE, Unavailable::Used) => Problem::code_rejected(),
            (_, Unavailable::Used) => Problem::StateRejected,
        };
        let code_taken = logins.codes.take(code).map_err(|why| refused(CODE, why))?;
        let state_taken = logins.states.take(state).map_err(|why| refused(STATE, why))?;
        let exchange = Self::EXCHANGES.into_iter().find_map(|nth| logins.exchanges.take((state, nth)).ok());
        // DingTalk may accept the code until five minutes after it was sent, even if the process that sent it has died.
        let code_wanted = logins.codes.wanted(&code, Logins::CODE_LIVES + Self::LOGIN);
        let state_wanted = logins.states.wanted(&state, Self::LOGIN).until_this_process_ends();
        let exchange_wanted = |nth| logins.exchanges.wanted(&(state, nth), Self::LOGIN).until_this_process_ends();
        let (needed, helping) = (vec![code_wanted, state_wanted], Self::EXCHANGES.map(exchange_wanted).to_vec());
        let reservation = store.claim(needed, helping).await.map_err(|(nth, why)| refused(nth, why))?;
        let exchange = exchange.filter(|_| reservation.helps);
        Ok(Self { code: code_taken, state: state_taken, exchange, reservation })
    }

    /// The authCode is being sent: it and the exchange are used now, whatever DingTalk answers, and even if the browser disconnects.
    fn code_sent(&self) {
        self.mark_sent(true);
        self.code.mark_used();
        self.exchange.iter().for_each(Taken::mark_used);
    }

    /// The authCode was not sent, or nothing has looked at it: it and the exchange are free again.
    fn code_unused(&self) {
        self.mark_sent(false);
        self.code.mark_unused();
        self.exchange.iter().for_each(Taken::mark_unused);
    }

    /// The login has succeeded.
    fn succeeded(&self) {
        self.reservation.mark(STATE, true);
        self.state.mark_used();
    }

    fn mark_sent(&self, is_sent: bool) {
        self.reservation.mark(CODE, is_sent);
        self.reservation.mark(EXCHANGE, is_sent);
    }
}

/// What the entry page posts.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoginRequest {
    auth_code: String,
    state: String,
    place: Option<String>,
}

/// `POST /api/login`: exchanges the authCode for a session, when its turn comes.
async fn log_in(
    _: SameOrigin,
    ClientAddress(address): ClientAddress,
    session: RequestSession,
    StrictJson(LoginRequest { auth_code, state, place }): StrictJson<LoginRequest>,
    request: HttpRequest,
    (logins, store): (Data<Logins>, Data<State>),
    dingtalk: Data<DingTalk>,
) -> Result<HttpResponse, Problem> {
    let code = AuthCode::parse(auth_code).map_err(|_| Problem::BadRequest("authCode is not a code".into()))?;
    let mut attempt = logins.attempt(&request, &state, place.as_deref())?;
    let organisation = dingtalk.organisation(&attempt.corp_id)?;

    let asked = logins.site.clock.moment();
    let claim = Claim::take(&logins, &store, code.fingerprint(), attempt.state).await?;
    if claim.exchange.is_none() {
        attempt.since = logins.site.clock.unix_millis();
    }

    let standing = Standing {
        network: Network::of(address),
        since: attempt.since,
        until: Instant::now() + logins.site.settings.login_patience,
    };
    let user = match organisation.user_by_code(&code, standing, || claim.code_sent()).await {
        Ok(user) => user,
        Err(error) => {
            let problem = logins.refuse(&claim, &attempt, error);
            claim.reservation.conclude().await;
            return Err(problem);
        }
    };

    // Meanwhile the organisation may have removed the app, or the person may have left. A login with a fresh code tells if they are back.
    dingtalk.admits(&attempt.corp_id)?;
    if store.is_over(&attempt.corp_id, &user.user_id, asked) {
        return Err(Problem::code_rejected());
    }
    claim.succeeded();
    let user = session.begin(user, attempt.corp_id, attempt.presession);
    // Waits until the changes are stored, so that this answer is true after a restart, too. If they cannot be stored, the log says so.
    let (_, _) = tokio::join!(claim.reservation.conclude(), store.kept());
    let mut response = HttpResponse::Ok().json(user);
    logins.presession.remove(response.headers_mut());
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
