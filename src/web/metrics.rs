//! What is counted for whoever watches, in Prometheus' text format. Labels come from closed lists: never a person, an address or a code.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TEXT_FORMAT, TextEncoder,
};

use super::error::Problem;
use super::state::Web;
use crate::dingtalk::{BreakerState, Call, Error, Observer, OrganisationState};

/// Counters since the start.
pub struct Metrics {
    registry: Registry,
    logins: IntCounterVec,
    calls: IntCounterVec,
    call_seconds: HistogramVec,
    renewals: IntCounterVec,
    credential_age: GaugeVec,
    breaker: IntGaugeVec,
}

const OK: &str = "ok";

impl Metrics {
    /// Nothing counted yet. An error means that two metrics have one name.
    pub fn new() -> Result<Arc<Self>, prometheus::Error> {
        let metrics = Self {
            registry: Registry::new(),
            logins: IntCounterVec::new(
                Opts::new("logins_total", "Logins by result: ok, or the problem's code."),
                &["result"],
            )?,
            calls: IntCounterVec::new(
                Opts::new(
                    "dingtalk_calls_total",
                    "Calls to DingTalk by endpoint and class: ok, or what went wrong.",
                ),
                &["endpoint", "class"],
            )?,
            call_seconds: HistogramVec::new(
                HistogramOpts::new("dingtalk_call_seconds", "How long calls to DingTalk took."),
                &["endpoint"],
            )?,
            renewals: IntCounterVec::new(
                Opts::new(
                    "dingtalk_renewals_total",
                    "Renewals of a credential by class: ok, or what went wrong.",
                ),
                &["credential", "class"],
            )?,
            credential_age: GaugeVec::new(
                Opts::new(
                    "dingtalk_credential_age_seconds",
                    "Time since the credential was last granted or renewed.",
                ),
                &["credential"],
            )?,
            breaker: IntGaugeVec::new(
                Opts::new("dingtalk_breaker", "1 for the state that the breaker is in."),
                &["state"],
            )?,
        };
        metrics.register()?;
        Ok(Arc::new(metrics))
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(self.logins.clone()))?;
        self.registry.register(Box::new(self.calls.clone()))?;
        self.registry.register(Box::new(self.call_seconds.clone()))?;
        self.registry.register(Box::new(self.renewals.clone()))?;
        self.registry.register(Box::new(self.credential_age.clone()))?;
        self.registry.register(Box::new(self.breaker.clone()))
    }

    /// Counts a login that was answered with the problem `code`, or succeeded.
    pub fn login_ended(&self, code: Option<&'static str>) {
        self.logins.with_label_values(&[code.unwrap_or(OK)]).inc();
    }

    /// Everything as text; what is not counted but looked up is `now`.
    fn text(&self, now: &OrganisationState) -> Result<Vec<u8>, prometheus::Error> {
        self.note_age(Call::ACCESS_TOKEN, now.access_token_age);
        self.note_age(Call::JSAPI_TICKET, now.jsapi_ticket_age);
        for (state, name) in [
            (BreakerState::Closed, "closed"),
            (BreakerState::Open, "open"),
            (BreakerState::HalfOpen, "half_open"),
        ] {
            self.breaker.with_label_values(&[name]).set((now.breaker == state).into());
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }

    fn note_age(&self, credential: Call, age: Option<Duration>) {
        match age {
            Some(age) => self
                .credential_age
                .with_label_values(&[credential.name()])
                .set(age.as_secs_f64()),
            // Without a credential there is no age. It is an error if there was none before either: nothing to do then.
            None => drop(self.credential_age.remove_label_values(&[credential.name()])),
        }
    }
}

fn class(outcome: Result<(), &Error>) -> &'static str {
    outcome.map_or_else(Error::name, |()| OK)
}

impl Observer for Metrics {
    fn called(&self, call: &'static str, outcome: Result<(), &Error>, took: Duration) {
        self.calls.with_label_values(&[call, class(outcome)]).inc();
        // What the breaker held back took no time, and would make DingTalk look fast.
        if !outcome.is_err_and(Error::not_asked) {
            let seconds = self.call_seconds.with_label_values(&[call]);
            seconds.observe(took.as_secs_f64());
        }
    }

    fn renewed(&self, credential: &'static str, outcome: Result<(), &Error>) {
        self.renewals.with_label_values(&[credential, class(outcome)]).inc();
    }
}

/// `GET /metrics`, on a listener of its own.
pub async fn show(web: web::Data<Web>) -> Result<HttpResponse, Problem> {
    let text = web
        .metrics
        .text(&web.dingtalk.state())
        .map_err(|error| Problem::Internal(error.into()))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).body(text))
}
