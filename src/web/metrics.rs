//! Metrics in Prometheus' text format. Labels come from closed lists: never a person, an address or a code.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::HOST;
use actix_web::http::uri::Authority;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use prometheus::{
    Encoder, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TEXT_FORMAT, TextEncoder,
    register_gauge_vec_with_registry as gauges, register_histogram_vec_with_registry as histograms,
    register_int_counter_vec_with_registry as counters, register_int_counter_with_registry as counter,
    register_int_gauge_vec_with_registry as int_gauges, register_int_gauge_with_registry as int_gauge,
};

use super::{Problem, route};
use crate::dingtalk::{BreakerState, Call, DingTalk, Error, Observer, Organisation, Waiting};
use crate::state::{Condition, State};

/// The route of the metrics, on a listener that only this machine reaches.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(route::get("/metrics", show));
}

/// All metrics; counters count from the start of the process.
pub struct Metrics {
    registry: Registry,
    logins: IntCounterVec,
    entries: IntCounterVec,
    calls: IntCounterVec,
    call_seconds: HistogramVec,
    waited_seconds: HistogramVec,
    waiting: IntGaugeVec,
    pace: IntGaugeVec,
    renewals: IntCounterVec,
    credential_age: GaugeVec,
    breaker: IntGaugeVec,
    events: IntCounterVec,
    stream: IntGauge,
    state_reachable: IntGauge,
    state_kept: IntGauge,
    log_lines_lost: IntCounter,
    look_up_lines_lost: fn() -> u64,
}

impl Metrics {
    /// Nothing is counted yet. `log_lines_lost` returns how many lines the log has lost. An error means that two metrics have one name.
    #[rustfmt::skip] // A metric a line.
    pub fn new(log_lines_lost: fn() -> u64) -> Result<Arc<Self>, prometheus::Error> {
        let r = Registry::new();
        Ok(Arc::new(Self {
            logins: counters!("logins_total", "Logins by result: ok, the problem's code, or gone if the browser was.", &["result"], r)?,
            entries: counters!("entries_total", "Entry pages, by whether the browser had a valid session, which an entry from outside does not use.", &["session"], r)?,
            calls: counters!("dingtalk_calls_total", "Calls to DingTalk by endpoint and class: ok, or what went wrong.", &["endpoint", "class"], r)?,
            call_seconds: histograms!("dingtalk_call_seconds", "How long calls to DingTalk took.", &["endpoint"], r)?,
            waited_seconds: histograms!("dingtalk_waited_seconds", "How long calls to DingTalk waited for their turn.", &["endpoint"], vec![0.01, 0.1, 1.0, 5.0, 10.0, 20.0], r)?,
            waiting: int_gauges!("dingtalk_waiting", "Calls to DingTalk that wait for their turn.", &["endpoint"], r)?,
            pace: int_gauges!("dingtalk_calls_per_second", "How many calls leave in a second, at most.", &["endpoint"], r)?,
            renewals: counters!("dingtalk_renewals_total", "Renewals of a credential by class: ok, or what went wrong.", &["credential", "class"], r)?,
            credential_age: gauges!("dingtalk_credential_age_seconds", "Time since the credential was last granted or renewed.", &["credential"], r)?,
            breaker: int_gauges!("dingtalk_breaker", "1 for the state that the breaker is in.", &["state"], r)?,
            events: counters!("dingtalk_events_total", "Events of DingTalk's, by whether they could be kept.", &["event", "kept"], r)?,
            stream: int_gauge!("dingtalk_stream", "1 while a Stream connection is open.", r)?,
            state_reachable: int_gauge!("state_reachable", "1 while the processes that share the state tell each other which sessions ended and which codes were used; always 1 without Redis.", r)?,
            state_kept: int_gauge!("state_kept", "1 while changes are stored, so that they outlive this process as far as STATE_URL allows.", r)?,
            log_lines_lost: counter!("log_lines_lost_total", "Lines of the log that were lost because its reader did not keep up, or could not take them.", r)?,
            look_up_lines_lost: log_lines_lost,
            registry: r,
        }))
    }

