//! The app in one organisation: its credentials, renewed in time, and the one path that all its calls take: authorised, in turn, and
//! retried where that is harmless.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use parking_lot::Mutex;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::signed;
use super::app::App;
use super::breaker::is_answer;
use super::events::authorised_agent;
use super::grant;
use super::identifiers::Credential;
use super::refreshing::Refreshing;
use super::said::without_secrets;
use super::turns::Turns;
use super::{AccessToken, AgentId, AuthCode, Authorisation, CorpId, JsapiTicket, UserId};
use super::{
    BreakerState, Call, CredentialState, DisplayName, Error, JsonObject, Kind, Network, NoConnection, Said, Standing, Target,
    User, UserDetails, Waiting,
};

/// The app in an organisation. Clones share everything.
#[derive(Clone)]
pub struct Organisation {
    calls: Arc<Calls>,
    access_token: Arc<Refreshing<AccessToken>>,
    jsapi_ticket: Arc<Refreshing<JsapiTicket>>,
}

/// The state of the credentials, for `/readyz` and the metrics.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrganisationState {
    /// The access_token.
    pub access_token: CredentialState,
    /// The jsapi_ticket.
    pub jsapi_ticket: CredentialState,
    /// How long ago the access_token was last granted or renewed.
    #[serde(skip)]
    pub access_token_age: Option<Duration>,
    /// The same of the jsapi_ticket.
    #[serde(skip)]
    pub jsapi_ticket_age: Option<Duration>,
}

/// What the old API wraps its answers in.
#[derive(Deserialize)]
struct Wrapped<T> {
    result: JsonObject<T>,
}

impl Organisation {
    /// Makes no call until a credential is needed. Must be called in the runtime that is to carry the renewals.
    pub(super) fn new(app: Arc<App>, corp_id: CorpId) -> Self {
        let clock = app.api.clock.clone();
        let (new_token_at, new_ticket_at) = (Mutex::default(), Mutex::default());
        let calls = Arc::new(Calls { app, corp_id, turns: Mutex::default(), new_token_at, new_ticket_at });
        let asking = Arc::clone(&calls);
        let fetch = move |unwanted| grant::access_token(Arc::clone(&asking), unwanted);
        let access_token = Refreshing::new(Call::ACCESS_TOKEN, clock.clone(), AccessToken::OLDEST, fetch);
        let asking = Arc::clone(&calls);
        let token = Arc::clone(&access_token);
        let fetch = move |unwanted| grant::jsapi_ticket(Arc::clone(&asking), Arc::clone(&token), unwanted);
        let jsapi_ticket = Refreshing::new(Call::JSAPI_TICKET, clock, JsapiTicket::OLDEST, fetch);
        Self { calls, access_token, jsapi_ticket }
    }

    /// The organisation's CorpId.
    pub fn corp_id(&self) -> &CorpId {
        &self.calls.corp_id
    }

    /// The app's AgentId in the organisation. DingTalk is asked for it if neither the settings nor an event have named it.
    pub async fn agent_id(&self) -> Result<AgentId, Error> {
        let Calls { app, corp_id, .. } = &*self.calls;
        if let Some(home) = app.kind.home() {
            return Ok(home.agent_id.clone());
        }
        if let Authorisation::Granted { agent_id: Some(agent_id), .. } = app.authorisations.of(corp_id) {
            return Ok(agent_id);
        }
        let call = Call::AUTH_INFO;
        let body = json!({"auth_corpid": corp_id});
        let calls = Arc::clone(&self.calls);
        let question = (corp_id.clone(), call.into(), body.to_string());
        let ask = async move { calls.call_by_suite(call, &body).await };
        let told: Value = app.answer_cache.get(question, ask).await?;
        let unnamed = || Error::new(call, Kind::Malformed, "a success that names no agent");
        let agent_id = authorised_agent(&told).ok_or_else(unnamed)?;
        app.authorisations.found(corp_id, Some(agent_id.clone()));
        Ok(agent_id)
    }

    /// The present state of the credentials, without secrets.
    pub fn state(&self) -> OrganisationState {
        OrganisationState {
            access_token: self.access_token.state(),
            jsapi_ticket: self.jsapi_ticket.state(),
            access_token_age: self.access_token.age(),
            jsapi_ticket_age: self.jsapi_ticket.age(),
        }
    }

