//! One internal app in one organisation: its credentials, kept fresh, and the calls that are made with them.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::api::{Api, Observer, patiently};
use super::breaker::BreakerState;
use super::call::Call;
use super::clock::Clock;
use super::envelope::JsonObject;
use super::error::{Error, Kind};
use super::identifiers::{AccessToken, AgentId, AuthCode, CorpId, JsapiTicket, UserId};
use super::refreshing::{CredentialState, Lease, Refreshing};
use super::settings::{Credentials, Settings};
use super::user::{DisplayName, User, UserDetails};

/// The app in its organisation. Clones share everything.
#[derive(Clone)]
pub struct Organisation {
    corp_id: CorpId,
    agent_id: AgentId,
    authorised: Authorised,
    jsapi_ticket: Refreshing<JsapiTicket>,
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
}

/// What the old API wraps its answers in.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Answer<T> {
    result: JsonObject<T>,
}

impl Organisation {
    /// A ticket dies a day after its creation, however often it was renewed.
    const OLDEST_TICKET: Duration = Duration::from_secs(24 * 60 * 60);

    /// Makes no call yet: credentials are fetched when they are first needed. Must be called in the runtime that is to carry the
    /// connections.
    pub fn new(settings: Settings, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self, reqwest::Error> {
        let api = Api::new(settings.api_url, settings.oapi_url, clock.clone(), observer)?;
        let authorised = Authorised::new(Arc::new(api), settings.credentials, clock.clone());
        let jsapi_ticket = {
            let authorised = authorised.clone();
            Refreshing::new(Call::JSAPI_TICKET, clock, Some(Self::OLDEST_TICKET), move || {
                let authorised = authorised.clone();
                async move {
                    let granted = authorised.jsapi_ticket().await;
                    let observer = &authorised.api.observer;
                    observer.renewed(Call::JSAPI_TICKET.name(), granted.as_ref().map(drop));
                    granted
                }
            })
        };
        Ok(Self { corp_id: settings.corp_id, agent_id: settings.agent_id, authorised, jsapi_ticket })
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
            access_token: self.authorised.access_token.state(),
            jsapi_ticket: self.jsapi_ticket.state(),
            access_token_age: self.authorised.access_token.age(),
            jsapi_ticket_age: self.jsapi_ticket.age(),
            breaker: self.authorised.api.breaker(),
        }
    }

    /// The app's access_token, from the cache while it is good.
    pub async fn access_token(&self) -> Result<Arc<AccessToken>, Error> {
        self.authorised.access_token.get().await
    }

    /// The jsapi_ticket, from the cache while it is good.
    pub async fn jsapi_ticket(&self) -> Result<Arc<JsapiTicket>, Error> {
        self.jsapi_ticket.get().await
    }

    /// Says that clients seem not to accept what is signed with `ticket`: if it is still the one in use, it is renewed behind.
    pub fn doubt_jsapi_ticket(&self, ticket: &Arc<JsapiTicket>) {
        self.jsapi_ticket.doubt(ticket);
    }

    /// Exchanges `code`, which is used up by that: it is taken by value and sent once. Only when DingTalk's gateway rejected the
    /// access_token, and so never looked at the code, does it go out a second time.
    pub async fn user_by_code(&self, code: AuthCode) -> Result<User, Error> {
        #[derive(Deserialize)]
        struct Identity {
            userid: UserId,
            #[serde(default)]
            name: Option<DisplayName>,
        }
        let answer: Answer<Identity> = self.call(&Call::USER_BY_CODE, &json!({"code": code.expose()})).await?;
        let Identity { userid, name } = answer.result.0;
        let name = name.filter(|name| !name.as_str().is_empty());
        Ok(User { name: name.unwrap_or_else(|| DisplayName::from_lossy(userid.as_str())), user_id: userid })
    }

    /// Reads a person's details. Needs the permission qyapi_get_member.
    pub async fn user_details(&self, user_id: &UserId) -> Result<UserDetails, Error> {
        let answer: Answer<UserDetails> = self.call(&Call::USER_DETAILS, &json!({"userid": user_id})).await?;
        Ok(answer.result.0)
    }

    /// Makes `call` with the access_token; with the next one if DingTalk rejects that, and again while the trouble looks passing if
    /// the call is repeatable. `T` is read from the whole answer, once it has proved to be a success. A `body` of `()` is none.
    pub async fn call<T: DeserializeOwned>(&self, call: &Call, body: &impl Serialize) -> Result<T, Error> {
        self.authorised.call(*call, body).await
    }
}

/// The API in the app's name.
#[derive(Clone)]
struct Authorised {
    api: Arc<Api>,
    access_token: Refreshing<AccessToken>,
}

impl Authorised {
    fn new(api: Arc<Api>, app: Credentials, clock: Clock) -> Self {
        let access_token = {
            let api = Arc::clone(&api);
            Refreshing::new(Call::ACCESS_TOKEN, clock, None, move || {
                let (api, app) = (Arc::clone(&api), app.clone());
                async move {
                    let granted = patiently(Call::ACCESS_TOKEN, || access_token(&api, &app)).await;
                    api.observer.renewed(Call::ACCESS_TOKEN.name(), granted.as_ref().map(drop));
                    granted
                }
            })
        };
        Self { api, access_token }
    }

    async fn call<T: DeserializeOwned>(&self, call: Call, body: &impl Serialize) -> Result<T, Error> {
        patiently(call, || self.attempt(call, body)).await
    }

    async fn attempt<T: DeserializeOwned>(&self, call: Call, body: &impl Serialize) -> Result<T, Error> {
        let token = self.access_token.get().await?;
        match self.api.send(call, Some(&token), body).await {
            Err(error) if error.token_rejected() => {
                tracing::info!(%error, "access_token rejected before its time: fetching another");
                self.access_token.reject(&token);
                let next = self.access_token.get().await?;
                self.api.send(call, Some(&next), body).await
            }
            answer => answer,
        }
    }

    async fn jsapi_ticket(&self) -> Result<Lease<JsapiTicket>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Granted {
            jsapi_ticket: JsapiTicket,
            expire_in: u64,
        }
        let granted: Granted = self.call(Call::JSAPI_TICKET, &()).await?;
        lease(Call::JSAPI_TICKET, granted.jsapi_ticket, granted.expire_in)
    }
}

async fn access_token(api: &Api, app: &Credentials) -> Result<Lease<AccessToken>, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Granted {
        access_token: AccessToken,
        expire_in: u64,
    }
    let pair = json!({"appKey": app.client_id, "appSecret": app.client_secret.expose()});
    let granted = api.send(Call::ACCESS_TOKEN, None, &pair).await;
    let granted: Granted = granted.map_err(Error::without_token)?;
    lease(Call::ACCESS_TOKEN, granted.access_token, granted.expire_in)
}

fn lease<T>(call: Call, value: T, seconds: u64) -> Result<Lease<T>, Error> {
    Lease::new(value, Duration::from_secs(seconds)).ok_or_else(|| {
        let kind = Kind::Unintelligible { status: 200 };
        Error::new(call, kind, "status 200: the credential's lifetime is absurd")
    })
}
