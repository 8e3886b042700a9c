//! For whoever watches the server: is it alive, and can it log people in?

use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::{Site, Stopping, route};
use crate::dingtalk::{Clock, DingTalk, DingTalkState, Organisation, OrganisationState};
use crate::state::{Condition, State};

/// The routes of both checks.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::get("/healthz", alive)).service(route::get("/readyz", ready));
}

/// Finds out whether people can be logged in, and caches the result.
#[derive(Default)]
pub struct Readiness {
    last: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    /// How long a result is cached, however often a probe asks.
    const CACHED: Duration = Duration::from_secs(1);

    /// How long a probe waits for the result. Renewing the access_token may take longer; that goes on in the background.
    const TIMEOUT: Duration = Duration::from_secs(3);

    async fn look(&self, dingtalk: &DingTalk, clock: &Clock) -> bool {
        // The lock is held during the check: probes that come meanwhile wait for it, and get its cached result.
        let mut last = self.last.lock().await;
        match *last {
            Some((at, ready)) if clock.now() < at + Self::CACHED => ready,
            _ => {
                let ready = tokio::time::timeout(Self::TIMEOUT, dingtalk.can_log_in()).await.unwrap_or(false);
                *last = Some((clock.now(), ready));
                ready
            }
        }
    }
}

/// What `/readyz` answers.
#[derive(Serialize)]
struct Report {
    ready: bool,
    #[serde(flatten)]
    organisations: Organisations,
    #[serde(flatten)]
    dingtalk: DingTalkState,
    state: Condition,
    /// What works less well at the moment. People do not notice it, but the operator should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    weaker: Option<&'static str>,
}

/// How many organisations a report shows at most.
const SHOWN: usize = 10;

/// Whom the app serves.
#[derive(Serialize)]
#[serde(untagged)]
enum Organisations {
    /// An app of one organisation.
    One(OrganisationState),
    /// An app of many: the number of those whose people have used it lately, and some of them. Anybody may read this, so each CorpId is
    /// shown as a digest, which only those recognise who know the CorpId.
    Many { count: usize, organisations: Vec<Shown> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// The beginning of the CorpId's SHA-256.
    corp_id_digest: String,
    #[serde(flatten)]
    state: OrganisationState,
    access_token_age_seconds: Option<u64>,
    jsapi_ticket_age_seconds: Option<u64>,
}

impl Shown {
    fn of(organisation: &Organisation) -> Self {
        let state = organisation.state();
        Self {
            corp_id_digest: hex::encode(&Sha256::digest(organisation.corp_id().as_str())[..4]),
            state,
            access_token_age_seconds: state.access_token_age.map(|age| age.as_secs()),
            jsapi_ticket_age_seconds: state.jsapi_ticket_age.map(|age| age.as_secs()),
        }
    }
}

/// `GET /healthz`: 200 while the process runs, 503 once it is about to stop, so that a proxy sends it no more requests. A proxy that probed
/// `/readyz` instead would also cut off those who are logged in already whenever nobody else can log in.
async fn alive(stopping: Data<Stopping>) -> HttpResponse {
    let (mut answer, word) = match stopping.has_begun() {
        true => (HttpResponse::ServiceUnavailable(), "stopping\n"),
        false => (HttpResponse::Ok(), "alive\n"),
    };
    answer.content_type("text/plain").body(word)
}

/// `GET /readyz`: 200 when people can be logged in, 503 when not or when the server is about to stop; and why.
async fn ready(
    readiness: Data<Readiness>,
    stopping: Data<Stopping>,
    site: Data<Site>,
    dingtalk: Data<DingTalk>,
    state: Data<State>,
) -> HttpResponse {
    let state = state.condition();
    let ready = !stopping.has_begun() && state.began && readiness.look(&dingtalk, &site.clock).await;
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let organisations = match dingtalk.home() {
        Some(home) => Organisations::One(home.state()),
        None => {
            let all = dingtalk.organisations();
            Organisations::Many { count: all.len(), organisations: all.iter().take(SHOWN).map(Shown::of).collect() }
        }
    };
    answer.json(Report { ready, organisations, dingtalk: dingtalk.state(), state, weaker: state.weaker() })
}
