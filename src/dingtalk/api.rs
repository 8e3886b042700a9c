//! DingTalk's calls, as values, and the one path that all of them take: authorised, in turn, through the breaker, counted, and repeated
//! where that does no harm.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::{Mutex, watch};
use url::Url;

use super::answer::Answer;
use super::breaker::Breaker;
use super::reach::Reach;
use super::refreshing::Refreshing;
use super::transport::Transport;
use super::turns::{NoTurn, Turns};
use super::{AccessToken, BreakerState, Clock, Error, Kind, Network, NoConnection, Seldom, Standing, Waiting};

/// One call: where it goes, how it is authorised and read, and whether it may be made twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Call {
    /// What it is called in metrics.
    pub name: &'static str,
    path: &'static str,
    pub(super) family: Family,
    repeatable: bool,
    pub(super) kept_for: Option<Duration>,
}

/// DingTalk's two APIs, each with its own host, place for the access_token, and form of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// `https://oapi.dingtalk.io/topapi/…`
    Old,
    /// `https://api.dingtalk.io/v1.0/…`
    New,
}

impl Call {
    /// The same token comes back, renewed, while it is valid.
    pub const ACCESS_TOKEN: Self = Self::new("access_token", "/v1.0/oauth2/accessToken").repeatable();
    /// The same ticket comes back, renewed, until it is 24 hours old.
    pub const JSAPI_TICKET: Self = Self::new("jsapi_ticket", "/v1.0/oauth2/jsapiTickets").repeatable();
    /// Uses up the authCode, whatever comes back.
    pub const USER_BY_CODE: Self = Self::old("user_by_code", "/topapi/v2/user/getuserinfo");
    /// Needs the permission qyapi_get_member.
    pub const USER_DETAILS: Self = Self::old("user_details", "/topapi/v2/user/get").kept_for(Duration::from_secs(60));

    /// A POST to the old API. `name` stands for it in metrics.
    pub const fn old(name: &'static str, path: &'static str) -> Self {
        Self { name, path, family: Family::Old, repeatable: false, kept_for: None }
    }

    /// A POST to the new API. `name` stands for it in metrics.
    pub const fn new(name: &'static str, path: &'static str) -> Self {
        Self { name, path, family: Family::New, repeatable: false, kept_for: None }
    }