    /// The app's access_token, from the cache while it is valid.
    pub async fn access_token(&self) -> Result<Arc<AccessToken>, Error> {
        self.access_token.get().await
    }

    /// The jsapi_ticket, from the cache while it is valid.
    pub async fn jsapi_ticket(&self) -> Result<Arc<JsapiTicket>, Error> {
        self.jsapi_ticket.get().await
    }

    /// Says that clients seem to refuse what is signed with `ticket`. If it is still the one in use, it is renewed in the background, at
    /// most once a minute.
    pub fn doubt_jsapi_ticket(&self, ticket: &Arc<JsapiTicket>) {
        if self.calls.may_again(&self.calls.new_ticket_at, Calls::BETWEEN_TICKETS) {
            self.jsapi_ticket.doubt(ticket);
        }
    }

    /// What a client said, without the credentials that are in use.
    pub fn quote(&self, code: &str, text: &str) -> Said {
        let (token, ticket) = (self.access_token.held(), self.jsapi_ticket.held());
        let secrets = || token.iter().map(|token| token.expose()).chain(ticket.iter().map(|ticket| ticket.expose()));
        Said::new(&without_secrets(code, secrets()), &without_secrets(text, secrets()))
    }

    /// How many calls wait for their turn, by the name of the call.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        let turns = self.calls.turns.lock();
        turns.values().map(|(call, turns)| (call.name, turns.waiting())).collect()
    }

    /// Exchanges `code` for the user, when its turn comes. `before_sending` is called just before each sending. Sending uses the code up,
    /// with one exception: if DingTalk's gateway refuses the access_token, or refuses because of too many calls in this second, nobody has
    /// looked at the code. Then it is sent again. If no turn comes in time for that, the error is [`Kind::NoTurn`].
    pub async fn user_by_code(&self, code: &AuthCode, standing: Standing, before_sending: impl Fn()) -> Result<User, Error> {
        #[derive(Deserialize)]
        struct Identity {
            userid: UserId,
            name: Option<DisplayName>,
        }
        let target = Call::USER_BY_CODE.into();
        let body = json!({"code": code.expose()});
        let answer = self.calls.call_for(standing, &self.access_token, &target, &body, &before_sending);
        let answer: Wrapped<Identity> = answer.await?;
        let Identity { userid, name } = answer.result.0;
        let name = name.filter(|name| !name.as_str().is_empty());
        Ok(User { name: name.unwrap_or_else(|| DisplayName::from_lossy(userid.as_str())), user_id: userid })
    }

    /// A person's details, a minute old at most. Needs the permission qyapi_get_member.
    pub async fn user_details(&self, user_id: &UserId) -> Result<UserDetails, Error> {
        let answer: Wrapped<UserDetails> = self.call(&Call::USER_DETAILS, &json!({"userid": user_id})).await?;
        Ok(answer.result.0)
    }

    /// Makes `call` in its turn, with the access_token. If DingTalk rejects that, it is made again with the next one; if the call is
    /// repeatable, it is retried while the failure looks temporary. A cached answer costs no call. `T` is read from the whole answer,
    /// once that has proved to be a success; an empty answer of the new API is read as `{}`. If `body` is `()`, none is sent.
    pub async fn call<T: DeserializeOwned>(&self, call: impl Into<Target>, body: &impl Serialize) -> Result<T, Error> {
        let target = call.into();
        let call = target.call;
        let unfit = |said| Error::new(call, Kind::Unexpected, said);
        if let Some(flaw) = target.flaw {
            return Err(unfit(flaw));
        }
        let body = serde_json::to_value(body).map_err(|_| unfit("what was to be sent cannot be written as JSON"))?;
        if call.method == Method::GET && !body.is_null() {
            return Err(unfit("a GET has no body: its parameters go into the query"));
        }
        if call.kept_for.is_none() {
            return self.calls.call(&self.access_token, &target, &body).await;
        }
        let this = self.clone();
        let question = (self.corp_id().clone(), target.clone(), body.to_string());
        let ask = async move { this.calls.call(&this.access_token, &target, &body).await };
        self.calls.app.answer_cache.get(question, ask).await
    }
}

/// What DingTalk counts separately, whatever the parameters: a method and a path.
type Counted = (&'static Method, &'static str);

