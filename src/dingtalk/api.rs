//! The four calls, one function each: what is sent and what must come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::breaker::{Breaker, BreakerState};
use super::clock::Clock;
use super::endpoint::Endpoint;
use super::envelope;
use super::error::{Cause, Error};
use super::identifiers::{ClientId, UserId};
use super::lease::Lease;
use super::observer::Observer;
use super::secrets::{AccessToken, AuthCode, ClientSecret, JsapiTicket};
use super::transport::Transport;
use super::user::{DisplayName, User, UserDetails};

/// The app's credential pair.
#[derive(Debug, Clone)]
pub struct AppCredentials {
    /// Formerly AppKey.
    pub client_id: ClientId,
    /// Formerly AppSecret.
    pub client_secret: ClientSecret,
}

/// DingTalk's HTTP API, on the two hosts that its families live on.
pub(super) struct Api {
    transport: Transport,
    breaker: Breaker,
    observer: Arc<dyn Observer>,
    api_url: Url,
    oapi_url: Url,
}

impl Api {
    pub fn new(api_url: Url, oapi_url: Url, clock: Clock, observer: Arc<dyn Observer>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            transport: Transport::new()?,
            breaker: Breaker::new(clock),
            observer,
            api_url,
            oapi_url,
        })
    }

    /// Whether calls go out.
    pub fn breaker(&self) -> BreakerState {
        self.breaker.shows()
    }

    /// The same token comes back, renewed, while it is valid.
    pub async fn access_token(&self, app: &AppCredentials) -> Result<Lease<AccessToken>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Granted {
            access_token: String,
            expire_in: u64,
        }
        let endpoint = Endpoint::AccessToken;
        let request = self
            .transport
            .post(address(&self.api_url, endpoint))
            .json(&json!({"appKey": app.client_id.as_str(), "appSecret": app.client_secret.expose()}));
        let granted: Granted = self
            .answer(endpoint, request, envelope::api)
            .await
            .map_err(Error::without_token)?;
        lease(endpoint, AccessToken::parse(granted.access_token).ok(), granted.expire_in)
    }

    /// The same ticket comes back, renewed, until it is 24 hours old.
    pub async fn jsapi_ticket(&self, token: Arc<AccessToken>) -> Result<Lease<JsapiTicket>, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Granted {
            jsapi_ticket: String,
            expire_in: u64,
        }
        let endpoint = Endpoint::JsapiTicket;
        let request = self
            .transport
            .post(address(&self.api_url, endpoint))
            .header("x-acs-dingtalk-access-token", sensitive(token.expose()));
        let granted: Granted = self.answer(endpoint, request, envelope::api).await?;
        lease(endpoint, JsapiTicket::parse(granted.jsapi_ticket).ok(), granted.expire_in)
    }

    /// Uses up the code, whatever comes back.
    pub async fn user_by_code(&self, token: Arc<AccessToken>, code: &AuthCode) -> Result<User, Error> {
        #[derive(Deserialize)]
        struct Identity {
            userid: UserId,
            #[serde(default)]
            name: Option<DisplayName>,
        }
        let endpoint = Endpoint::UserByCode;
        let request = self
            .transport
            .post(address(&self.oapi_url, endpoint))
            .query(&[("access_token", token.expose())])
            .json(&json!({"code": code.expose()}));
        let identity: Identity = self.answer(endpoint, request, envelope::oapi).await?;
        let name = identity.name.filter(|name| !name.as_str().is_empty());
        Ok(User {
            name: name.unwrap_or_else(|| DisplayName::from_lossy(identity.userid.as_str())),
            user_id: identity.userid,
        })
    }

    /// Needs the permission qyapi_get_member.
    pub async fn user_details(&self, token: Arc<AccessToken>, user_id: &UserId) -> Result<UserDetails, Error> {
        let endpoint = Endpoint::UserDetails;
        let request = self
            .transport
            .post(address(&self.oapi_url, endpoint))
            .query(&[("access_token", token.expose())])
            .json(&json!({"userid": user_id.as_str()}));
        self.answer(endpoint, request, envelope::oapi).await
    }

    /// The one path of all calls.
    async fn answer<T>(
        &self,
        endpoint: Endpoint,
        request: reqwest::RequestBuilder,
        open: fn(u16, &[u8]) -> Result<T, Cause>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.ask(request, open).await.map_err(|cause| Error::new(endpoint, cause));
        self.observer.called(endpoint, answer.as_ref().map(drop), began.elapsed());
        answer
    }

    async fn ask<T>(&self, request: reqwest::RequestBuilder, open: fn(u16, &[u8]) -> Result<T, Cause>) -> Result<T, Cause> {
        self.breaker.admit().map_err(|retry_after| Cause::NotAsked { retry_after })?;
        let answer = self.transport.send(request).await?;
        if let Some(wait) = envelope::ban(answer.status, &answer.body) {
            let retry_after = self.breaker.banned(wait);
            return Err(Cause::Banned { retry_after });
        }
        self.breaker.heard();
        match answer.is_json {
            true => open(answer.status, &answer.body),
            false => Err(envelope::misfit(answer.status, "the answer is not JSON")),
        }
    }
}

fn address(base: &Url, endpoint: Endpoint) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{}", base.path().trim_end_matches('/'), endpoint.path()));
    url
}

fn sensitive(text: &str) -> HeaderValue {
    // A token is visible ASCII by construction (`AccessToken::parse`), which is always a header value.
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn lease<T>(endpoint: Endpoint, value: Option<T>, seconds: u64) -> Result<Lease<T>, Error> {
    value
        .and_then(|value| Lease::new(value, Duration::from_secs(seconds)))
        .ok_or_else(|| {
            Error::new(
                endpoint,
                Cause::Unintelligible {
                    status: 200,
                    reason: "the credential or its lifetime is absurd",
                },
            )
        })
}