    /// The same call, of which making it twice does no harm: while the trouble looks passing, it is tried again.
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// The same call, which only reads: its answer is good for so long. Whoever asks the same meanwhile is told the same, and however
    /// many ask at once make one call. For what pages show: people load a page as often as they like, and all calls count together.
    pub const fn kept_for(mut self, time: Duration) -> Self {
        self.kept_for = Some(time);
        self.repeatable()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

/// The seam for whoever counts. It is told in the middle of requests, so it must be quick.
pub trait Observer: Send + Sync + 'static {
    /// The call of this name waited so long for its turn.
    fn waited(&self, call: &'static str, waited: Duration);

    /// The call of this name ended after `took`, or was not made because of a ban.
    fn called(&self, call: &'static str, outcome: Result<(), &Error>, took: Duration);

    /// A renewal of the credential that the call of this name grants ended, with all its retries.
    fn renewed(&self, credential: &'static str, outcome: Result<(), &Error>);
}

/// DingTalk's HTTP API, on the two hosts that its families live on.
pub(super) struct Api {
    transport: Transport,
    pub breaker: Breaker,
    pub reach: Reach,
    /// Held by whoever looks whether a ban is true.
    looking: Mutex<()>,
    new_token: Seldom,
    per_second: NonZeroU32,
    /// By the call's path, since DingTalk counts each by itself.
    turns: std::sync::Mutex<HashMap<&'static str, (Call, Arc<Turns>)>>,
    last_turns: watch::Sender<Option<tokio::time::Instant>>,
    api_url: Url,
    oapi_url: Url,
    pub clock: Clock,
    pub observer: Arc<dyn Observer>,
}

impl Api {
    /// How often a missing permission renews the access_token.
    const BETWEEN_TOKENS: Duration = Duration::from_secs(5 * 60);

    /// How long a call that nobody in particular waits for may wait for its turn.
    const PATIENCE: Duration = Duration::from_secs(8);

    /// Must be called in the runtime that is to carry the connections.
    pub fn new(
        (api_url, oapi_url): (Url, Url),
        per_second: NonZeroU32,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            transport: Transport::new()?,
            breaker: Breaker::default(),
            reach: Reach::default(),
            looking: Mutex::default(),
            new_token: Seldom::every(Self::BETWEEN_TOKENS),
            per_second,
            turns: std::sync::Mutex::default(),
            last_turns: watch::Sender::new(None),
            api_url,
            oapi_url,
            clock,
            observer,
        })
    }

    /// Makes `call` with the access_token; with the next one if DingTalk rejects that.
    pub async fn call<T: DeserializeOwned>(&self, token: &Refreshing<AccessToken>, call: Call, body: &Value) -> Result<T, Error> {
        patiently(call, || self.call_for(self.ours(), token, call, body, &|| {})).await
    }

    /// The same for somebody who waits, once. `leaving` is told each time that it goes out.
    pub async fn call_for<T: DeserializeOwned>(
        &self,
        standing: Standing,
        token: &Refreshing<AccessToken>,
        call: Call,
        body: &Value,
        leaving: &impl Fn(),
    ) -> Result<T, Error> {
        // Before the turn, so that a token which has yet to come holds up nobody's.
        let held = token.get().await?;
        match self.in_turn(standing, call, Some(&held), body, leaving).await {
            Err(error) if error.kind == Kind::TokenRejected => {
                tracing::info!(%error, "access_token rejected before its time: fetching another");
                token.reject(&held);
                self.in_turn(standing, call, Some(&*token.get().await?), body, leaving).await
            }
            // It may have been granted just now, and count only with a later token: the next call has that.
            Err(error) if matches!(error.kind, Kind::Permission(_)) && self.new_token.may(self.clock.now()) => {
                token.doubt(&held);
                Err(error)
            }
            answer => answer,
        }
    }

    /// Makes `call` without an access_token.
    pub async fn ask_for_token<T: DeserializeOwned>(&self, call: Call, body: &Value) -> Result<T, Error> {
        patiently(call, || self.in_turn(self.ours(), call, None, body, &|| {})).await
    }

    /// Makes `call` in its turn. Refused because there were too many in a second, it waits for another: the gateway says so before
    /// anybody looks at what was sent.
    async fn in_turn<T: DeserializeOwned>(
        &self,
        standing: Standing,
        call: Call,
        token: Option<&AccessToken>,
        body: &Value,
        leaving: &impl Fn(),
    ) -> Result<T, Error> {
        let (began, turns) = (Instant::now(), self.turns_of(call));
        loop {
            // Nobody waits for what would not be sent.
            if self.breaker.shows(self.clock.now()) == BreakerState::Open {
                return self.send(call, token, body).await;
            }
            let mut turn = turns.wait(standing).await.map_err(|why| match why {
                NoTurn::NotYet(wait) => Error::new(call, Kind::NoTurn(wait), "too many calls are waiting for their turn"),
                NoTurn::Crowded(wait) => Error::new(call, Kind::Crowded(wait), "more calls are waiting than can"),
            })?;
            self.observer.waited(call.name, began.elapsed());
            turn.take();
            leaving();
            let answer = self.send(call, token, body).await;
            let refused = answer.as_ref().is_err_and(|error| error.kind == Kind::RateLimited);
            turn.answered(refused);
            // Made-up codes cost those who post them more than others.
            if answer.as_ref().is_err_and(|error| error.kind == Kind::CodeRejected) {
                turns.wasted(standing.network);
            }
            // What pages show is not asked for again: somebody who loads one again and again would make it worse.
            if !refused || call.kept_for.is_some() {
                return answer;
            }
        }
    }

    /// What can be seen of the turns of each call that was ever made.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.values().map(|(call, turns)| (call.name, turns.waiting())).collect()
    }

    /// No call waits for its turn beyond then.
    pub fn end_turns(&self, at: tokio::time::Instant) {
        self.last_turns.send_replace(Some(at));
    }

    fn turns_of(&self, call: Call) -> Arc<Turns> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || (call, self.transport.within(|| Turns::new(self.per_second, self.last_turns.subscribe())));
        Arc::clone(&turns.entry(call.path).or_insert_with(new).1)
    }

    fn ours(&self) -> Standing {
        let until = tokio::time::Instant::now() + Self::PATIENCE;
        Standing { network: Network::OURS, since: self.clock.unix_millis(), until }
    }