/// Makes the calls of one organisation. DingTalk counts the calls of a third-party app for each organisation separately, and those of an
/// app that has one organisation as a whole ("Call frequency limits"): either way, the calls made here are counted together.
pub(super) struct Calls {
    pub app: Arc<App>,
    pub corp_id: CorpId,
    turns: Mutex<HashMap<Counted, (Call, Arc<Turns>)>>,
    /// When a missing permission last renewed the access_token.
    new_token_at: Mutex<Option<Instant>>,
    /// When a page last had the jsapi_ticket renewed.
    new_ticket_at: Mutex<Option<Instant>>,
}

impl Calls {
    /// A missing permission renews the access_token at most once in this time.
    const BETWEEN_TOKENS: Duration = Duration::from_secs(5 * 60);
    /// A page may claim that a jsapi_ticket is no longer valid. However often it does, a new one is fetched at most once in this time.
    const BETWEEN_TICKETS: Duration = Duration::from_secs(60);

    /// How long a call may wait for its turn, if it is not made with a [`Standing`] of the caller's.
    const LONGEST_WAIT: Duration = Duration::from_secs(8);

    /// Makes a call with the access_token, and again with the next one if DingTalk rejects that.
    pub async fn call<T: DeserializeOwned>(
        &self,
        token: &Arc<Refreshing<AccessToken>>,
        target: &Target,
        body: &Value,
    ) -> Result<T, Error> {
        patiently(target.call, || self.call_for(self.ours(), token, target, body, &|| {})).await
    }

    /// The same for somebody with a `standing` in the line; a failure that looks temporary is not retried. `before_sending` is called just
    /// before each sending.
    pub async fn call_for<T: DeserializeOwned>(
        &self,
        standing: Standing,
        token: &Arc<Refreshing<AccessToken>>,
        target: &Target,
        body: &Value,
        before_sending: &impl Fn(),
    ) -> Result<T, Error> {
        let mut is_rejected = false;
        loop {
            // The token is fetched before the turn comes, so that nobody's turn is held up by it. If a newer one has come by then, that is
            // sent.
            let mut sent = token.get().await?;
            let on_sending = || {
                before_sending();
                if let Some(newest) = token.held() {
                    sent = newest;
                }
                Some(Arc::clone(&sent))
            };
            match self.in_turn(standing, target, body, on_sending).await.map_err(|error| self.named(error)) {
                Err(error) if error.kind == Kind::TokenRejected && !is_rejected => {
                    tracing::info!(%error, "access_token rejected before its time: fetching another");
                    token.reject(&sent);
                    is_rejected = true;
                }
                // The permission may have been granted just now, and count only with a later token: the next call has that. Where a new
                // token would invalidate the one that everybody uses, the token stays.
                Err(error)
                    if matches!(error.kind, Kind::Permission(_))
                        && !is_rejected
                        && self.may_again(&self.new_token_at, Self::BETWEEN_TOKENS) =>
                {
                    token.doubt(&sent);
                    return Err(error);
                }
                answer => return answer,
            }
        }
    }

    /// Makes a call that is authorised by what is in its query or body.
    pub async fn call_without_token<T: DeserializeOwned>(&self, target: &Target, body: &Value) -> Result<T, Error> {
        let answer = patiently(target.call, || self.in_turn(self.ours(), target, body, || None)).await;
        answer.map_err(|error| self.named(error))
    }

    /// Makes `call` with a signature that the latest suite ticket proves.
    async fn call_by_suite<T: DeserializeOwned>(&self, call: Call, body: &Value) -> Result<T, Error> {
        let ask = |ticket| async move {
            let target = signed(call, &self.app.credentials, &ticket, self.app.api.clock.machine_millis());
            self.call_without_token(&target, body).await
        };
        self.app.by_suite_ticket(call, ask).await
    }

    /// In an app of many organisations the error names this one, unless a stranger may have made it up.
    fn named(&self, error: Error) -> Error {
        let is_one_of_many = self.app.kind.home().is_none();
        let is_known = is_one_of_many && self.app.authorisations.of(&self.corp_id) != Authorisation::Unknown;
        if is_known { error.naming(&self.corp_id) } else { error }
    }

