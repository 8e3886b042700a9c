//! How an access_token is granted. The kinds of app differ in this, and only here.

use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::identifiers::Credential;
use super::organisation::Calls;
use super::refreshing::{Lease, Refreshing};
use super::{AccessToken, AppKind, Authorisation, Call, Error, Grant, JsapiTicket, Kind, Needed, SuiteTicket};

/// A custom app is granted its tokens with any suite ticket that is not empty ("Obtain the access_token of a custom app").
const ANY_TICKET: &str = "none";

/// An access_token of the app in an organisation.
pub(super) async fn access_token(calls: Arc<Calls>, unwanted: Option<Arc<AccessToken>>) -> Result<Lease<AccessToken>, Error> {
    let credentials = &calls.app.credentials;
    let ask = async {
        match calls.app.kind {
            AppKind::Internal(_) => {
                let pair = json!({"appKey": credentials.client_id, "appSecret": credentials.client_secret.expose()});
                lease::<AccessToken>(Call::ACCESS_TOKEN, calls.call_without_token(&Call::ACCESS_TOKEN.into(), &pair).await?)
            }
            AppKind::Custom(_) => corp_access_token(&calls, ANY_TICKET).await,
            AppKind::ThirdParty => authorised(&calls).await,
        }
    };
    shared(&calls, Call::ACCESS_TOKEN, unwanted, ask).await
}

/// The jsapi_ticket that belongs to an access_token.
pub(super) async fn jsapi_ticket(
    calls: Arc<Calls>,
    token: Arc<Refreshing<AccessToken>>,
    unwanted: Option<Arc<JsapiTicket>>,
) -> Result<Lease<JsapiTicket>, Error> {
    let call = Call::JSAPI_TICKET;
    let ask = async { lease::<JsapiTicket>(call, calls.call(&token, &call.into(), &Value::Null).await?) };
    shared(&calls, call, unwanted, ask).await
}

/// Returns the credential that another process has fetched, or what `ask` brings, which all processes then share. The name under which it
/// is shared includes when the organisation last authorised the app, so that nothing granted before that is used.
async fn shared<T: Credential>(
    Calls { app, corp_id, .. }: &Calls,
    call: Call,
    unwanted: Option<Arc<T>>,
    ask: impl Future<Output = Result<Grant, Error>> + Send,
) -> Result<Lease<T>, Error> {
    // Another process may know of a newer authorisation: what the others have published must be read first.
    app.peers.until_heard().await;
    let since = match app.authorisations.of(corp_id) {
        Authorisation::Granted { since, .. } => since,
        _ => 0,
    };
    let name = format!("{} {corp_id} {since}", call.name);
    let unwanted = unwanted.map(|value| value.to_shared());
    let ask = async {
        let renewed = ask.await;
        app.api.observer.renewed(call.name, renewed.as_ref().map(drop));
        renewed
    };
    let granted = app.peers.credential(Needed { name, unwanted, oldest: T::OLDEST }, Box::pin(ask)).await?;
    // The value is checked even if this process fetched it: it may have passed through the shared store.
    let Lease { rotates, granted_ago, seen_ago, life, value } = granted;
    let lease = T::try_from(value.expose_secret().to_owned()).ok().and_then(|value| Lease::new(value, life));
    let malformed = || Error::new(call, Kind::Malformed, "another process has handed on what is no credential");
    Ok(Lease { rotates, granted_ago, seen_ago: seen_ago.max(granted_ago), ..lease.ok_or_else(malformed)? })
}

/// Limits how often DingTalk is asked whether an unknown organisation has authorised the app. Anybody may make up corpIds: that must cost
/// DingTalk little, and the known organisations nothing.
pub(super) fn look_ups() -> DefaultDirectRateLimiter {
    const PER_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();
    const AT_ONCE: NonZeroU32 = NonZeroU32::new(50).unwrap();
    RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(AT_ONCE))
}

/// Fetches the token of a third-party app. A token that is granted proves that the organisation has authorised the app.
async fn authorised(calls: &Calls) -> Result<Grant, Error> {
    let Calls { app, corp_id, .. } = calls;
    if app.authorisations.of(corp_id) == Authorisation::Unknown && app.look_ups.check().is_err() {
        let soon = Kind::Crowded(Duration::from_secs(1));
        return Err(Error::new(Call::CORP_ACCESS_TOKEN, soon, "too many organisations are asked about that nobody has heard of"));
    }
    let ask = |ticket: SuiteTicket| async move { corp_access_token(calls, ticket.expose()).await };
    let lease = app.by_suite_ticket(Call::CORP_ACCESS_TOKEN, ask).await?;
    app.authorisations.found(corp_id, None);
    Ok(lease)
}

async fn corp_access_token(calls: &Calls, suite_ticket: &str) -> Result<Grant, Error> {
    let asked = json!({
        "suiteKey": calls.app.credentials.client_id,
        "suiteSecret": calls.app.credentials.client_secret.expose(),
        "authCorpId": calls.corp_id,
        "suiteTicket": suite_ticket,
    });
    let granted = calls.call_without_token(&Call::CORP_ACCESS_TOKEN.into(), &asked).await?;
    Ok(Lease { rotates: true, ..lease::<AccessToken>(Call::CORP_ACCESS_TOKEN, granted)? })
}

/// The answer to a request for either credential.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Granted<T> {
    #[serde(alias = "accessToken", alias = "jsapiTicket")]
    credential: T,
    #[serde(rename = "expireIn")]
    seconds: u64,
}

fn lease<T: Credential>(call: Call, Granted { credential, seconds }: Granted<T>) -> Result<Grant, Error> {
    let absurd = || Error::new(call, Kind::Malformed, "a success whose expireIn is no lifetime");
    let lease = Lease::new(credential.to_shared(), Duration::from_secs(seconds)).ok_or_else(absurd)?;
    Ok(Lease { life: lease.life.max(T::SHORTEST), ..lease })
}
