//! One internal app in one organisation: its credentials, kept fresh, and the calls that are made with them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

use super::api::Api;
use super::kept::KeptAnswers;
use super::refreshing::{Lease, Refreshing};
use super::said::without_secrets;
use super::{AccessToken, AgentId, AuthCode, ClientId, ClientSecret, CorpId, JsapiTicket, UserId};
use super::{
    BreakerState, Call, Clock, CredentialState, DisplayName, Error, JsonObject, Kind, Observer, Origin, Said, Standing, User,
    UserDetails, Waiting,
};

/// What the client and everybody who speaks of the app to DingTalk must know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// DINGTALK_CLIENT_ID and DINGTALK_CLIENT_SECRET.
    pub credentials: Credentials,
    /// DINGTALK_CORP_ID
    pub corp_id: CorpId,
    /// DINGTALK_AGENT_ID
    pub agent_id: AgentId,
    /// DINGTALK_API_URL, or what DINGTALK_SITE stands for.
    pub api_url: Url,
    /// DINGTALK_OAPI_URL, or what DINGTALK_SITE stands for.
    pub oapi_url: Url,
    /// DINGTALK_CALLS_PER_SECOND
    pub calls_per_second: NonZeroU32,
}

/// The app's credential pair.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Formerly AppKey.
    pub client_id: ClientId,
    /// Formerly AppSecret.
    pub client_secret: ClientSecret,
}

impl Settings {
    /// Whether calls go to the DingTalk that everybody uses.
    pub fn is_real(&self) -> bool {
        let of_dingtalk = |host: &str| host.ends_with(".dingtalk.io") || host.ends_with(".dingtalk.com");
        [&self.api_url, &self.oapi_url].iter().all(|url| url.host_str().is_some_and(of_dingtalk))
    }

    /// The origin of a DingTalk on this very machine, when the settings name one.
    pub fn local_origin(&self) -> Option<Origin> {
        is_loopback(&self.oapi_url).then(|| Origin::parse(&self.oapi_url.origin().ascii_serialization()).ok()).flatten()
    }
}

/// Whether `url` can only be reached from this machine, where nobody else listens in.
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    })
}

/// The app in its organisation. Clones share everything.
#[derive(Clone)]
pub struct Organisation {
    corp_id: CorpId,
    agent_id: AgentId,
    api: Arc<Api>,
    access_token: Refreshing<AccessToken>,
    jsapi_ticket: Refreshing<JsapiTicket>,
    kept: Arc<KeptAnswers>,
}

/// For whoever watches.
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
    /// Whether calls go out.
    pub breaker: BreakerState,
    /// Whether they are answered.
    pub reachable: bool,
}

/// What the old API wraps its answers in.
#[derive(Deserialize)]
struct Wrapped<T> {
    result: JsonObject<T>,
}

impl Organisation {
    /// A ticket dies a day after its creation, however often it was renewed.
    const OLDEST_TICKET: Duration = Duration::from_secs(24 * 60 * 60);

    /// Makes no call until a credential is needed. Must be called in the runtime that is to carry the connections.
    pub fn new(settings: Settings, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self, reqwest::Error> {
        let Settings { credentials, corp_id, agent_id, api_url, oapi_url, calls_per_second } = settings;
        let api = Arc::new(Api::new((api_url, oapi_url), calls_per_second, clock.clone(), observer)?);
        let asked = Arc::clone(&api);
        let fetch = move || fetch_access_token(Arc::clone(&asked), credentials.clone());
        let access_token = Refreshing::new(Call::ACCESS_TOKEN, clock.clone(), None, fetch);
        let (asked, token) = (Arc::clone(&api), access_token.clone());
        let fetch = move || fetch_jsapi_ticket(Arc::clone(&asked), token.clone());
        let jsapi_ticket = Refreshing::new(Call::JSAPI_TICKET, clock.clone(), Some(Self::OLDEST_TICKET), fetch);
        let kept = Arc::new(KeptAnswers::new(clock));
        Ok(Self { corp_id, agent_id, api, access_token, jsapi_ticket, kept })
    }

    /// The organisation's name in DingTalk.
    pub fn corp_id(&self) -> &CorpId {
        &self.corp_id
    }

    /// The app's name in the organisation.
    pub fn agent_id(&self) -> &AgentId {
        &self.agent_id
    }

    /// What is held and done at the moment. Nothing of it is secret.
    pub fn state(&self) -> OrganisationState {
        OrganisationState {
            access_token: self.access_token.state(),
            jsapi_ticket: self.jsapi_ticket.state(),
            access_token_age: self.access_token.age(),
            jsapi_ticket_age: self.jsapi_ticket.age(),
            breaker: self.api.breaker.shows(self.api.clock.now()),
            reachable: !self.api.reach.is_lost(),
        }
    }

    /// Whether people can be logged in, as the last calls tell; if they do not, as one more does.
    pub async fn can_log_in(&self) -> bool {
        let Ok(token) = self.access_token().await else { return false };
        self.api.look(&token).await;
        let OrganisationState { breaker, reachable, .. } = self.state();
        reachable && breaker != BreakerState::Open
    }

    /// The app's access_token, from the cache while it is good.
    pub async fn access_token(&self) -> Result<Arc<AccessToken>, Error> {
        self.access_token.get().await
    }

    /// The jsapi_ticket, from the cache while it is good.
    pub async fn jsapi_ticket(&self) -> Result<Arc<JsapiTicket>, Error> {
        self.jsapi_ticket.get().await
    }

    /// Says that clients seem not to accept what is signed with `ticket`: if it is still the one in use, it is renewed behind.
    pub fn doubt_jsapi_ticket(&self, ticket: &Arc<JsapiTicket>) {
        self.jsapi_ticket.doubt(ticket);
    }

    /// What a client said, without the credentials that are in use.
    pub fn quote(&self, code: &str, text: &str) -> Said {
        let (token, ticket) = (self.access_token.held(), self.jsapi_ticket.held());
        let secrets = || token.iter().map(|token| token.expose()).chain(ticket.iter().map(|ticket| ticket.expose()));
        Said::new(&without_secrets(code, secrets()), &without_secrets(text, secrets()))
    }

    /// What waits for its turn, by the names of the calls.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        self.api.waiting()
    }

