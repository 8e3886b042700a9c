//! The one path of all calls of one organisation: authorised, in turn, and repeated where that does no harm.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::Proof;
use super::app::App;
use super::breaker::was_answered;
use super::call::Method;
use super::refreshing::Refreshing;
use super::turns::Turns;
use super::{AccessToken, BreakerState, Call, CorpId, Error, Kind, Network, NoConnection, Seldom, Standing, Target, Waiting};

/// What DingTalk counts by itself, whatever the parameters: a method and a path.
type Counted = (Method, &'static str);

/// Makes the calls of one organisation. DingTalk counts them for each organisation by itself, and an app that has one organisation as a
/// whole ("Call frequency limits"): of either kind, this counts what belongs together.
pub(super) struct Calls {
    pub app: Arc<App>,
    pub corp_id: CorpId,
    turns: Mutex<HashMap<Counted, (Call, Arc<Turns>)>>,
    new_token: Seldom,
}

impl Calls {
    /// How often a missing permission renews the access_token.
    const BETWEEN_TOKENS: Duration = Duration::from_secs(5 * 60);

    /// How long a call that nobody in particular waits for may wait for its turn.
    const PATIENCE: Duration = Duration::from_secs(8);

    /// None was made yet.
    pub fn new(app: Arc<App>, corp_id: CorpId) -> Self {
        Self { app, corp_id, turns: Mutex::default(), new_token: Seldom::every(Self::BETWEEN_TOKENS) }
    }

    /// Makes a call with the access_token; with the next one if DingTalk rejects that.
    pub async fn call<T: DeserializeOwned>(
        &self,
        token: &Arc<Refreshing<AccessToken>>,
        target: &Target,
        body: &Value,
    ) -> Result<T, Error> {
        patiently(target.call, || self.call_for(self.ours(), token, target, body, &|| {})).await
    }

    /// The same for somebody who waits, once. `leaving` is told each time that it goes out.
    pub async fn call_for<T: DeserializeOwned>(
        &self,
        standing: Standing,
        token: &Arc<Refreshing<AccessToken>>,
        target: &Target,
        body: &Value,
        leaving: &impl Fn(),
    ) -> Result<T, Error> {
        // Before the turn, so that a token which has yet to come holds up nobody's.
        let held = token.get().await?;
        match self.in_turn(standing, target, Proof::Token(&held), body, leaving).await {
            Err(error) if error.kind == Kind::TokenRejected => {
                tracing::info!(%error, "access_token rejected before its time: fetching another");
                token.reject(&held);
                self.in_turn(standing, target, Proof::Token(&*token.get().await?), body, leaving).await
            }
            // It may have been granted just now, and count only with a later token: the next call has that.
            Err(error) if matches!(error.kind, Kind::Permission(_)) && self.new_token.may(self.app.api.clock.now()) => {
                token.doubt(&held);
                Err(error)
            }
            answer => answer,
        }
    }

    /// Makes `call` with another proof than the access_token.
    pub async fn call_by<T: DeserializeOwned>(&self, proof: Proof<'_>, call: Call, body: &Value) -> Result<T, Error> {
        let target = call.into();
        patiently(call, || self.in_turn(self.ours(), &target, proof, body, &|| {})).await
    }

    /// Makes a call in its turn. Refused because there were too many in a second, it waits for another: the gateway says so before
    /// anybody looks at what was sent.
    async fn in_turn<T: DeserializeOwned>(
        &self,
        standing: Standing,
        target: &Target,
        proof: Proof<'_>,
        body: &Value,
        leaving: &impl Fn(),
    ) -> Result<T, Error> {
        let (call, api) = (target.call, &self.app.api);
        let (began, turns) = (Instant::now(), self.turns_of(call));
        loop {
            // Nobody waits for what would not be sent.
            if api.breaker.shows(api.clock.now()) == BreakerState::Open {
                return api.send(target, proof, body).await;
            }
            let mut turn = turns.wait(standing).await.map_err(|kind| match kind {
                Kind::Crowded(_) => Error::new(call, kind, "more calls are waiting than can"),
                _ => Error::new(call, kind, "too many calls are waiting for their turn"),
            })?;
            api.observer.waited(call.name, began.elapsed());
            turn.take();
            leaving();
            let answer = api.send(target, proof, body).await;
            let failure = answer.as_ref().err().map(|error| &error.kind);
            turn.ended(failure);
            // Made-up codes cost those who post them more than others.
            if failure == Some(&Kind::CodeRejected) {
                turns.wasted(standing.network);
            }
            // What pages show is not asked for again: somebody who loads one again and again would make it worse.
            if failure != Some(&Kind::RateLimited) || call.kept_for.is_some() {
                return answer;
            }
        }
    }

    /// What can be seen of the turns of each call that was ever made.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        let turns = self.turns.lock();
        turns.values().map(|(call, turns)| (call.name, turns.waiting())).collect()
    }

    fn turns_of(&self, call: Call) -> Arc<Turns> {
        let mut turns = self.turns.lock();
        let line = || format!("{} {call}", self.corp_id);
        let made =
            || Turns::new(self.app.calls_per_second, self.app.api.last_turns.subscribe(), Arc::clone(&self.app.peers), line());
        let new = || (call, self.app.api.transport.within(made));
        Arc::clone(&turns.entry((call.method, call.path)).or_insert_with(new).1)
    }

    fn ours(&self) -> Standing {
        let until = tokio::time::Instant::now() + Self::PATIENCE;
        Standing { network: Network::OURS, since: self.app.api.clock.unix_millis(), until }
    }
}

/// Repeats `attempt` at a repeatable call, twice at most, while the trouble looks passing. The pauses grow and differ by chance.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(call: Call, attempt: impl FnMut() -> F) -> Result<T, Error> {
    /// No attempt begins later than this after the first, so that three of them, five seconds at most each, end within eight.
    const LAST_ATTEMPT: Duration = Duration::from_millis(2900);
    // Real time, not the clock's: this bounds how long somebody waits, and nobody waits in a moved clock.
    let began = Instant::now();
    // A handshake that failed will fail again, and a second try is what a downgrade attack hopes for. A proxy may lock out who knocks with
    // a wrong password again and again. A list of addresses is not changed within seconds.
    let stays = |kind: &Kind| matches!(kind, Kind::NotSent(NoConnection::Tls | NoConnection::ProxyLogin) | Kind::IpNotAllowed(_));
    let looks_passing = |kind: &Kind| was_answered(kind) == Some(false) && !stays(kind);
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    attempt
        .retry(pauses)
        .when(|error| call.repeatable && looks_passing(&error.kind))
        .adjust(|_, pause| pause.filter(|pause| began.elapsed() + *pause <= LAST_ATTEMPT))
        .await
}
