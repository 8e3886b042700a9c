//! The one path of all calls: what is sent, through the breaker, and what came back, opened and told to whoever counts.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::breaker::{Breaker, BreakerState};
use super::call::{Call, Family};
use super::clock::Clock;
use super::envelope;
use super::error::{Error, Kind};
use super::identifiers::AccessToken;
use super::transport::Transport;

/// The seam for whoever counts. It is told in the middle of requests, so it must be quick.
pub trait Observer: Send + Sync + 'static {
    /// The call of this name ended after `took`, or was not made because of a ban.
    fn called(&self, call: &'static str, outcome: Result<(), &Error>, took: Duration);

    /// A renewal of the credential that the call of this name grants ended, with all its retries.
    fn renewed(&self, credential: &'static str, outcome: Result<(), &Error>);
}

/// DingTalk's HTTP API, on the two hosts that its families live on.
pub(super) struct Api {
    transport: Transport,
    breaker: Breaker,
    api_url: Url,
    oapi_url: Url,
    clock: Clock,
    pub observer: Arc<dyn Observer>,
}

impl Api {
    pub fn new(api_url: Url, oapi_url: Url, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self, reqwest::Error> {
        Ok(Self { transport: Transport::new()?, breaker: Breaker::default(), api_url, oapi_url, clock, observer })
    }

    /// Whether calls go out.
    pub fn breaker(&self) -> BreakerState {
        self.breaker.shows(self.clock.now())
    }

    /// Makes `call`, once. A `body` of `()` is none.
    pub async fn send<T: DeserializeOwned>(
        &self,
        call: Call,
        token: Option<&AccessToken>,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.ask(call, token, body).await;
        self.observer.called(call.name(), answer.as_ref().map(drop), began.elapsed());
        answer
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call, token: Option<&AccessToken>, body: &impl Serialize) -> Result<T, Error> {
        let request = self.request(call, token, body)?;
        self.breaker.admit(self.clock.now()).map_err(|retry_after| {
            let kind = Kind::NotAsked { retry_after };
            Error::new(call, kind, "no call is made while dingtalk shuts this address out")
        })?;
        let answer = self.transport.send(call, request).await?;
        if let Some(wait) = envelope::ban(&answer) {
            let retry_after = self.breaker.banned(wait, self.clock.now());
            return Err(Error::new(call, Kind::Banned { retry_after }, "a ban page instead of an answer"));
        }
        self.breaker.heard();
        envelope::open(call, &answer)
    }

    fn request(&self, call: Call, token: Option<&AccessToken>, body: &impl Serialize) -> Result<RequestBuilder, Error> {
        let base = match call.family {
            Family::Old => &self.oapi_url,
            Family::New => &self.api_url,
        };
        let mut url = base.clone();
        url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), call.path()));
        let request = self.transport.post(url);
        let request = match (call.family, token) {
            (_, None) => request,
            (Family::Old, Some(token)) => request.query(&[("access_token", token.expose())]),
            (Family::New, Some(token)) => request.header("x-acs-dingtalk-access-token", sensitive(token.expose())),
        };
        let body = serde_json::to_value(body)
            .map_err(|_| Error::new(call, Kind::Unexpected, "what was to be sent cannot be written as JSON"))?;
        Ok(if body.is_null() { request } else { request.json(&body) })
    }
}

fn sensitive(text: &str) -> HeaderValue {
    // A token is visible ASCII by construction (`AccessToken::parse`), which is always a header value.
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Repeats `attempt` at a repeatable call, twice at most, while the trouble looks passing. The pauses grow, differ by chance, and are a
/// second at least when DingTalk counts calls by the second.
pub(super) async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    call: Call,
    attempt: impl FnMut() -> F,
) -> Result<T, Error> {
    /// No attempt begins later than this after the first, so that three of them, five seconds at most each, end within eight.
    const LAST_ATTEMPT: Duration = Duration::from_millis(2900);
    // Real time, not the clock's: this bounds how long somebody waits, and nobody waits in a moved clock.
    let began = Instant::now();
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    attempt
        .retry(pauses)
        .when(|error| call.repeatable && error.retryable())
        .adjust(|error, pause| {
            let shortest = match error.kind() {
                Kind::RateLimited => Duration::from_secs(1),
                _ => Duration::ZERO,
            };
            let pause = pause?.max(shortest);
            (began.elapsed() + pause <= LAST_ATTEMPT).then_some(pause)
        })
        .await
}