    /// No call waits for its turn beyond then: the program is about to stop.
    pub fn end_turns(&self, at: tokio::time::Instant) {
        self.api.end_turns(at);
    }

    /// Exchanges `code` when its turn comes. `leaving` is told when it goes out, which uses it up. Only when DingTalk's gateway refuses
    /// the call, for the access_token or for too many calls in this second, nobody has looked at the code: then it goes out again, or
    /// the error is [`Kind::NoTurn`].
    pub async fn user_by_code(&self, code: &AuthCode, standing: Standing, leaving: impl Fn()) -> Result<User, Error> {
        #[derive(Deserialize)]
        struct Identity {
            userid: UserId,
            name: Option<DisplayName>,
        }
        let body = json!({"code": code.expose()});
        let answer = self.api.call_for(standing, &self.access_token, Call::USER_BY_CODE, &body, &leaving);
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

    /// Makes `call` in its turn, with the access_token; with the next one if DingTalk rejects that, and again while the trouble looks passing if
    /// the call is repeatable. An answer that is kept and still good costs no call. `T` is read from the whole answer, once it has
    /// proved to be a success. A `body` of `()` is none.
    pub async fn call<T: DeserializeOwned>(&self, call: &Call, body: &impl Serialize) -> Result<T, Error> {
        let (call, unfit) = (*call, |_| Error::new(*call, Kind::Unexpected, "what was to be sent cannot be written as JSON"));
        let body = serde_json::to_value(body).map_err(unfit)?;
        let Some(kept_for) = call.kept_for else {
            return self.api.call(&self.access_token, call, &body).await;
        };
        let (api, token, asked) = (Arc::clone(&self.api), self.access_token.clone(), body.clone());
        self.kept.get(call, &body, kept_for, async move { api.call(&token, call, &asked).await }).await
    }
}

/// What either credential comes as.
#[derive(Deserialize)]
struct Granted<T> {
    #[serde(alias = "accessToken", alias = "jsapiTicket")]
    credential: T,
    #[serde(rename = "expireIn")]
    seconds: u64,
}

async fn fetch_access_token(api: Arc<Api>, app: Credentials) -> Result<Lease<AccessToken>, Error> {
    let pair = json!({"appKey": app.client_id, "appSecret": app.client_secret.expose()});
    renewed(&api, Call::ACCESS_TOKEN, api.ask_for_token(Call::ACCESS_TOKEN, &pair).await)
}

async fn fetch_jsapi_ticket(api: Arc<Api>, access_token: Refreshing<AccessToken>) -> Result<Lease<JsapiTicket>, Error> {
    renewed(&api, Call::JSAPI_TICKET, api.call(&access_token, Call::JSAPI_TICKET, &Value::Null).await)
}

fn renewed<T>(api: &Api, call: Call, granted: Result<Granted<T>, Error>) -> Result<Lease<T>, Error> {
    let lease = granted.and_then(|Granted { credential, seconds }| {
        let absurd = || Error::new(call, Kind::Malformed, "a success whose expireIn is no lifetime");
        Lease::new(credential, Duration::from_secs(seconds)).ok_or_else(absurd)
    });
    api.observer.renewed(call.name, lease.as_ref().map(drop));
    lease
}