    /// Makes a call in its turn. `on_sending` is called just before each sending, and returns the access_token for it. If the call is
    /// refused because there were too many in a second, it waits for another turn: the gateway refuses it before anybody looks at what was
    /// sent.
    async fn in_turn<T: DeserializeOwned>(
        &self,
        standing: Standing,
        target: &Target,
        body: &Value,
        mut on_sending: impl FnMut() -> Option<Arc<AccessToken>>,
    ) -> Result<T, Error> {
        let call = target.call;
        let api = &self.app.api;
        let turns = self.turns_of(call);
        let mut refusal = None;
        loop {
            // During a ban the call needs no turn, since `send` refuses it. The ban may end before `send` looks, so the
            // call may be sent after all.
            if api.breaker.shows(api.clock.now()) == BreakerState::Open {
                return api.send(target, on_sending().as_deref(), body).await;
            }
            let began = Instant::now();
            let turn = turns.wait(standing).await;
            api.observer.waited(call.name, began.elapsed());
            let mut turn = turn.map_err(|kind| match (refusal.take(), &kind) {
                (Some(refusal), _) => Error { kind, ..refusal },
                (None, Kind::Crowded(_)) => Error::new(call, kind, "more calls are waiting than can"),
                (None, _) => Error::new(call, kind, "too many calls are waiting for their turn"),
            })?;
            turn.take(standing.network);
            let answer = api.send(target, on_sending().as_deref(), body).await;
            let failure = answer.as_ref().err().map(|error| &error.kind);
            turn.ended(failure);
            // Made-up authCodes cost the network that they come from more than others.
            if failure == Some(&Kind::CodeRejected) {
                turns.wasted(standing.network);
            }
            // A call whose answer is cached is not made again: people who reload its page would make it worse.
            if failure != Some(&Kind::RateLimited) || call.kept_for.is_some() {
                return answer;
            }
            refusal = answer.err();
        }
    }

    fn turns_of(&self, call: Call) -> Arc<Turns> {
        let App { api, peers, calls_per_second, .. } = &*self.app;
        let make = || {
            let name = format!("{} {call}", self.corp_id);
            Turns::new(*calls_per_second, api.last_turns.subscribe(), Arc::clone(peers), name)
        };
        let mut turns = self.turns.lock();
        let known = turns.entry((call.method, call.path));
        Arc::clone(&known.or_insert_with(|| (call, api.transport.within(make))).1)
    }

    /// Whether what last happened at `last` may happen again, at most once in `between`. If so, it counts as having happened now. Others
    /// can trigger it, and must not be able to repeat it at will.
    fn may_again(&self, last: &Mutex<Option<Instant>>, between: Duration) -> bool {
        let mut last = last.lock();
        let now = self.app.api.clock.now();
        let may = last.is_none_or(|last| now >= last + between);
        if may {
            *last = Some(now);
        }
        may
    }

    fn ours(&self) -> Standing {
        let until = tokio::time::Instant::now() + Self::LONGEST_WAIT;
        Standing { network: Network::OURS, since: self.app.api.clock.unix_millis(), until }
    }
}

/// Retries a repeatable call, twice at most, while the failure looks temporary. The pauses grow and are randomised.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(call: Call, attempt: impl FnMut() -> F) -> Result<T, Error> {
    /// No attempt begins later than this after the first, so that three of them, five seconds at most each, end within eight
    /// where none waits for a turn or a token.
    const LAST_ATTEMPT: Duration = Duration::from_millis(2900);
    // Real time, not that of the [`super::Clock`], which tests move: this bounds how long somebody really waits.
    let began = Instant::now();
    // A handshake that failed will fail again, and a second try is what a downgrade attack hopes for. A proxy may lock out who knocks with
    // a wrong password again and again. A list of addresses is not changed within seconds.
    let stays = |kind: &Kind| matches!(kind, Kind::NotSent(NoConnection::Tls | NoConnection::ProxyLogin) | Kind::IpNotAllowed(_));
    let looks_passing = |kind: &Kind| is_answer(kind) == Some(false) && !stays(kind);
    let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    attempt
        .retry(pauses)
        .when(|error| call.repeatable && looks_passing(&error.kind))
        .adjust(|_, pause| pause.filter(|pause| began.elapsed() + *pause <= LAST_ATTEMPT))
        .await
}
