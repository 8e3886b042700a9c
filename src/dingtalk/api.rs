//! The two hosts of DingTalk's HTTP API: calls go out through the breaker, and are counted.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::watch;
use url::Url;

use super::answer::Answer;
use super::breaker::{Breaker, Reachability};
use super::call::Family;
use super::transport::Transport;
use super::{AccessToken, BreakerState, Call, Clock, Credentials, Error, Kind, SuiteTicket, Target};

/// Receives what metrics count; by default it counts nothing. It is called in the middle of requests, so it must be quick.
pub trait Observer: Send + Sync + 'static {
    /// The call of this name waited so long for its turn.
    fn waited(&self, _call: &'static str, _waited: Duration) {}

    /// The call of this name ended after `took`, or was not made because of a ban.
    fn called(&self, _call: &'static str, _outcome: Result<(), &Error>, _took: Duration) {}

    /// A renewal of the credential of this name ended, with all its retries.
    fn renewed(&self, _credential: &'static str, _outcome: Result<(), &Error>) {}

    /// An event of this name has arrived, and was dealt with and stored (`kept`) or not.
    fn heard(&self, _event: &'static str, _kept: bool) {}
}

/// Counts nothing.
impl Observer for () {}

/// `call` with a signature in its query, made at `unix_millis`; DingTalk accepts a minute of difference. The oldest calls of a third-party
/// app are signed instead of carrying a token ("Signature method for third-party apps").
pub(super) fn signed(call: Call, app: &Credentials, ticket: &SuiteTicket, unix_millis: u64) -> Target {
    // HMAC takes keys of any length (RFC 2104, section 3); the type only shares its constructor with ciphers that do not.
    #[expect(clippy::expect_used)]
    let mut mac = Hmac::<Sha256>::new_from_slice(app.client_secret.expose().as_bytes()).expect("hmac takes any key");
    mac.update(format!("{unix_millis}\n{}", ticket.expose()).as_bytes());
    call.query("accessKey", &app.client_id)
        .query("timestamp", unix_millis)
        .query("suiteTicket", ticket.expose())
        .query("signature", STANDARD.encode(mac.finalize().into_bytes()))
}

/// DingTalk's HTTP API, on the two hosts that its families live on.
pub(super) struct Api {
    pub transport: Transport,
    pub breaker: Breaker,
    pub reach: Reachability,
    /// When the last check of a ban page found no ban. Locked during a check.
    no_ban_at: tokio::sync::Mutex<Option<Instant>>,
    /// After this time, no call waits for its turn any more.
    pub last_turns: watch::Sender<Option<tokio::time::Instant>>,
    pub api_url: Url,
    oapi_url: Url,
    pub clock: Clock,
    /// By how many seconds DingTalk's clock was ahead of this machine's, by the last answer with a date.
    pub ahead: Mutex<Option<i64>>,
    pub observer: Arc<dyn Observer>,
}

impl Api {
    /// Nothing was called yet.
    pub fn new(api_url: Url, oapi_url: Url, transport: Transport, clock: Clock, observer: Arc<dyn Observer>) -> Self {
        Self {
            transport,
            breaker: Breaker::default(),
            reach: Reachability::default(),
            no_ban_at: tokio::sync::Mutex::default(),
            last_turns: watch::Sender::new(None),
            api_url,
            oapi_url,
            clock,
            ahead: Mutex::default(),
            observer,
        }
    }

    /// Sends one request, without retries. Without a token, it is authorised by what is in its query or body, if at all. If `body` is null,
    /// none is sent.
    pub async fn send<T: DeserializeOwned>(
        &self,
        target: &Target,
        token: Option<&AccessToken>,
        body: &Value,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let answer = self.ask(target, token, body).await;
        self.observer.called(target.call.name, answer.as_ref().map(drop), began.elapsed());
        self.reach.note(answer.as_ref().map(drop), self.clock.now());
        answer
    }

    async fn ask<T: DeserializeOwned>(&self, target: &Target, token: Option<&AccessToken>, body: &Value) -> Result<T, Error> {
        let call = target.call;
        self.breaker.admit(self.clock.now()).map_err(|retry_after| {
            Error::new(call, Kind::NotAsked(retry_after), "no call is made while dingtalk shuts this address out")
        })?;
        let answer = self.transport.send(call, self.request(target, token, body)).await?;
        if let Some(theirs) = answer.date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok()) {
            *self.ahead.lock() = Some(theirs.as_secs() as i64 - self.clock.unix_seconds() as i64);
        }
        if answer.ban().is_none() {
            self.breaker.heard();
            return answer.open(call, &secrets(target, token, body));
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

    /// Checks a ban page that answered a call. Returns for how long this server is banned, or None if only that call was answered so.
    /// Something in between may have answered it for what a stranger put into it. So a ban is believed only if the same host also answers
    /// an empty call of our own like that.
    async fn shut_out(&self, family: Family) -> Option<Duration> {
        let probe = match family {
            Family::Old => Call::OLD_PROBE,
            Family::New => Call::NEW_PROBE,
        };
        // One check serves all calls that met the page meanwhile.
        let met = Instant::now();
        let mut found_none = self.no_ban_at.lock().await;
        let now = self.clock.now();
        if self.breaker.shows(now) == BreakerState::Open {
            return Some(self.breaker.banned(Duration::ZERO, now));
        }
        if found_none.is_some_and(|at| met <= at) {
            return None;
        }
        let ban = self.probe(probe, None).await.ok().and_then(|(_, ban)| ban);
        *found_none = ban.is_none().then(Instant::now);
        ban
    }

    /// If the last call was not answered, makes the login call without an authCode, so that it is known whether DingTalk answers before
    /// the next person logs in. If there is no token that stands for all, makes an empty call of the old API. During a ban no call is
    /// made.
    pub async fn probe_logins(&self, token: Option<&AccessToken>) {
        if !self.reach.is_in_doubt() || self.breaker.admit(self.clock.now()).is_err() {
            return;
        }
        let call = if token.is_some() { Call::LOGIN_PROBE } else { Call::OLD_PROBE };
        let sent = token.map(AccessToken::expose);
        let answer = self.probe(call, token).await.and_then(|(answer, _)| answer.open::<Value>(call, sent.as_slice()));
        self.reach.note(answer.as_ref().map(drop), self.clock.now());
    }

    /// Makes a call only to see whether and how it is answered. Since it contains nothing of a stranger's, a ban is believed: the second
    /// value says for how long this server is banned, if it is.
    async fn probe(&self, probe: Call, token: Option<&AccessToken>) -> Result<(Answer, Option<Duration>), Error> {
        const TIMEOUT: Duration = Duration::from_secs(2);
        let began = Instant::now();
        let mut request = self.request(&probe.into(), token, &Value::Null);
        *request.timeout_mut() = Some(TIMEOUT);
        let answer = self.transport.send(probe, request).await;
        self.observer.called(probe.name, answer.as_ref().map(drop), began.elapsed());
        let answer = answer?;
        let ban = answer.ban().map(|wait| self.breaker.banned(wait, self.clock.now()));
        if ban.is_none() {
            self.breaker.heard();
        }
        Ok((answer, ban))
    }

    fn request(&self, Target { call, path, query, .. }: &Target, token: Option<&AccessToken>, body: &Value) -> Request {
        let base = match call.family {
            Family::Old => &self.oapi_url,
            Family::New => &self.api_url,
        };
        let mut request = Request::new(call.method.clone(), base.clone());
        // DingTalk's own client for Stream says that the gateway answers in XML otherwise.
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        request.url_mut().set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
        if !query.is_empty() {
            request.url_mut().query_pairs_mut().extend_pairs(query);
        }
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
        } else if matches!(call.method, &Method::POST | &Method::PUT) {
            // As DingTalk's own SDKs do: some servers refuse a POST or PUT that does not say how long it is (RFC 9110, section 8.6).
            request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        request
    }
}

/// All secrets that a call sends.
fn secrets<'a>(target: &'a Target, token: Option<&'a AccessToken>, body: &'a Value) -> Vec<&'a str> {
    let in_body =
        ["appSecret", "clientSecret", "suiteSecret", "suiteTicket", "code"].iter().filter_map(|name| body[name].as_str());
    let in_query = target.query.iter().filter(|(name, _)| ["suiteTicket", "signature"].contains(name));
    in_body.chain(in_query.map(|(_, value)| value.as_str())).chain(token.map(AccessToken::expose)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{ClientId, ClientSecret};
    use super::*;

    #[test]
    fn a_call_is_signed_over_its_time_and_the_suite_ticket() {
        let app = Credentials {
            client_id: ClientId::parse("customkey").unwrap(),
            client_secret: ClientSecret::parse("customSecretSAMPLE").unwrap(),
        };
        let target = signed(Call::AUTH_INFO, &app, &SuiteTicket::parse("TestSuiteTicket").unwrap(), 1_700_000_000_000);
        assert_eq!(target.query[3], ("signature", "BhlDV+pIiqSg95LVZVDZoGG1ILbIqowst5aMDdhcZAw=".to_owned()));
    }
}