    /// Sends `call`, once. A `body` of null is none.
    async fn send<T: DeserializeOwned>(&self, call: Call, token: Option<&AccessToken>, body: &Value) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.ask(call, token, body).await;
        self.observer.called(call.name, answer.as_ref().map(drop), began.elapsed());
        self.reach.note(answer.as_ref().map(drop), self.clock.now());
        answer
    }

    async fn ask<T: DeserializeOwned>(&self, call: Call, token: Option<&AccessToken>, body: &Value) -> Result<T, Error> {
        self.breaker.admit(self.clock.now()).map_err(|retry_after| {
            Error::new(call, Kind::NotAsked(retry_after), "no call is made while dingtalk shuts this address out")
        })?;
        let answer = self.transport.send(call, self.request(call, token, body)).await?;
        if answer.ban().is_none() {
            self.breaker.heard();
            let secrets = ["appSecret", "code"].iter().filter_map(|name| body[name].as_str());
            return answer.open(call, &secrets.chain(token.map(AccessToken::expose)).collect::<Vec<_>>());
        }
        Err(match self.shut_out(call.family).await {
            Some(retry_after) => Error::new(call, Kind::Banned(retry_after), "a ban page instead of an answer"),
            None => Error::new(
                call,
                Kind::Unintelligible(answer.status),
                format!("status {}: a ban page for this call alone", answer.status),
            ),
        })
    }

    /// Whether a ban that a call met is everybody's, and for how long. Something between may have answered that one call for what a
    /// stranger put into it: so it is believed only if the same host answers a call of our own like that too, in which nothing is.
    async fn shut_out(&self, family: Family) -> Option<Duration> {
        let probe = match family {
            Family::Old => Call::old("probe", "/gettoken"),
            Family::New => Call::new("probe", Call::ACCESS_TOKEN.path),
        };
        // One looks for all who met it meanwhile.
        let _looking = self.looking.lock().await;
        if self.breaker.shows(self.clock.now()) == BreakerState::Open {
            return Some(self.breaker.banned(Duration::ZERO, self.clock.now()));
        }
        let looked = self.probe(probe, None).await.map(|answer| answer.ban());
        match looked {
            Ok(Some(wait)) => Some(self.breaker.banned(wait, self.clock.now())),
            Ok(None) => {
                self.breaker.heard();
                None
            }
            Err(_) => None,
        }
    }

    /// Asks what logins are waiting for, without a code, if the last call was not answered; so that its answer is known before the next
    /// person's.
    pub async fn look(&self, token: &AccessToken) {
        if self.reach.is_in_doubt() {
            let probe = Call::old("probe", Call::USER_BY_CODE.path);
            let answer = self.probe(probe, Some(token)).await.and_then(|answer| answer.open::<Value>(probe, &[token.expose()]));
            self.reach.note(answer.as_ref().map(drop), self.clock.now());
        }
    }

    /// Makes a call of our own, of which only whether and how it is answered counts.
    async fn probe(&self, probe: Call, token: Option<&AccessToken>) -> Result<Answer, Error> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let (began, mut request) = (Instant::now(), self.request(probe, token, &Value::Null));
        *request.timeout_mut() = Some(PATIENCE);
        let answer = self.transport.send(probe, request).await;
        self.observer.called(probe.name, answer.as_ref().map(drop), began.elapsed());
        answer
    }

    fn request(&self, call: Call, token: Option<&AccessToken>, body: &Value) -> Request {
        let base = match call.family {
            Family::Old => &self.oapi_url,
            Family::New => &self.api_url,
        };
        let mut request = Request::new(Method::POST, base.clone());
        request.url_mut().set_path(&format!("{}{}", base.path().trim_end_matches('/'), call.path));
        match (call.family, token) {
            (_, None) => {}
            (Family::Old, Some(token)) => {
                request.url_mut().query_pairs_mut().append_pair("access_token", token.expose());
            }
            (Family::New, Some(token)) => {
                // A token is visible ASCII by construction, which is always a header value.
                let mut token = HeaderValue::from_str(token.expose()).unwrap_or(HeaderValue::from_static(""));
                token.set_sensitive(true);
                request.headers_mut().insert("x-acs-dingtalk-access-token", token);
            }
        }
        if !body.is_null() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.to_string().into());
        }
        request
    }
}

/// Repeats `attempt` at a repeatable call, twice at most, while the trouble looks passing. The pauses grow and differ by chance.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(call: Call, attempt: impl FnMut() -> F) -> Result<T, Error> {
    /// No attempt begins later than this after the first, so that three of them, five seconds at most each, end within eight.
    const LAST_ATTEMPT: Duration = Duration::from_millis(2900);
    // Real time, not the clock's: this bounds how long somebody waits, and nobody waits in a moved clock.
    let began = Instant::now();
    let looks_passing = |kind: &Kind| match kind {
        // A handshake that failed will fail again, and a second try is what a downgrade attack hopes for.
        Kind::NotSent(why) => *why != NoConnection::Tls,
        Kind::Unintelligible(status) => *status >= 500,
        Kind::AnswerLost | Kind::Busy => true,
        _ => false,
    };
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    attempt
        .retry(pauses)
        .when(|error| call.repeatable && looks_passing(&error.kind))
        .adjust(|_, pause| pause.filter(|pause| began.elapsed() + *pause <= LAST_ATTEMPT))
        .await
}
