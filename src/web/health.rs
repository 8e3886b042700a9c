//! For whoever watches the server: is it alive, and can it log people in?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig};
use serde::Serialize;
use tokio::sync::Mutex;

use super::route;
use crate::dingtalk::{Clock, Organisation, OrganisationState};

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
    const PATIENCE: Duration = Duration::from_secs(3);

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
        // Whoever asks meanwhile waits for the same look.
        let mut last = self.last.lock().await;
        let now = self.clock.now();
        match *last {
            Some((at, ready)) if now < at + Self::CACHED => ready,
            _ => {
                let ready = tokio::time::timeout(Self::PATIENCE, organisation.can_log_in()).await.unwrap_or(false);
                *last = Some((now, ready));
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