    /// Counts a login with its result.
    pub fn login_ended(&self, result: &'static str) {
        self.logins.with_label_values(&[result]).inc();
    }

    /// Counts an entry page.
    pub fn entered(&self, with_good_session: bool) {
        self.entries.with_label_values(&[if with_good_session { "good" } else { "none" }]).inc();
    }

    /// All metrics as text. What is not counted as it happens is looked up now.
    fn text(&self, dingtalk: &DingTalk, state: Condition) -> Result<Vec<u8>, prometheus::Error> {
        self.state_reachable.set(state.reachable.into());
        self.state_kept.set(state.kept.into());
        for (call, Waiting { calls, per_second }) in dingtalk.waiting() {
            self.waiting.with_label_values(&[call]).set(calls as i64);
            self.pace.with_label_values(&[call]).set(per_second as i64);
        }
        // Only if the app has one organisation: several would each need a label, and no label names an organisation.
        let home = dingtalk.home().map(Organisation::state);
        self.note_age(Call::ACCESS_TOKEN, home.and_then(|home| home.access_token_age));
        self.note_age(Call::JSAPI_TICKET, home.and_then(|home| home.jsapi_ticket_age));
        let now = dingtalk.state();
        for (state, name) in
            [(BreakerState::Closed, "closed"), (BreakerState::Open, "open"), (BreakerState::HalfOpen, "half_open")]
        {
            self.breaker.with_label_values(&[name]).set((now.breaker == state).into());
        }
        self.stream.set(now.stream.is_some_and(|stream| stream.connected).into());
        let unseen = (self.look_up_lines_lost)().saturating_sub(self.log_lines_lost.get());
        self.log_lines_lost.inc_by(unseen);
        let mut text = Vec::new();
        // The app registers its own in the library's default registry.
        for families in [self.registry.gather(), prometheus::gather()] {
            TextEncoder::new().encode(&families, &mut text)?;
        }
        Ok(text)
    }

    fn note_age(&self, credential: Call, age: Option<Duration>) {
        let credential = [credential.name];
        match age {
            Some(age) => self.credential_age.with_label_values(&credential).set(age.as_secs_f64()),
            // Without a credential there is no age. Removing it fails if there was none before either, which does not matter.
            None => drop(self.credential_age.remove_label_values(&credential)),
        }
    }
}

fn class(outcome: Result<(), &Error>) -> &'static str {
    outcome.map_or_else(Error::name, |()| "ok")
}

impl Observer for Metrics {
    fn waited(&self, call: &'static str, waited: Duration) {
        self.waited_seconds.with_label_values(&[call]).observe(waited.as_secs_f64());
    }

    fn called(&self, call: &'static str, outcome: Result<(), &Error>, took: Duration) {
        self.calls.with_label_values(&[call, class(outcome)]).inc();
        // What the breaker held back took no time, and would make DingTalk look fast.
        if !outcome.is_err_and(Error::not_asked) {
            self.call_seconds.with_label_values(&[call]).observe(took.as_secs_f64());
        }
    }

    fn heard(&self, event: &'static str, kept: bool) {
        self.events.with_label_values(&[event, if kept { "yes" } else { "no" }]).inc();
    }

    fn renewed(&self, credential: &'static str, outcome: Result<(), &Error>) {
        self.renewals.with_label_values(&[credential, class(outcome)]).inc();
    }
}

/// `GET /metrics`, if the Host header names loopback. A web page cannot read it by DNS rebinding: its requests name the page's own host.
async fn show(
    request: HttpRequest,
    metrics: Data<Metrics>,
    dingtalk: Data<DingTalk>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    let is_loopback = |host: &str| {
        host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    };
    if !host.is_some_and(|host| is_loopback(host.host())) {
        return Err(Problem::NotFound);
    }
    let text = metrics.text(&dingtalk, state.condition()).map_err(|error| Problem::Internal(error.into()))?;
    Ok(HttpResponse::Ok().content_type(TEXT_FORMAT).body(text))
}
