//! Credentials kept fresh, and the calls that silent login needs. Imports nothing of this crate, so it could be lifted out as one.

mod api;
mod breaker;
mod clock;
mod diagnosis;
mod endpoint;
mod envelope;
mod error;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod identifiers;
mod jsapi;
mod json_object;
mod lease;
mod observer;
mod page_url;
mod patience;
mod refreshing;
#[cfg(test)]
mod refreshing_tests;
mod refusal;
mod secrets;
mod settings;
mod sync;
mod transport;
mod user;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use self::api::AppCredentials;
pub use self::breaker::BreakerState;
pub use self::clock::{Clock, TimeSource};
pub use self::diagnosis::{ClientRefusal, Part};
pub use self::endpoint::Endpoint;
pub use self::error::{Cause, Error};
pub use self::identifiers::{AgentId, ClientId, CorpId, InvalidIdentifier, UserId};
pub use self::jsapi::{Digest, Nonce, Recipe, SignedPage, UrlForm};
pub use self::json_object::JsonObject;
pub use self::lease::Lease;
pub use self::observer::Observer;
pub use self::page_url::{InvalidOrigin, InvalidPageUrl, Origin, PageUrl};
pub use self::refreshing::{CredentialState, Refreshing};
pub use self::refusal::{Class, Misconfiguration, Refusal};
pub use self::secrets::{AccessToken, AuthCode, ClientSecret, InvalidSecret, JsapiTicket};
pub use self::settings::{Settings, is_loopback};
pub use self::user::{DisplayName, User, UserDetails};

use self::api::Api;
use self::patience::patiently;

/// DingTalk, for one internal app in one organisation.
pub struct Client {
    api: Arc<Api>,
    access_token: Refreshing<AccessToken>,
    jsapi_ticket: Refreshing<JsapiTicket>,
}

/// For whoever watches.
#[derive(Debug, Clone, Copy, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientState {
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

impl Client {
    /// A ticket dies a day after its creation, however often it was renewed (contract 3.3).
    const OLDEST_TICKET: Duration = Duration::from_secs(24 * 60 * 60);

    /// Makes no call yet: credentials are fetched when they are first needed.
    pub fn new(
        app: AppCredentials,
        api_url: Url,
        oapi_url: Url,
        clock: Clock,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, reqwest::Error> {
        let api = Arc::new(Api::new(api_url, oapi_url, clock.clone(), Arc::clone(&observer))?);
        let access_token = {
            let (api, observer) = (Arc::clone(&api), Arc::clone(&observer));
            Refreshing::new(Endpoint::AccessToken, clock.clone(), None, move || {
                let (api, app, observer) = (Arc::clone(&api), app.clone(), Arc::clone(&observer));
                async move {
                    let granted = patiently(|| api.access_token(&app)).await;
                    observer.renewed(Endpoint::AccessToken, granted.as_ref().map(drop));
                    granted
                }
            })
        };
        let jsapi_ticket = {
            let (api, access_token) = (Arc::clone(&api), access_token.clone());
            Refreshing::new(Endpoint::JsapiTicket, clock, Some(Self::OLDEST_TICKET), move || {
                let (api, access_token, observer) = (Arc::clone(&api), access_token.clone(), Arc::clone(&observer));
                async move {
                    let granted = patiently(|| authorised(&access_token, |token| api.jsapi_ticket(token))).await;
                    observer.renewed(Endpoint::JsapiTicket, granted.as_ref().map(drop));
                    granted
                }
            })
        };
        Ok(Self {
            api,
            access_token,
            jsapi_ticket,
        })
    }

    /// What the client holds and does at the moment. Nothing of it is secret.
    pub fn state(&self) -> ClientState {
        ClientState {
            access_token: self.access_token.state(),
            jsapi_ticket: self.jsapi_ticket.state(),
            access_token_age: self.access_token.age(),
            jsapi_ticket_age: self.jsapi_ticket.age(),
            breaker: self.api.breaker(),
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

    /// Says that clients seem not to accept what is signed with `ticket`: if it is still the one in use, it is renewed behind.
    pub fn doubt_jsapi_ticket(&self, ticket: &Arc<JsapiTicket>) {
        self.jsapi_ticket.doubt(ticket);
    }

    /// Exchanges `code`, which is used up by that: it is taken by value and sent once. Only when DingTalk's gateway rejected the
    /// access_token, and so never looked at the code, does it go out a second time.
    pub async fn user_by_code(&self, code: AuthCode) -> Result<User, Error> {
        authorised(&self.access_token, |token| self.api.user_by_code(token, &code)).await
    }

    /// Reads a person's details. Needs the permission qyapi_get_member.
    pub async fn user_details(&self, user_id: &UserId) -> Result<UserDetails, Error> {
        patiently(|| authorised(&self.access_token, |token| self.api.user_details(token, user_id))).await
    }
}

/// Makes a call with the access_token; if DingTalk rejects that token, once more with the next one.
async fn authorised<T, F: Future<Output = Result<T, Error>>>(
    access_token: &Refreshing<AccessToken>,
    call: impl Fn(Arc<AccessToken>) -> F,
) -> Result<T, Error> {
    let token = access_token.get().await?;
    match call(Arc::clone(&token)).await {
        Err(error) if error.token_rejected() => {
            tracing::info!(%error, "access_token rejected before its time: fetching another");
            access_token.reject(&token);
            call(access_token.get().await?).await
        }
        answer => answer,
    }
}
