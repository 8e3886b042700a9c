//! The app in one organisation: its credentials, kept fresh, and the calls that are made with them.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::{Proof, suite_signature};
use super::app::App;
use super::call::Method;
use super::calls::Calls;
use super::events::authorised_agent;
use super::grant;
use super::identifiers::Credential;
use super::refreshing::Refreshing;
use super::said::without_secrets;
use super::{AccessToken, AgentId, AuthCode, Authorisation, CorpId, JsapiTicket, UserId};
use super::{
    Call, CredentialState, DisplayName, Error, JsonObject, Kind, Said, Seldom, Standing, Target, User, UserDetails, Waiting,
};

/// The app in an organisation. Clones share everything.
#[derive(Clone)]
pub struct Organisation {
    calls: Arc<Calls>,
    access_token: Arc<Refreshing<AccessToken>>,
    jsapi_ticket: Arc<Refreshing<JsapiTicket>>,
    new_ticket: Arc<Seldom>,
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
}

/// What the old API wraps its answers in.
#[derive(Deserialize)]
struct Wrapped<T> {
    result: JsonObject<T>,
}

impl Organisation {
    /// A page may claim that a ticket is dead. However often it does, a new one is fetched once in this time.
    const BETWEEN_TICKETS: Duration = Duration::from_secs(60);

    /// Makes no call until a credential is needed. Must be called in the runtime that is to carry the renewals.
    pub(super) fn new(app: Arc<App>, corp_id: CorpId) -> Self {
        let clock = app.api.clock.clone();
        let calls = Arc::new(Calls::new(app, corp_id));
        let asking = Arc::clone(&calls);
        let fetch = move |unwanted| grant::access_token(Arc::clone(&asking), unwanted);
        let access_token = Refreshing::new(Call::ACCESS_TOKEN, clock.clone(), AccessToken::OLDEST, fetch);
        let (asking, token) = (Arc::clone(&calls), Arc::clone(&access_token));
        let fetch = move |unwanted| grant::jsapi_ticket(Arc::clone(&asking), Arc::clone(&token), unwanted);
        let jsapi_ticket = Refreshing::new(Call::JSAPI_TICKET, clock, JsapiTicket::OLDEST, fetch);
        Self { calls, access_token, jsapi_ticket, new_ticket: Arc::new(Seldom::every(Self::BETWEEN_TICKETS)) }
    }

    /// The organisation's name in DingTalk.
    pub fn corp_id(&self) -> &CorpId {
        &self.calls.corp_id
    }

    /// The app's name in the organisation. Of one whose authorisation nobody has heard of, DingTalk is asked.
    pub async fn agent_id(&self) -> Result<AgentId, Error> {
        let app = &self.calls.app;
        if let Some(home) = app.kind.home() {
            return Ok(home.agent_id.clone());
        }
        match app.authorisations.of(self.corp_id()) {
            Authorisation::Granted { agent_id: Some(agent_id), .. } => Ok(agent_id),
            _ => self.ask_for_agent().await,
        }
    }

    async fn ask_for_agent(&self) -> Result<AgentId, Error> {
        let (calls, call, body) = (&self.calls, Call::AUTH_INFO, json!({"auth_corpid": self.corp_id()}));
        let (asked, sent) = (Arc::clone(calls), body.clone());
        let ask = async move {
            let app = &asked.app;
            let signature = suite_signature(&app.credentials, &app.suite_ticket(call)?, app.api.clock.machine_millis());
            asked.call_by(Proof::Suite(&signature), call, &sent).await
        };
        let told: Value = calls.app.kept.get((self.corp_id().clone(), call.into()), &body, ask).await?;
        let unnamed = || Error::new(call, Kind::Malformed, "a success that names no agent");
        let agent_id = authorised_agent(&told).ok_or_else(unnamed)?;
        calls.app.authorisations.found(self.corp_id(), Some(agent_id.clone()));
        Ok(agent_id)
    }

    /// What is held at the moment. Nothing of it is secret.
    pub fn state(&self) -> OrganisationState {
        OrganisationState {
            access_token: self.access_token.state(),
            jsapi_ticket: self.jsapi_ticket.state(),
            access_token_age: self.access_token.age(),
            jsapi_ticket_age: self.jsapi_ticket.age(),
        }
    }

    /// The app's access_token, from the cache while it is good.
    pub async fn access_token(&self) -> Result<Arc<AccessToken>, Error> {
        self.access_token.get().await
    }

    /// The jsapi_ticket, from the cache while it is good.
    pub async fn jsapi_ticket(&self) -> Result<Arc<JsapiTicket>, Error> {
        self.jsapi_ticket.get().await
    }

    /// Says that clients seem not to accept what is signed with `ticket`: if it is still the one in use, it is renewed behind, once a
    /// minute at most.
    pub fn doubt_jsapi_ticket(&self, ticket: &Arc<JsapiTicket>) {
        if self.new_ticket.may(self.calls.app.api.clock.now()) {
            self.jsapi_ticket.doubt(ticket);
        }
    }

    /// What a client said, without the credentials that are in use.
    pub fn quote(&self, code: &str, text: &str) -> Said {
        let (token, ticket) = (self.access_token.held(), self.jsapi_ticket.held());
        let secrets = || token.iter().map(|token| token.expose()).chain(ticket.iter().map(|ticket| ticket.expose()));
        Said::new(&without_secrets(code, secrets()), &without_secrets(text, secrets()))
    }

    /// What waits for its turn, by the names of the calls.
    pub fn waiting(&self) -> Vec<(&'static str, Waiting)> {
        self.calls.waiting()
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
        let (target, body) = (Call::USER_BY_CODE.into(), json!({"code": code.expose()}));
        let answer = self.calls.call_for(standing, &self.access_token, &target, &body, &leaving);
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
    /// proved to be a success; an empty one of the new API is read as `{}`. A `body` of `()` is none.
    pub async fn call<T: DeserializeOwned>(&self, call: impl Into<Target>, body: &impl Serialize) -> Result<T, Error> {
        let target = call.into();
        target.check()?;
        let (call, unfit) = (target.call, |said| Error::new(target.call, Kind::Unexpected, said));
        let body = serde_json::to_value(body).map_err(|_| unfit("what was to be sent cannot be written as JSON"))?;
        if call.method == Method::Get && !body.is_null() {
            return Err(unfit("a GET has no body: its parameters go into the query"));
        }
        if call.kept_for.is_none() {
            return self.calls.call(&self.access_token, &target, &body).await;
        }
        let (this, to, sent) = (self.clone(), target.clone(), body.clone());
        let ask = async move { this.calls.call(&this.access_token, &to, &sent).await };
        self.calls.app.kept.get((self.corp_id().clone(), target), &body, ask).await
    }
}
