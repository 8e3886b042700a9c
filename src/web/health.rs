//! For whoever watches the server: is it alive, and can it log people in?

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use serde::Serialize;

use super::route;
use crate::dingtalk::{BreakerState, Clock, Organisation, OrganisationState};

/// Where that is asked.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::get("/healthz", alive)).service(route::get("/readyz", ready));
}

/// Whether people can be logged in.
pub struct Readiness {
    stopping: AtomicBool,
    last: Mutex<Option<(Instant, bool)>>,
    clock: Clock,
}

impl Readiness {
    /// However often it is asked for, it is looked into once in this time.
    const CACHED: Duration = Duration::from_secs(1);

    /// Who probes a server waits for seconds, not for as long as a renewal may take. That one goes on by itself.
    const PATIENCE: Duration = Duration::from_secs(2);

    /// Not looked into yet.
    pub fn new(clock: Clock) -> Self {
        Self { stopping: AtomicBool::new(false), last: Mutex::new(None), clock }
    }

    /// From now on the answer is no: the server is about to stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    async fn look(&self, organisation: &Organisation) -> bool {
        if self.stopping.load(Ordering::Acquire) {
            return false;
        }
        let now = self.clock.now();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ready)) = last.filter(|(at, _)| now < *at + Self::CACHED) {
            return ready;
        }
        let token = tokio::time::timeout(Self::PATIENCE, organisation.access_token()).await;
        let ready = matches!(token, Ok(Ok(_))) && organisation.state().breaker != BreakerState::Open;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, ready));
        ready
    }
}

/// What `/readyz` answers.
#[derive(Serialize)]
struct Report {
    ready: bool,
    #[serde(flatten)]
    dingtalk: OrganisationState,
}

/// `GET /healthz`: the process answers.
async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

/// `GET /readyz`: 200 when people can be logged in, 503 when not or when the server is about to stop; and why.
async fn ready(readiness: Data<Readiness>, organisation: Organisation) -> HttpResponse {
    let ready = readiness.look(&organisation).await;
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(Report { ready, dingtalk: organisation.state() })
}
